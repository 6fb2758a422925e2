"""Traces in files, in the formats that others read; what a format has no place for is said on standard error."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from emulator.formats import FORMATS
from emulator.render import most_telling
from emulator.traces import SpanTree
from emulator.unwritable import Unwritable

__all__ = ["write_files", "write_traces"]


def write_files(traces: Sequence[SpanTree], files: Mapping[str, Path]) -> None:
    """Write traces to files, by their formats. Raises Unwritable.

    Of several traces a format that has room for one gets that which tells the most; which one that is, is said.
    """
    chosen, unwritten = _those_for(files, traces), list[str]()
    for name, file in files.items():
        try:
            _write(FORMATS[name].write(chosen[name]), file)
        except Unwritable as error:  # the others are written all the same: a boot cannot be had again
            unwritten.append(str(error))
    if unwritten:
        raise Unwritable("; ".join(unwritten))


def write_traces(traces: Sequence[SpanTree], name: str, file: Path | None) -> None:
    """Write traces in a format, to a file or to standard output, and say what is lost by that. Raises Unwritable."""
    _write(FORMATS[name].write(_those_for([name], traces)[name]), file)
    if FORMATS[name].loses:
        _say(f"{name} does not hold {FORMATS[name].loses}")


def _those_for(names: Iterable[str], traces: Sequence[SpanTree]) -> dict[str, Sequence[SpanTree]]:
    single = [name for name in names if FORMATS[name].one_trace and len(traces) > 1]
    chosen, why = most_telling(traces)
    if single:
        holds = "holds" if len(single) == 1 else "hold"
        _say(f"{' and '.join(single)} {holds} one trace: of {len(traces)} this is {chosen.trace_id}, {why}")
    return {name: [chosen] if name in single else traces for name in names}


def _say(words: str) -> None:
    print(f"emulator: {words}", file=sys.stderr)


def _write(text: str, file: Path | None) -> None:
    """Write a text as UTF-8, whatever the locale is. What it cannot hold, half of a pair of UTF-16, is shown as `?`."""
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
