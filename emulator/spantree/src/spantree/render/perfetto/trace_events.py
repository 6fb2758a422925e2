"""Writes traces as trace events, the JSON of Chrome's tracing, which ui.perfetto.dev and chrome://tracing open.

Each instance of a service becomes a process, and each of its lanes a thread. Arrows lead from process to process, and
along links. The format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU. How Perfetto
reads it: src/trace_processor/importers/json in its source.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeAlias

from spantree import Event, Span, SpanTree, escaped
from spantree.render.perfetto.lanes import Slice, lanes

__all__ = ["perfetto"]

Instance: TypeAlias = tuple[str, str]
"""The name of a service, and the id of one of its instances."""

LATEST = 2**62
"""Nanoseconds after the first span that fit into the signed 64 bits of readers."""
EXACT = 2**53
"""Nanoseconds, 104 days, up to which a JavaScript number holds microseconds with their fractions."""
COARSE = 4000
"""Nanoseconds to which the times of longer traces are rounded, since whole microseconds stay exact for longer."""


@dataclass(frozen=True, slots=True)
class Track:
    """Where a span is drawn. Numbers are unique over processes and threads.

    A thread with the number of a process is that process's main thread to readers.
    """

    process: int
    thread: int


def perfetto(traces: Sequence[SpanTree]) -> dict[str, Any]:
    """Return traces as one document of trace events: metadata first, then all events by time.

    Times are microseconds since `otherData.start_unix_nano`: since the epoch they would be too large to have
    nanoseconds. A span that ends before it starts gets no length, and a warning.
    """
    to_picture, first = _picture_clock([span for trace in traces for span in trace.spans])
    spans = [span for trace in traces for _, span in trace.walk()]  # parents first if several start at once
    slices = sorted(
        (Slice(span, to_picture(span.start), to_picture(max(span.start, span.end))) for span in spans),
        key=lambda each: each.start,
    )
    instances = _instances(slices)
    tracks = _tracks(instances)
    timed = [*_slices_with_arrows(slices, tracks), *_instants(slices, tracks, to_picture)]
    timed.sort(key=lambda event: event[0])  # a stable sort: arrows stay right behind their slices
    return {
        "traceEvents": [*_names(instances, tracks), *(event for _, event in timed)],
        "displayTimeUnit": "ms",
        "otherData": {"start_unix_nano": str(first)},
    }


def _picture_clock(spans: Sequence[Span]) -> tuple[Callable[[int], int], int]:
    """Return a function from times since the epoch to nanoseconds in the picture, and when the picture begins."""
    times = [time for span in spans for time in (span.start, span.end, *(event.time for event in span.events))]
    first = min(times, default=0)
    grain = 1 if max(times, default=0) - first < EXACT else COARSE
    return lambda time: min(time - first, LATEST) // grain * grain, first


def _instances(slices: Sequence[Slice]) -> dict[Instance, list[Slice]]:
    """Return the slices of each instance, in the order in which instances appear."""
    instances: dict[Instance, list[Slice]] = {}
    for each in slices:
        instances.setdefault(_instance(each.span), []).append(each)
    return instances


def _instance(span: Span) -> Instance:
    return span.service, str(span.resource.get("service.instance.id", span.resource.get("host.name", "")))


def _tracks(instances: Mapping[Instance, Sequence[Slice]]) -> dict[Span, Track]:
    tracks: dict[Span, Track] = {}
    free = 1
    for members in instances.values():
        numbers = lanes(members)
        tracks |= {each.span: Track(free, free + number) for each, number in zip(members, numbers, strict=True)}
        free += max(numbers) + 1
    return tracks


def _names(instances: Mapping[Instance, Sequence[Slice]], tracks: Mapping[Span, Track]) -> Iterator[dict[str, Any]]:
    services = [service for service, _ in instances]
    for order, ((service, instance), members) in enumerate(instances.items()):
        process = tracks[members[0].span].process
        unique = services.count(service) == 1
        host = str(members[0].span.resource.get("host.name", instance))
        name = escaped(service if unique else f"{service} ({host})")
        yield _metadata("process_name", process, process, name=name)
        yield _metadata("process_sort_index", process, process, sort_index=order)
        for thread in sorted({tracks[each.span].thread for each in members}):
            yield _metadata("thread_name", process, thread, name=f"lane {thread - process + 1}")
            yield _metadata("thread_sort_index", process, thread, sort_index=thread - process)


def _metadata(kind: str, process: int, thread: int, **args: object) -> dict[str, Any]:
    return {"name": kind, "ph": "M", "pid": process, "tid": thread, "args": args}


Timed: TypeAlias = "tuple[int, dict[str, Any]]"
"""An event with its time in nanoseconds, to sort by."""


def _slices_with_arrows(slices: Sequence[Slice], tracks: Mapping[Span, Track]) -> Iterator[Timed]:
    """Yield each slice, and right behind it the ends of its arrows: readers bind these to the slice opened last."""
    order = {each.span: number for number, each in enumerate(slices)}
    starts: dict[Span, list[tuple[int, str]]] = {}
    ends: dict[Span, list[tuple[int, str]]] = {}
    number = count(1)
    for each in slices:
        for cause, kind in _causes(each.span, tracks):
            if order[cause] < order[each.span]:  # an arrow cannot lead back in time, as clock skew would have it
                arrow = (next(number), kind)
                starts.setdefault(cause, []).append(arrow)
                ends.setdefault(each.span, []).append(arrow)
    for each in slices:
        track, start = tracks[each.span], each.start
        yield start, _slice(each, track)
        for arrow in ends.get(each.span, ()):
            yield start, {**_arrow(arrow, track, start), "ph": "f", "bp": "e"}
        for arrow in starts.get(each.span, ()):
            yield start, {**_arrow(arrow, track, start), "ph": "s"}


def _causes(span: Span, tracks: Mapping[Span, Track]) -> Iterator[tuple[Span, str]]:
    parent = span.parent
    if parent is not None and tracks[parent].process != tracks[span].process:
        yield parent, "parent"
    for cause in span.linked:
        if cause in tracks and cause not in (parent, span):
            yield cause, "link"


def _arrow(arrow: tuple[int, str], track: Track, start: int) -> dict[str, Any]:
    number, kind = arrow
    return {"name": kind, "cat": "cause", "id": number, **_at(track, start)}


def _slice(each: Slice, track: Track) -> dict[str, Any]:
    span = each.span
    failure = {"cname": "terrible"} if span.failed else {}  # Chrome's name for red
    return {
        "name": escaped(f"{span.name} !{span.error_type}" if span.failed else span.name),
        "cat": span.kind,
        "ph": "X",
        **_at(track, each.start),
        "dur": _microseconds(each.end - each.start),
        **failure,
        "args": _details(span),
    }


def _instants(
    slices: Sequence[Slice], tracks: Mapping[Span, Track], to_picture: Callable[[int], int]
) -> Iterator[Timed]:
    for each in slices:
        for event in each.span.events:
            at = to_picture(event.time)
            yield at, {**_instant(event), **_at(tracks[each.span], at)}


def _instant(event: Event) -> dict[str, Any]:
    return {"name": escaped(event.name), "cat": "event", "ph": "i", "s": "t", "args": _plain(event.attributes)}


def _details(span: Span) -> dict[str, Any]:
    """Return what is shown of a selected slice. Empty values are left out."""
    status = f"error: {span.message}".removesuffix(": ") if span.failed else span.message
    links = [f"{link.trace_id}/{link.span_id}" for link in span.links]
    warning = "the span ends before it starts" if span.end < span.start else ""
    details = {"trace_id": span.trace_id, "span_id": span.span_id, "parent_id": span.parent_id, "status": status}
    more = {"attributes": _plain(span.attributes), "links": links, "warning": warning}
    return {key: value for key, value in {**details, **more}.items() if value}


def _at(track: Track, time: int) -> dict[str, Any]:
    return {"pid": track.process, "tid": track.thread, "ts": _microseconds(time)}


def _microseconds(nanoseconds: int) -> float:
    """Return microseconds from which a reader gets these nanoseconds back, even if it truncates, as Perfetto does.

    Whole microseconds are integers, of which JSON readers lose nothing however large they are.
    """
    whole, rest = divmod(nanoseconds, 1000)
    if not rest:
        return whole
    number = nanoseconds / 1000
    return number if int(number * 1000) == nanoseconds else math.nextafter(number, math.inf)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of OTLP, as one that JSON has
    if isinstance(value, Mapping):
        return {escaped(str(key)): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, bytes):
        return value.hex()
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return str(value)
    return value
