"""The table of lint rules, and `check`, which applies them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from spantree.lint import attributes, calls, structure, times
from spantree.lint.problems import Problems
from spantree.notation import escaped
from spantree.span import Span

__all__ = ["RULES", "Finding", "check"]

Rule: TypeAlias = Callable[[Sequence[Span]], Problems]


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem in a trace: the rule that found it, the span, what is wrong and how to fix it.

    If several spans or a whole service have the problem, `span` is the first of them.
    """

    rule: str
    span: Span | None
    problem: str
    remedy: str

    def __str__(self) -> str:
        where = "" if self.span is None else f"{self.span}: "
        return f"{self.rule}: {where}{escaped(self.problem)}\n  → {escaped(self.remedy)}"


def check(spans: Sequence[Span], ignore: Iterable[str] = (), continues_by: Collection[str] = ()) -> list[Finding]:
    """Apply all rules except those in `ignore` to the spans of one tree; return the findings in order of the rules.

    `continues_by`: see `structure.several_roots`. Raises ValueError if `ignore` names an unknown rule.
    """
    __tracebackhide__ = True
    ignored = set(ignore)
    if unknown := ignored - set(RULES):
        raise ValueError(f"there is no rule {', '.join(sorted(unknown))}; the rules are {', '.join(RULES)}")
    return [
        Finding(name, *problem)
        for name, find_problems in _rules(continues_by).items()
        if name not in ignored
        for problem in find_problems(spans)
    ]


def _rules(continues_by: Collection[str]) -> Mapping[str, Rule]:
    return {
        "orphan": structure.orphans,
        "circle": structure.cycles,
        "several-roots": partial(structure.several_roots, continues_by=continues_by),
        "starts-before-parent": times.starts_before_parent,
        "ends-before-start": times.ends_before_start,
        "clock-skew": times.clock_skew,
        "client-without-server": calls.clients_without_server,
        "never-processed": calls.never_processed,
        "no-carrier": calls.no_carrier,
        "wrong-kind": calls.wrong_kind,
        "missing-resource": attributes.missing_resource,
        "deprecated-attribute": attributes.deprecated_attributes,
    }


RULES = tuple(_rules(()))
"""The names of all rules, in the order in which they are applied."""
