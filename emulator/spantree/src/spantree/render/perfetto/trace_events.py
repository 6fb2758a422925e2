"""Traces as trace events, the JSON of Chrome's tracing, which ui.perfetto.dev and chrome://tracing open.

A process is an instance of a service, a thread a lane of it. Arrows lead from process to process, and along links.
https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU describes the format; what Perfetto
makes of it is in its source, src/trace_processor/importers/json.
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
"""A service, and what tells its instances apart."""

LATEST = 2**62
"""Nanoseconds after the first span that a reader with 64 bits takes."""
EXACT = 2**53
COARSE = 4000
"""Nanoseconds that times are multiples of where the whole takes longer than `EXACT`, which is 104 days: as whole
microseconds they are numbers that JavaScript has."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a span is drawn. No thread has a number that another process has, which would make it that one's first."""

    process: int
    thread: int


def perfetto(traces: Sequence[SpanTree]) -> dict[str, Any]:
    """Return traces as one document of trace events: metadata first, then all in the order of time.

    Times are microseconds after the first, which is `otherData.start_unix_nano`: as numbers since the epoch they would
    have no nanoseconds. A span that ends before it starts has no length, and says so.
    """
    time, first = _clock([span for trace in traces for span in trace.spans])
    spans = [span for trace in traces for _, span in trace.walk()]  # parents first, where several begin at once
    slices = sorted(
        (Slice(span, time(span.start), max(time(span.start), time(span.end))) for span in spans),
        key=lambda each: each.start,
    )
    instances = _instances(slices)
    places = _places(instances)
    timed = [*_slices_with_arrows(slices, places), *_instants(slices, places, time)]
    timed.sort(key=lambda event: event[0])  # arrows stay right behind the slices that they touch
    return {
        "traceEvents": [*_names(instances, places), *(event for _, event in timed)],
        "displayTimeUnit": "ms",
        "otherData": {"start_unix_nano": str(first)},
    }


def _clock(spans: Sequence[Span]) -> tuple[Callable[[int], int], int]:
    """Return what makes times of the epoch those of the picture, in nanoseconds, and when the picture begins."""
    times = [time for span in spans for time in (span.start, span.end, *(event.time for event in span.events))]
    first = min(times, default=0)
    grain = 1 if max(times, default=0) - first < EXACT else COARSE
    return lambda time: min(time - first, LATEST) // grain * grain, first


def _instances(slices: Sequence[Slice]) -> dict[Instance, list[Slice]]:
    """Return the slices of each instance, in the order in which these came in."""
    instances: dict[Instance, list[Slice]] = {}
    for each in slices:
        instances.setdefault(_instance(each.span), []).append(each)
    return instances


def _instance(span: Span) -> Instance:
    return span.service, str(span.resource.get("service.instance.id", span.resource.get("host.name", "")))


def _places(instances: Mapping[Instance, Sequence[Slice]]) -> dict[Span, Place]:
    places: dict[Span, Place] = {}
    free = 1
    for members in instances.values():
        numbers = lanes(members)
        places |= {each.span: Place(free, free + number) for each, number in zip(members, numbers, strict=True)}
        free += max(numbers) + 1
    return places


def _names(instances: Mapping[Instance, Sequence[Slice]], places: Mapping[Span, Place]) -> Iterator[dict[str, Any]]:
    services = [service for service, _ in instances]
    for order, ((service, instance), members) in enumerate(instances.items()):
        process = places[members[0].span].process
        alone = services.count(service) == 1
        host = str(members[0].span.resource.get("host.name", instance))
        name = escaped(service if alone else f"{service} ({host})")
        yield _metadata("process_name", process, process, name=name)
        yield _metadata("process_sort_index", process, process, sort_index=order)
        for thread in sorted({places[each.span].thread for each in members}):
            yield _metadata("thread_name", process, thread, name=f"lane {thread - process + 1}")
            yield _metadata("thread_sort_index", process, thread, sort_index=thread - process)


def _metadata(what: str, process: int, thread: int, **args: object) -> dict[str, Any]:
    return {"name": what, "ph": "M", "pid": process, "tid": thread, "args": args}


Timed: TypeAlias = "tuple[int, dict[str, Any]]"


def _slices_with_arrows(slices: Sequence[Slice], places: Mapping[Span, Place]) -> Iterator[Timed]:
    """Yield each slice, and right behind it the ends of arrows at it: readers bind these to what opened last."""
    order = {each.span: number for number, each in enumerate(slices)}
    starts: dict[Span, list[tuple[int, str]]] = {}
    ends: dict[Span, list[tuple[int, str]]] = {}
    number = count(1)
    for each in slices:
        for cause, what in _causes(each.span, places):
            if order[cause] < order[each.span]:  # an arrow cannot lead back in time, where clocks differ
                arrow = (next(number), what)
                starts.setdefault(cause, []).append(arrow)
                ends.setdefault(each.span, []).append(arrow)
    for each in slices:
        place, start = places[each.span], each.start
        yield start, _slice(each, place)
        for arrow in ends.get(each.span, ()):
            yield start, {**_arrow(arrow, place, start), "ph": "f", "bp": "e"}
        for arrow in starts.get(each.span, ()):
            yield start, {**_arrow(arrow, place, start), "ph": "s"}


def _causes(span: Span, places: Mapping[Span, Place]) -> Iterator[tuple[Span, str]]:
    above = span.parent
    if above is not None and places[above].process != places[span].process:
        yield above, "parent"
    for cause in span.linked:
        if cause in places and cause not in (above, span):
            yield cause, "link"


def _arrow(arrow: tuple[int, str], place: Place, start: int) -> dict[str, Any]:
    number, what = arrow
    return {"name": what, "cat": "cause", "id": number, **_at(place, start)}


def _slice(each: Slice, place: Place) -> dict[str, Any]:
    span = each.span
    failure = {"cname": "terrible"} if span.failed else {}
    return {
        "name": escaped(f"{span.name} !{span.error_type}" if span.failed else span.name),
        "cat": span.kind,
        "ph": "X",
        **_at(place, each.start),
        "dur": _microseconds(each.end - each.start),
        **failure,
        "args": _about(span),
    }


def _instants(slices: Sequence[Slice], places: Mapping[Span, Place], time: Callable[[int], int]) -> Iterator[Timed]:
    for each in slices:
        for event in each.span.events:
            at = time(event.time)
            yield at, {**_instant(event), **_at(places[each.span], at)}


def _instant(event: Event) -> dict[str, Any]:
    return {"name": escaped(event.name), "cat": "event", "ph": "i", "s": "t", "args": _plain(event.attributes)}


def _about(span: Span) -> dict[str, Any]:
    """Return what is shown of a slice that was selected. What is empty is left out."""
    status = f"error: {span.message}".removesuffix(": ") if span.failed else span.message
    links = [f"{link.trace_id}/{link.span_id}" for link in span.links]
    warning = "the span ends before it starts" if span.end < span.start else ""
    about = {"trace_id": span.trace_id, "span_id": span.span_id, "parent_id": span.parent_id, "status": status}
    more = {"attributes": _plain(span.attributes), "links": links, "warning": warning}
    return {key: value for key, value in {**about, **more}.items() if value}


def _at(place: Place, time: int) -> dict[str, Any]:
    return {"pid": place.process, "tid": place.thread, "ts": _microseconds(time)}


def _microseconds(nanoseconds: int) -> float:
    """Return what gives these nanoseconds again, also to a reader that cuts off instead of rounding.

    Whole microseconds are whole numbers: of those a reader loses nothing, however large they are.
    """
    whole, rest = divmod(nanoseconds, 1000)
    if not rest:
        return whole
    number = nanoseconds / 1000
    return number if int(number * 1000) == nanoseconds else math.nextafter(number, math.inf)


def _plain(value: Any) -> Any:  # noqa: ANN401 - OTLP's AnyValue, to what JSON has
    if isinstance(value, Mapping):
        return {escaped(str(key)): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, bytes):
        return value.hex()
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return str(value)
    return value
