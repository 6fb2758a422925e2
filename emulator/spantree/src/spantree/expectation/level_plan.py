"""Plans how the lines of one level stand beside spans, at the least cost."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count, groupby, pairwise
from typing import NamedTuple

from spantree.expectation.assignment import Demand, Supply, assign
from spantree.expectation.classes import walk
from spantree.expectation.comparison import RENAMED
from spantree.expectation.edit_distance import Slot, Table, next_row, table
from spantree.expectation.pairing import MISSING, Pairing, Request, Siblings, Step
from spantree.expectation.parser import AnyOrder, ExpectedSpan, Level
from spantree.span import Span

__all__ = ["Plan", "plan_level"]

UNIT = 1 << 24
"""Costs are counted in these units, so that one more can be added for a line or a span that stands alone.

Of equally cheap plans, the one with the most pairs is best.
"""
MOST_ROUNDS = 6
"""How often the prices of lines in a group are adapted, to find the spans of each group."""
MOST_RUNS = 50_000
"""The most spans that are tried, in all runs together, to prove which run of spans belongs to each group."""
MOST_CONFLICTS = 60
"""How often a span that two lines claim, one of them at any depth, is given to either of them."""


class Plan(NamedTuple):
    """The rows of a level and their cost."""

    steps: tuple[Step, ...]
    cost: int


Planning = Generator[Request, None, Plan]


def plan_level(level: Level, spans: Sequence[Span], pairing: Pairing) -> Planning:
    """Plan a level with `...` and the lines below it; these share its spans with the lines above."""
    if not level.deep:
        return (yield from _plan_items(level, spans, pairing))
    everything = list(walk(spans))
    index = {span.span_id: number for number, span in enumerate(everything)}
    deep = yield from _deep_costs(level, everything, pairing)
    first = len(list(level.spans()))
    serial = count()
    best: Plan | None = None
    frontier: list[tuple[int, int, frozenset[str], frozenset[str]]] = [(0, next(serial), frozenset(), frozenset())]
    for _ in range(MOST_CONFLICTS):
        if not frontier:
            break
        lower, _, not_items, not_deep = heappop(frontier)
        if best is not None and lower >= best.cost:
            break
        kept = [place for place, span in enumerate(spans) if span.span_id not in not_items]
        items = yield from _plan_items(level, [spans[place] for place in kept], pairing)
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


def _plan_items(level: Level, spans: Sequence[Span], pairing: Pairing) -> Planning:
    """Plan the items of a level. Spans with equal starts may stand in another order than given."""
    plan = yield from _plan_given(level, spans, pairing)
    if plan.cost == 0 or all(one.start != other.start for one, other in pairwise(spans)):
        return plan
    if spans[0].start == spans[-1].start and len(level.items) > 1:
        group = AnyOrder(list(level.spans()), [])
        places = [place for place, item in enumerate(level.items) for _ in _lines(item)]
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


def _lines(item: ExpectedSpan | AnyOrder) -> list[ExpectedSpan]:
    return item.items if isinstance(item, AnyOrder) else [item]


def _plan_given(level: Level, spans: Sequence[Span], pairing: Pairing) -> Planning:
    """Plan the items of a level with spans in the order given."""
    before = yield from _in_step(level.items, spans, pairing)
    rest_items, rest_spans = level.items[before:], spans[before:]
    after = yield from _in_step(rest_items[::-1], rest_spans[::-1], pairing)
    items, others = rest_items[: len(rest_items) - after], rest_spans[: len(rest_spans) - after]
    first = before
    search = _Items(items, others, pairing, level.rest)
    found, cost = (yield from search.plan()) if items or others else ([], 0)
    moved = [
        Step(
            step.item + first,
            None if step.line is None else step.line + first,
            None if step.span is None else step.span + first,
        )
        for step in found
    ]
    lines = len(list(level.spans())) - after
    last = [Step(len(level.items) - after + n, lines + n, len(spans) - after + n) for n in range(after)]
    return Plan((*(Step(n, n, n) for n in range(before)), *moved, *last), cost)


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


@dataclass(slots=True)
class _Items:
    """The items of a level that do not simply fit, and the spans beside them."""

    items: Sequence[ExpectedSpan | AnyOrder]
    spans: Sequence[Span]
    pairing: Pairing
    rest: bool
    siblings: Siblings = field(init=False)
    unexpected: list[int] = field(init=False)
    line_costs: dict[tuple[int, bool], dict[int, int]] = field(default_factory=dict)
    lines: list[ExpectedSpan] = field(default_factory=list)
    groups: dict[int, list[int]] = field(default_factory=dict)
    """The lines of each group, by item."""

    def __post_init__(self) -> None:
        self.siblings = Siblings(self.spans, self.pairing.classes)
        self.unexpected = [(0 if self.rest else self.pairing.unexpected(span)) * UNIT + 1 for span in self.spans]
        for number, item in enumerate(self.items):
            if isinstance(item, AnyOrder):
                self.groups[number] = list(range(len(self.lines), len(self.lines) + len(item.items)))
            self.lines += _lines(item)

    def plan(self) -> Generator[Request, None, tuple[list[Step], int]]:
        """Return the steps and the cost."""
        yield from self._compare()
        if len(self.items) == 1 and self.groups:
            cost, steps, _ = self._assign(0, 0, len(self.spans))
            return steps, cost // UNIT
        slots = self._slots({})
        rows = table(slots, self.unexpected)
        runs = self._runs(slots, rows)
        if self.groups:
            runs = self._best_runs(slots, rows, runs)
        steps, cost = self._steps(runs)
        return steps, cost // UNIT

    def _compare(self) -> Generator[Request, None, None]:
        for number, item in enumerate(self.items):
            in_order = number not in self.groups
            for line in _lines(item):
                key = (self.pairing.classes.lines[line], in_order)
                if key not in self.line_costs:
                    costs = yield from self.pairing.costs(line, self.siblings, in_order=in_order)
                    self.line_costs[key] = {number: self._scaled(cost) for number, cost in costs.items()}

    def _scaled(self, cost: int) -> int:
        return cost * UNIT

    def _slots(self, prices: Mapping[int, int]) -> list[Slot]:
        """Return the slots of all items. Those of groups are bounds, for the prices of their lines."""
        slots: list[Slot] = []
        line = 0
        for number, item in enumerate(self.items):
            if isinstance(item, AnyOrder):
                slots.append(self._group_slot(number, prices))
                line += len(item.items)
                continue
            costs = self.siblings.at(self.line_costs[self.pairing.classes.lines[item], True])
            missing = MISSING * item.size * UNIT + 1
            needed = min(item.least, len(costs) + 1)
            slots += [Slot(number, line, missing, costs)] * (needed - 1 if needed < item.least else needed)
            if needed < item.least:
                times = item.least - needed + 1
                slots.append(Slot(number, line, missing * times, {}, times=times))
            if item.most is None:
                slots.append(Slot(number, line, 0, costs, takes_all=True))
            else:
                slots += [Slot(number, line, 0, costs)] * min(item.most - item.least, len(costs))
            line += 1
        return slots

    def _group_slot(self, number: int, prices: Mapping[int, int]) -> Slot:
        """Return the bound of a group: each span takes its cheapest line, at the price of that line."""
        cheapest: dict[int, int] = {}
        constant = 0
        for line_number in self.groups[number]:
            line = self.lines[line_number]
            missing = MISSING * line.size * UNIT + 1
            most = len(self.spans) if line.most is None else line.most
            price = max(prices.get(line_number, -missing if line.least else 0), -missing)
            constant += -price * (line.least if price <= 0 else most)
            costs = self.line_costs[self.pairing.classes.lines[line], False]
            hubs = set(self.pairing.hubs(line, self.siblings))
            for index, span in enumerate(self.siblings.alike):
                cost = costs.get(index)
                if cost is None and hubs:
                    cost = min(
                        (c * UNIT for hub, c in self.pairing.hub_costs(span).items() if hub in hubs), default=None
                    )
                if cost is not None and cost + price < cheapest.get(index, 1 << 60):
                    cheapest[index] = cost + price
        return Slot(number, -1, constant, self.siblings.at(cheapest), takes_all=True)

    def _assign(self, number: int, start: int, end: int) -> tuple[int, list[Step], dict[int, int]]:
        """Assign a run of spans to a group: its cost, its steps, and the prices of its lines."""
        places: dict[int, list[int]] = {}
        for place in range(start, end):
            places.setdefault(self.siblings.of[place], []).append(place)
        index = {kind: position for position, kind in enumerate(places)}
        by_class: dict[int, list[int]] = {}
        for line_number in self.groups[number]:
            by_class.setdefault(self.pairing.classes.lines[self.lines[line_number]], []).append(line_number)
        hubs: dict[object, int] = {}
        demands = []
        for kind, numbers in by_class.items():
            line = self.lines[numbers[0]]
            most = end - start if line.most is None else min(line.most * len(numbers), end - start + 1)
            costs = {index[k]: cost for k, cost in self.line_costs[kind, False].items() if k in index}
            of_line = [hubs.setdefault(hub, len(hubs)) for hub in self.pairing.hubs(line, self.siblings)]
            least = line.least * len(numbers)
            demands.append(Demand(least, max(least, most), MISSING * line.size * UNIT + 1, costs, of_line))
        supplies = []
        for kind, positions in places.items():
            span_hubs = self.pairing.hub_costs(self.siblings.alike[kind])
            supply = {hubs[hub]: cost * UNIT for hub, cost in span_hubs.items() if hub in hubs}
            supplies.append(Supply(len(positions), self.unexpected[positions[0]], supply))
        assigned = assign(supplies, demands)
        steps, missing = [], []
        kinds = list(places)
        for numbers, taken in zip(by_class.values(), assigned.taken, strict=True):
            spans = sorted(place for supply, amount in taken.items() for place in _take(places[kinds[supply]], amount))
            for line_number, share in zip(numbers, _shares(self.lines[numbers[0]], len(numbers), spans), strict=True):
                steps += [Step(number, line_number, place) for place in share]
                missing += [Step(number, line_number, None)] * (self.lines[line_number].least - len(share))
        steps += [Step(number, None, place) for left in places.values() for place in left]
        steps.sort(key=lambda step: step.span or 0)
        prices = {n: price for numbers, price in zip(by_class.values(), assigned.prices, strict=True) for n in numbers}
        return assigned.cost, [*steps, *sorted(missing)], prices

    def _runs(
        self, slots: Sequence[Slot], rows: Table, starts: Mapping[int, Mapping[int, int]] = {}
    ) -> list[Step | tuple[int, int, int]]:
        """Go back from the end of a table: the steps, and for each group its item and its run of spans.

        Of equally cheap ways, the one with the pairs as early as possible is taken. `starts` has, for groups by slot,
        where the run starts that ends at a span.
        """
        found: list[Step | tuple[int, int, int]] = []
        place = len(self.spans)
        for number in range(len(slots), -1, -1):
            row = rows[number]
            slot = slots[number - 1] if number else None
            item = slots[number].item if number < len(slots) else len(self.items)
            is_run = slot is not None and slot.item in self.groups and number - 1 not in starts
            while place and not is_run and row[place] == row[place - 1] + self.unexpected[place - 1]:
                place -= 1
                found.append(Step(item, None, place))
            if slot is None:
                break
            before = rows[number - 1]
            if slot.item in self.groups:
                end = place
                if number - 1 in starts:
                    place = starts[number - 1][place]
                else:
                    place = self._start_of_run(slot, row, before, place)
                found.append((slot.item, place, end))
                continue
            if slot.takes_all:
                while row[place] != before[place] + slot.missing:
                    place -= 1
                    is_pair = place in slot.costs and row[place + 1] == row[place] + slot.costs[place]
                    found.append(Step(slot.item, slot.line if is_pair else None, place))
            elif row[place] == before[place] + slot.missing:
                found += [Step(slot.item, slot.line, None)] * slot.times if slot.missing else []
            else:
                place -= 1
                found.append(Step(slot.item, slot.line, place))
        return found[::-1]

    def _start_of_run(self, slot: Slot, row: Sequence[int], before: Sequence[int], place: int) -> int:
        """Return where a run starts that ends at a place: as early as possible."""
        while row[place] != before[place] + slot.missing:
            place -= 1
        while place and before[place] == before[place - 1] + self.unexpected[place - 1]:
            place -= 1
        return place

    def _best_runs(
        self, slots: Sequence[Slot], rows: Table, runs: list[Step | tuple[int, int, int]]
    ) -> list[Step | tuple[int, int, int]]:
        """Find the run of spans of each group: by bounds that get closer as lines get prices, or else by trial."""
        best, least, lower = runs, self._steps(runs)[1], rows[-1][-1]
        closest = (slots, rows)
        prices: dict[int, int] = {}
        for _ in range(MOST_ROUNDS):
            if least <= lower:
                return best
            for run in runs:
                if not isinstance(run, Step) and run[1] < run[2]:
                    prices |= self._assign(*run)[2]
            slots = self._slots(prices)
            rows = table(slots, self.unexpected)
            runs = self._runs(slots, rows)
            if (cost := self._steps(runs)[1]) < least:
                best, least = runs, cost
            if rows[-1][-1] <= lower:
                break
            lower, closest = rows[-1][-1], (slots, rows)
        return self._try_runs(*closest, least) or best

    def _try_runs(self, slots: Sequence[Slot], bounds: Table, least: int) -> list[Step | tuple[int, int, int]] | None:
        """Try all runs that may be cheaper than `least`; None if none is, or if there are too many."""
        size, left = len(self.spans), MOST_RUNS
        turned = [slot._replace(costs={size - 1 - index: cost for index, cost in slot.costs.items()}) for slot in slots]
        to_end = [row[::-1] for row in table(turned[::-1], self.unexpected[::-1])][::-1]
        rows, starts = [bounds[0]], dict[int, dict[int, int]]()
        for number, slot in enumerate(slots):
            if slot.item not in self.groups:
                rows.append(next_row(rows[-1], slot, self.unexpected))
                continue
            before, row, came = rows[-1], [1 << 60] * (size + 1), dict[int, int]()
            best_gain, skipped = 1 << 60, 0
            for start in range(size + 1):
                if before[start] - skipped < best_gain:
                    best_gain = before[start] - skipped
                    inside = before[start] + slot.missing
                    for end in range(start, size + 1):
                        if inside + to_end[number + 1][end] < least and before[start] + to_end[number][start] < least:
                            left -= end - start + 1
                            if left < 0:
                                return None
                            cost = before[start] + self._assign(slot.item, start, end)[0]
                            if cost < row[end]:
                                row[end], came[end] = cost, start
                        if end < size:
                            inside += min(slot.costs.get(end, 1 << 60), self.unexpected[end])
                skipped += self.unexpected[start] if start < size else 0
            for place in range(size):
                if row[place] + self.unexpected[place] < row[place + 1]:
                    row[place + 1] = row[place] + self.unexpected[place]
            rows.append(row)
            starts[number] = came
        return self._runs(slots, rows, starts) if rows[-1][-1] < least else None

    def _steps(self, runs: list[Step | tuple[int, int, int]]) -> tuple[list[Step], int]:
        """Return the steps, with those of groups in the place of their runs, and the cost."""
        steps, cost = list[Step](), 0
        for run in runs:
            if isinstance(run, Step):
                steps.append(run)
                cost += self._cost(run)
            else:
                more, inside, _ = self._assign(*run)
                steps += inside
                cost += more
        return steps, cost

    def _cost(self, step: Step) -> int:
        if step.line is None:
            assert step.span is not None
            return self.unexpected[step.span]
        line = self.lines[step.line]
        if step.span is None:
            return MISSING * line.size * UNIT + 1
        return self.line_costs[self.pairing.classes.lines[line], True][self.siblings.of[step.span]]


def _take(places: list[int], amount: int) -> list[int]:
    """Remove the first places from a list, and return them."""
    taken = places[:amount]
    del places[:amount]
    return taken


def _shares(line: ExpectedSpan, lines: int, spans: list[int]) -> Iterator[list[int]]:
    """Share the spans of equal lines: each gets what it needs, as far as there are any, then what else it accepts."""
    extra = len(spans) - lines * line.least
    for _ in range(lines):
        room = len(spans) if line.most is None else line.most - line.least
        more = max(0, min(extra, room))
        extra -= more
        yield _take(spans, line.least + more)
