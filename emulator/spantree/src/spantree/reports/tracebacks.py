"""Takes the library's own frames out of the tracebacks of its assertion errors.

`__tracebackhide__` does that for pytest's own styles, but not with `--tb=native`, for exceptions in groups, or in other
programs that read the traceback.
"""

from types import TracebackType

__all__ = ["drop_own_frames", "is_own_failure"]

OURS = "spantree"


def drop_own_frames(error: BaseException) -> None:
    """Let the tracebacks of our assertion errors end in the code of the test.

    Looks into exception groups and causes. Other errors are left alone: there, our frames may show a bug of ours.
    """
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if is_own_failure(current):
            _cut(current.__traceback__)
        waiting += [related for related in (current.__cause__, current.__context__) if related is not None]
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions


def is_own_failure(error: BaseException) -> bool:
    """Return whether this is an assertion error of the library: NotReceived, Mismatch, NotOne and others."""
    return isinstance(error, AssertionError) and _is_ours(type(error).__module__)


def _cut(traceback: TracebackType | None) -> None:
    """Cut a traceback after the last frame that is not ours. If all are, it stays."""
    last = None
    while traceback is not None:
        if not _is_ours(traceback.tb_frame.f_globals.get("__name__", "")):
            last = traceback
        traceback = traceback.tb_next
    if last is not None:
        last.tb_next = None


def _is_ours(module: str) -> bool:
    return module == OURS or module.startswith(f"{OURS}.")
