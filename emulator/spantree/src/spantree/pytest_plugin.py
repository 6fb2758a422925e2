"""The pytest plugin: the fixtures `otlp` and `tracing`, its options, and reports that show traces and differences.

It is loaded in every pytest run where the package is installed, so it imports the rest of the package only when it is
used. `-p no:spantree` leaves it out. `spantree.reports` has what it adds to the reports of failed tests.
"""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spantree.project import project_file

if TYPE_CHECKING:  # these would import the package at the start of every pytest run
    from spantree import OtlpReceiver, SpanTree, Tracing
    from spantree.reports.explanations import Explanation

EXPLANATIONS: "pytest.StashKey[list[Explanation]]" = pytest.StashKey()
"""What was explained since the last report."""
UPDATED: pytest.StashKey[list[Path]] = pytest.StashKey()
"""The tree files that were written."""
FAILED: pytest.StashKey[bool] = pytest.StashKey()
"""Whether a phase of the test has failed."""
WORKERS_UPDATED = "spantree_updated_trees"
"""The key under which workers of pytest-xdist tell the controller which tree files they wrote."""
ANNOTATION = "spantree_annotation"
"""The attribute of a report that holds its annotation for GitHub Actions. pytest-xdist brings it along as it is."""
MARKER = "tracing(service='test', deterministic=False): how the fixture `tracing` of spantree is set up."


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-trees` and `--trace-reports`."""
    group = parser.getgroup("spantree", "span trees")
    group.addoption(
        "--update-trees",
        action="store_true",
        help="Write the *.tree files that do not exist, and update those that differ from the traces.",
    )
    group.addoption(
        "--trace-reports",
        metavar="DIR",
        help="Write the traces of each failed test into this folder: the waterfalls as HTML, the spans as OTLP JSON.",
    )
    parser.addini("spantree_settle", "Seconds of silence after which `otlp.trace()` returns a trace.", default="0")
    parser.addini("trace_reports", "The folder of --trace-reports, relative to the root of the project.", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Let the project configure `check`, and update tree files during this session if `--update-trees` is given."""
    config.addinivalue_line("markers", MARKER)
    config.stash[EXPLANATIONS], config.stash[UPDATED] = [], []
    configured = project_file.set(config.rootpath / "pyproject.toml")
    config.add_cleanup(lambda: project_file.reset(configured))
    if config.getoption("--update-trees"):
        from spantree import updated_tree_files

        token = updated_tree_files.set(config.stash[UPDATED])
        config.add_cleanup(lambda: updated_tree_files.reset(token))


@pytest.fixture(scope="session")
def otlp_session(request: pytest.FixtureRequest) -> "Iterator[OtlpReceiver]":
    """Receive spans over OTLP for the whole session, from programs that take too long to start for each test.

    A fixture starts them with `otlp_session.environment`. In each test that uses it, directly or through such a
    fixture, `otlp` has the traces that begin during this test.
    """
    from spantree import OtlpReceiver

    with OtlpReceiver(settle=_settle(request.config)) as receiver:
        yield receiver


@pytest.fixture
def otlp(request: pytest.FixtureRequest) -> "Iterator[OtlpReceiver]":
    """Receive spans over OTLP for this test: `otlp.endpoint`, `otlp.environment` for subprocesses, `otlp.trace()`.

    At the end of the test, spans fail it that came too late to be seen, but make a trace differ that it has compared.
    """
    from spantree import LateSpans, OtlpReceiver

    shared = "otlp_session" in request.fixturenames
    whole = request.getfixturevalue("otlp_session").window() if shared else OtlpReceiver(settle=_settle(request.config))
    with whole as receiver:
        show_if_failed(request, lambda: receiver.traces)
        yield receiver
        if request.node.stash.get(FAILED, False):
            return
        try:
            receiver.verify()
        except LateSpans as late:
            # Without a traceback, which would be pytest's own, and without a context, which would say it all twice.
            raise pytest.fail.Exception(str(late), pytrace=False) from None


def _settle(config: pytest.Config) -> float:
    seconds = str(config.getini("spantree_settle"))
    try:
        return max(0.0, float(seconds))
    except ValueError:
        raise pytest.UsageError(f"spantree_settle is {seconds!r}; it must be a number of seconds") from None


@pytest.fixture
def tracing(request: pytest.FixtureRequest) -> "Iterator[Tracing]":
    """Collect the spans of this process for this test: `tracing.tracer("shop")`, `tracing.trace()`.

    The process's global tracer provider is not touched. `@pytest.mark.tracing(deterministic=True)` makes ids and times
    the same in every run. Needs opentelemetry-sdk.
    """
    from spantree import in_process_tracing

    marker = request.node.get_closest_marker("tracing")
    arguments, options = (marker.args, marker.kwargs) if marker else ((), {})
    with in_process_tracing(*arguments, **options) as tracing:
        show_if_failed(request, lambda: tracing.traces)
        yield tracing


def show_if_failed(request: pytest.FixtureRequest, traces: "Callable[[], Iterable[SpanTree]]") -> None:
    """Add these traces to the report of the test if it fails. For fixtures that collect traces in their own way."""
    from spantree.reports.failures import SOURCES

    request.node.stash.setdefault(SOURCES, []).append(traces)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the whole differences, and the traces of the test, to the report of a failed test."""
    explanations, item.config.stash[EXPLANATIONS] = item.config.stash[EXPLANATIONS], []
    if call.excinfo is None or "spantree.span_tree" not in sys.modules:
        return (yield)
    from spantree.reports.failures import complete
    from spantree.reports.tracebacks import drop_own_frames

    drop_own_frames(call.excinfo.value)
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    if report.failed:
        complete(report, item, call.excinfo.value, explanations)
    return report


def pytest_assertrepr_compare(config: pytest.Config, op: str, left: object, right: object) -> list[str] | None:
    """Explain comparisons of traces, findings, durations and spans that were found."""
    if "spantree.span_tree" not in sys.modules:
        return None
    from spantree.query_reports import explain_query
    from spantree.reports.explanations import explain, uses_colour

    if (explained := explain_query(op, left, right)) is not None or op != "==":
        return explained
    explanation = explain(left, right, colour=uses_colour(config))
    if explanation is None:
        return None
    config.stash[EXPLANATIONS].append(explanation)
    return explanation.lines


def pytest_sessionfinish(session: pytest.Session) -> None:
    """As a worker of pytest-xdist, tell the controller which tree files were updated."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[WORKERS_UPDATED] = [str(path) for path in session.config.stash[UPDATED]]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401 - a class of pytest-xdist, which need not be there
    """As the controller of pytest-xdist, take note of the tree files that a worker has updated."""
    output = getattr(node, "workeroutput", {})
    node.config.stash[UPDATED] += [Path(path) for path in output.get(WORKERS_UPDATED, ())]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print annotations for GitHub Actions, and name the tree files that were updated."""
    reports = [*terminalreporter.stats.get("failed", ()), *terminalreporter.stats.get("error", ())]
    for annotation in filter(None, (getattr(report, ANNOTATION, None) for report in reports)):
        terminalreporter.write_line(annotation)
    updated: list[Path] = config.stash[UPDATED]
    for path in dict.fromkeys(updated):
        terminalreporter.write_line(f"updated {path}")
