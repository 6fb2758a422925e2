"""Traces in files, in the formats that others read; what a format has no place for is said on standard error."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from spantree import SpanTree
from spantree.cli.formats import FORMATS
from spantree.cli.unwritable import Unwritable
from spantree.render import PLAIN, Vocabulary, trace_to_show

__all__ = ["write_all", "write_files", "write_text", "write_traces"]

Chosen = tuple[SpanTree, str]
"""A trace for formats that have room for one, and why it is the one."""


def write_files(
    traces: Sequence[SpanTree],
    files: Mapping[str, Path],
    chosen: Chosen | None = None,
    *,
    vocabulary: Vocabulary = PLAIN,
) -> None:
    """Write traces to files, by their formats. Raises Unwritable.

    Of several traces a format that has room for one gets the one that is `chosen`, else that which tells the most;
    which one that is, is said.
    """
    those = _those_for(files, traces, chosen)
    write_all(*(partial(_write_as, name, those[name], file, vocabulary) for name, file in files.items()))


def write_traces(traces: Sequence[SpanTree], name: str, file: Path | None, *, vocabulary: Vocabulary = PLAIN) -> None:
    """Write traces in a format, to a file or to standard output, and say what is lost by that. Raises Unwritable."""
    _write_as(name, _those_for([name], traces)[name], file, vocabulary)
    _say(f"{name} does not hold {FORMATS[name].loses}")


def write_all(*writes: Callable[[], None]) -> None:
    """Do all of these, whatever becomes of the others: a boot cannot be had again. Raises Unwritable, for all."""
    failed = []
    for write in writes:
        try:
            write()
        except Unwritable as error:
            failed.append(str(error))
    if failed:
        raise Unwritable("; ".join(failed))


def write_text(text: str, file: Path | None) -> None:
    """Write a text as UTF-8, whatever the locale is, to a file or to standard output. Raises Unwritable.

    What UTF-8 cannot hold, half of a pair of UTF-16, is shown as `?`.
    """
    encoded = text.encode(errors="replace")
    try:
        if file is not None:
            file.write_bytes(encoded)
        else:
            sys.stdout.buffer.write(encoded)
            sys.stdout.buffer.flush()
    except OSError as error:
        if file is None:  # or Python tries again when it ends, and complains
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Unwritable(f"{file or 'standard output'} cannot be written: {error.strerror}") from error


def _write_as(name: str, traces: Sequence[SpanTree], file: Path | None, vocabulary: Vocabulary) -> None:
    write_text(FORMATS[name].write(traces, vocabulary), file)


def _those_for(
    names: Iterable[str], traces: Sequence[SpanTree], chosen: Chosen | None = None
) -> dict[str, Sequence[SpanTree]]:
    single = [name for name in names if FORMATS[name].one_trace and len(traces) > 1]
    trace, why = chosen or trace_to_show(traces)
    if single:
        holds = "holds" if len(single) == 1 else "hold"
        _say(f"{' and '.join(single)} {holds} one trace: of {len(traces)} this is {trace.trace_id}, {why}")
    return {name: [trace] if name in single else traces for name in names}


def _say(words: str) -> None:
    print(f"emulator: {words}", file=sys.stderr)
