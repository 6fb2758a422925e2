"""Completes the report of a failed test with differences, traces, files and annotations.

Everything goes into the failure itself, which JUnit's XML and pytest-xdist take along, not into captured output.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spantree.github import is_github_actions
from spantree.reports.annotations import annotation
from spantree.reports.explanations import Explanation
from spantree.reports.received_traces import describe_traces
from spantree.reports.trace_files import waterfalls, write_traces
from spantree.reports.tracebacks import is_own_failure

if TYPE_CHECKING:
    from spantree import SpanTree

__all__ = ["SOURCES", "complete", "trace_folder"]

SOURCES: "pytest.StashKey[list[Callable[[], Iterable[SpanTree]]]]" = pytest.StashKey()
"""Functions that return the traces of a test, for its report if it fails."""
SHOWN: pytest.StashKey[str] = pytest.StashKey()
"""What the reports of earlier phases of a test have shown, so that its teardown does not repeat it."""


@dataclass(frozen=True, slots=True)
class _Section:
    title: str
    text: str


def complete(
    report: pytest.TestReport, item: pytest.Item, error: BaseException, explanations: Sequence[Explanation]
) -> None:
    """Add what is known about the traces of a test that failed by an error to its report."""
    failure = report.longreprtext
    traces = [trace for source in item.stash.get(SOURCES, []) for trace in source()]
    explained = [explanation for explanation in explanations if explanation.is_in(failure)]
    sections = [_Section("the whole difference", each.whole) for each in explained if each.whole]
    if traces:
        sections += _traces(item, traces, failure)
        _attach(report, item.config, traces)
    for section in sections:
        _add(report, section)
    if (traces or explained or is_own_failure(error)) and is_github_actions():
        report.spantree_annotation = annotation(report, item.config)  # type: ignore[attr-defined] # pytest keeps it


def trace_folder(config: pytest.Config) -> Path | None:
    """Return the folder of `--trace-reports`, or else of the setting `trace_reports`; None if there is none."""
    given, configured = config.getoption("--trace-reports"), config.getini("trace_reports")
    if given:
        return config.invocation_params.dir / str(given)
    return config.rootpath / str(configured) if configured else None


def _traces(item: pytest.Item, traces: "Sequence[SpanTree]", failure: str) -> list[_Section]:
    above = item.stash.get(SHOWN, "")
    described = describe_traces(traces, f"{above}{failure}")
    item.stash[SHOWN] = f"{above}{failure}{described}"
    sections = [_Section(f"traces received: {len(traces)}", described)] if described else []
    folder = trace_folder(item.config)
    if folder is None:
        return sections
    try:
        return [*sections, _Section("trace report", str(write_traces(folder, item.nodeid, traces)))]
    except OSError as error:
        return [*sections, _Section("trace report", f"cannot be written: {error}")]


def _add(report: pytest.TestReport, section: _Section) -> None:
    add = getattr(report.longrepr, "addsection", None)
    if add is not None:
        add(section.title, section.text)
    else:  # a text, as of an error in a fixture's name
        report.sections.append((section.title, section.text))


def _attach(report: pytest.TestReport, config: pytest.Config, traces: "Sequence[SpanTree]") -> None:
    """Attach the waterfalls to the report of pytest-html, if that writes one."""
    if not config.getoption("htmlpath", None) or not config.pluginmanager.hasplugin("html"):
        return
    import pytest_html

    page = escape(waterfalls(traces), quote=True)
    frame = f'<iframe sandbox="allow-scripts" style="width:100%;height:32em" srcdoc="{page}"></iframe>'
    extras: list[Any] = getattr(report, "extras", [])
    report.extras = [*extras, pytest_html.extras.html(frame)]  # type: ignore[attr-defined] # as pytest-html documents
