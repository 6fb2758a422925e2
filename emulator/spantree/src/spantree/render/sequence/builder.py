"""From the spans of a trace to its sequence diagram."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from spantree import Span, SpanTree
from spantree.render.captions import duration, headline
from spantree.render.sequence.clock_correction import causal_times
from spantree.render.sequence.diagram import Bar, Diagram, Item, Message, Note
from spantree.render.sequence.errors import failed_within, with_troubles
from spantree.render.sequence.lifelines import few_enough, lifelines
from spantree.render.sequence.participants import actor, find_cast, is_work
from spantree.render.sequence.repetition import find_repetition
from spantree.render.sequence.span_items import scene_of
from spantree.render.sequence.texts import named
from spantree.render.sequence.truncation import cut
from spantree.render.vocabulary import PLAIN, Vocabulary

__all__ = ["sequence"]

LONGEST_TITLE = 80
MOST = 250
"""Rows of a diagram. More are cut."""


def sequence(trace: SpanTree, open_spans: Collection[str] = (), *, vocabulary: Vocabulary = PLAIN) -> Diagram:
    """Return the sequence diagram of a trace; of one whose consumers only link to what they follow, pass it `joined()`.

    `open_spans` are the ids of spans that have begun and not ended: their requests are drawn, their answers are not.
    """
    title, open_ids = _title(trace), frozenset(open_spans)
    repeated = find_repetition(trace, vocabulary, open_ids)
    cast, times, above = find_cast(trace), causal_times(trace), failed_within(trace)
    nested = {span.span_id for span in trace.spans if _is_nested(span, title)}
    timed: list[tuple[int, int, list[Item]]] = []
    for order, (begins, span) in enumerate(_moments(trace)):
        if span.span_id in repeated.left_out:
            continue
        hidden = span.span_id in nested or (span is title and is_work(span))
        scene = ([], []) if hidden else scene_of(span, cast, vocabulary)
        if span.span_id in open_ids:
            scene = (scene[0], [item for item in scene[1] if isinstance(item, Bar)])
        scene = with_troubles(
            span, scene, vocabulary, innermost=span.span_id not in above, ended=span.span_id not in open_ids
        )
        timed.append((times[span.span_id][not begins], order, scene[not begins]))
    items = [_counted(item, repeated.times) for _, _, drawn in sorted(timed, key=_when) for item in drawn]
    told = [*items, *_remarks(nested - repeated.left_out)]
    shown = few_enough(cut(told, MOST), actor(title))
    return Diagram(
        named(title.name, LONGEST_TITLE),
        f"{headline(trace)} · {duration(trace.duration)}",
        title.failed,
        lifelines(shown, actor(title)),
        tuple(shown),
    )


def _title(trace: SpanTree) -> Span:
    """Return the span that the whole is about: the first root, which is drawn as the title if it is internal."""
    return next((span for span in trace.roots if not span.parent_id), trace.roots[0])


def _moments(trace: SpanTree) -> Iterator[tuple[bool, Span]]:
    """Yield every span when it begins and when it ends, what is below it in between."""
    waiting = [(True, span) for span in reversed(trace.roots)]
    while waiting:
        begins, span = waiting.pop()
        yield begins, span
        if begins:
            waiting += [(False, span), *((True, child) for child in reversed(span.children))]


def _when(moment: tuple[int, int, list[Item]]) -> tuple[int, int]:
    return moment[0], moment[1]


def _is_nested(span: Span, title: Span) -> bool:
    return is_work(span) and span.parent is not None and span.parent is not title and is_work(span.parent)


def _counted(item: Item, times: Mapping[str, int]) -> Item:
    if isinstance(item, Message) and not item.answer and item.span_id in times:
        return replace(item, times=times[item.span_id])
    return item


def _remarks(nested: Collection[str]) -> list[Note]:
    if not nested:
        return []
    words = f"{len(nested):,} internal span{'' if len(nested) == 1 else 's'} below others left out"
    return [Note("gap:nested", "gap:nested", None, words, tone="gap")]
