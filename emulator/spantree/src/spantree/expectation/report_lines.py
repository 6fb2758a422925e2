"""Writes a report's tree as lines of text: the differences with their context, everything else folded."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from spantree.expectation.report_tree import (
    DIFFERENT,
    LOST,
    MISSING,
    MOVED,
    OTHERS,
    UNEXPECTED,
    Node,
    walk_nodes,
)

__all__ = ["MARKS", "ReportLine", "first_lines", "full_lines", "missing_texts", "summary"]

CONTEXT = 2
"""Unmarked lines that are shown before and after a difference, besides its ancestors in the tree."""
SUBTREE = 12
"""The most lines that are shown of a span that is missing or not expected, with those below it."""

RED, GREEN, YELLOW, CYAN, DIM, RESET = "\033[31m", "\033[32m", "\033[33m", "\033[36m", "\033[2m", "\033[0m"
COLOURS = {"-": RED, "+": GREEN, "~": YELLOW, ">": CYAN, "!": RED}
MARKS = {MISSING: "-", LOST: "-", UNEXPECTED: "+", DIFFERENT: "~", MOVED: ">"}
LEGEND = {"-": "- expected", "+": "+ found", "~": "~ different", ">": "> moved", "!": "! forbidden"}


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A line that belongs to no place in the tree: a span that must never occur."""

    text: str
    reason: str


class _Line(NamedTuple):
    node: Node
    depth: int
    in_subtree: int
    """How many lines it stands below the first of the missing, unexpected or moved lines that it is one of."""

    @property
    def is_difference(self) -> bool:
        return self.node.kind in MARKS or bool(self.node.reason)


def summary(top: Node, forbidden: int) -> str:
    """Return the sentence with the number of each kind of difference."""
    counts = {MISSING: 0, LOST: 0, UNEXPECTED: 0, DIFFERENT: 0, MOVED: 0}
    for node, times in _times(top):
        if node.kind in counts:
            counts[node.kind] += times
    found = [f"{number} {kind}" for kind, number in counts.items() if number]
    found += [f"{forbidden} that must never occur"] if forbidden else []
    used = {"-", "+", *(MARKS[kind] for kind, number in counts.items() if number), *("!" if forbidden else "")}
    legend = ", ".join(text for mark, text in LEGEND.items() if mark in used)
    return f"the trace is not as expected: {', '.join(found)}  ({legend})"


def _times(top: Node) -> Iterator[tuple[Node, int]]:
    """Yield each node with the number of spans or lines that it stands for."""
    waiting = [(below, 1) for below in top.below]
    while waiting:
        node, times = waiting.pop()
        times *= node.count
        yield node, times
        waiting += [(below, times) for below in node.below]


def full_lines(top: Node, forbidden: list[ReportLine], limit: int | None, *, colour: bool) -> Iterator[str]:
    """Yield the lines of the report, with at most `limit` lines that differ."""
    lines = list(_flatten(top))
    shown = _shown(lines, limit)
    expected = differing = 0
    first = True
    for number, line in enumerate(lines):
        if number not in shown:
            expected, differing = expected + (not line.is_difference), differing + line.is_difference
            continue
        yield from _folded(expected, differing, colour=colour)
        expected = differing = 0
        yield _format(line, is_first=first and line.is_difference, colour=colour)
        first = first and not line.is_difference
    yield from _folded(expected, differing, colour=colour)
    shown_forbidden = forbidden if limit is None else forbidden[:limit]
    for each in shown_forbidden:
        yield _forbidden(each, is_first=first, colour=colour)
        first = False
    if len(forbidden) > len(shown_forbidden):
        yield f"  ⋮ {len(forbidden) - len(shown_forbidden)} more that must never occur"


def first_lines(top: Node, forbidden: list[ReportLine], *, colour: bool) -> list[str]:
    """Return the first difference, the line above it in the tree, and the next line."""
    lines = list(_flatten(top))
    number = next((number for number, line in enumerate(lines) if line.is_difference), None)
    if number is None:
        return [_forbidden(each, is_first=True, colour=colour) for each in forbidden[:1]]
    above = [line for line in lines[:number] if line.depth < lines[number].depth][-1:]
    after = lines[number + 1 : number + 2]
    return [_format(line, is_first=line is lines[number], colour=colour) for line in (*above, lines[number], *after)]


def _flatten(top: Node) -> Iterator[_Line]:
    """Yield the lines in order. The lines below one whose span came in another trace are not repeated."""
    waiting = [(below, 0) for below in reversed(top.below)]
    started: dict[int, int] = {}
    number = run = 0
    while waiting:
        node, depth = waiting.pop()
        start = started.get(id(node.above), number) if node.kind in {MISSING, UNEXPECTED} else number
        if node.kind == MOVED:  # without a reason, it belongs to a run of lines that moved together
            start = run = number if node.reason else run
        if node.kind in {MISSING, UNEXPECTED}:
            started[id(node)] = start
        yield _Line(node, depth, number - start)
        number += 1
        if node.kind != LOST:
            waiting += [(below, depth + 1) for below in reversed(node.below)]


def _text(node: Node) -> str:
    if node.kind == OTHERS:
        return f"... {len(node.spans)} other{'s' if len(node.spans) > 1 else ''}, as allowed"
    if node.expected is not None:
        text, times = str(node.expected.line), "" if node.expected.repeats else node.count
    else:
        text, times = str(node.span), node.count
    return f"{text} ×{times}" if times not in {"", 1} else text


def _format(line: _Line, *, is_first: bool, colour: bool) -> str:
    mark, reason = MARKS.get(line.node.kind, " "), line.node.reason
    if is_first:
        reason = f"first difference: {reason}" if reason else "first difference"
    text = f"{mark} {'  ' * line.depth}{_text(line.node)}{f'   ← {reason}' if reason else ''}"
    return f"{COLOURS[mark]}{text}{RESET}" if colour and mark in COLOURS else text


def _forbidden(line: ReportLine, *, is_first: bool, colour: bool) -> str:
    text = f"! {line.text}   ← {'first difference: ' if is_first else ''}{line.reason}"
    return f"{COLOURS['!']}{text}{RESET}" if colour else text


def _folded(expected: int, differing: int, *, colour: bool) -> Iterator[str]:
    """Yield a line about the lines that are not shown."""
    parts = []
    if differing:
        parts.append(f"{differing} more that differ{'s' if differing == 1 else ''}")
    if expected:
        parts.append(f"{expected} line{'s' if expected > 1 else ''} as expected")
    if parts:
        text = f"  ⋮ {', '.join(parts)}"
        yield f"{DIM}{text}{RESET}" if colour else text


def _shown(lines: list[_Line], limit: int | None) -> set[int]:
    """Return which lines are shown: the differences up to the limit, their context, and their ancestors."""
    shown: set[int] = set()
    ancestors: list[int] = []
    differences = 0
    for number, line in enumerate(lines):
        while ancestors and lines[ancestors[-1]].depth >= line.depth:
            ancestors.pop()
        fits = limit is None or (differences < limit and line.in_subtree < SUBTREE)
        if line.is_difference and fits:
            differences += 1
            near = range(max(0, number - CONTEXT), min(len(lines), number + CONTEXT + 1))
            shown |= {*ancestors, number, *(other for other in near if not lines[other].is_difference)}
        if line.node.kind not in {MISSING, UNEXPECTED}:
            ancestors.append(number)
    single = {number for number in range(len(lines)) if _is_single_gap(number, shown, lines)}
    return shown | single  # a note about one hidden line would be as long as the line itself


def _is_single_gap(number: int, shown: set[int], lines: list[_Line]) -> bool:
    return (
        number not in shown
        and (number == 0 or number - 1 in shown)
        and (number == len(lines) - 1 or number + 1 in shown)
    )


def missing_texts(top: Node) -> list[str]:
    """Return the expected lines for which there is no span in the trace."""
    return [_text(node) for node in walk_nodes(top.below) if node.kind in {MISSING, LOST}]
