"""Draws three or more equal exchanges below one parent once, at the place of the last."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

from spantree import Span, SpanTree
from spantree.render.peers import is_call
from spantree.render.sequence.span_items import label_of
from spantree.render.vocabulary import Vocabulary

__all__ = ["Repetition", "find_repetition"]

FEWEST_REPEATED = 3
"""Two equal exchanges are as quick to read as a remark that there were two."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """The equal spans that each drawn exchange stands for, by span id, and the ids of the spans that are left out."""

    alike: Mapping[str, Sequence[Span]]
    left_out: frozenset[str]


def find_repetition(trace: SpanTree, vocabulary: Vocabulary, open_spans: Collection[str] = ()) -> Repetition:
    """Find equal exchanges: they succeeded, have no step or fault, and have equal descendants."""
    shapes = _shapes(trace, vocabulary, open_spans)
    alike: defaultdict[tuple[str, int], list[Span]] = defaultdict(list)
    for span in trace.spans:
        if (shape := shapes[span.span_id]) and (is_call(span) or span.kind == "server"):
            alike["" if span.parent is None else span.parent_id, shape].append(span)
    groups = [spans for spans in alike.values() if len(spans) >= FEWEST_REPEATED]
    left_out = [span for *earlier, _ in groups for span in earlier]
    return Repetition(
        {spans[-1].span_id: spans for spans in groups},
        frozenset(span.span_id for top in left_out for span in (top, *top.descendants)),
    )


def _shapes(trace: SpanTree, vocabulary: Vocabulary, open_spans: Collection[str]) -> dict[str, int]:
    """Return a number for each span, equal for spans that look the same, descendants included; 0 for a unique span.

    Children are visited before their parents, since recursion would not survive deep traces.
    """
    numbers: dict[Hashable, int] = {}
    shapes: dict[str, int] = {}
    for _, span in reversed(list(trace.walk())):
        below = tuple(shapes[child.span_id] for child in span.children)
        if span.span_id in open_spans or not all(below) or not _is_plain(span, vocabulary):
            shapes[span.span_id] = 0
        else:
            look = (span.service, span.kind, span.name, label_of(span, vocabulary), span.status, below)
            shapes[span.span_id] = numbers.setdefault(look, len(numbers) + 1)
    return shapes


def _is_plain(span: Span, vocabulary: Vocabulary) -> bool:
    """Return whether a span may be left out: it has no error, step or fault that a reader looks for."""
    notable = (vocabulary.step_attribute, vocabulary.fault_attribute)
    return not (span.failed or any(name in span.attributes for name in notable))
