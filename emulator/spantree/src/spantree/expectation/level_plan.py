"""Plans a level: its items in their order, and the lines below `...`, which may want the same spans."""

from collections.abc import Generator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import count

from spantree.expectation.assignment import Demand, Supply, assign
from spantree.expectation.classes import walk
from spantree.expectation.comparison import RENAMED
from spantree.expectation.item_plan import plan_items
from spantree.expectation.pairing import MISSING, Pairing, Siblings
from spantree.expectation.parser import Level
from spantree.expectation.plan import UNIT, Plan, Planning, Request, Step
from spantree.span import Span

__all__ = ["plan_level"]

MOST_CONFLICTS = 60
"""How often a span that two lines claim, one of them at any depth, is given to either of them."""


def plan_level(level: Level, spans: Sequence[Span], pairing: Pairing) -> Planning:
    """Plan a level with `...` and the lines below it; these share its spans with the lines above."""
    if not level.deep:
        return (yield from plan_items(level, spans, pairing))
    everything = list(walk(spans))
    index = {span.span_id: number for number, span in enumerate(everything)}
    deep = yield from _deep_costs(level, everything, pairing)
    first = len(list(level.spans()))
    serial = count()
    best: Plan | None = None
    frontier: list[tuple[int, int, frozenset[str], frozenset[str]]] = [(0, next(serial), frozenset(), frozenset())]
    for _ in range(MOST_CONFLICTS if len(everything) < MOST_CONFLICTS else 4):
        if not frontier:
            break
        lower, _, not_items, not_deep = heappop(frontier)
        if best is not None and lower >= best.cost:
            break
        kept = [place for place, span in enumerate(spans) if span.span_id not in not_items]
        items = yield from plan_items(level, [spans[place] for place in kept], pairing)
        steps = [step if step.span is None else step._replace(span=kept[step.span]) for step in items.steps]
        steps += [Step(len(level.items), None, place) for place, span in enumerate(spans) if span.span_id in not_items]
        taken = {spans[step.span].span_id for step in steps if step.line is not None and step.span is not None}
        refused = {index[name] for name in not_deep}
        wanted = _plan_deep(level, deep, len(everything), refused, first)
        given = _plan_deep(level, deep, len(everything), refused | {index[name] for name in taken}, first)
        if best is None or items.cost + given.cost < best.cost:
            best = Plan((*steps, *given.steps), items.cost + given.cost)
        claimed = [step.span for step in wanted.steps if step.span is not None]
        conflicts = [name for number in claimed if (name := everything[number].span_id) in taken]
        if conflicts and items.cost + wanted.cost < best.cost:
            bound = max(lower, items.cost + wanted.cost)
            heappush(frontier, (bound, next(serial), not_items | {conflicts[0]}, not_deep))
            heappush(frontier, (bound, next(serial), not_items, not_deep | {conflicts[0]}))
    assert best is not None
    return best


def _deep_costs(
    level: Level, everything: Sequence[Span], pairing: Pairing
) -> Generator[Request, None, list[Mapping[int, int]]]:
    """Return the cost of each line at any depth with each span. A span with another name or service is no candidate."""
    found = []
    siblings = Siblings(everything, pairing.classes)
    for line in level.deep:
        costs = yield from pairing.costs(line, siblings, in_order=False)
        same = {
            number: cost
            for number, cost in costs.items()
            if (known := pairing.weight(line, siblings.alike[number])) is not None
            and known < RENAMED
            and cost <= MISSING * line.size * line.least
        }
        found.append(siblings.at(same))
    return found


def _plan_deep(level: Level, costs: Sequence[Mapping[int, int]], total: int, refused: set[int], first: int) -> Plan:
    candidates = sorted({number for of_line in costs for number in of_line} - refused)
    place = {number: index for index, number in enumerate(candidates)}
    demands = [
        Demand(
            line.least,
            total if line.most is None else line.most,
            MISSING * line.size * UNIT + 1,
            {place[number]: cost * UNIT for number, cost in of_line.items() if number in place},
        )
        for line, of_line in zip(level.deep, costs, strict=True)
    ]
    assigned = assign([Supply(1, 1)] * len(candidates), demands)
    steps, cost = [], 0
    for number, (line, taken) in enumerate(zip(level.deep, assigned.taken, strict=True)):
        spans = [candidates[index] for index in sorted(taken)]
        cost += sum(costs[number][span] for span in spans)
        steps += [Step(len(level.items), first + number, span) for span in spans]
        lacking = max(0, line.least - len(spans))
        cost += MISSING * line.size * lacking
        steps += [Step(len(level.items), first + number, None)] * (lacking if spans or line.least else 1)
    return Plan(tuple(steps), cost)
