"""ASCII replacements for the glyphs of pictures, for terminals without Unicode. A replacement is as wide as its glyph.

An error handler of the streams' encoding does the replacing, so the code that draws need not know about it.
"""

import codecs
import io
import re
import sys

__all__ = ["ascii_only", "replace_missing_glyphs", "utf8_only"]

REPLACEMENTS = {
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
    "↑": "^",
    "↓": "v",
    "⚑": "!",
    "µ": "u",
}

HANDLER = "spantree.ascii"
GLYPHS = re.compile(f"([{''.join(REPLACEMENTS)}])")


def replace_missing_glyphs() -> None:
    """Make stdout and stderr print replacements of the glyphs that their encoding lacks, and `?` for the rest."""
    for stream in _streams():
        stream.reconfigure(errors=HANDLER)


def ascii_only() -> None:
    """Make stdout and stderr print ASCII only."""
    for stream in _streams():
        stream.reconfigure(encoding="ascii", errors=HANDLER)


def utf8_only() -> None:
    """Make stdout print UTF-8 whatever the terminal's encoding: for output that programs read."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


def _streams() -> list[io.TextIOWrapper]:
    return [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, io.TextIOWrapper)]


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    from rich.cells import cell_len

    parts = GLYPHS.split(error.object[error.start : error.end])
    # Wide characters become several `?`, so that columns stay aligned.
    return "".join(REPLACEMENTS.get(part) or "?" * cell_len(part) for part in parts), error.end


codecs.register_error(HANDLER, _replace)
