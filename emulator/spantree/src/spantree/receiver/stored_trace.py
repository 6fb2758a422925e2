"""The spans of one trace as they arrive, and what is known to be missing from it."""

from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from typing import overload

from spantree.formats.span_records import Header, SpanRecords
from spantree.span import Span

__all__ = ["Arrived", "StoredTrace"]


class StoredTrace:
    """The spans of a trace so far. It is indexed when it is first asked about, and then only what has come since.

    Nothing is decoded before somebody asks for a span. Duplicates are dropped by span id: exporters retry, so spans may
    arrive twice. Not safe for threads, but what `arrived` returns is.
    """

    __slots__ = ("_children_of", "_ids", "_indexed", "_names", "_records", "_roots", "arrivals", "last_arrival")

    def __init__(self) -> None:
        self.last_arrival = 0.0
        self.arrivals: list[tuple[int, float]] | None = None
        self._records = SpanRecords()
        self._indexed = 0
        self._ids: set[str] | None = None  # the index exists only once it is used: idle traces stay small
        self._names: set[tuple[str, str]]
        self._roots: list[int]
        self._children_of: dict[str, list[int]]

    def add(self, records: SpanRecords, now: float) -> None:
        """Add spans that have arrived at a time of `time.monotonic()`."""
        self.last_arrival = now
        if self.arrivals is not None:
            self.arrivals.append((len(self._records), now))
        self._records.extend(records)

    def note_arrivals(self) -> None:
        """Remember from now on when spans arrive, for `arrived_at`."""
        if self.arrivals is None:
            self.arrivals = []

    def arrived_at(self, span_id: str) -> float | None:
        """Return when a span arrived; None if that was before `note_arrivals`."""
        for number in range(len(self._records)):
            if self._records.header(number).span_id == span_id:
                return next((time for first, time in reversed(self.arrivals or []) if first <= number), None)
        return None

    @property
    def ids(self) -> set[str]:
        """The ids of the spans."""
        self._index()
        assert self._ids is not None
        return self._ids

    @property
    def names(self) -> set[tuple[str, str]]:
        """The services and names of the spans."""
        self._index()
        return self._names

    @property
    def tops(self) -> list[Header]:
        """What is known of the spans without a parent in the trace, which decodes none of them."""
        self._index()
        numbers = chain(self._roots, *self._children_of.values())
        return [self._records.header(number) for number in numbers]

    @property
    def roots(self) -> list[Span]:
        """The spans without a parent id."""
        self._index()
        return [self._records.span(number) for number in self._roots]

    @property
    def children_of(self) -> dict[str, list[Span]]:
        """The children of each missing parent, by the parent's id."""
        self._index()
        return {
            parent_id: [self._records.span(number) for number in children]
            for parent_id, children in self._children_of.items()
        }

    @property
    def missing_parents(self) -> Collection[str]:
        """The ids of the parents that have not arrived. Unlike `children_of`, this decodes nothing."""
        self._index()
        return self._children_of.keys()

    @property
    def complete(self) -> bool:
        """Whether a root and every parent have arrived: no span is known to be missing."""
        self._index()
        return bool(self._roots) and not self._children_of

    @property
    def spans(self) -> list[Span]:
        """The spans, in order of arrival."""
        return list(self.arrived())

    def arrived(self) -> "Arrived":
        """Return the spans so far, which are decoded only if somebody reads them. More do not appear in it."""
        return Arrived(self._records, len(self._records))

    def __len__(self) -> int:
        """How many spans have arrived."""
        return len(self.ids)

    def _index(self) -> None:
        if self._ids is None:
            self._ids, self._names, self._roots, self._children_of = set(), set(), [], {}
        while self._indexed < len(self._records):
            self._index_one(self._ids, self._indexed)
            self._indexed += 1

    def _index_one(self, ids: set[str], number: int) -> None:
        header = self._records.header(number)
        if header.span_id in ids:
            return
        ids.add(header.span_id)
        self._names.add((header.service, header.name))
        self._children_of.pop(header.span_id, None)
        if not header.parent_id:
            self._roots.append(number)
        elif header.parent_id not in ids:
            self._children_of.setdefault(header.parent_id, []).append(number)


class Arrived(Sequence[Span]):
    """The spans of a trace at some point in time, without duplicates. They are decoded when they are first read."""

    __slots__ = ("_count", "_records", "_spans")

    def __init__(self, records: SpanRecords, count: int) -> None:
        self._records = records
        self._count = count
        self._spans: list[Span] | None = None

    @overload
    def __getitem__(self, index: int) -> Span: ...
    @overload
    def __getitem__(self, index: slice) -> list[Span]: ...
    def __getitem__(self, index: int | slice) -> Span | list[Span]:
        return self._decoded()[index]

    def __iter__(self) -> Iterator[Span]:
        return iter(self._decoded())

    def __len__(self) -> int:
        return len(self._decoded())

    def _decoded(self) -> list[Span]:
        if self._spans is None:
            by_id: dict[str, Span] = {}
            for number in range(self._count):
                span = self._records.span(number)
                by_id.setdefault(span.span_id, span)
            self._spans = list(by_id.values())
        return self._spans
