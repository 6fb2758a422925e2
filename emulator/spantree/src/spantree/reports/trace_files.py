"""Writes the traces of a failed test to files: waterfalls as an HTML page, and the spans as OTLP JSON."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spantree import SpanTree

__all__ = ["TraceFiles", "file_name", "waterfalls", "write_traces"]

MOST_SPANS = 10_000
"""What the files of one test hold at most: a page with more takes long to write and to open."""
LONGEST_NAME = 100
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class TraceFiles:
    """The files that were written, and what they leave out, for a person."""

    html: Path
    otlp: Path
    notes: Sequence[str]

    def __str__(self) -> str:
        return "\n".join((f"waterfalls: {self.html}", f"spans, as OTLP JSON: {self.otlp}", *self.notes))


def write_traces(folder: Path, node_id: str, traces: "Sequence[SpanTree]") -> TraceFiles:
    """Write the traces of a test into a folder. A test's files have the same names in every run. Raises OSError."""
    from spantree import otlp_json

    kept, notes = _kept(traces)
    folder.mkdir(parents=True, exist_ok=True)
    name = file_name(node_id)
    files = TraceFiles(folder / f"{name}.html", folder / f"{name}.json", notes)
    files.html.write_text(waterfalls(kept), "utf-8", errors="replace")
    spans = [span for trace in kept for span in trace.spans]
    files.otlp.write_text(json.dumps(otlp_json(spans)), "utf-8", errors="replace")
    return files


def waterfalls(traces: "Sequence[SpanTree]") -> str:
    """Return the HTML page with the waterfalls of these traces, as much of them as a page can hold."""
    from spantree.render.html import html_document

    return html_document(_kept(traces)[0])


def file_name(node_id: str) -> str:
    """Return a name that is safe in any file system and, by a hash, unique even where names differ only by case."""
    readable = UNSAFE.sub("-", node_id).strip("-.")[-LONGEST_NAME:]
    return f"{readable}-{sha256(node_id.encode()).hexdigest()[:8]}"


def _kept(traces: "Iterable[SpanTree]") -> "tuple[list[SpanTree], list[str]]":
    """Return as many traces as the files may hold, the last of them cut, and notes about the others."""
    from spantree import SpanTree

    kept, notes, room, omitted = list[SpanTree](), list[str](), MOST_SPANS, 0
    for trace in traces:
        if not room:
            omitted += 1
            continue
        if len(trace) > room:
            notes.append(f"of trace {trace.trace_id} the files hold the first {room} of {len(trace)} spans")
            trace = SpanTree(trace.spans[:room])  # noqa: PLW2901 - it takes the trace's place
        kept.append(trace)
        room -= len(trace)
    if omitted:
        notes.append(
            f"the files leave out {omitted} more trace{'' if omitted == 1 else 's'}: they hold {MOST_SPANS} spans"
        )
    return kept, notes
