"""The spans of the last requests, as they begin and end: what the console draws while a boot is still under way."""

import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from emulator.traces import Span as SeenSpan
from emulator.traces import SpanTree, spans_from_sdk, trees

__all__ = ["LONGEST_STORY", "MOST_STORIES", "Stories", "Story"]

MOST_STORIES = 100
"""How many requests are remembered; the oldest are forgotten first."""

LONGEST_STORY = 20_000
"""How many spans of a request are remembered."""

REQUEST, SERVER, FAULT = "openstack.request.id", "openstack.server.id", "openstack.fault.name"


@dataclass(slots=True)
class Story:
    """All that became of one request, of whichever traces: spans that have ended, and those that have not, by id."""

    id: str
    first: ReadableSpan
    ended: list[ReadableSpan] = field(default_factory=list)
    unended: dict[int, ReadableSpan] = field(default_factory=dict)
    dropped: int = 0

    @property
    def is_background(self) -> bool:
        """Whether nobody asked for it, as for a report of a host's capacity: it begins with a message."""
        return self.first.kind.name == "PRODUCER"

    def spans(self) -> tuple[list[SeenSpan], Collection[str]]:
        """Return all spans, and the ids of those that have not ended; these end now, for the time being."""
        now = time.time_ns()
        seen = spans_from_sdk(self.ended)
        seen += [replace(span, end=max(now, span.start)) for span in spans_from_sdk(self.unended.values())]
        return seen, {f"{span_id:016x}" for span_id in self.unended}

    def traces(self) -> tuple[list[SpanTree], Collection[str]]:
        """Return its traces, the first of them with all that follows by links, and the ids of spans not ended."""
        spans, unended = self.spans()
        first, *others = sorted(trees(spans), key=lambda trace: trace.spans[0].start)
        joined = first.joined()
        there = {span.span_id for span in joined.spans}
        return [joined, *(trace for trace in others if trace.spans[0].span_id not in there)], unended

    def as_one(self) -> tuple[SpanTree, Collection[str]]:
        """Return one tree of all its spans, also where their context was lost, and the ids of spans not ended."""
        found, unended = self.traces()
        spans = [replace(span, trace_id=found[0].trace_id) for trace in found for span in trace.spans]
        return SpanTree(spans), unended

    def summary(self) -> dict[str, Any]:
        """Return what a list of requests tells of it. Times in nanoseconds."""
        all_spans = [*self.ended, *self.unended.values()]
        main = _main(self.first, all_spans)
        began = self.first.start_time or 0
        until = time.time_ns() if self.unended else max(span.end_time or 0 for span in self.ended)
        return {
            "id": self.id,
            "trace": f"{self.first.context.trace_id:032x}" if self.first.context else "",
            "title": main.name,
            "service": str(main.resource.attributes.get("service.name", "")),
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

    So is a boot called whose client is in another process, and left no span here.
    """
    if first.parent is None:
        return first
    known = {span.context.span_id for span in spans if span.context is not None}
    asking = [
        span
        for span in spans
        if span.parent is not None and span.parent.span_id not in known and SERVER in (span.attributes or {})
    ]
    return min(asking, key=lambda span: span.start_time or 0, default=first)


def _first_of(spans: Sequence[ReadableSpan], attribute: str) -> str:
    values = (str((span.attributes or {}).get(attribute, "")) for span in spans)
    return next(filter(None, values), "")


class Stories(SpanProcessor):
    """The stories of the last requests. `changed` is told of each that goes on.

    All spans of a process begin and end on its event loop, and so does this.
    """

    def __init__(self) -> None:
        self.unseen = f"req-{uuid.uuid4()}"
        """The id of a request that is no story: who looks at the cloud in order to show it uses this one."""
        self.changed: Callable[[Story, ReadableSpan], None] = lambda _story, _span: None
        self._stories: dict[str, Story] = {}

    def __iter__(self) -> Iterator[Story]:
        return iter(self._stories.values())

    def get(self, story_id: str) -> Story | None:
        """Return a story, None if there is none any more."""
        return self._stories.get(story_id)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's signature
        request_id = _request_id(span)
        if request_id == self.unseen or span.context is None:
            return
        story = self._stories.setdefault(request_id, Story(request_id, span))
        if len(story.ended) + len(story.unended) >= LONGEST_STORY:
            story.dropped += 1
        else:
            story.unended[span.context.span_id] = span
            self._forget_old_ones()
        self.changed(story, span)

    def on_end(self, span: ReadableSpan) -> None:
        story = self._stories.get(_request_id(span))
        if story is None or span.context is None or story.unended.pop(span.context.span_id, None) is None:
            return
        if span.context.trace_flags.sampled:
            story.ended.append(span)
        if not story.ended and not story.unended:
            del self._stories[story.id]
        self.changed(story, span)

    def _forget_old_ones(self) -> None:
        """Forget the oldest stories that have ended, those of the background first."""
        if len(self._stories) <= MOST_STORIES:
            return
        ended = [story for story in self._stories.values() if not story.unended]
        over = [story for story in ended if story.is_background] or ended or list(self._stories.values())
        del self._stories[over[0].id]


def _request_id(span: ReadableSpan) -> str:
    return str((span.attributes or {}).get(REQUEST))
