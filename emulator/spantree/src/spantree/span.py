"""A finished span, the same for every source: OTLP, Jaeger or the SDK."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from spantree.notation import Line

__all__ = ["Event", "Link", "Named", "Relations", "Span"]


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a span. Its time is in nanoseconds since the epoch."""

    name: str
    time: int
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """A link to another span, of the same trace or another. Ids are lower-case hex."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


MILLISECOND = 1_000_000


class Relations(Protocol):
    """Looks up the relatives of a span. `spantree.relations.TraceRelations` implements it."""

    def parent(self, span: "Span") -> "Span | None": ...
    def children(self, span: "Span") -> "Sequence[Span]": ...
    def linked(self, span: "Span") -> "Sequence[Span]": ...
    def followers(self, span: "Span") -> "Sequence[Span]": ...


class Named(Protocol):
    """What has a service and a name: a span, or what a receiver knows of one without decoding it."""

    @property
    def service(self) -> str: ...
    @property
    def name(self) -> str: ...


class Unrelated:
    """The relations of a span that belongs to no tree."""

    def parent(self, span: "Span") -> None:
        """Return no parent."""

    def children(self, span: "Span") -> "Sequence[Span]":  # noqa: ARG002 - the protocol has it
        """Return no spans."""
        return ()

    linked = followers = children


UNRELATED = Unrelated()


@dataclass(frozen=True, slots=True, repr=False)
class Span:
    """A finished span. Ids are lower-case hex, `parent_id` is `""` for a root; times are nanoseconds since the epoch.

    A span that belongs to a `SpanTree` knows its `parent` and `children`, and by links `linked` and `followers`.
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
    """The description of the status of a failed span."""
    relations: Relations = field(default=UNRELATED, compare=False)

    @property
    def service(self) -> str:
        """The `service.name` of the resource."""
        return str(self.resource.get("service.name", "unknown_service"))

    @property
    def error_type(self) -> str:
        """The `error.type` of a failed span; `""` if it has none or did not fail."""
        return str(self.attributes.get("error.type", "")) if self.failed else ""

    @property
    def status(self) -> int | None:
        """The HTTP status code, if there is one."""
        # http.status_code was renamed in semantic conventions 1.21.
        status = self.attributes.get("http.response.status_code", self.attributes.get("http.status_code"))
        return status if isinstance(status, int) else None

    @property
    def parent(self) -> "Span | None":
        """The parent span; None for a root and for an orphan."""
        return self.relations.parent(self)

    @property
    def children(self) -> "Sequence[Span]":
        """The direct children, earliest first."""
        return self.relations.children(self)

    @property
    def linked(self) -> "Sequence[Span]":
        """The spans that this span links to, of this trace or another, as far as they are known."""
        return self.relations.linked(self)

    @property
    def followers(self) -> "Sequence[Span]":
        """The spans that link to this one, of this trace or another."""
        return self.relations.followers(self)

    @property
    def ancestors(self) -> "Iterator[Span]":
        """The parent, its parent, and so on up to the root."""
        above = self.parent
        while above is not None:
            yield above
            above = above.parent

    @property
    def descendants(self) -> "Iterator[Span]":
        """All spans below, parents before their children."""
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
        """Nanoseconds of the span in which none of its children ran."""
        covered, reached = 0, self.start
        for child in sorted(self.children, key=lambda child: child.start):
            begin, end = max(child.start, reached), min(child.end, self.end)
            if end > begin:
                covered, reached = covered + end - begin, end
        return self.duration - covered

    def with_relations(self, relations: Relations) -> "Span":
        """Return a copy of this span that belongs to the tree with these relations."""
        # A tree copies all of its spans, and dataclasses.replace would take three times as long.
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
        """Return whether `other` is an ancestor of this span, by parents."""
        key = (other.trace_id, other.span_id)
        return any((above.trace_id, above.span_id) == key for above in self.ancestors)

    def leads_to(self, service: str) -> bool:
        """Return whether this span caused a span of `service`: one below it, or one that follows from it by links."""
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
        """Return whether this span ended before the other started."""
        # JavaScript's SDK truncates times to milliseconds, so such a start may have been up to 1 ms later.
        truncated = MILLISECOND - 1 if other.start % MILLISECOND == 0 else 0
        return self.start <= other.start and self.end <= other.start + truncated

    def overlaps(self, other: "Span") -> bool:
        """Return whether both spans were running at some point in time."""
        return not (self.before(other) or other.before(self))

    @property
    def line(self) -> Line:
        """The line of an expected tree that describes this span, without attributes."""
        return Line(self.service, self.name, self.kind, self.error_type if self.failed else None)

    def __repr__(self) -> str:
        return f"<span {self.span_id} {self}>"

    def __hash__(self) -> int:
        return hash((self.trace_id, self.span_id))

    def __str__(self) -> str:
        return str(self.line)
