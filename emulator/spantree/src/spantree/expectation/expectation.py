"""`tree()` and `Expectation`: an expected tree, from text or from a file, that traces are compared with."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path

from spantree.expectation.alignment import align, fits_level
from spantree.expectation.comparison import Alignment, compare, same_service_and_name
from spantree.expectation.diff import Difference
from spantree.expectation.lost_context import Elsewhere, nowhere
from spantree.expectation.never import with_violations
from spantree.expectation.parser import Level, parse
from spantree.expectation.placeholders import NORMALISED, Placeholder, select_placeholders
from spantree.expectation.promises import never_lines, with_promises
from spantree.expectation.prospects import can_still_fit, with_optional_lines
from spantree.expectation.reasons import holds
from spantree.expectation.update import update_tree
from spantree.expectation.writing import write_tree
from spantree.span import Named, Span

__all__ = ["Expectation", "Mismatch", "tree", "updated_tree_files"]

OUTCOMES = {
    "error.type",
    "http.response.status_code",
    "http.status_code",
    "rpc.grpc.status_code",
    "rpc.response.status_code",
}
"""Attributes that say how an operation ended, not which one it was."""

updated_tree_files: ContextVar[list[Path] | None] = ContextVar("updated_tree_files", default=None)
"""If set, trees from files are rewritten instead of failing, and their paths are appended to this list."""


class Mismatch(AssertionError):
    """A trace is not as expected. `difference` holds the differences, the message shows them."""

    __module__ = "spantree"  # where users import it from, and what a failed test shows

    def __init__(self, difference: Difference) -> None:
        super().__init__(str(difference))
        self.difference = difference


def tree(source: str | Path, normalise: Iterable[str] | Mapping[str, Placeholder] = NORMALISED) -> "Expectation":
    """Return the expected tree in a text, or in the file at a path.

    Each line describes a span, and its indentation shows the parent; the README describes the notation. `normalise`
    selects placeholders of `NORMALISED` by name, or maps names to placeholders of your own; other `{…}` are plain text.

    Raises ValueError, which names the line and the column, for text that is not a tree, and FileNotFoundError.
    """
    __tracebackhide__ = True
    if isinstance(source, str):
        return Expectation(source, normalise)
    if source.exists():
        try:
            return Expectation(source.read_text("utf-8-sig"), normalise, source)
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from None
    if updated_tree_files.get() is not None:
        return Expectation("", normalise, source)
    raise FileNotFoundError(f"there is no file {source}; run `pytest --update-trees` to write it")


class Expectation:
    """An expected tree of spans. `trace == expectation` compares them; `difference` says how a trace differs."""

    def __init__(
        self,
        text: str,
        normalise: Iterable[str] | Mapping[str, Placeholder] = NORMALISED,
        path: Path | None = None,
    ) -> None:
        __tracebackhide__ = True
        self.path = path
        self._optional: Level | None = None
        self._placeholders = select_placeholders(normalise)
        self._parse(text)
        if not (self._top.items or self._top.rest or self.is_updating):
            more = ", or `...` to allow any spans but those below `never:`" if self._top.never else ""
            raise ValueError(f"the tree is empty; it needs at least one line `service: name`{more}")

    @property
    def roots(self) -> list[tuple[str, str]]:
        """Service and name of each expected root, as they are written."""
        return [(expected.line.service, expected.line.name) for expected in self._top.spans()]

    @property
    def size(self) -> int:
        """The smallest number of spans that a matching trace can have."""
        return sum(expected.size * expected.least for expected in self._top.spans())

    @property
    def names(self) -> set[tuple[str, str]]:
        """Service and name of the spans that are required, except for names with placeholders."""
        names, levels = set(), [self._top]
        while levels:
            required = [expected for expected in levels.pop().spans() if not expected.optional]
            lines = [expected.line for expected in required]
            names |= {(line.service, line.name) for line in lines if "{" not in line.name}
            levels += [expected.below for expected in required]
        return names

    def begins_like(self, spans: Iterable[Named]) -> bool:
        """Return whether all these spans could be roots of a matching trace, by service and name."""
        return self._top.rest or all(_has_line_for(self._top, span, self._placeholders) for span in spans)

    def is_about(self, root: Span) -> bool:
        """Return whether a trace with this root is one that the tree describes, rightly or wrongly.

        Service, name and attributes of the expected roots tell it from other traces. Its outcome does not: the kind,
        the failure, and attributes such as the status code.
        """
        return any(
            same_service_and_name(expected.line, root, self._placeholders)
            and all(
                condition.key in OUTCOMES or holds(condition, root.attributes, self._placeholders)
                for condition in expected.line.attributes
            )
            for expected in self._top.spans()
        )

    def accepts_root(self, root: Span) -> bool:
        """Return whether a trace with this root may fit, whatever is below it. This costs little."""
        return self._top.rest or any(
            compare(expected, root, self._placeholders) == () for expected in self._top.spans()
        )

    def can_still_fit(self, roots: Sequence[Span]) -> bool:
        """Return whether more spans can make a trace with these roots fit. Leave out roots whose parents may come."""
        if self._optional is None:
            self._optional = with_optional_lines(self._top)
        return can_still_fit(self._optional, roots, self._placeholders)

    def difference(self, spans: Sequence[Span], elsewhere: Elsewhere = nowhere) -> Difference | None:
        """Return how a trace with these roots differs; None if it does not. `elsewhere` finds spans of other traces.

        While `updated_tree_files` is set, a tree from a file is rewritten to fit instead.
        """
        alignment = self._align(spans)
        if alignment.cost and self.is_updating:
            self._update_file(spans)
            alignment = self._align(spans)
        return Difference(alignment, self._placeholders, elsewhere) if alignment.cost else None

    @property
    def is_updating(self) -> bool:
        """Whether the tree is from a file that is rewritten instead of failing."""
        return self.path is not None and updated_tree_files.get() is not None

    @property
    def is_new(self) -> bool:
        """Whether the tree is from a file that does not exist yet, and that is about to be written."""
        return self.is_updating and not (self._top.items or self._top.rest)

    def must_match(self, spans: Sequence[Span], elsewhere: Elsewhere = nowhere) -> bool:
        """Return True if a trace with these roots is as expected. Raises Mismatch if it is not."""
        __tracebackhide__ = True
        difference = self.difference(spans, elsewhere)
        if difference is not None:
            raise Mismatch(difference)
        return True

    def has_arrived(self, spans: Sequence[Span], *, incomplete: bool) -> bool:
        """Return whether a trace with these roots has all expected spans, so that it need not be waited for any longer.

        Unexpected spans do not matter, unless they resemble expected ones: those may still get children. If the trace
        is `incomplete`, because parents are missing, everything must be as expected.
        """
        if not incomplete:
            return fits_level(self._top, spans, self._placeholders, ignoring_strangers=True)
        return fits_level(self._top, spans, self._placeholders) and not (self._forbids and self.cost(spans))

    def cost(self, spans: Sequence[Span]) -> int:
        """Return how much a trace with these roots differs; 0 if it is as expected."""
        return self._align(spans).cost

    def updated(self, spans: Sequence[Span]) -> str:
        """Return the text of this tree, with the fewest changes after which a trace with these roots fits.

        Budgets and the lines below `never:` stay as they are, even if the trace breaks them: they are promises about
        traces, not descriptions of one. It then still differs.
        """
        top, last_remarks = parse(self.text, budgets=False)
        lines = [*update_tree(align(top, spans, self._placeholders), self._placeholders), *last_remarks]
        text = "\n".join(lines).rstrip("\n") + "\n"
        # If spans of one line changed places, its text may be impossible to keep. That the trace fits matters more.
        fitting = align(parse(text, budgets=False)[0], spans, self._placeholders).cost == 0
        return text if fitting else self._written(spans)

    def _written(self, spans: Sequence[Span]) -> str:
        lines = with_promises(write_tree(spans, self._placeholders), self._top)
        return "\n".join(lines) + "\n"

    def _align(self, spans: Sequence[Span]) -> Alignment:
        alignment = align(self._top, spans, self._placeholders)
        return with_violations(alignment, spans, self._placeholders) if self._forbids else alignment

    def _parse(self, text: str) -> None:
        __tracebackhide__ = True
        self.text = text
        self._top, self._last_remarks = parse(text)
        self._forbids = bool(never_lines([self._top]))
        self._optional = None

    def _update_file(self, spans: Sequence[Span]) -> None:
        """Rewrite the file atomically, because other processes of pytest-xdist may be reading it.

        It is written for one trace only: a second trace that differs from it fails.
        """
        path, written = self.path, updated_tree_files.get()
        assert path is not None
        assert written is not None
        if path in written:
            self._parse(path.read_text("utf-8"))
            return
        if (updated := self.updated(spans)) == self.text:
            return  # only what an update does not touch differs
        self._parse(updated)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(self.text, "utf-8")
        temporary.replace(path)
        written.append(path)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<expected tree {self.path or ', '.join(': '.join(root) for root in self.roots)}>"


def _has_line_for(level: Level, span: Named, placeholders: Mapping[str, Placeholder]) -> bool:
    return any(same_service_and_name(expected.line, span, placeholders) for expected in level.spans())
