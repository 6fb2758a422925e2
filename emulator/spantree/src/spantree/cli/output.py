"""Writes traces to files and to standard output, and says on standard error what a format cannot hold."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from spantree import SpanTree
from spantree.cli.errors import Unwritable
from spantree.cli.formats import FORMATS
from spantree.cli.program import current
from spantree.render import trace_to_show

__all__ = ["write_all", "write_files", "write_text", "write_traces"]

ChosenTrace = tuple[SpanTree, str]
"""The trace for a format that holds one, and the reason for the choice."""


def write_files(traces: Sequence[SpanTree], files: Mapping[str, Path], chosen: ChosenTrace | None = None) -> None:
    """Write traces to files, by format. Raises Unwritable.

    A format that holds one trace gets the `chosen` one, or else what `trace_to_show` picks. A message says which.
    """
    selected = _select(files, traces, chosen)
    write_all(*(partial(_write_as, name, selected[name], file) for name, file in files.items()))


def write_traces(traces: Sequence[SpanTree], name: str, file: Path | None) -> None:
    """Write traces in a format to a file or to standard output, and say what that loses. Raises Unwritable."""
    _write_as(name, _select([name], traces)[name], file)
    _warn(f"{name} does not hold {FORMATS[name].loses}")


def write_all(*writes: Callable[[], None]) -> None:
    """Call all of these even if some fail, since the run may be hard to repeat. Raises Unwritable, with all reasons."""
    failures = []
    for write in writes:
        try:
            write()
        except Unwritable as error:
            failures.append(str(error))
    if failures:
        raise Unwritable("; ".join(failures))


def write_text(text: str, file: Path | None) -> None:
    """Write a text as UTF-8 to a file or to standard output. Raises Unwritable.

    Lone surrogates, which UTF-8 cannot hold, become `?`.
    """
    encoded = text.encode(errors="replace")
    try:
        if file is not None:
            file.write_bytes(encoded)
        else:
            sys.stdout.buffer.write(encoded)
            sys.stdout.buffer.flush()
    except OSError as error:
        if file is None:  # else Python flushes again at exit, and prints a second error
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Unwritable(f"{file or 'standard output'} cannot be written: {error.strerror}") from error


def _write_as(name: str, traces: Sequence[SpanTree], file: Path | None) -> None:
    write_text(FORMATS[name].write(traces, current().vocabulary()), file)


def _select(
    names: Iterable[str], traces: Sequence[SpanTree], chosen: ChosenTrace | None = None
) -> dict[str, Sequence[SpanTree]]:
    single = [name for name in names if FORMATS[name].one_trace and len(traces) > 1]
    if not single:
        return dict.fromkeys(names, traces)
    trace, reason = chosen or trace_to_show(traces)
    verb = "holds" if len(single) == 1 else "hold"
    _warn(f"{' and '.join(single)} {verb} one trace: of {len(traces)} this is {trace.trace_id}, {reason}")
    return {name: [trace] if name in single else traces for name in names}


def _warn(message: str) -> None:
    print(f"{current().name}: {message}", file=sys.stderr)
