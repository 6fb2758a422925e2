"""Finds the cheapest way to place the items of a level that do not simply fit: by edit distance, with groups inside.

Which run of spans belongs to each group is found by bounds: in these, a line of a group takes any number of spans, each
at a price, and prices rise where too many want the same line (a Lagrangian relaxation). If the bound is not reached,
the runs that may be cheaper are tried.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from spantree.expectation.assignment import Demand, Supply, assign
from spantree.expectation.edit_distance import FAR, Slot, Table, next_row, table
from spantree.expectation.pairing import MISSING, Hub, Pairing, Siblings
from spantree.expectation.parser import AnyOrder, ExpectedSpan
from spantree.expectation.plan import UNIT, Request, Step
from spantree.span import Span

__all__ = ["ItemSearch", "lines_of"]

MOST_ROUNDS = 4
"""How often the prices of lines in a group are adapted, to find the spans of each group."""
MOST_TRIALS = 1_000_000
"""The most work, in tenths of a microsecond or so, to prove which run of spans belongs to each group."""


@dataclass(slots=True)
class Trials:
    """How much work is left for trials, and the cost that they must get below."""

    least: int
    left: int


@dataclass(slots=True)
class ItemSearch:
    """The items of a level that do not simply fit, and the spans beside them."""

    items: Sequence[ExpectedSpan | AnyOrder]
    spans: Sequence[Span]
    pairing: Pairing
    rest: bool
    siblings: Siblings = field(init=False)
    unexpected: list[int] = field(init=False)
    span_hubs: list[dict[Hub, int]] = field(default_factory=list)
    line_hubs: dict[int, list[Hub]] = field(default_factory=dict)
    line_costs: dict[tuple[int, bool], dict[int, int]] = field(default_factory=dict)
    lines: list[ExpectedSpan] = field(default_factory=list)
    groups: dict[int, list[int]] = field(default_factory=dict)
    """The lines of each group, by item."""
    assigned: dict[tuple[int, int, int], tuple[int, list[Step], dict[int, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.siblings = Siblings(self.spans, self.pairing.classes)
        self.unexpected = [(0 if self.rest else self.pairing.unexpected(span)) * UNIT + 1 for span in self.spans]
        for number, item in enumerate(self.items):
            if isinstance(item, AnyOrder):
                self.groups[number] = list(range(len(self.lines), len(self.lines) + len(item.items)))
            self.lines += lines_of(item)

    def plan(self) -> Generator[Request, None, tuple[list[Step], int]]:
        """Return the steps and the cost."""
        yield from self._compare()
        if self.groups:
            self.span_hubs = [self.pairing.hub_costs(span) for span in self.siblings.alike]
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
            for line in lines_of(item):
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
        at_hub: dict[Hub, int] = {}
        constant = 0
        for line_number in self.groups[number]:
            line = self.lines[line_number]
            missing = MISSING * line.size * UNIT + 1
            most = len(self.spans) if line.most is None else line.most
            price = max(prices.get(line_number, -missing if line.least else 0), -missing)
            constant += -price * (line.least if price <= 0 else most)
            kind = self.pairing.classes.lines[line]
            for index, cost in self.line_costs[kind, False].items():
                cheapest[index] = min(cheapest.get(index, FAR), cost + price)
            for hub in self._hubs_of(line):
                at_hub[hub] = min(at_hub.get(hub, FAR), price)
        for index, hubs in enumerate(self.span_hubs if at_hub else ()):
            for hub, cost in hubs.items():
                if hub in at_hub:
                    cheapest[index] = min(cheapest.get(index, FAR), cost * UNIT + at_hub[hub])
        return Slot(number, -1, constant, self.siblings.at(cheapest), takes_all=True)

    def _hubs_of(self, line: ExpectedSpan) -> list[Hub]:
        kind = self.pairing.classes.lines[line]
        if kind not in self.line_hubs:
            self.line_hubs[kind] = self.pairing.hubs(line, self.siblings)
        return self.line_hubs[kind]

    def _assign(self, number: int, start: int, end: int) -> tuple[int, list[Step], dict[int, int]]:
        """Assign a run of spans to a group: its cost, its steps, and the prices of its lines."""
        if (number, start, end) not in self.assigned:
            self.assigned[number, start, end] = self._assign_anew(number, start, end)
        return self.assigned[number, start, end]

    def _assign_anew(self, number: int, start: int, end: int) -> tuple[int, list[Step], dict[int, int]]:
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
            of_line = [hubs.setdefault(hub, len(hubs)) for hub in self._hubs_of(line)]
            least = line.least * len(numbers)
            demands.append(Demand(least, max(least, most), MISSING * line.size * UNIT + 1, costs, of_line))
        supplies = []
        for kind, positions in places.items():
            supply = {hubs[hub]: cost * UNIT for hub, cost in self.span_hubs[kind].items() if hub in hubs}
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
        size, trials = len(self.spans), Trials(least, MOST_TRIALS)
        turned = [slot._replace(costs={size - 1 - index: cost for index, cost in slot.costs.items()}) for slot in slots]
        to_end = [row[::-1] for row in table(turned[::-1], self.unexpected[::-1])][::-1]
        rows, starts = [bounds[0]], dict[int, dict[int, int]]()
        for number, slot in enumerate(slots):
            if slot.item not in self.groups:
                rows.append(next_row(rows[-1], slot, self.unexpected))
                continue
            row, starts[number] = [FAR] * (size + 1), {}
            for start in self._starts(rows[-1], to_end[number], least):
                self._try_ends(slot, start, rows[-1][start], to_end[number + 1], row, starts[number], trials)
                if trials.left < 0:
                    return None
            for place, skipped in enumerate(self.unexpected):
                row[place + 1] = min(row[place + 1], row[place] + skipped)
            rows.append(row)
        return self._runs(slots, rows, starts) if rows[-1][-1] < least else None

    def _starts(self, before: Sequence[int], to_end: Sequence[int], least: int) -> Iterator[int]:
        """Yield where a run may start. A later start must be cheaper, since a group may leave spans alone as well."""
        best, skipped = FAR, 0
        for start, cost in enumerate(before):
            if cost - skipped < best and cost + to_end[start] < least:
                best = cost - skipped
                yield start
            skipped += self.unexpected[start] if start < len(self.unexpected) else 0

    def _try_ends(
        self,
        slot: Slot,
        start: int,
        before: int,
        to_end: Sequence[int],
        row: list[int],
        starts: dict[int, int],
        trials: Trials,
    ) -> None:
        """Try all runs of a group that start at a span; enter the cost and the start by the end, if it is better."""
        inside = before + slot.missing
        for end in range(start, len(self.spans) + 1):
            if inside + to_end[end] < trials.least:
                trials.left -= 500 + 50 * (end - start + len(self.groups[slot.item]))
                if trials.left < 0:
                    return
                cost = before + self._assign(slot.item, start, end)[0]
                if cost < row[end]:
                    row[end], starts[end] = cost, start
            if end < len(self.spans):
                inside += min(slot.costs.get(end, FAR), self.unexpected[end])
        trials.left -= len(self.spans) - start

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

    def cost_of(self, steps: Sequence[Step]) -> int:
        """Return the cost of steps outside of groups."""
        return sum(map(self._cost, steps)) // UNIT

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


def lines_of(item: ExpectedSpan | AnyOrder) -> list[ExpectedSpan]:
    return item.items if isinstance(item, AnyOrder) else [item]
