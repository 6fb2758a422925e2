"""The spans of the last requests, as they begin and end: what the console draws while a boot is still under way."""

import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from spantree import Span as SeenSpan
from spantree import SpanTree, join_linked, spans_from_sdk, trees

__all__ = ["MOST_REQUESTS", "RequestLog", "Story"]

MOST_REQUESTS = 100
"""How many requests are remembered. Beyond that those are forgotten of which nothing was heard for longest."""

QUIET_SECONDS = 10.0
"""A story of which nothing was heard for so long is over; only these are forgotten, none while it is being told."""

MOST_UNDER_WAY = 1000
"""How many are remembered where all are being told. Beyond that no more are begun."""

LONGEST_STORY = 20_000
"""How many spans of a request are remembered."""

REQUEST, SERVER, FAULT = "openstack.request.id", "openstack.server.id", "openstack.fault.name"
METHOD = "http.request.method"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The spans of a story at some time: those that had ended, and those that had not, which end then."""

    ended: Sequence[ReadableSpan]
    unended: Sequence[SeenSpan]

    @property
    def open_ids(self) -> Collection[str]:
        """The ids of the spans that had not ended."""
        return {span.span_id for span in self.unended}

    def traces(self) -> list[SpanTree]:
        """Return its traces, the first of them with all that follows from it by links."""
        first, *others = sorted(
            trees([*spans_from_sdk(self.ended), *self.unended]), key=lambda trace: trace.spans[0].start
        )
        return join_linked(first, others)

    def as_one(self) -> SpanTree:
        """Return one tree of all its spans, also where their context was lost."""
        found = self.traces()
        return SpanTree([replace(span, trace_id=found[0].trace_id) for trace in found for span in trace.spans])


@dataclass(slots=True)
class Story:
    """All that became of one request, of whichever traces: spans that have ended, and those that have not, by id."""

    id: str
    first: ReadableSpan
    ended: list[ReadableSpan] = field(default_factory=list)
    unended: dict[int, ReadableSpan] = field(default_factory=dict)
    dropped: int = 0
    heard: float = field(default_factory=time.monotonic)
    """When it last went on."""

    @property
    def is_background(self) -> bool:
        """Whether nobody asked for it, as for a report of a host's capacity: it begins with a message."""
        return self.first.kind.name == "PRODUCER"

    @property
    def is_look(self) -> bool:
        """Whether somebody looked at something, and no more: stock clients do so many times for each thing they do."""
        alone = len(self.ended) + len(self.unended) + self.dropped == 1
        return alone and self.first.kind.name == "SERVER" and (self.first.attributes or {}).get(METHOD) == "GET"

    @property
    def worth(self) -> int:
        """How much is lost if it is forgotten, compared to others."""
        return 0 if self.is_background else 1 if self.is_look else 2

    @property
    def trace_id(self) -> str:
        """The trace that it begins with."""
        return f"{self.first.context.trace_id:032x}" if self.first.context else ""

    def snapshot(self) -> "Snapshot":
        """Return its spans as they are now. Those that have not ended change; the others may be read elsewhere."""
        now = time.time_ns()
        unended = [replace(span, end=max(now, span.start)) for span in spans_from_sdk(self.unended.values())]
        return Snapshot(tuple(self.ended), tuple(unended))

    def summary(self) -> dict[str, Any]:
        """Return what a list of requests tells of it. Times in nanoseconds."""
        all_spans = [*self.ended, *self.unended.values()]
        main = _main(self.first, all_spans)
        began = self.first.start_time or 0
        until = time.time_ns() if self.unended else max(span.end_time or 0 for span in self.ended)
        return {
            "id": self.id,
            "trace": self.trace_id,
            "title": main.name,
            "service": _service(main),
            "background": self.is_background,
            "began": began // 1_000_000,
            "duration": max(until - began, 0),
            "spans": len(all_spans) + self.dropped,
            "errors": sum(span.status.status_code.name == "ERROR" for span in self.ended),
            "running": bool(self.unended),
            "server": _first_of(all_spans, SERVER),
            "fault": _first_of(all_spans, FAULT),
        }


def _main(first: ReadableSpan, spans: Sequence[ReadableSpan]) -> ReadableSpan:
    """Return the span that a story is called by: its first one; where that was for others, a login, the one that asks.

    So is a boot called whose client is in another process, and left no span here. Where none asks for a server, it is
    the last thing that client wanted, once it was logged in and had found its way.
    """
    if first.parent is None:
        return first
    known = {span.context.span_id for span in spans if span.context is not None}
    outermost = [span for span in spans if span.parent is not None and span.parent.span_id not in known]
    if asking := [span for span in outermost if SERVER in (span.attributes or {})]:
        return min(asking, key=_start)
    wanted = [span for span in outermost if span.kind.name == "SERVER"]
    return max([span for span in wanted if _service(span) != "keystone"] or wanted, key=_start, default=first)


def _start(span: ReadableSpan) -> int:
    return span.start_time or 0


def _service(span: ReadableSpan) -> str:
    return str(span.resource.attributes.get("service.name", ""))


def _first_of(spans: Sequence[ReadableSpan], attribute: str) -> str:
    values = (str((span.attributes or {}).get(attribute, "")) for span in spans)
    return next(filter(None, values), "")


class RequestLog(SpanProcessor):
    """The stories of the last requests. `changed` is told of each that goes on, `forgotten` of each that is dropped.

    All spans of a process begin and end on its event loop, and so does this.
    """

    def __init__(self, quiet_seconds: float = QUIET_SECONDS) -> None:
        self.unseen = f"req-{uuid.uuid4()}"
        """The id of a request that is no story: who looks at the cloud in order to show it uses this one."""
        self.changed: Callable[[Story, ReadableSpan], None] = lambda _story, _span: None
        self.forgotten: Callable[[Story], None] = lambda _story: None
        self._quiet_seconds = quiet_seconds
        self._stories: dict[str, Story] = {}
        """The one that was heard of last at the end."""

    def __iter__(self) -> Iterator[Story]:
        return iter(self._stories.values())

    def get(self, story_id: str) -> Story | None:
        """Return a story, None if there is none any more."""
        return self._stories.get(story_id)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's signature
        request_id = _request_id(span)
        if request_id == self.unseen or span.context is None:
            return
        story = self._stories.pop(request_id, None) or self._begin(request_id, span)
        if story is None:
            return
        if len(story.ended) + len(story.unended) >= LONGEST_STORY:
            story.dropped += 1
        else:
            story.unended[span.context.span_id] = span
        self._hear(story, span)

    def on_end(self, span: ReadableSpan) -> None:
        story = self._stories.get(_request_id(span))
        if story is None or span.context is None or story.unended.pop(span.context.span_id, None) is None:
            return
        if span.context.trace_flags.sampled:
            story.ended.append(span)
        del self._stories[story.id]
        if story.ended or story.unended:
            self._hear(story, span)

    def _hear(self, story: Story, span: ReadableSpan) -> None:
        story.heard = time.monotonic()
        self._stories[story.id] = story
        self.changed(story, span)

    def _begin(self, request_id: str, span: Span) -> Story | None:
        """Begin a story, and forget one for it if there are many. None where there are too many, all under way."""
        if len(self._stories) >= MOST_REQUESTS:
            self._forget_one()
        return Story(request_id, span) if len(self._stories) < MOST_UNDER_WAY else None

    def _forget_one(self) -> None:
        until = time.monotonic() - self._quiet_seconds
        over = list(takewhile(lambda story: story.heard <= until, self._stories.values()))
        quiet = (story for story in over if not story.unended)
        story = min(quiet, key=lambda story: story.worth, default=None)  # the first of those that are worth least
        if story is not None:
            del self._stories[story.id]
            self.forgotten(story)


def _request_id(span: ReadableSpan) -> str:
    return str((span.attributes or {}).get(REQUEST))
