"""Decides whether spans in the order given fit the items of a level: which runs of spans each item may end with."""

from bisect import bisect_left
from collections.abc import Sequence

from spantree.expectation.fit_question import NEVER, Question, Taken, share

__all__ = ["fit_in_order"]


def fit_in_order(question: Question) -> Taken | None:
    """Return how the items take the spans in the order given; None if they cannot."""
    if question.rest:
        taken = _earliest(question)
        return None if taken is None else _with_more(question, taken)
    return _all_in_runs(question)


def _all_in_runs(question: Question) -> Taken | None:
    """Give each item a run of spans, without any span between: by where the runs of the items before may end."""
    ends: dict[int, int] = {0: 0}
    before: list[dict[int, int]] = []
    for item in range(len(question.wants.by_item)):
        before.append(ends)
        ends = _ends(question, item, sorted(ends))
        if not ends:
            return None
    end = len(question.spans)
    if end not in ends:
        return None
    taken: Taken = {}
    for item in range(len(before) - 1, -1, -1):
        start = ends[end]
        inside = _group(question, item, start, end, NEVER, least=True)
        assert inside is not None
        taken |= inside
        ends, end = before[item], start
    return taken


def _ends(question: Question, item: int, starts: Sequence[int]) -> dict[int, int]:
    """Return where the run of an item may end, and with which start.

    A run that begins later ends no earlier, at the least and at the most.
    """
    wants = question.wants
    least, most = (each[item + 1] - each[item] for each in (wants.least, wants.most))
    mine = set(wants.by_item[item])
    found: dict[int, int] = {}
    places = _places(question, item) if len(mine) > 1 else {}
    is_disjoint = len(places) > 1 and sum(map(len, places.values())) == len(set().union(*places.values()))
    reach = covered = 0
    for start in starts:
        reach = max(reach, start)
        while reach < len(question.spans) and reach < start + most and not mine.isdisjoint(question.options[reach]):
            reach += 1
        first, last = start + least, reach
        if first > last:
            continue
        if is_disjoint:
            first, last = _by_counts(question, places, start, first, last)
        elif len(mine) > 1:
            if first == last:
                if _group(question, item, start, last, NEVER, least=True) is not None:
                    found.setdefault(last, start)
                continue
            last = _last_true(start, last, question, item)
            first = _first_true(start, first, last, question, item)
        for end in range(max(first, covered), last + 1):
            found.setdefault(end, start)
        covered = max(covered, last)
    return found


def _places(question: Question, item: int) -> dict[int, list[int]]:
    """Return the spans that fit each want of an item."""
    places: dict[int, list[int]] = {want: [] for want in question.wants.by_item[item]}
    for place, options in enumerate(question.options):
        for want in options:
            if want in places:
                places[want].append(place)
    return places


def _by_counts(question: Question, places: dict[int, list[int]], start: int, first: int, last: int) -> tuple[int, int]:
    """Return the smallest and the largest end of a run of a group in which each span fits one want only."""
    for want, mine in places.items():
        least, most = question.wants.all[want].least, question.wants.all[want].most
        begin = bisect_left(mine, start)
        if least:
            first = max(first, mine[begin + least - 1] + 1 if begin + least <= len(mine) else last + 1)
        if begin + most < len(mine):
            last = min(last, mine[begin + most])
    return first, last


def _last_true(start: int, end: int, question: Question, item: int) -> int:
    """Return the largest end of a run all of whose spans a group can take."""
    low, high = start, end
    while low < high:
        middle = high if high == end else (low + high + 1) // 2
        if _group(question, item, start, middle, NEVER, least=False) is not None:
            low = middle
        else:
            high = middle - 1
    return low


def _first_true(start: int, first: int, last: int, question: Question, item: int) -> int:
    """Return the smallest end of a run that has what a group needs; one after the last if none has."""
    low, high = first, last + 1
    while low < high:
        middle = low if low == first else (low + high) // 2
        if _group(question, item, start, middle, 0, least=True) is not None:
            high = middle
        else:
            low = middle + 1
    return low


def _group(question: Question, item: int, start: int, end: int, unused: int, *, least: bool) -> Taken | None:
    wants = question.wants.by_item[item]
    if len(wants) == 1:
        return {wants[0]: list(range(start, end))}
    places = [(place, [w for w in question.options[place] if w in wants]) for place in range(start, end)]
    return share(question, wants, places, unused, least=least)


def _earliest(question: Question) -> Taken | None:
    """Give each item the spans that it needs, as early as possible, and skip others."""
    taken: Taken = {}
    place, total = 0, len(question.spans)
    for item, wants in enumerate(question.wants.by_item):
        needed = {want: question.wants.all[want].least for want in wants}
        lacking, end = dict(needed), place
        while any(number > 0 for number in lacking.values()):
            if end == total:
                return None
            for want in question.options[end]:
                if want in lacking:
                    lacking[want] -= 1
            end += 1
        if len(wants) == 1:
            taken[wants[0]] = [number for number in range(place, end) if wants[0] in question.options[number]]
        elif any(needed.values()):
            end = _first_true(place, end, total, question, item)
            if end > total:
                return None
            inside = _group(question, item, place, end, 1, least=True)
            assert inside is not None
            taken |= inside
        place = end
    return taken


def _with_more(question: Question, taken: Taken) -> Taken:
    """Let items take spans that are left, as far as the order and their numbers allow."""
    everyone = question.wants.all
    item_at = {place: everyone[want].item for want, places in taken.items() for place in places}
    last_items = [len(question.wants.by_item)] * (len(question.spans) + 1)
    for place in range(len(question.spans) - 1, -1, -1):
        last_items[place] = item_at.get(place, last_items[place + 1])
    first = 0
    for place, options in enumerate(question.options):
        if place in item_at:
            first = item_at[place]
            continue
        for want in options:
            mine = taken.setdefault(want, [])
            if first <= everyone[want].item <= last_items[place] and len(mine) < everyone[want].most:
                mine.append(place)
                first = everyone[want].item
                break
    return taken
