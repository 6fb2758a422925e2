"""The table of lint rules, and `check`, which applies them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from spantree.lint import calls, conventions, repetition, resources, structure, times
from spantree.lint.configuration import at_least_two, configuration
from spantree.lint.findings import SEVERITIES, Finding, Severity, grouped, severity_of
from spantree.lint.ignoring import Ignored, parse_ignored
from spantree.lint.problems import Problems
from spantree.lint.registry import Registry
from spantree.lint.registry_yaml import with_files
from spantree.span import Span

__all__ = ["RULES", "check"]

FindProblems: TypeAlias = Callable[[Sequence[Span]], Problems]


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table.

    Errors are what cannot be right: times that no clock can show, parents that are lost, kinds that contradict
    themselves. What is absent is a warning: it may belong to somebody else, or only be late.
    """

    severity: Severity
    find_problems: FindProblems


def check(
    spans: Sequence[Span],
    ignore: Iterable[str] | None = None,
    continues_by: Collection[str] = (),
    at_least: Severity | None = None,
    registry: str | Path | Iterable[str | Path] | None = None,
    n_plus_one: int | None = None,
    callers: Collection[str] = (),
) -> list[Finding]:
    """Apply the rules to the spans of one tree; return the findings in order of the rules.

    See `SpanTree.check`. What is None is as the project configures it. `callers` are the ids of parents that are not
    missing, although they are not in the trace. Raises ValueError for unknown rules, severities
    and settings, MalformedRegistry, and OSError.
    """
    __tracebackhide__ = True
    configured = configuration(RULES)
    least = configured.fail_on if at_least is None else severity_of(at_least)
    ignored = parse_ignored(configured.ignore if ignore is None else ignore, RULES)
    paths = configured.registry if registry is None else [registry] if isinstance(registry, str | Path) else registry
    known = partial(with_files, tuple(map(Path, paths)))
    repeats = configured.n_plus_one if n_plus_one is None else at_least_two(n_plus_one)
    severities = SEVERITIES[: SEVERITIES.index(least) + 1]
    return [
        finding
        for name, rule in _rules(continues_by, known, repeats, callers).items()
        if rule.severity in severities
        for finding in _findings(name, rule, spans, [each for each in ignored if each.rule in {name, "*"}])
    ]


def _findings(name: str, rule: Rule, spans: Sequence[Span], ignored: Sequence[Ignored]) -> list[Finding]:
    if any(each.whole for each in ignored):
        return []
    problems = rule.find_problems(spans)
    if ignored:
        problems = (problem for problem in problems if not any(each.matches(problem[0]) for each in ignored))
    return grouped(name, rule.severity, problems)


def _rules(
    continues_by: Collection[str], known: Callable[[], Registry], n_plus_one: int, callers: Collection[str] = ()
) -> Mapping[str, Rule]:
    """Return the table. `known` is called only by rules that need a registry: it takes time to read."""
    return {
        "orphan": Rule("error", partial(structure.orphans, callers=callers)),
        "circle": Rule("error", structure.cycles),
        "several-roots": Rule("error", partial(structure.several_roots, continues_by=continues_by)),
        "starts-before-parent": Rule("error", times.starts_before_parent),
        "ends-before-start": Rule("error", times.ends_before_start),
        "clock-skew": Rule("error", times.clock_skew),
        "wrong-kind": Rule("error", calls.wrong_kind),
        "client-without-server": Rule("warning", calls.clients_without_server),
        "never-processed": Rule("warning", calls.never_processed),
        "no-carrier": Rule("warning", calls.no_carrier),
        "n-plus-one": Rule("warning", partial(repetition.n_plus_one, times=n_plus_one)),
        "wrong-attribute-type": Rule("warning", lambda spans: conventions.wrong_types(spans, known())),
        "missing-resource": Rule("advice", resources.missing_resource),
        "deprecated-attribute": Rule("advice", lambda spans: conventions.deprecated_attributes(spans, known())),
        "unknown-attribute": Rule("advice", lambda spans: conventions.unknown_attributes(spans, known())),
        "malformed-attribute": Rule("advice", lambda spans: conventions.malformed_names(spans, known())),
    }


RULES: Mapping[str, Severity] = MappingProxyType(
    {name: rule.severity for name, rule in _rules((), partial(with_files, ()), 0).items()}
)
"""The severity of each rule, in the order in which they are applied."""
