"""The pytest plugin: the fixture `otlp`, the option `--update-trees`, and reports that show traces and differences.

It is loaded in every pytest run where the package is installed, so it imports the rest of the package only when it is
used. `-p no:spantree` leaves it out.
"""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # these would import the package at the start of every pytest run
    from spantree import OtlpReceiver, SpanTree

SOURCES: "pytest.StashKey[list[Callable[[], Iterable[SpanTree]]]]" = pytest.StashKey()
"""Functions that return the traces of a test, for its report if it fails."""
REPORTS: pytest.StashKey[list[str]] = pytest.StashKey()
"""The full text of explanations that pytest truncates."""
UPDATED: pytest.StashKey[list[Path]] = pytest.StashKey()
"""The tree files that were written."""
SHOWN_TRACES = 20
"""The most traces that a report shows."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-trees`."""
    group = parser.getgroup("spantree", "span trees")
    group.addoption(
        "--update-trees",
        action="store_true",
        help="Write the *.tree files that do not exist, and update those that differ from the traces.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Update tree files during this session if `--update-trees` is given."""
    config.stash[REPORTS], config.stash[UPDATED] = [], []
    if config.getoption("--update-trees"):
        from spantree import updated_tree_files

        token = updated_tree_files.set(config.stash[UPDATED])
        config.add_cleanup(lambda: updated_tree_files.reset(token))


@pytest.fixture
def otlp(request: pytest.FixtureRequest) -> "Iterator[OtlpReceiver]":
    """Receive spans over OTLP for this test: `otlp.endpoint`, `otlp.environment` for subprocesses, `otlp.trace()`."""
    from spantree import OtlpReceiver

    with OtlpReceiver() as receiver:
        show_if_failed(request, lambda: receiver.traces)
        yield receiver


def show_if_failed(request: pytest.FixtureRequest, traces: "Callable[[], Iterable[SpanTree]]") -> None:
    """Add these traces to the report of the test if it fails. For fixtures that collect traces in their own way."""
    request.node.stash.setdefault(SOURCES, []).append(traces)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the full differences, and the trees of all received traces, to the report of a failed test."""
    report = yield
    differences, item.config.stash[REPORTS] = item.config.stash[REPORTS], []
    if report.failed:
        report.sections += [("in full", difference) for difference in differences]
        traces = [trace for source in item.stash.get(SOURCES, []) for trace in source()]
        if traces:
            report.sections.append((f"traces received: {len(traces)}", _draw(traces)))
    return report


def pytest_assertrepr_compare(config: pytest.Config, op: str, left: object, right: object) -> list[str] | None:
    """Explain `trace == tree(...)` and `trace.check() == []`.

    The first difference goes here, since pytest truncates long explanations; all of them go to the end of the report.
    """
    if "spantree.span_tree" not in sys.modules:
        return None
    if (explained := _explain_query(op, left, right)) is not None or op != "==":
        return explained
    return _explain_findings(config, left, right) or _explain_difference(config, left, right)


def _explain_query(op: str, left: object, right: object) -> list[str] | None:
    from spantree.query_reports import explain_query

    return explain_query(op, left, right)


def _explain_findings(config: pytest.Config, left: object, right: object) -> list[str] | None:
    from spantree import Finding

    if not (isinstance(left, list) and left and isinstance(left[0], Finding) and right == []):
        return None
    config.stash[REPORTS].append("\n".join(map(str, left)))
    findings = f"{len(left)} finding{'' if len(left) == 1 else 's'}"
    return [f"the trace is not sound: {findings}", *str(left[0]).splitlines()]


def _explain_difference(config: pytest.Config, left: object, right: object) -> list[str] | None:
    from spantree import Expectation, SpanTree

    trace, expected = (left, right) if isinstance(left, SpanTree) else (right, left)
    if not (isinstance(trace, SpanTree) and isinstance(expected, Expectation)):
        return None
    difference = trace.difference(expected)
    if difference is None:
        return None
    colour = config.get_terminal_writer().hasmarkup
    first, full = difference.first(colour=colour), difference.render(colour=colour)
    if len(full.splitlines()) > len(first):
        config.stash[REPORTS].append(full)
    return [f"{trace!r} == {expected!r}", *first]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the tree files that were updated."""
    updated: list[Path] = config.stash[UPDATED]
    for path in dict.fromkeys(updated):
        terminalreporter.write_line(f"updated {path}")


def _draw(traces: "list[SpanTree]") -> str:
    shown = [f"trace {trace.trace_id}\n{trace}" for trace in traces[:SHOWN_TRACES]]
    more = [f"and {len(traces) - SHOWN_TRACES} more"] if len(traces) > SHOWN_TRACES else []
    return "\n\n".join([*shown, *more])
