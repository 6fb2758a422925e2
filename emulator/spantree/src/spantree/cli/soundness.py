"""Whether traces are sound: `check` without an expected tree, by the options and by the project's configuration."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from spantree import RULES, Finding, SpanTree
from spantree.cli.errors import Unreadable
from spantree.cli.junit import Case, kind_of
from spantree.cli.program import current
from spantree.lint import SEVERITIES, Configuration, Severity, configuration, merged
from spantree.project import find_project, project_file

__all__ = ["Rules", "subject"]


@dataclass(frozen=True)
class Rules:
    """Which findings there are, and which of them fail. What is None is as the project has it.

    The project is read when the first trace is judged. Both methods raise Unreadable.
    """

    ignore: Sequence[str] | None
    fail_on: Severity | None
    registry: Sequence[Path] | None
    n_plus_one: int | None

    def judge(self, trace: SpanTree) -> Case:
        """Return whether a trace is sound, with the findings that fail it."""
        findings = self._findings(trace, self._settings.fail_on)
        return Case(subject(trace), "sound", "\n".join(map(str, findings)), kind_of(trace))

    def remarks(self, traces: Iterable[SpanTree]) -> list[Finding]:
        """Return the findings that fail no trace, each once for all traces."""
        lesser = SEVERITIES[SEVERITIES.index(self._settings.fail_on) + 1 :]
        every = [finding for trace in traces for finding in self._findings(trace, SEVERITIES[-1])]
        return merged(finding for finding in every if finding.severity in lesser)

    @cached_property
    def _settings(self) -> Configuration:
        try:
            project_file.set(find_project(Path.cwd()))
            configured = configuration(RULES)
        except ValueError as error:  # its message names the file and the key
            raise Unreadable(str(error)) from error
        return replace(
            configured,
            ignore=configured.ignore if self.ignore is None else tuple(self.ignore),
            fail_on=self.fail_on or configured.fail_on,
            registry=(*current().registry(), *(self.registry or configured.registry)),
            n_plus_one=self.n_plus_one or configured.n_plus_one,
        )

    def _findings(self, trace: SpanTree, at_least: Severity) -> list[Finding]:
        settings = self._settings
        try:
            return trace.check(
                settings.ignore,
                current().continues_by,
                at_least=at_least,
                registry=settings.registry,
                n_plus_one=settings.n_plus_one,
            )
        except (OSError, ValueError) as error:  # a registry; its message names the file
            raise Unreadable(str(error)) from error


def subject(trace: SpanTree) -> str:
    """Return how a trace is called in results."""
    return f"trace {trace.trace_id}, {len(trace)} span{'' if len(trace) == 1 else 's'},"
