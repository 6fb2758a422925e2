"""Finds which span stands for which line of an expected tree, so that the differences cost as little as possible.

What a difference costs: 2 for each expected span that is missing; 3 for each span that nothing expects; 3 for a span
with another name or service, and 2 for one that differs in anything else (these are the weights of `compare`), with
the costs of what is below it. So a span that fits its line is never said to be missing because of what is below it.
Rules that keep the search short, and its result plain:

- A span is told to have another name or service only if something below it fits, or nothing is below line and span.
- Where the order says nothing, a span is told to have another name only if everything below it fits.
- A line below `...` stands for a span of its own name and service, and is missing otherwise.
- A line that may repeat stands for spans of its own name only.

The plan of a level depends only on what its lines and spans look like, so equal ones are planned once. Levels ask for
the plans below them through a stack of generators, because a trace may be deeper than Python's own stack.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from spantree.expectation.classes import Classes, walk
from spantree.expectation.comparison import Alignment, Row, compare
from spantree.expectation.fit import Fits
from spantree.expectation.fit_question import TooHardError
from spantree.expectation.in_step import align_in_step
from spantree.expectation.level_plan import plan_level
from spantree.expectation.pairing import Pairing
from spantree.expectation.parser import ExpectedSpan, Level
from spantree.expectation.placeholders import Placeholder
from spantree.expectation.plan import Plan, Planning, Request, Step, answers
from spantree.span import Span

__all__ = ["align", "fits_level"]


def align(level: Level, spans: Sequence[Span], placeholders: Mapping[str, Placeholder]) -> Alignment:
    """Align spans, with everything below them, with an expected tree.

    Spans that fit are never said to differ: whether they do is decided first, and exactly. Where they do not, the cost
    is the smallest there is, with exceptions. Siblings that started at the same time are put into an order in which
    they fit, if it is found, or into the best order if all of them started at once. In large traces, a small cost has
    to do where groups in any order stand between other lines, where lines below `...` want the spans of others, and
    where a level has more than some 4,000,000 pairs of lines and spans that do not fit at once.
    """
    if (in_step := align_in_step(level, spans, placeholders)) is not None:
        return in_step
    fits, request = _begin(level, spans, placeholders)
    pairing = fits.pairing
    with suppress(TooHardError):
        _find(request, fits)
    plans = {key: plan for key, plan in fits.known.items() if plan is not None}
    pairing.known |= dict.fromkeys(plans, 0)
    if request.key not in plans:
        _plan(request, pairing, plans)
    return _Writer(pairing, plans).write(request)


def fits_level(
    level: Level,
    spans: Sequence[Span],
    placeholders: Mapping[str, Placeholder],
    *,
    ignoring_strangers: bool = False,
) -> bool:
    """Return whether spans, with everything below them, fit an expected tree, in less time than `align` takes.

    If it is `ignoring_strangers`, other spans may stand anywhere if no line beside them has their service and name.
    """
    if align_in_step(level, spans, placeholders) is not None:
        return True
    fits, request = _begin(level, spans, placeholders, ignoring_strangers=ignoring_strangers)
    try:
        _find(request, fits)
    except TooHardError:
        return not ignoring_strangers and align(level, spans, placeholders).cost == 0
    return fits.known[request.key] is not None


def _begin(
    level: Level,
    spans: Sequence[Span],
    placeholders: Mapping[str, Placeholder],
    *,
    ignoring_strangers: bool = False,
) -> tuple[Fits, Request]:
    classes = Classes(level, spans)
    request = Request(level, spans, (classes.levels[level], classes.family(spans)))
    return Fits(Pairing(classes, placeholders), ignoring_strangers), request


def _find(request: Request, fits: Fits) -> None:
    """Find out whether a level fits. Raises TooHardError."""
    for key, plan in answers(request, fits.plan):
        fits.known[key] = plan


def _plan(request: Request, pairing: Pairing, plans: dict[tuple[int, int], Plan]) -> None:
    """Plan a level, and the levels below that it asks for."""

    def plan(level: Level, spans: Sequence[Span]) -> Planning:
        return plan_level(level, spans, pairing)

    for key, found in answers(request, plan):
        plans[key] = found
        pairing.known[key] = found.cost


@dataclass(slots=True)
class _Rows:
    """The rows of a level while they are written; `left` are the steps that are still to come."""

    request: Request
    cost: int
    lines: list[ExpectedSpan]
    everything: Sequence[Span]
    """The spans that lines at any depth may stand for."""
    left: list[Step]
    rows: list[Row] = field(default_factory=list)

    def line(self, step: Step) -> ExpectedSpan | None:
        return None if step.line is None else self.lines[step.line]

    def span(self, step: Step) -> Span | None:
        if step.span is None:
            return None
        is_deep = step.line is not None and self.lines[step.line] in self.request.level.deep
        return self.everything[step.span] if is_deep else self.request.spans[step.span]


@dataclass(slots=True)
class _Writer:
    """Writes the rows of planned levels, without recursion."""

    pairing: Pairing
    plans: dict[tuple[int, int], Plan]

    def write(self, request: Request) -> Alignment:
        """Return the alignment of a level with everything below it."""
        waiting = [self._begin(request)]
        while True:
            current = waiting[-1]
            if not current.left:
                waiting.pop()
                done = Alignment(current.request.level, tuple(current.rows), current.cost)
                if not waiting:
                    return done
                waiting[-1].rows.append(self._pair(waiting[-1], done))
                continue
            step = current.left[-1]
            line, span = current.line(step), current.span(step)
            if line is not None and span is not None:
                waiting.append(self._begin(self.pairing.below(line, span)))
                continue
            allowed = current.request.level.rest if line is None else line.optional
            current.rows.append(Row(line, span, step.item, allowed=allowed))
            current.left.pop()

    def _pair(self, rows: _Rows, below: Alignment) -> Row:
        step = rows.left.pop()
        line, span = rows.line(step), rows.span(step)
        assert line is not None
        assert span is not None
        return Row(line, span, step.item, compare(line, span, self.pairing.placeholders) or (), below)

    def _begin(self, request: Request) -> _Rows:
        """Begin the rows of a level. One that is simple was not planned yet."""
        level, spans, key = request
        if key not in self.plans:
            _plan(request, self.pairing, self.plans)
        steps, cost = self.plans[key]
        everything = list(walk(spans)) if level.deep else ()
        return _Rows(request, cost, [*level.spans(), *level.deep], everything, list(steps[::-1]))
