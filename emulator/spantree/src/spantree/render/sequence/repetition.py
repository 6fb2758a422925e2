"""Three or more equal exchanges below the same parent are drawn once, at the place of the last."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass

from spantree import Span, SpanTree
from spantree.render.sequence.participants import is_call
from spantree.render.sequence.span_items import label_of
from spantree.render.vocabulary import Vocabulary

__all__ = ["Repetition", "find_repetition"]

WORTH_IT = 3


@dataclass(frozen=True, slots=True)
class Repetition:
    """How often the exchanges that are drawn took place, and the spans that stand for no drawing of their own."""

    times: Mapping[str, int]
    left_out: frozenset[str]


def find_repetition(trace: SpanTree, vocabulary: Vocabulary, open_spans: Collection[str] = ()) -> Repetition:
    """Find the equal exchanges of a trace: all went well, none has a number, and nothing differs below them."""
    shapes = _shapes(trace, vocabulary, open_spans)
    alike: defaultdict[tuple[str, int], list[Span]] = defaultdict(list)
    for span in trace.spans:
        if (shape := shapes[span.span_id]) and (is_call(span) or span.kind == "server"):
            alike["" if span.parent is None else span.parent_id, shape].append(span)
    groups = [spans for spans in alike.values() if len(spans) >= WORTH_IT]
    first = [span for *earlier, _ in groups for span in earlier]
    return Repetition(
        {spans[-1].span_id: len(spans) for spans in groups},
        frozenset(span.span_id for top in first for span in (top, *top.descendants)),
    )


def _shapes(trace: SpanTree, vocabulary: Vocabulary, open_spans: Collection[str]) -> dict[str, int]:
    """Return a number for each span that is the same for spans that look the same, with all below; 0 for unlike any."""
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
    """Whether nothing about a span wants to be seen: no error, no step, no fault."""
    shown = (vocabulary.step_attribute, vocabulary.fault_attribute)
    return not (span.failed or any(name in span.attributes for name in shown))
