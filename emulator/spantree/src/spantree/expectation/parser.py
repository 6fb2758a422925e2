"""Parses the text of an expected tree into levels of expected spans."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from spantree.notation import ONCE, Line, Mistake, read_line

__all__ = ["AnyOrder", "ExpectedSpan", "Level", "parse"]

ANY_ORDER = re.compile(r"in any order:\s*(#.*)?")
REST = re.compile(r"\.\.\.\s*(#.*)?")
NEVER = re.compile(r"never:\s*(#.*)?")
EMPTY = {"never:": "what must not occur", "in any order:": "what may come in any order"}
"""What the lines below these say. Without any, they say nothing."""


@dataclass(eq=False, slots=True)
class Level:
    """What is expected directly below a span, or at the top: `items` in this order.

    `...` sets `rest`: other spans may stand between the items, and the spans in `deep` are expected at any depth.
    `items` and `deep` hold no span twice. `never` describes spans that must not occur at any depth.
    """

    items: "list[ExpectedSpan | AnyOrder]" = field(default_factory=list)
    rest: bool = False
    deep: "list[ExpectedSpan]" = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """The line of `...` itself, with the comments above it."""
    never: "list[ExpectedSpan]" = field(default_factory=list)
    never_remarks: list[str] = field(default_factory=list)
    """The line `never:` itself, with the comments above it."""

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
        return self.line.count.least

    @property
    def most(self) -> int | None:
        """The largest number of spans that it stands for; None for any number."""
        return self.line.count.most

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
    """The place for lines with a deeper indentation: a level, or the items `below` a line that describes no span."""

    indent: int
    level: Level | None = None
    items: list[ExpectedSpan] | None = None
    below: str = ""
    """`in any order:`, `...` or `never:`; `a line below never:` for the place below one of its lines."""
    depth: int = -1
    """The indentation of the first line in it; -1 while there is none."""


def parse(text: str, *, budgets: bool = True) -> tuple[Level, list[str]]:
    """Parse an expected tree; return it and the comments after its last span.

    `budgets` can be left out of the lines, but not of their `source`. Raises ValueError with the line and the column.
    """
    __tracebackhide__ = True  # for the author of the tree, the message says it all
    top, all_spans = Level(), list[ExpectedSpan]()
    branches, remarks = [_Branch(-1, top)], list[str]()
    groups: list[tuple[int, str, int, _Branch]] = []
    for number, raw in enumerate(text.split("\n"), start=1):
        text_of_line = raw.strip(" \r")
        if not text_of_line or text_of_line.startswith("#"):
            remarks.append(text_of_line)
            continue
        indent = len(raw) - len(raw.lstrip(" "))
        try:
            branch = _branch_for(branches, indent, text_of_line)
            branches.append(_add_line(text_of_line, branch, indent, remarks, all_spans))
            if branches[-1].below in EMPTY:
                groups.append((number, raw, indent, branches[-1]))
        except Mistake as mistake:
            raise ValueError(mistake.shown(number, raw.rstrip(), indent)) from None
        remarks = []
    for number, raw, indent, branch in groups:
        if not branch.items:  # it would say nothing
            what = f"there is no line below this `{branch.below}`; indent the lines of {EMPTY[branch.below]}"
            empty = Mistake(0, what)
            raise ValueError(empty.shown(number, raw.rstrip(), indent))
    for expected in reversed(all_spans):  # children come after their parents
        expected.size = 1 + sum(below.size * below.least for below in expected.below.spans())
        if not budgets and expected.line.budgets:
            expected.line = replace(expected.line, budgets=())
    return top, remarks


def _branch_for(branches: list[_Branch], indent: int, line: str) -> _Branch:
    """Return the branch that a line with this indentation belongs to, and forget the deeper ones."""
    if line.startswith("\t"):
        raise Mistake(0, "the line is indented by a tab; use spaces")
    while branches[-1].indent >= indent:
        branches.pop()
    branch = branches[-1]
    if branch.depth not in {-1, indent}:
        raise Mistake(
            0, f"its indentation of {indent} spaces fits no line above; siblings must start in the same column"
        )
    branch.depth = indent
    return branch


def _add_line(line: str, branch: _Branch, indent: int, remarks: list[str], all_spans: list[ExpectedSpan]) -> _Branch:
    """Add a line to its branch; return the branch for the lines below it."""
    if branch.below == LEAF:
        raise Mistake(0, "a line below `never:` has none below it: it describes one span, wherever that is")
    if found := ANY_ORDER.fullmatch(line) or REST.fullmatch(line) or NEVER.fullmatch(line):
        return _add_group(line, found.re, branch, indent, [*remarks, line])
    if line.startswith("..."):
        raise Mistake(0, "`...` must be alone in its line; other spans are described below it, indented")
    is_never = branch.below == "never:"
    expected = ExpectedSpan(read_line(line, kind="any" if is_never else "internal"), line, remarks)
    if branch.below in {"never:", "..."} and expected.line.count != ONCE:
        _refuse_count(line, expected, branch.below)
    if is_never:
        assert branch.items is not None
        branch.items.append(expected)
        return _Branch(indent, below=LEAF)
    all_spans.append(expected)
    items = branch.items if branch.level is None else branch.level.items
    assert items is not None
    items.append(expected)
    return _Branch(indent, expected.below)


LEAF = "a line below never:"


def _add_group(line: str, kind: re.Pattern[str], branch: _Branch, indent: int, remarks: list[str]) -> _Branch:
    """Add a line that describes no span itself, but how those below it are expected."""
    level, name = branch.level, line.split("#", maxsplit=1)[0].strip()
    if level is None:
        raise Mistake(0, f"`{name}` must not be below `{branch.below}`")
    if kind is ANY_ORDER:
        group = AnyOrder([], remarks)
        level.items.append(group)
        return _Branch(indent, items=group.items, below=name)
    if kind is REST:
        if level.rest:
            raise Mistake(0, "there is a `...` at this level already; one stands for any number of spans")
        level.rest, level.remarks = True, remarks
        return _Branch(indent, items=level.deep, below=name)
    if level.never_remarks:
        raise Mistake(0, "there is a `never:` at this level already; add the lines to it")
    level.never_remarks = remarks
    return _Branch(indent, items=level.never, below=name)


def _refuse_count(line: str, expected: ExpectedSpan, below: str) -> None:
    """Raise the mistake that a line has a count where it must not have one."""
    count = str(expected.line.count)
    column = max(line.rfind(count), line.rfind(count.replace("×", "x")), 0)
    if below == "...":
        if count == "?":
            return
        raise Mistake(column, f"a line right below `...` stands for one span; remove {count}, or repeat the line")
    raise Mistake(column, f"a line below `never:` stands for every such span; remove {count}")
