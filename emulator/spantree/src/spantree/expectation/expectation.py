"""The expectation itself: made by `tree()` from text or a file, compared with traces."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path

from spantree.expectation.alignment import align
from spantree.expectation.comparison import called_alike
from spantree.expectation.diff import Difference
from spantree.expectation.parser import Level, parse
from spantree.expectation.placeholders import NORMALISED, Placeholder, known
from spantree.expectation.rows import Alignment
from spantree.expectation.update import rewritten, written
from spantree.span import Span

__all__ = ["Expectation", "Mismatch", "tree", "updated_tree_files"]

updated_tree_files: ContextVar[list[Path] | None] = ContextVar("updated_tree_files", default=None)
"""Set while trees that were read from files are brought up to date instead of failing: to the list of those written."""


class Mismatch(AssertionError):
    """A trace is not as expected; `difference` says in what."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(str(difference))
        self.difference = difference


def tree(source: str | Path, normalise: Iterable[str] | Mapping[str, Placeholder] = NORMALISED) -> "Expectation":
    """Return the expected tree that a text, or the file at a path, describes.

    A line is a span, indentation its place; see the README for the form. `normalise` names the placeholders that are
    understood, of `NORMALISED`, or maps names of your own to what they stand for; others are plain text. Raises
    ValueError, naming the line, for what is no tree, and FileNotFoundError.
    """
    __tracebackhide__ = True
    if isinstance(source, str):
        return Expectation(source, normalise)
    if source.exists():
        try:
            return Expectation(source.read_text("utf-8-sig"), normalise, source)
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from error
    if updated_tree_files.get() is not None:
        return Expectation("", normalise, source)
    raise FileNotFoundError(f"there is no {source}; `pytest --update-trees` writes it")


class Expectation:
    """A tree of spans as it should be. `trace == expectation` tells whether a trace is; `difference` tells more."""

    def __init__(
        self,
        text: str,
        normalise: Iterable[str] | Mapping[str, Placeholder] = NORMALISED,
        path: Path | None = None,
    ) -> None:
        self.path = path
        self._placeholders = known(normalise)
        self._read(text)
        if not (self._top.items or self._top.rest or self.is_updated):
            raise ValueError("the tree is empty")

    @property
    def roots(self) -> list[tuple[str, str]]:
        """Service and name of the spans that are expected at the top, as they are written."""
        return [(item.line.service, item.line.name) for item in self._top.lines()]

    @property
    def size(self) -> int:
        """How many spans there are at least."""
        return sum(item.size for item in self._top.lines() if not item.optional)

    @property
    def names(self) -> set[tuple[str, str]]:
        """Service and name of spans that there must be, as far as they have no placeholders."""
        names, levels = set(), [self._top]
        while levels:
            needed = [item for item in levels.pop().lines() if not item.optional]
            names |= {(item.line.service, item.line.name) for item in needed if "{" not in item.line.name}
            levels += [item.below for item in needed]
        return names

    def begins_like(self, spans: Iterable[Span]) -> bool:
        """Whether all of these spans may stand at the top, as far as service and name go."""
        return self._top.rest or all(_looks_expected(self._top, span, self._placeholders) for span in spans)

    def difference(self, spans: Sequence[Span]) -> Difference | None:
        """Return in what the spans at the top of a trace, with all below, are not as expected; None if they are.

        A tree from a file is brought up to date instead, while `updated_tree_files` is set.
        """
        alignment = self._align(spans)
        if alignment.cost and self.is_updated:
            self._update(spans)
            alignment = self._align(spans)
        return Difference(alignment) if alignment.cost else None

    @property
    def is_updated(self) -> bool:
        """Whether the tree is from a file, and is brought up to date now instead of failing."""
        return self.path is not None and updated_tree_files.get() is not None

    def must_match(self, spans: Sequence[Span]) -> bool:
        """Return True if there is no difference. Raises Mismatch."""
        __tracebackhide__ = True
        difference = self.difference(spans)
        if difference is not None:
            raise Mismatch(difference)
        return True

    def has_come(self, spans: Sequence[Span], *, gaps: bool) -> bool:
        """Whether every expected span is there; where there are `gaps`, parents yet to come, all must be as expected.

        One that is not expected does not matter, unless it looks like one that is: then it may be incomplete yet.
        """
        alignment = self._align(spans)
        return alignment.cost == 0 or (not gaps and _complete(alignment, self._placeholders))

    def cost(self, spans: Sequence[Span]) -> int:
        """Return how much these spans at the top of a trace, with all below, differ; 0 if they are as expected."""
        return self._align(spans).cost

    def updated(self, spans: Sequence[Span]) -> str:
        """Return the text of this tree, changed as little as needed for these spans to fit."""
        lines = [*rewritten(self._align(spans), self._placeholders), *self._last_remarks]
        text = "\n".join(lines).rstrip("\n") + "\n"
        if Expectation(text, self._placeholders)._align(spans).cost:  # noqa: SLF001 - of the same class
            text = "\n".join(written(spans, self._placeholders)) + "\n"
        return text

    def _align(self, spans: Sequence[Span]) -> Alignment:
        return align(self._top, spans, self._placeholders)

    def _read(self, text: str) -> None:
        self.text = text
        self._top, self._last_remarks = parse(text)

    def _update(self, spans: Sequence[Span]) -> None:
        """Write the file anew, at once, so that tests side by side read either the old one or the new one.

        It is written for one trace: another that needs it then must fit, or differs.
        """
        path, written_already = self.path, updated_tree_files.get()
        assert path is not None
        assert written_already is not None
        if path in written_already:
            self._read(path.read_text("utf-8"))
            return
        self._read(self.updated(spans))
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        beside.write_text(self.text, "utf-8")
        beside.replace(path)
        written_already.append(path)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<expected tree {self.path or ', '.join(': '.join(root) for root in self.roots)}>"


def _complete(alignment: Alignment, placeholders: Mapping[str, Placeholder]) -> bool:
    """Whether nothing is missing or different, and nothing that is too much looks like what is expected beside it."""
    waiting = [alignment]
    while waiting:
        level = waiting.pop()
        for row in level.rows:
            if row.differs and (row.item is not None or row.span is None):
                return False
            if row.differs and row.span is not None and _looks_expected(level.level, row.span, placeholders):
                return False
            waiting += [row.below] if row.below is not None else []
    return True


def _looks_expected(level: Level, span: Span, placeholders: Mapping[str, Placeholder]) -> bool:
    return any(called_alike(item.line, span, placeholders) for item in level.lines())
