"""Decides whether spans fit a level where several of them may change places, or have lines of two kinds.

Spans that started at the same time are a block, within which the order is open. A flow gives each span a line that it
fits. If in it a span of an earlier block has a later item than a span of a later block, two cases are tried: all spans
up to the earlier block keep to the items up to that of the later span, or all spans after the earlier block keep to the
items after it. Mostly, the first flow is in order.
"""

from itertools import groupby

from spantree.expectation.fit_question import NEVER, Question, Taken, TooHardError, bounds, share

__all__ = ["fit_by_flow"]

MOST_FLOWS, MOST_WORK = 2_000, 200_000
"""How many flows are tried, and how many spans and lines these may have together."""


def fit_by_flow(question: Question) -> Taken | None:
    """Return how lines take spans, those below `...` included; None if they cannot. Raises TooHardError."""
    blocks = _blocks(question)
    flows = min(MOST_FLOWS, max(20, MOST_WORK // (len(question.everything) + len(question.wants.all) + 1)))
    first = bounds(question.wants, question.spans)
    waiting = [[first[block[0]] for block in blocks]]
    while waiting:
        limits = waiting.pop()
        if flows == 0:
            raise TooHardError
        flows -= 1
        taken = _flow(question, blocks, limits)
        if taken is None:
            continue
        cut = _disorder(question, blocks, taken)
        if cut is None:
            return taken
        block, item = cut
        before, after = limits[: block + 1], limits[block + 1 :]
        waiting.append([*before, *((max(low, item + 1), high) for low, high in after)])
        waiting.append([*((low, min(high, item)) for low, high in before), *after])
    return None


def _blocks(question: Question) -> list[list[int]]:
    places = range(len(question.spans))
    return [list(tied) for _, tied in groupby(places, key=lambda place: question.spans[place].start)]


def _flow(question: Question, blocks: list[list[int]], limits: list[tuple[int, int]]) -> Taken | None:
    everyone = question.wants.all
    options: list[list[int]] = [list(deep) for deep in question.deep]
    if not options:
        options = [[] for _ in question.spans]
    for block, (low, high) in zip(blocks, limits, strict=True):
        for place in block:
            options[question.at[place]] += [w for w in question.options[place] if low <= everyone[w].item <= high]
    places = list(enumerate(options))
    return share(question, range(len(everyone)), places, 1 if question.rest else NEVER, least=True)


def _disorder(question: Question, blocks: list[list[int]], taken: Taken) -> tuple[int, int] | None:
    """Return a block with a later item than a span after it, and the item of that span; None if all are in order."""
    items = len(question.wants.by_item)
    item_of = {
        place: question.wants.all[want].item
        for want, places in taken.items()
        for place in places
        if question.wants.all[want].item < items
    }
    latest, latest_block = -1, -1
    for number, block in enumerate(blocks):
        mine = [item_of[question.at[place]] for place in block if question.at[place] in item_of]
        if mine and min(mine) < latest:
            return latest_block, min(mine)
        if mine and max(mine) >= latest:
            latest, latest_block = max(mine), number
    return None
