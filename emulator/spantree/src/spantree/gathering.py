"""Several traces of one story: what follows from the first by links is part of it, and the rest stands beside it."""

from collections.abc import Iterable

from spantree.span_tree import SpanTree

__all__ = ["join_linked"]


def join_linked(first: SpanTree, found: Iterable[SpanTree]) -> list[SpanTree]:
    """Return `first` joined with all that follows from it by links, and after it those of `found` that do not."""
    joined = first.joined()
    there = {span.span_id for span in joined.spans}
    return [joined, *(trace for trace in found if trace.spans[0].span_id not in there)]
