"""Builds the sequence diagram of a trace from its spans."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from spantree import Span, SpanTree
from spantree.render.captions import duration, headline, shorten_name
from spantree.render.peers import find_callees
from spantree.render.sequence.clock_correction import causal_times
from spantree.render.sequence.diagram import Activation, Diagram, DiagramItem, Message, Note
from spantree.render.sequence.errors import add_errors, ids_above_errors
from spantree.render.sequence.lifelines import limit_participants, merge_peers, order_participants
from spantree.render.sequence.participants import is_work, participant
from spantree.render.sequence.repetition import find_repetition
from spantree.render.sequence.span_items import SpanItems, items_of
from spantree.render.sequence.truncation import truncate
from spantree.render.vocabulary import PLAIN, Vocabulary

__all__ = ["sequence"]

LONGEST_TITLE = 80
MOST_ROWS = 250


def sequence(trace: SpanTree, open_spans: Collection[str] = (), *, vocabulary: Vocabulary = PLAIN) -> Diagram:
    """Return the sequence diagram of a trace. If consumers only link to their producers, pass the trace's `joined()`.

    `open_spans` are the ids of spans that have not ended: their requests are drawn, and their answers are not.
    """
    subject, open_ids = _subject(trace), frozenset(open_spans)
    repetition = find_repetition(trace, vocabulary, open_ids)
    nested = {span.span_id for span in trace.spans if _is_nested_work(span, subject)}
    hidden = nested | ({subject.span_id} if is_work(subject) else set())  # the subject is in the title already
    drawn = _draw_spans(trace, hidden, open_ids, vocabulary)
    items = [_with_count(item, repetition.alike) for item in _in_order(trace, drawn, repetition.left_out)]
    items = merge_peers([*items, *_note_on_nested(nested - repetition.left_out)])
    rows = truncate(items, MOST_ROWS)
    shown = limit_participants(rows, participant(subject))
    return Diagram(
        shorten_name(subject.name, LONGEST_TITLE),
        f"{headline(trace)} · {duration(trace.duration)}",
        subject.failed,
        order_participants(shown, participant(subject)),
        tuple(shown),
    )


def _subject(trace: SpanTree) -> Span:
    """Return the span that the trace is about: its first root that is not an orphan."""
    return next((span for span in trace.roots if not span.parent_id), trace.roots[0])


def _is_nested_work(span: Span, subject: Span) -> bool:
    """Return whether a span is work below other work. Only the outer one is drawn."""
    return is_work(span) and span.parent is not None and span.parent is not subject and is_work(span.parent)


def _draw_spans(
    trace: SpanTree, hidden: Collection[str], open_ids: Collection[str], vocabulary: Vocabulary
) -> dict[str, SpanItems]:
    """Return the items of every span, by its id. Hidden spans draw only their errors."""
    callees, above_errors = find_callees(trace), ids_above_errors(trace)
    drawn = {}
    for span in trace.spans:
        items = SpanItems() if span.span_id in hidden else items_of(span, callees, vocabulary)
        is_open = span.span_id in open_ids
        if is_open:
            items = replace(items, end=tuple(item for item in items.end if isinstance(item, Activation)))
        innermost = span.span_id not in above_errors
        drawn[span.span_id] = add_errors(span, items, vocabulary, innermost=innermost, ended=not is_open)
    return drawn


def _in_order(trace: SpanTree, drawn: Mapping[str, SpanItems], left_out: Collection[str]) -> Iterator[DiagramItem]:
    """Yield all items in order of time; at equal times, in the order in which their spans nest."""
    times = causal_times(trace)
    timed = [
        (
            times[span.span_id][0 if begins else 1],
            order,
            drawn[span.span_id].begin if begins else drawn[span.span_id].end,
        )
        for order, (begins, span) in enumerate(_begins_and_ends(trace))
        if span.span_id not in left_out
    ]
    for _, _, items in sorted(timed, key=lambda entry: entry[:2]):
        yield from items


def _begins_and_ends(trace: SpanTree) -> Iterator[tuple[bool, Span]]:
    """Yield every span twice, when it begins (True) and when it ends (False), with its descendants in between."""
    stack = [(True, span) for span in reversed(trace.roots)]
    while stack:
        begins, span = stack.pop()
        yield begins, span
        if begins:
            stack += [(False, span), *((True, child) for child in reversed(span.children))]


def _with_count(item: DiagramItem, alike: Mapping[str, Sequence[Span]]) -> DiagramItem:
    """Return the message with the number, or with the shortest and longest duration, of all that it stands for."""
    if not isinstance(item, Message) or item.span_id not in alike:
        return item
    spans = alike[item.span_id]
    if not item.answer:
        return replace(item, times=len(spans))
    durations = sorted(max(0, span.duration) for span in spans)
    ends = dict.fromkeys((duration(durations[0]), duration(durations[-1])))
    return replace(item, detail=" to ".join(ends))


def _note_on_nested(nested: Collection[str]) -> list[Note]:
    if not nested:
        return []
    label = f"{len(nested):,} internal span{'' if len(nested) == 1 else 's'} below others left out"
    return [Note("gap:nested", "gap:nested", None, label, tone="gap")]
