"""What is printed where a terminal has not our glyphs, or must not be given them: ASCII, as wide as what it stands for.

The streams themselves translate, by an error handler for their encoding, so that no picture needs to know.
"""

import codecs
import io
import re
import sys

__all__ = ["ascii_only", "print_twins", "utf8_only"]

TWINS = {
    "█": "#",
    "▏": "|",
    "░": ":",
    "━": "-",
    "…": "~",
    "·": "-",
    "⋮": ":",
    "×": "x",
    "✓": "+",
    "✗": "x",
    "◄": "<",
    "←": "<",
    "→": ">",
    "⚑": "!",
    "µ": "u",
}
"""Our glyphs, each with an ASCII character to be printed for it."""

HANDLER = "emulator.twins"
KNOWN = re.compile(f"([{''.join(TWINS)}])")


def print_twins() -> None:
    """Let stdout and stderr print an ASCII twin of each glyph, and `?` for all else, that their encoding lacks."""
    for stream in _streams():
        stream.reconfigure(errors=HANDLER)


def ascii_only() -> None:
    """Let stdout and stderr print nothing but ASCII."""
    for stream in _streams():
        stream.reconfigure(encoding="ascii", errors=HANDLER)


def utf8_only() -> None:
    """Let stdout print all characters, whatever a terminal may have: for what other programs read."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


def _streams() -> list[io.TextIOWrapper]:
    return [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, io.TextIOWrapper)]


def _twins(error: UnicodeError) -> tuple[str, int]:
    """Replace what cannot be encoded, and keep the width, for columns to stay columns."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    from rich.cells import cell_len

    parts = KNOWN.split(error.object[error.start : error.end])
    return "".join(TWINS.get(part) or "?" * cell_len(part) for part in parts), error.end


codecs.register_error(HANDLER, _twins)
