"""Parses the text of an expected tree into levels of expected spans."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from spantree.notation import Line, read_line

__all__ = ["AnyOrder", "ExpectedSpan", "Level", "parse"]

ANY_ORDER = re.compile(r"in any order:\s*(#.*)?")
REST = re.compile(r"\.\.\.\s*(#.*)?")


@dataclass(eq=False, slots=True)
class Level:
    """What is expected directly below a span, or at the top: `items` in this order.

    `...` sets `rest`: other spans may stand between the items, and the spans in `deep` are expected at any depth.
    `items` and `deep` hold no span twice.
    """

    items: "list[ExpectedSpan | AnyOrder]" = field(default_factory=list)
    rest: bool = False
    deep: "list[ExpectedSpan]" = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """The line of `...` itself, with the comments above it."""

    def spans(self) -> "Iterator[ExpectedSpan]":
        """Yield the expected spans of this level, including those `in any order` and without those in `deep`."""
        for item in self.items:
            yield from item.items if isinstance(item, AnyOrder) else (item,)


@dataclass(eq=False, slots=True)
class ExpectedSpan:
    """An expected span: its line, the line's text as it was written, and what is expected below it."""

    line: Line
    source: str
    remarks: list[str]
    """The comments and empty lines above."""
    below: Level = field(default_factory=Level)
    size: int = 1
    """The smallest number of spans that fit this one and what is below it, without those that may be at any depth."""

    @property
    def least(self) -> int:
        """The smallest number of spans that it stands for."""
        return 0 if self.line.repeated in {"?", "*"} else 1

    @property
    def most(self) -> int | None:
        """The largest number of spans that it stands for; None for any number."""
        return None if self.line.repeated in {"+", "*"} else 1

    @property
    def optional(self) -> bool:
        """Whether it may be missing."""
        return self.least == 0

    @property
    def repeats(self) -> bool:
        """Whether several spans in a row may stand for it."""
        return self.most is None or self.most > 1


@dataclass(eq=False, slots=True)
class AnyOrder:
    """Spans that are expected next to one another in any order."""

    items: list[ExpectedSpan]
    remarks: list[str]
    """The line `in any order:` itself, with the comments above it."""


@dataclass(slots=True)
class _Branch:
    """The place for lines with a deeper indentation: a level, or the items of `in any order:` or of `...`."""

    indent: int
    level: Level | None = None
    items: list[ExpectedSpan] | None = None
    at_any_depth: bool = False
    depth: int = -1
    """The indentation of the first line in it; -1 while there is none."""


def parse(text: str) -> tuple[Level, list[str]]:
    """Parse an expected tree; return it and the comments after its last span. Raises ValueError with the line."""
    __tracebackhide__ = True  # for the author of the tree, the message says it all
    top, all_spans = Level(), list[ExpectedSpan]()
    branches, remarks = [_Branch(-1, top)], list[str]()
    for number, raw in enumerate(text.split("\n"), start=1):
        text_of_line = raw.strip(" \r")
        if not text_of_line or text_of_line.startswith("#"):
            remarks.append(text_of_line)
            continue
        try:
            indent = len(raw) - len(raw.lstrip(" "))
            branch = _branch_for(branches, indent, text_of_line)
            branches.append(_add_line(text_of_line, branch, indent, remarks, all_spans))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        remarks = []
    for expected in reversed(all_spans):  # children come after their parents
        expected.size = 1 + sum(below.size * below.least for below in expected.below.spans())
    return top, remarks


def _branch_for(branches: list[_Branch], indent: int, line: str) -> _Branch:
    """Return the branch that a line with this indentation belongs to, and forget the deeper ones."""
    if line.startswith("\t"):
        raise ValueError("the line is indented by a tab; use spaces")
    while branches[-1].indent >= indent:
        branches.pop()
    branch = branches[-1]
    if branch.depth not in {-1, indent}:
        raise ValueError(
            f"its indentation of {indent} spaces fits no line above; siblings must start in the same column"
        )
    branch.depth = indent
    return branch


def _add_line(line: str, branch: _Branch, indent: int, remarks: list[str], all_spans: list[ExpectedSpan]) -> _Branch:
    """Add a line to its branch; return the branch for the lines below it."""
    if branch.level is not None and ANY_ORDER.fullmatch(line):
        group = AnyOrder([], [*remarks, line])
        branch.level.items.append(group)
        return _Branch(indent, items=group.items)
    if branch.level is not None and REST.fullmatch(line):
        if branch.level.rest:
            raise ValueError("there is a `...` at this level already; one stands for any number of spans")
        branch.level.rest, branch.level.remarks = True, [*remarks, line]
        return _Branch(indent, items=branch.level.deep, at_any_depth=True)
    if line.startswith("..."):
        raise ValueError("`...` must be alone in its line, and not below `in any order:` or `...`")
    expected = ExpectedSpan(read_line(line), line, remarks)
    if branch.at_any_depth and expected.repeats:
        raise ValueError(f"a line right below `...` stands for one span; remove the {expected.line.repeated}: {line!r}")
    all_spans.append(expected)
    if branch.level is not None:
        branch.level.items.append(expected)
    else:
        assert branch.items is not None
        branch.items.append(expected)
    return _Branch(indent, expected.below)
