"""What the rules find: findings with their severity, one for all spans that have the same problem."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from spantree.lint.problems import first_five
from spantree.notation import escaped
from spantree.span import Span

__all__ = ["SEVERITIES", "Finding", "Severity", "grouped", "merged", "severity_of"]

Severity: TypeAlias = Literal["error", "warning", "advice"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "advice")
"""From the worst: an error proves a broken trace, a warning is a likely mistake, advice is what could be better."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem in a trace: the rule that found it, the first span that has it, what is wrong and how to fix it.

    Spans with the same remedy are one finding: `spans` are all of them, and `problem` is told of the first.
    """

    rule: str
    span: Span | None
    problem: str
    remedy: str
    severity: Severity = "error"
    spans: tuple[Span, ...] = ()

    @property
    def count(self) -> int:
        """The number of spans, or of attributes on them, that have the problem."""
        return max(len(self.spans), 1)

    @property
    def services(self) -> list[str]:
        """The services of these spans, in order of their first span."""
        return list(dict.fromkeys(span.service for span in self.spans))

    def __str__(self) -> str:
        where = "" if self.span is None else f"{self.span}: "
        often = f" (×{self.count} in {first_five(self.services)})" if self.count > 1 else ""
        return f"{self.severity}: {self.rule}: {where}{escaped(self.problem + often)}\n  → {escaped(self.remedy)}"


def severity_of(name: str) -> Severity:
    """Return the severity of this name. Raises ValueError if there is none."""
    __tracebackhide__ = True
    for severity in SEVERITIES:
        if severity == name:
            return severity
    raise ValueError(f"{name!r} is not a severity: write {', '.join(SEVERITIES[:-1])} or {SEVERITIES[-1]}")


def grouped(rule: str, severity: Severity, problems: Iterable[tuple[Span, str, str]]) -> list[Finding]:
    """Make a finding of all problems of a rule that have the same remedy, in order of the first."""
    alike: dict[str, tuple[str, list[Span]]] = {}
    for span, problem, remedy in problems:
        alike.setdefault(remedy, (problem, []))[1].append(span)
    return [
        Finding(rule, spans[0], problem, remedy, severity, tuple(spans)) for remedy, (problem, spans) in alike.items()
    ]


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Make one finding of those, of several traces, that have the same rule and remedy, in order of the first."""
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.rule, finding.remedy), []).append(finding)
    return [replace(same[0], spans=tuple(span for each in same for span in each.spans)) for same in alike.values()]
