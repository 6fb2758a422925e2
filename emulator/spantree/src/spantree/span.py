"""A span as this library knows it, wherever it came from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from spantree.notation import Line

__all__ = ["Event", "Link", "Relations", "Span"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened during a span. Time in nanoseconds since the epoch."""

    name: str
    time: int
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """A relation to another span, of this trace or another. Ids in hex."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


MILLISECOND = 1_000_000


class Relations(Protocol):
    """What a span's tree knows about it and others."""

    def parent(self, span: "Span") -> "Span | None": ...
    def children(self, span: "Span") -> "Sequence[Span]": ...
    def linked(self, span: "Span") -> "Sequence[Span]": ...
    def followers(self, span: "Span") -> "Sequence[Span]": ...


class Alone:
    """The relations of a span that is in no tree."""

    def parent(self, span: "Span") -> None:
        """Return None."""

    def children(self, span: "Span") -> "Sequence[Span]":  # noqa: ARG002 - it has none
        """Return nothing."""
        return ()

    linked = followers = children


ALONE = Alone()


@dataclass(frozen=True, slots=True, repr=False)
class Span:
    """A finished span. Ids in lower-case hex, a root has the parent `""`; times in nanoseconds since the epoch.

    A span of a `SpanTree` knows its relatives: `parent`, `children`, and by links `linked` and `followers`.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    start: int
    end: int
    attributes: Mapping[str, Any] = field(default_factory=dict)
    resource: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    links: tuple[Link, ...] = ()
    failed: bool = False
    message: str = ""
    """The description of a failed span's status."""
    relations: Relations = field(default=ALONE, compare=False)

    @property
    def service(self) -> str:
        """The `service.name` of the span's resource."""
        return str(self.resource.get("service.name", "unknown_service"))

    @property
    def error_type(self) -> str:
        """The `error.type` of a failed span, `""` of any other."""
        return str(self.attributes.get("error.type", "")) if self.failed else ""

    @property
    def status(self) -> int | None:
        """The HTTP status code, if the span has one."""
        status = self.attributes.get("http.response.status_code", self.attributes.get("http.status_code"))
        return status if isinstance(status, int) else None

    @property
    def parent(self) -> "Span | None":
        """The span right above; None for a root and for an orphan."""
        return self.relations.parent(self)

    @property
    def children(self) -> "Sequence[Span]":
        """The spans right below, the earliest first."""
        return self.relations.children(self)

    @property
    def linked(self) -> "Sequence[Span]":
        """The spans that this one's links name, of this trace or another, as far as they have come."""
        return self.relations.linked(self)

    @property
    def followers(self) -> "Sequence[Span]":
        """The spans that link to this one, of this trace or another."""
        return self.relations.followers(self)

    @property
    def ancestors(self) -> "Iterator[Span]":
        """The spans above, from the parent up to the root."""
        above = self.parent
        while above is not None:
            yield above
            above = above.parent

    @property
    def descendants(self) -> "Iterator[Span]":
        """The spans below, each before those below it."""
        waiting = list(reversed(self.children))
        while waiting:
            span = waiting.pop()
            yield span
            waiting += reversed(span.children)

    @property
    def duration(self) -> int:
        """Nanoseconds from start to end."""
        return self.end - self.start

    @property
    def self_time(self) -> int:
        """Nanoseconds of its duration in which none of its children ran."""
        covered, reached = 0, self.start
        for child in sorted(self.children, key=lambda child: child.start):
            begin, end = max(child.start, reached), min(child.end, self.end)
            if end > begin:
                covered, reached = covered + end - begin, end
        return self.duration - covered

    def among(self, relations: Relations) -> "Span":
        """Return this span as one of a tree. (`replace` takes thrice the time, and large trees are made of this.)"""
        return Span(
            self.trace_id,
            self.span_id,
            self.parent_id,
            self.name,
            self.kind,
            self.start,
            self.end,
            self.attributes,
            self.resource,
            self.events,
            self.links,
            self.failed,
            self.message,
            relations,
        )

    def descends_from(self, other: "Span") -> bool:
        """Whether `other` is above this span, at any distance, by parents alone."""
        key = (other.trace_id, other.span_id)
        return any((above.trace_id, above.span_id) == key for above in self.ancestors)

    def leads_to(self, service: str) -> bool:
        """Whether anything of `service` happened because of this span: below it, or by a link to it or below it."""
        seen, waiting = {self}, [self]
        while waiting:
            for caused in (*(span := waiting.pop()).children, *span.followers):
                if caused.service == service:
                    return True
                if caused not in seen:
                    seen.add(caused)
                    waiting.append(caused)
        return False

    def before(self, other: "Span") -> bool:
        """Whether this span was over when the other began.

        A start in whole milliseconds, which is what JavaScript's SDK has, was cut off: it may be as much later.
        """
        cut_off = MILLISECOND - 1 if other.start % MILLISECOND == 0 else 0
        return self.start <= other.start and self.end <= other.start + cut_off

    def overlaps(self, other: "Span") -> bool:
        """Whether there was a time at which both ran."""
        return not (self.before(other) or other.before(self))

    @property
    def line(self) -> Line:
        """The span as a line of a tree, without attributes."""
        return Line(self.service, self.name, self.kind, self.error_type if self.failed else None)

    def __repr__(self) -> str:
        return f"<span {self.span_id} {self}>"

    def __hash__(self) -> int:
        return hash((self.trace_id, self.span_id))

    def __str__(self) -> str:
        return str(self.line)
