"""Plans the items of a level: what fits one by one is left out first, and spans with equal starts may change places."""

from collections.abc import Generator, Iterator, Sequence
from itertools import groupby, pairwise

from spantree.expectation.item_search import ItemSearch, lines_of
from spantree.expectation.pairing import Pairing
from spantree.expectation.parser import AnyOrder, ExpectedSpan, Level
from spantree.expectation.plan import Plan, Planning, Request, Step
from spantree.span import Span

__all__ = ["plan_items"]

MOST_CELLS, WINDOW = 4_000_000, 1_000
"""The largest product of lines and spans in order that is compared at once, and how many are in larger levels."""


def plan_items(level: Level, spans: Sequence[Span], pairing: Pairing) -> Planning:
    """Plan the items of a level. Spans with equal starts may stand in another order than given."""
    plan = yield from _plan_given(level, spans, pairing)
    if plan.cost == 0 or all(one.start != other.start for one, other in pairwise(spans)):
        return plan
    if spans[0].start == spans[-1].start and len(level.items) > 1:
        group = AnyOrder(list(level.spans()), [])
        places = [place for place, item in enumerate(level.items) for _ in lines_of(item)]
        free = yield from _plan_given(Level([group], rest=level.rest), spans, pairing)
        steps = tuple(step if step.line is None else step._replace(item=places[step.line]) for step in free.steps)
        return min(plan, _by_item(Plan(steps, free.cost)), key=lambda each: each.cost)
    order = yield from _order_ties(level, spans, pairing)
    other = yield from _plan_given(level, [spans[place] for place in order], pairing)
    if other.cost >= plan.cost:
        return plan
    return Plan(tuple(s if s.span is None else s._replace(span=order[s.span]) for s in other.steps), other.cost)


def _by_item(plan: Plan) -> Plan:
    return Plan(tuple(sorted(plan.steps, key=lambda step: step.item)), plan.cost)


def _order_ties(level: Level, spans: Sequence[Span], pairing: Pairing) -> Generator[Request, None, list[int]]:
    """Put spans with equal starts into the order of the lines that they fit: their real order is unknown."""
    order: list[int] = []
    unused = list(level.spans())
    for _, tied in groupby(range(len(spans)), key=lambda place: spans[place].start):
        left = list(tied)
        once = yield from _order_once(level, unused[: len(left)], [spans[place] for place in left], pairing)
        if once:
            order += [left[number] for number in once]
            unused = unused[len(left) :]
            continue
        for line in list(unused):
            fitting = []
            for place in left:
                if pairing.weight(line, spans[place]) == 0:
                    fitting += [place] if (yield from pairing.cost(line, spans[place], 0)) == 0 else []
                if len(fitting) == line.most:
                    break
            order += fitting
            left = [place for place in left if place not in fitting]
            if fitting and not line.repeats:
                unused.remove(line)
            if not left:
                break
        order += left
    return order


def _order_once(
    level: Level, lines: list[ExpectedSpan], spans: Sequence[Span], pairing: Pairing
) -> Generator[Request, None, list[int]]:
    """Return the order in which spans fit just as many lines, each of which stands for one; nothing if they do not."""
    if len(lines) < len(spans) or not all(line in level.items and line.least == line.most == 1 for line in lines):
        return []
    plan = yield from _plan_given(Level([AnyOrder(lines, [])]), spans, pairing)
    if plan.cost:
        return []
    pairs = [(step.line, step.span) for step in plan.steps if step.line is not None and step.span is not None]
    return [span for _, span in sorted(pairs)]


def _plan_given(level: Level, spans: Sequence[Span], pairing: Pairing) -> Planning:
    """Plan the items of a level with spans in the order given."""
    steps, cost = list[Step](), 0
    item = line = place = 0
    while True:
        same = yield from _in_step(level.items[item:], spans[place:], pairing)
        steps += [Step(item + number, line + number, place + number) for number in range(same)]
        item, line, place = item + same, line + same, place + same
        if not _is_too_large(level.items[item:], len(spans) - place):
            break
        window = ItemSearch(level.items[item : item + WINDOW], spans[place : place + WINDOW], pairing, level.rest)
        found, _ = yield from window.plan()
        found = [step for step in found if step.item < WINDOW // 2]
        cost += window.cost_of(found)
        steps += _moved(found, item, line, place)
        item, line = item + WINDOW // 2, line + WINDOW // 2
        place += sum(step.span is not None for step in found)
    after = yield from _in_step(
        level.items[: item - 1 if item else None : -1], spans[: place - 1 if place else None : -1], pairing
    )
    items, others = level.items[item : len(level.items) - after], spans[place : len(spans) - after]
    if items or others:
        found, more = yield from ItemSearch(items, others, pairing, level.rest).plan()
        steps += _moved(found, item, line, place)
        cost += more
    lines = len(list(level.spans()))
    steps += [Step(len(level.items) - number, lines - number, len(spans) - number) for number in range(after, 0, -1)]
    return Plan(tuple(steps), cost)


def _is_too_large(items: Sequence[ExpectedSpan | AnyOrder], spans: int) -> bool:
    """Return whether lines in order are so many that only a window of them is compared at once."""
    return (
        len(items) > WINDOW
        and len(items) * spans > MOST_CELLS
        and not any(isinstance(item, AnyOrder) for item in items)
    )


def _moved(steps: Sequence[Step], item: int, line: int, place: int) -> Iterator[Step]:
    for step in steps:
        yield Step(
            step.item + item,
            None if step.line is None else step.line + line,
            None if step.span is None else step.span + place,
        )


def _in_step(
    items: Sequence[ExpectedSpan | AnyOrder], spans: Sequence[Span], pairing: Pairing
) -> Generator[Request, None, int]:
    """Return how many lines fit their spans one by one.

    They belong together in a cheapest plan, too, because each line stands for a fixed number of spans.
    """
    for place, (item, span) in enumerate(zip(items, spans, strict=False)):
        is_simple = isinstance(item, ExpectedSpan) and item.least == item.most == 1
        if not (is_simple and item in pairing.classes.strict and pairing.weight(item, span) == 0):
            return place
        if (yield from pairing.cost(item, span, 0)):
            return place
    return min(len(items), len(spans))
