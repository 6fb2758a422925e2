"""What `emulator convert` and `emulator show --map` do: traces into files, for other programs and for people."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from emulator.formats import FORMATS
from emulator.render.service_map import service_map, service_map_svg
from emulator.trace_commands import Source, Unreadable
from emulator.traces import SpanTree

__all__ = ["convert", "draw_map"]


def convert(source: Source, to: str, file: Path | None) -> int:
    """Write traces in a format, to a file or to standard output; say on standard error what is lost by that.

    Return the exit status. Raises Unreadable if there are no traces, or if they cannot be written.
    """
    wanted, traces = FORMATS[to], _traces(source)
    if wanted.one_trace and len(traces) > 1:
        chosen, why = _most_telling(traces)
        _say(f"{to} holds one trace: of {len(traces)} this is {chosen.trace_id}, {why}")
        traces = [chosen]
    _write(wanted.write(traces), file)
    if wanted.loses:
        _say(f"{to} does not hold {wanted.loses}")
    return 0


def draw_map(source: Source, file: Path) -> int:
    """Write all traces as one map of services, in SVG. Return the exit status. Raises Unreadable as `convert` does."""
    traces = _traces(source)
    _write(service_map_svg(service_map(traces)), file)
    _say(f"{file} has the services of {len(traces)} trace{'' if len(traces) == 1 else 's'}")
    return 0


def _traces(source: Source) -> list[SpanTree]:
    traces = source.traces()
    if not traces:
        raise Unreadable(f"there is no trace in {source}")
    return traces


def _most_telling(traces: Sequence[SpanTree]) -> tuple[SpanTree, str]:
    failed = next((trace for trace in traces if any(span.failed for span in trace.spans)), None)
    if failed is not None:
        return failed, "the first with a span that failed"
    return max(traces, key=lambda trace: trace.duration), "the longest"


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
        raise Unreadable(f"{file or 'standard output'} cannot be written: {error.strerror}") from error
