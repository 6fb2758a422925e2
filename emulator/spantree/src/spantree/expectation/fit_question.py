"""What is asked about a level: which lines each of its spans fits, so that only their order and number are open."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from spantree.expectation.assignment import Demand, Supply, assign
from spantree.expectation.wants import Wants
from spantree.span import Span

__all__ = ["NEVER", "Question", "Taken", "TooHardError", "bounds", "share"]

NEVER = 1 << 32
"""The cost of what must not be: more than that of leaving out all spans that may be left out, which is 1 each."""

Taken: TypeAlias = dict[int, list[int]]
"""The spans of each want, by index; those of lines below `...` by their index among all spans below as well."""


class TooHardError(Exception):
    """Whether spans fit could not be decided in a reasonable time."""


@dataclass(frozen=True, slots=True)
class Question:
    """Do these spans fit? `options` has the wants of the items that each span fits, `deep` the wants below `...`.

    `deep` is by index among `everything`: the spans and all below them. `at` has the index there of each span.
    """

    wants: Wants
    spans: Sequence[Span]
    options: Sequence[Sequence[int]]
    everything: Sequence[Span]
    deep: Sequence[Sequence[int]]
    at: Sequence[int]

    @property
    def rest(self) -> bool:
        """Whether spans may stand for no line."""
        return self.wants.level.rest


def bounds(wants: Wants, spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Return the first and the last item that each span may stand for, by the numbers of spans before and after it."""
    least, most, total, items = wants.least, wants.most, len(spans), len(wants.by_item)
    if wants.level.rest:
        return [(0, items - 1)] * total
    least_after = [least[-1] - needed for needed in least]
    most_after = [most[-1] - accepted for accepted in most]
    found: list[tuple[int, int]] = []
    for _, tied in groupby(spans, key=lambda span: span.start):
        begin, end = len(found), len(found) + len(list(tied))
        # All items before the first are full with the spans before, or those after it need no more than there are.
        low = max(bisect_right(most, begin) - 1, bisect_left(least_after, -(total - 1 - begin), key=lambda n: -n) - 1)
        high = min(bisect_right(least, end - 1) - 1, bisect_left(most_after, -(total - end), key=lambda n: -n) - 1)
        found += [(low, high)] * (end - begin)
    return found


def share(
    question: Question, wants: Iterable[int], places: Sequence[tuple[int, Sequence[int]]], unused: int, *, least: bool
) -> Taken | None:
    """Assign spans, each with its options, to wants; None if it is impossible. `unused` is the cost of leaving one out.

    With `least`, wants get what they need.
    """
    wanted = list(wants)
    supplies: dict[tuple[int, ...], list[int]] = {}
    for place, options in places:
        supplies.setdefault(tuple(options), []).append(place)
    index: dict[int, dict[int, int]] = {want: {} for want in wanted}
    for number, options in enumerate(supplies):
        for want in options:
            if want in index:
                index[want][number] = 0
    all_wants = question.wants.all
    demands = [
        Demand(all_wants[want].least if least else 0, all_wants[want].most, NEVER, index[want]) for want in wanted
    ]
    assigned = assign([Supply(len(same), unused) for same in supplies.values()], demands)
    if assigned.cost >= NEVER:
        return None
    lists = [list(same) for same in supplies.values()]
    taken: Taken = {}
    for want, amounts in zip(wanted, assigned.taken, strict=True):
        taken[want] = []
        for number, amount in amounts.items():
            taken[want] += lists[number][:amount]
            del lists[number][:amount]
        taken[want].sort()
    return taken
