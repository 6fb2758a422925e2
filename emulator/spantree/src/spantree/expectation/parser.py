"""An expected tree: what may stand below what, as read from text."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from spantree.notation import Line, read_line

__all__ = ["AnyOrder", "Item", "Level", "parse"]

ANY_ORDER = re.compile(r"in any order:\s*(#.*)?")
REST = re.compile(r"\.\.\.\s*(#.*)?")


@dataclass(eq=False, slots=True)
class Level:
    """What is expected right below a span, or at the top: `items` in their order.

    With `rest` other spans may stand between them; `deep` are expected somewhere below, at any depth.
    """

    items: "list[Item | AnyOrder]" = field(default_factory=list)
    rest: bool = False
    deep: "list[Item]" = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """The lines of `...` itself: comments above it, and the line."""

    def lines(self) -> "Iterable[Item]":
        """Return the items, those of any order, too."""
        for item in self.items:
            yield from item.items if isinstance(item, AnyOrder) else (item,)


@dataclass(eq=False, slots=True)
class Item:
    """An expected span, with what is expected below it."""

    line: Line
    source: str
    remarks: list[str]
    """The lines above that are no spans."""
    below: Level = field(default_factory=Level)
    size: int = 1
    """How many spans there are at least, this one and below; without those that may be anywhere."""

    @property
    def optional(self) -> bool:
        """Whether it may be missing."""
        return self.line.repeated in {"?", "*"}

    @property
    def many(self) -> bool:
        """Whether it may come more than once."""
        return self.line.repeated in {"+", "*"}


@dataclass(eq=False, slots=True)
class AnyOrder:
    """Spans expected next to one another, in any order."""

    items: list[Item]
    remarks: list[str]
    """The lines above, and the line itself."""


@dataclass(slots=True)
class _Branch:
    """A place where lines of deeper indentation go: a level, or `items` below `in any order:` or `...`."""

    indent: int
    level: Level | None = None
    items: list[Item] | None = None
    anywhere: bool = False
    depth: int = -1
    """The indentation of what is there already; -1 while nothing is."""


def parse(text: str) -> tuple[Level, list[str]]:
    """Read an expected tree; return it with the lines after the last span. Raises ValueError, naming the line."""
    top, every = Level(), list[Item]()
    branches, remarks = [_Branch(-1, top)], list[str]()
    for number, raw in enumerate(text.split("\n"), start=1):
        words = raw.strip(" \r")
        if not words or words.startswith("#"):
            remarks.append(words)
            continue
        try:
            indent = len(raw) - len(raw.lstrip(" "))
            branch = _branch_for(branches, indent, words)
            branches.append(_read(words, branch, indent, remarks, every))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
        remarks = []
    for item in reversed(every):
        item.size = 1 + sum(below.size for below in item.below.lines() if not below.optional)
    return top, remarks


def _branch_for(branches: list[_Branch], indent: int, words: str) -> _Branch:
    """Go back to the place that a line with this indentation belongs to."""
    if words.startswith("\t"):
        raise ValueError("an indentation is of spaces, not tabs")
    while branches[-1].indent >= indent:
        branches.pop()
    branch = branches[-1]
    if branch.depth not in {-1, indent}:
        raise ValueError(f"an indentation of {indent} is that of no line above")
    branch.depth = indent
    return branch


def _read(words: str, branch: _Branch, indent: int, remarks: list[str], every: list[Item]) -> _Branch:
    if branch.level is not None and ANY_ORDER.fullmatch(words):
        group = AnyOrder([], [*remarks, words])
        branch.level.items.append(group)
        return _Branch(indent, items=group.items)
    if branch.level is not None and REST.fullmatch(words):
        if branch.level.rest:
            raise ValueError("a second `...` at the same place")
        branch.level.rest, branch.level.remarks = True, [*remarks, words]
        return _Branch(indent, items=branch.level.deep, anywhere=True)
    if words.startswith("..."):
        raise ValueError("`...` stands alone in its line, and not below `in any order:` or `...`")
    item = Item(read_line(words), words, remarks)
    if branch.anywhere and item.many:
        raise ValueError(f"right below `...` a line stands for one span, not {item.line.repeated}: {words!r}")
    every.append(item)
    if branch.level is not None:
        branch.level.items.append(item)
    else:
        assert branch.items is not None
        branch.items.append(item)
    return _Branch(indent, item.below)
