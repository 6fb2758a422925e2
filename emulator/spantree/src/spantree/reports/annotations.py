"""The annotation of a failed test in GitHub Actions: it shows the failure beside the line of the test."""

import re

import pytest

from spantree.github import error_annotation, repository_path

__all__ = ["annotation"]

ANSI = re.compile(r"\x1b\[[0-9;]*m")
OTHER_PLUGIN = "pytest_github_actions_annotate_failures"
"""It annotates every failure, with the same message."""


def annotation(report: pytest.TestReport, config: pytest.Config) -> str:
    """Return the annotation of a failure; `""` if another plugin makes one."""
    if config.pluginmanager.hasplugin(OTHER_PLUGIN):
        return ""
    file, line, message = _crash(report, config)
    return error_annotation(report.nodeid, message, file, line)


def _crash(report: pytest.TestReport, config: pytest.Config) -> tuple[str, int | None, str]:
    """Return the file, the line and the message of a failure."""
    path, line, _ = report.location
    file, number = config.rootpath / path, None if line is None else line + 1
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is None:
        return repository_path(file) or path, number, report.longreprtext
    message = ANSI.sub("", crash.message)
    crashed = repository_path(config.rootpath / crash.path)
    if crashed is None or "site-packages" in crashed:  # GitHub shows annotations only at the repository's own lines
        return repository_path(file) or path, number, message
    return crashed, crash.lineno, message
