"""The spans of one trace as they arrive, and what is known to be missing from it."""

from dataclasses import dataclass, field

from spantree.span import Span

__all__ = ["StoredTrace"]


@dataclass(slots=True)
class StoredTrace:
    """The spans of a trace so far. `children_of` has the children of each missing parent, by the parent's id."""

    spans: list[Span] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    names: set[tuple[str, str]] = field(default_factory=set)
    roots: list[Span] = field(default_factory=list)
    children_of: dict[str, list[Span]] = field(default_factory=dict)

    def add(self, span: Span) -> None:
        """Add a span that has arrived. Duplicates are dropped by span id."""
        if span.span_id in self.ids:
            return  # exporters retry, so spans may arrive twice
        self.spans.append(span)
        self.ids.add(span.span_id)
        self.names.add((span.service, span.name))
        self.children_of.pop(span.span_id, None)
        if not span.parent_id:
            self.roots.append(span)
        elif span.parent_id not in self.ids:
            self.children_of.setdefault(span.parent_id, []).append(span)

    @property
    def complete(self) -> bool:
        """Whether a root and every parent have arrived: no span is known to be missing."""
        return bool(self.roots) and not self.children_of
