"""Whether traces are sound: `check` without an expected tree, by the options and by the project's configuration."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from spantree import RULES, Finding, SpanTree
from spantree.cli.errors import Unreadable
from spantree.cli.junit import Case
from spantree.cli.program import current
from spantree.lint import SEVERITIES, Severity, configuration, merged
from spantree.project import find_project, project_file

__all__ = ["Rules", "subject"]


class Rules:
    """Which findings there are, and which of them fail. What is None is as the project has it. Raises Unreadable."""

    def __init__(
        self,
        ignore: Sequence[str] | None,
        fail_on: Severity | None,
        registry: Sequence[Path] | None,
        n_plus_one: int | None,
    ) -> None:
        self._ignore, self._n_plus_one = ignore, n_plus_one
        try:
            project_file.set(find_project(Path.cwd()))
            configured = configuration(RULES)
            self._fail_on = fail_on or configured.fail_on
            self._registry = [*current().registry(), *(registry or configured.registry)]
        except ValueError as error:  # its message names the file and the key
            raise Unreadable(str(error)) from error

    def judge(self, trace: SpanTree) -> Case:
        """Return whether a trace is sound, with the findings that fail it."""
        return Case(subject(trace), "sound", "\n".join(map(str, self._findings(trace, self._fail_on))))

    def remarks(self, traces: Iterable[SpanTree]) -> list[Finding]:
        """Return the findings that fail no trace, each once for all traces."""
        lesser = SEVERITIES[SEVERITIES.index(self._fail_on) + 1 :]
        every = [finding for trace in traces for finding in self._findings(trace, SEVERITIES[-1])]
        return merged(finding for finding in every if finding.severity in lesser)

    def _findings(self, trace: SpanTree, at_least: Severity) -> list[Finding]:
        try:
            return trace.check(
                self._ignore,
                current().continues_by,
                at_least=at_least,
                registry=self._registry,
                n_plus_one=self._n_plus_one,
            )
        except (OSError, ValueError) as error:  # a registry; its message names the file
            raise Unreadable(str(error)) from error


def subject(trace: SpanTree) -> str:
    """Return how a trace is called in results."""
    return f"trace {trace.trace_id}, {len(trace)} span{'' if len(trace) == 1 else 's'},"
