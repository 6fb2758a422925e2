"""The pytest plugin: spans of any program, traces of this emulator, and what came in a failed test's report.

Registered as `emulator`; `-p no:emulator` leaves it out. It is loaded in every pytest run where the package is
installed, so it imports nothing before a fixture is used.
"""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # the types of what is imported late
    from emulator.cloud import BackgroundCloud, Settings
    from spantree import OtlpReceiver, Pending, SpanTree

RECEIVED: "pytest.StashKey[list[Callable[[], Iterable[SpanTree]]]]" = pytest.StashKey()
"""Where a test's traces are to be had from, once it has failed."""
DIFFERENCES: pytest.StashKey[list[str]] = pytest.StashKey()
"""The whole of what pytest cuts short."""
UPDATED: pytest.StashKey[list[Path]] = pytest.StashKey()
"""The tree files that were written."""
SHOWN = 20


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-trees`."""
    group = parser.getgroup("emulator", "traces")
    group.addoption(
        "--update-trees", action="store_true", help="Bring the *.tree files that traces differ from up to date."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Let trees that are read from files be rewritten, if that is wanted."""
    config.stash[DIFFERENCES], config.stash[UPDATED] = [], []
    if config.getoption("--update-trees"):
        from spantree import updating_trees

        token = updating_trees.set(config.stash[UPDATED])
        config.add_cleanup(lambda: updating_trees.reset(token))


@pytest.fixture
def otlp(request: pytest.FixtureRequest) -> "Iterator[OtlpReceiver]":
    """An OTLP receiver of this test's own: `endpoint`, `environment` for subprocesses, `await otlp.trace()`."""
    from spantree import OtlpReceiver

    with OtlpReceiver() as receiver:
        _remember(request, lambda: receiver.traces)
        yield receiver


@pytest.fixture(scope="session")
def cloud_settings() -> "Settings":
    """How the `cloud` of the session is: override it to change its pace or seed."""
    from emulator.cloud import Settings

    return Settings(pace=0)


@pytest.fixture(scope="session")
def cloud(cloud_settings: "Settings") -> "Iterator[BackgroundCloud]":
    """The emulator, up on free ports of 127.0.0.1 until the session ends: `endpoints`, `amqp_url`, `boot()`."""
    from emulator.cloud import background_cloud

    with background_cloud(cloud_settings) as running:
        yield running


@pytest.fixture
def boot(cloud: "BackgroundCloud", request: pytest.FixtureRequest) -> "Callable[..., Pending[SpanTree]]":
    """Boot servers on the `cloud`. Await what it returns, or `.wait()` for it: that is the trace of the boot."""

    def booted(**order: str) -> "Pending[SpanTree]":
        coming = cloud.boot(**order)
        coming.then(lambda trace: _remember(request, lambda: [trace]))
        return coming

    return booted


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach to the report of a failed test the trees of all traces that it received."""
    report = yield
    differences, item.config.stash[DIFFERENCES] = item.config.stash[DIFFERENCES], []
    if report.failed:
        report.sections += [("in full", difference) for difference in differences]
        traces = [trace for source in item.stash.get(RECEIVED, []) for trace in source()]
        if traces:
            report.sections.append((f"traces received: {len(traces)}", _show(traces)))
    return report


def pytest_assertrepr_compare(config: pytest.Config, op: str, left: object, right: object) -> list[str] | None:
    """Explain `trace == tree(…)`: the first difference here, since pytest cuts what is longer, and all below."""
    if op != "==" or "spantree" not in sys.modules:
        return None
    from spantree import Expectation, Finding, SpanTree

    if isinstance(left, list) and isinstance(right, list) and not right and isinstance(next(iter(left), None), Finding):
        config.stash[DIFFERENCES].append("\n".join(map(str, left)))
        return [f"the trace is not sound: {len(left)} findings", *str(left[0]).splitlines()]

    trace, expected = (left, right) if isinstance(left, SpanTree) else (right, left)
    if not (isinstance(trace, SpanTree) and isinstance(expected, Expectation)):
        return None
    difference = trace.difference(expected)
    if difference is None:
        return None
    colour = config.get_terminal_writer().hasmarkup
    first, whole = difference.first(colour=colour), difference.render(colour=colour)
    if len(whole.splitlines()) > len(first):
        config.stash[DIFFERENCES].append(whole)
    return [f"{trace!r} == {expected!r}", *first]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the trees that were brought up to date."""
    updated: list[Path] = config.stash[UPDATED]
    for path in dict.fromkeys(updated):
        terminalreporter.write_line(f"updated {path}")


def _remember(request: pytest.FixtureRequest, source: "Callable[[], Iterable[SpanTree]]") -> None:
    request.node.stash.setdefault(RECEIVED, []).append(source)


def _show(traces: "list[SpanTree]") -> str:
    shown = [f"trace {trace.trace_id}\n{trace}" for trace in traces[:SHOWN]]
    more = [f"and {len(traces) - SHOWN} more"] if len(traces) > SHOWN else []
    return "\n\n".join([*shown, *more])
