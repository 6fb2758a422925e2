"""What a terminal sends for the keys that a user presses, as names of keys: `up`, `enter`, or the character itself."""

import re

__all__ = ["read_keys"]

SEQUENCES = {
    "\x1b[A": "up",
    "\x1bOA": "up",
    "\x1b[B": "down",
    "\x1bOB": "down",
    "\x1b[C": "right",
    "\x1bOC": "right",
    "\x1b[D": "left",
    "\x1bOD": "left",
    "\x1b[5~": "page up",
    "\x1b[6~": "page down",
    "\x1b[H": "home",
    "\x1bOH": "home",
    "\x1b[1~": "home",
    "\x1b[F": "end",
    "\x1bOF": "end",
    "\x1b[4~": "end",
    "\x1b": "escape",
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x02": "page up",
    "\x06": "page down",
    "\x0c": "redraw",
    "\x15": "erase",
}
"""By ECMA-48 and xterm's control sequences; Ctrl-B, Ctrl-F, Ctrl-L and Ctrl-U as in `less` and readline."""
KEY = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|\x1b|[^\x1b]", re.DOTALL)
UNFINISHED = re.compile(r"\x1b(\[[0-?]*[ -/]*|O)?\Z")


def read_keys(text: str, *, finished: bool) -> tuple[list[str], str]:
    """Return the keys in a text, and its end if that may be the beginning of a longer sequence.

    `finished` says that nothing follows, so that an escape at the end is the key of this name. What is no key that is
    known here is left out.
    """
    unfinished = UNFINISHED.search(text)
    rest = "" if unfinished is None else unfinished[0]
    if rest and finished:
        return [*_known(text.removesuffix(rest)), *(["escape"] if rest == "\x1b" else [])], ""
    return _known(text.removesuffix(rest)), rest


def _known(text: str) -> list[str]:
    keys = (SEQUENCES.get(part, part if part.isprintable() else "") for part in KEY.findall(text))
    return [key for key in keys if key]
