"""The spans of the latest requests, from their start on, so that the page can draw a boot in progress."""

import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from emulator.jaeger import FAULT, trace_page
from emulator.runtime.heartbeats import is_untraced_heartbeat
from spantree import Span as SeenSpan
from spantree import SpanTree, join_linked, spans_from_sdk, trees

__all__ = ["MOST_REQUESTS", "LoggedRequest", "RequestLog"]

MOST_REQUESTS = 100
"""How many requests are kept. Beyond that, the least important finished one is evicted."""

IDLE_SECONDS = 10.0
"""A request without changes for this long counts as finished. Only finished requests are evicted."""

MOST_IN_PROGRESS = 1000
"""How many requests are kept if none is finished. Beyond that, new ones are ignored."""

MOST_SPANS = 20_000
"""How many spans of each request are kept."""

REQUEST, SERVER = "openstack.request.id", "openstack.server.id"
METHOD = "http.request.method"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The spans of a request at one moment. Open spans end at that moment."""

    ended: Sequence[ReadableSpan]
    open: Sequence[SeenSpan]

    @property
    def open_ids(self) -> Collection[str]:
        """The ids of the open spans."""
        return {span.span_id for span in self.open}

    def traces(self) -> list[SpanTree]:
        """Return the request's traces. The first one includes the traces that link to it."""
        first, *others = sorted(
            trees([*spans_from_sdk(self.ended), *self.open]), key=lambda trace: trace.spans[0].start
        )
        return join_linked(first, others)

    def as_one(self) -> SpanTree:
        """Return one tree of all spans, even if they are in several traces."""
        found = self.traces()
        return SpanTree([replace(span, trace_id=found[0].trace_id) for trace in found for span in trace.spans])


@dataclass(slots=True)
class LoggedRequest:
    """All spans with one request id, in any trace: those that have ended, and the open ones by span id."""

    id: str
    first: ReadableSpan
    ended: list[ReadableSpan] = field(default_factory=list)
    open: dict[int, ReadableSpan] = field(default_factory=dict)
    dropped: int = 0
    last_change: float = field(default_factory=time.monotonic)
    """When a span last started or ended, by the monotonic clock."""

    @property
    def is_background(self) -> bool:
        """Whether it starts with a message instead of a user's call, like a host's capacity report."""
        return self.first.kind.name == "PRODUCER"

    @property
    def is_single_read(self) -> bool:
        """Whether it is a single GET. Stock clients send many of these for each action."""
        alone = len(self.ended) + len(self.open) + self.dropped == 1
        return alone and self.first.kind.name == "SERVER" and (self.first.attributes or {}).get(METHOD) == "GET"

    @property
    def importance(self) -> int:
        """How important the request is: the least important ones are evicted first."""
        return 0 if self.is_background else 1 if self.is_single_read else 2

    @property
    def trace_id(self) -> str:
        """The id of the trace in which it starts."""
        return f"{self.first.context.trace_id:032x}" if self.first.context else ""

    def snapshot(self) -> "Snapshot":
        """Return its spans as they are now. Open spans are copied, so that another thread can read the snapshot."""
        now = time.time_ns()
        unended = [replace(span, end=max(now, span.start)) for span in spans_from_sdk(self.open.values())]
        return Snapshot(tuple(self.ended), tuple(unended))

    def summary(self) -> dict[str, Any]:
        """Return its row in the list of requests: the start in milliseconds, the duration in nanoseconds."""
        all_spans = [*self.ended, *self.open.values()]
        title = _title_span(self.first, all_spans)
        start = self.first.start_time or 0
        end = time.time_ns() if self.open else max(span.end_time or 0 for span in self.ended)
        return {
            "id": self.id,
            "traceId": self.trace_id,
            "jaegerPage": trace_page(self.trace_id, all_spans),
            "title": title.name,
            "service": _service(title),
            "background": self.is_background,
            "exported": bool(self.first.context and self.first.context.trace_flags.sampled),
            "startMs": start // 1_000_000,  # nanoseconds since 1970 exceed the integers that JavaScript has
            "durationNs": max(end - start, 0),
            "spans": len(all_spans) + self.dropped,
            "errors": sum(span.status.status_code.name == "ERROR" for span in self.ended),
            "running": bool(self.open),
            "serverId": _first_value(all_spans, SERVER),
            "fault": _first_value(all_spans, FAULT),
        }


def _title_span(first: ReadableSpan, spans: Sequence[ReadableSpan]) -> ReadableSpan:
    """Return the span that names the request: its root, or for a client in another process its most important call.

    That is the call with a server id, or else the last call that was not to keystone: clients log in and look up
    endpoints, images and flavors before the call that they were started for.
    """
    if first.parent is None:
        return first
    known = {span.context.span_id for span in spans if span.context is not None}
    outermost = [span for span in spans if span.parent is not None and span.parent.span_id not in known]
    if about_server := [span for span in outermost if SERVER in (span.attributes or {})]:
        return min(about_server, key=_start)
    calls = [span for span in outermost if span.kind.name == "SERVER"]
    return max([span for span in calls if _service(span) != "keystone"] or calls, key=_start, default=first)


def _start(span: ReadableSpan) -> int:
    return span.start_time or 0


def _service(span: ReadableSpan) -> str:
    return str(span.resource.attributes.get("service.name", ""))


def _first_value(spans: Sequence[ReadableSpan], attribute: str) -> str:
    values = (str((span.attributes or {}).get(attribute, "")) for span in spans)
    return next(filter(None, values), "")


class RequestLog(SpanProcessor):
    """The latest requests. Calls `on_change` when a span of a request starts or ends, `on_evict` when it is evicted.

    Needs no lock: all spans of a process start and end on its event loop, and only code there uses this object.
    """

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self.ignored_id = f"req-{uuid.uuid4()}"
        """The id of requests that are not logged: the console's own polling uses it."""
        self.on_change: Callable[[LoggedRequest, ReadableSpan], None] = lambda _request, _span: None
        self.on_evict: Callable[[LoggedRequest], None] = lambda _request: None
        self._idle_seconds = idle_seconds
        self._requests: dict[str, LoggedRequest] = {}
        """By id, in the order of their last change."""

    def __iter__(self) -> Iterator[LoggedRequest]:
        return iter(self._requests.values())

    def get(self, request_id: str) -> LoggedRequest | None:
        """Return a request, or None if it is unknown or was evicted."""
        return self._requests.get(request_id)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's signature
        request_id = _request_id(span)
        if request_id == self.ignored_id or span.context is None:
            return
        request = self._requests.pop(request_id, None) or self._new(request_id, span)
        if request is None:
            return
        if len(request.ended) + len(request.open) >= MOST_SPANS:
            request.dropped += 1
        else:
            request.open[span.context.span_id] = span
        self._changed(request, span)

    def on_end(self, span: ReadableSpan) -> None:
        request = self._requests.get(_request_id(span))
        if request is None or span.context is None or request.open.pop(span.context.span_id, None) is None:
            return
        # No other view shows unsampled spans, as they are not exported; heartbeats are for this one.
        if span.context.trace_flags.sampled or is_untraced_heartbeat(span.context):
            request.ended.append(span)
        del self._requests[request.id]  # `_changed` adds it again at the end, unless no span of it was sampled
        if request.ended or request.open:
            self._changed(request, span)

    def _changed(self, request: LoggedRequest, span: ReadableSpan) -> None:
        request.last_change = time.monotonic()
        self._requests[request.id] = request
        self.on_change(request, span)

    def _new(self, request_id: str, span: Span) -> LoggedRequest | None:
        """Return a new request, after evicting one if the log is full; None if too many are in progress."""
        if len(self._requests) >= MOST_REQUESTS:
            self._evict_one()
        return LoggedRequest(request_id, span) if len(self._requests) < MOST_IN_PROGRESS else None

    def _evict_one(self) -> None:
        idle_since = time.monotonic() - self._idle_seconds
        idle = takewhile(lambda request: request.last_change <= idle_since, self._requests.values())
        finished = [request for request in idle if not request.open]
        # Among equals, min returns the first: the one that has been idle the longest.
        request = min(finished, key=lambda request: request.importance, default=None)
        if request is not None:
            del self._requests[request.id]
            self.on_evict(request)


def _request_id(span: ReadableSpan) -> str:
    return str((span.attributes or {}).get(REQUEST))
