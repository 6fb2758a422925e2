"""Decides whether spans fit a level of a tree, and how, without a search for the smallest difference.

First, what is on the lines is compared: a span that fits none, or a line that too few spans fit, is a proof. What is
below is asked for after that. Then the order is checked; where it is open, in groups and among spans that started at
the same time, the question is whether a flow exists.
"""

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import TypeAlias

from spantree.expectation.classes import walk
from spantree.expectation.comparison import same_service_and_name
from spantree.expectation.fit_by_flow import fit_by_flow
from spantree.expectation.fit_in_order import fit_in_order
from spantree.expectation.fit_question import Question, Taken, bounds, share
from spantree.expectation.pairing import Pairing
from spantree.expectation.parser import ExpectedSpan, Level
from spantree.expectation.plan import Plan, Request, Step
from spantree.expectation.wants import Want, Wants
from spantree.span import Span

__all__ = ["Fit", "Fits"]

Fit: TypeAlias = Generator[Request, None, Plan | None]


@dataclass(slots=True)
class Fits:
    """Finds out what fits, and remembers it by class: a plan, or None.

    Where it `ignores_strangers`, spans whose service and name no line beside them has do not matter.
    """

    pairing: Pairing
    ignores_strangers: bool = False
    known: dict[tuple[int, int], Plan | None] = field(default_factory=dict)
    wants: dict[int, Wants] = field(default_factory=dict)

    def plan(self, level: Level, spans: Sequence[Span]) -> Fit:
        """Return how spans fit a level; None if they do not. What is asked for below has to be entered in `known`."""
        number = self.pairing.classes.levels[level]
        if number not in self.wants:
            self.wants[number] = Wants(level, self.pairing.classes)
        wants = self.wants[number]
        if self.ignores_strangers and not level.rest:
            spans = [span for span in spans if self._has_line(level, span)]
        if not wants.accept(spans):
            return None
        question = yield from self._ask(wants, spans)
        if question is None:
            return None
        taken = _answer(question)
        return None if taken is None else Plan(tuple(_steps(question, taken)), 0)

    def _has_line(self, level: Level, span: Span) -> bool:
        return any(same_service_and_name(line.line, span, self.pairing.placeholders) for line in level.spans())

    def _ask(self, wants: Wants, spans: Sequence[Span]) -> Generator[Request, None, Question | None]:
        """Find the lines that each span fits; None if that is proof enough that they do not fit."""
        items = len(wants.by_item)
        everything = list(walk(spans)) if wants.deep else []
        heads: dict[int, list[int]] = {}
        options, deep = list[list[int]](), list[list[int]]()
        for span, (low, high) in zip(spans, bounds(wants, spans), strict=True):
            options.append([w for w in self._heads(wants, span, heads) if low <= wants.all[w].item <= high])
            if not options[-1] and not wants.level.rest:
                return None
        for span in everything:
            deep.append([want for want in self._heads(wants, span, heads) if wants.all[want].item == items])
        if not _are_enough(wants, options, deep):
            return None
        if not (yield from self._look_below(wants, spans, options, wants.level.rest)):
            return None
        yield from self._look_below(wants, everything, deep, True)
        if not _are_enough(wants, options, deep):
            return None
        index = {span.span_id: number for number, span in enumerate(everything)}
        at = [index[span.span_id] for span in spans] if everything else list(range(len(spans)))
        return Question(wants, spans, options, everything, deep, at)

    def _heads(self, wants: Wants, span: Span, known: dict[int, list[int]]) -> list[int]:
        """Return the wants that a span fits as far as the line itself says."""
        tree = self.pairing.classes.trees[span.span_id]
        if tree not in known:
            known[tree] = sorted(want for want in set(wants.candidates(span)) if self._may_fit(wants.all[want], span))
        return known[tree]

    def _may_fit(self, want: Want, span: Span) -> bool:
        return want.line.size <= self.pairing.classes.sizes[span.span_id] and self.pairing.weight(want.line, span) == 0

    def _look_below(
        self, wants: Wants, spans: Sequence[Span], options: list[list[int]], rest: bool
    ) -> Generator[Request, None, bool]:
        """Remove the options that do not fit below; return False if one of the spans, which must fit, has none left."""
        for place, span in enumerate(spans):
            for want in options[place][:]:
                if not (yield from self._fits_below(wants.all[want].line, span)):
                    options[place].remove(want)
            if not options[place] and not rest:
                return False
        return True

    def _fits_below(self, line: ExpectedSpan, span: Span) -> Generator[Request, None, bool]:
        if not (line.below.items or line.below.deep) and (line.below.rest or not span.children):
            return True
        request = self.pairing.below(line, span)
        if request.key not in self.known:
            yield request
        return self.known[request.key] is not None


def _are_enough(wants: Wants, options: Sequence[Sequence[int]], deep: Sequence[Sequence[int]]) -> bool:
    """Return whether each line has as many candidates as it needs."""
    candidates = Counter(chain(chain.from_iterable(options), chain.from_iterable(deep)))
    return all(candidates[number] >= want.least for number, want in enumerate(wants.all))


def _answer(question: Question) -> Taken | None:
    """Take the spans in the order given, if that fits; else in any that their starts allow."""
    taken = fit_in_order(question)
    if taken is not None:
        if not question.wants.deep:
            return taken
        taken = {want: [question.at[place] for place in places] for want, places in taken.items()}
        used = {place for places in taken.values() for place in places}
        left = [(place, options) for place, options in enumerate(question.deep) if place not in used]
        others = share(question, question.wants.deep, left, 1, least=True)
        if others is not None:
            return taken | others
    elif all(one.start != other.start for one, other in pairwise(question.spans)):
        return None
    return fit_by_flow(question)


def _steps(question: Question, taken: Taken) -> list[Step]:
    """Write a plan: rows by item and span, and what no line takes before the next that one takes."""
    wants, items = question.wants.all, len(question.wants.level.items)
    place_of = {at: place for place, at in enumerate(question.at)}
    steps, deep = list[Step](), list[Step]()
    for number, want in enumerate(wants):
        places = sorted(taken.get(number, ()))
        for item, line, at in _shares(want, places):
            if item == items:
                deep.append(Step(items, line, at))
            elif at is not None:
                steps.append(Step(item, line, place_of[at]))
    steps.sort(key=lambda step: (step.item, step.span or 0))
    used = {step.span for step in steps}
    written, ahead = list[Step](), list(steps)
    for place in range(len(question.spans)):
        if place in used:
            continue
        count = next((n for n, step in enumerate(ahead) if (step.span or 0) > place), len(ahead))
        written += ahead[:count]
        del ahead[:count]
        written.append(Step(ahead[0].item if ahead else items, None, place))
    return [*written, *ahead, *sorted(deep, key=lambda step: step.line or 0)]


def _shares(want: Want, places: list[int]) -> Iterator[tuple[int, int, int | None]]:
    """Share spans among equal lines: each gets what it needs, then what else it accepts. One may get None."""
    lines = len(want.numbers)
    least, most = want.least // lines, want.most // lines
    extra = len(places) - want.least
    begin = 0
    for item, line in zip(want.items, want.numbers, strict=True):
        size = least + min(extra, most - least)
        extra -= size - least
        for place in places[begin : begin + size] or (None,):
            yield item, line, place
        begin += size
