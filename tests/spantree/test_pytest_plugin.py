"""The pytest plugin, as another project uses it: pytest runs test files that use its fixtures and options."""

from importlib import import_module

import pytest

SHARED = ("tests.support.preloaded", "opentelemetry.exporter.otlp.proto.http.trace_exporter")
"""What must not be imported by a run in this process: pytester forgets it at the end, its users do not."""

INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""


@pytest.fixture(scope="session")
def shared_modules() -> None:
    """Import them before `pytester` takes note of what is imported."""
    for module in SHARED:
        import_module(module)


@pytest.fixture
def theirs(shared_modules: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The test directory of another project."""
    monkeypatch.delenv("CI", raising=False)  # in CI pytest does not shorten explanations
    pytester.makeini(INI)
    return pytester


def run(theirs: pytest.Pytester, code: str, *options: str) -> pytest.RunResult:
    """Run it in this process, in which everything is imported already."""
    theirs.makepyfile(test_theirs=code)
    return theirs.runpytest_inprocess("-p", "no:cacheprovider", *options)


def run_alone(theirs: pytest.Pytester, code: str, *options: str) -> pytest.RunResult:
    """Run it in a process of its own."""
    theirs.makepyfile(test_theirs=code)
    return theirs.runpytest_subprocess("-p", "no:cacheprovider", *options)


EXPORT = """
import asyncio, os, subprocess, sys
from spantree import tree

SERVICE = '''
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
with provider.get_tracer("shop").start_as_current_span("order"):
    provider.get_tracer("shop").start_span("pay").end()
provider.shutdown()
'''

def export(otlp):
    environment = {**os.environ, **otlp.environment, "OTEL_SERVICE_NAME": "shop"}
    subprocess.run([sys.executable, "-c", SERVICE], env=environment, check=True)
"""


def test_spans_of_a_subprocess_reach_blocking_and_async_tests(theirs: pytest.Pytester) -> None:
    code = (
        EXPORT
        + '''
def test_blocking(otlp):
    export(otlp)
    assert otlp.trace().wait() == tree("""
        shop: order
          shop: pay
    """)

async def test_awaiting(otlp):
    await asyncio.to_thread(export, otlp)
    trace = await otlp.trace(expecting=tree("shop: order\\n  shop: pay"))
    assert trace.one("shop", name="pay").parent.name == "order"
'''
    )
    run_alone(theirs, code).assert_outcomes(passed=2)


def test_a_failed_test_shows_the_difference_and_the_other_traces(theirs: pytest.Pytester) -> None:
    code = (
        EXPORT
        + """
def test_wrong(otlp):
    export(otlp)
    export(otlp)
    assert otlp.trace().wait() == tree("shop: order\\n  shop: reserve\\n  shop: charge\\n  shop: ship")
"""
    )
    result = run(theirs, code)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*<trace *, 2 spans of shop> == <expected tree shop: order>",
            "E*the trace is not as expected: *  (- expected, + found*)",
            "E*shop: order",
            "E*? first difference: *",
            "E*-   shop: charge*",
            "*- traces received: 2 -*",
            "trace ????????????????????????????????, 2 spans: shop: order (see above)",
            "trace ????????????????????????????????",
            "shop: order",
            "  shop: pay",
        ]
    )


def test_a_test_that_passes_or_receives_nothing_reports_nothing(theirs: pytest.Pytester) -> None:
    result = run(theirs, EXPORT + "def test_fine(otlp): export(otlp)\ndef test_bad(): assert 1 == 2", "-rA")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("*traces received*")


def test_update_trees_rewrites_only_what_differs(theirs: pytest.Pytester) -> None:
    kept = "# of the shop\nshop: order   # by a user\n  shop: refund\n"
    (theirs.path / "old.tree").write_text(kept)
    code = (
        EXPORT
        + """
from pathlib import Path

def test_old_and_new(otlp):
    export(otlp)
    trace = otlp.trace().wait()
    assert trace == tree(Path("old.tree"))
    assert trace == tree(Path("new.tree"))
    assert trace == tree("shop: order\\n  shop: pay")
"""
    )
    refused = run(theirs, code)
    refused.assert_outcomes(failed=1)
    assert (theirs.path / "old.tree").read_text() == kept
    updated = run(theirs, code, "--update-trees")
    updated.assert_outcomes(passed=1)
    updated.stdout.fnmatch_lines(["updated old.tree", "updated new.tree"])
    assert (theirs.path / "old.tree").read_text() == kept.replace("refund", "pay")
    assert (theirs.path / "new.tree").read_text() == "shop: order\n  shop: pay\n"
    run(theirs, code).assert_outcomes(passed=1)


def test_update_trees_updates_a_tree_that_is_waited_for(theirs: pytest.Pytester) -> None:
    (theirs.path / "old.tree").write_text("shop: order\n  shop: refund\n")
    code = (
        EXPORT
        + """
from pathlib import Path

def test_old(otlp):
    export(otlp)
    expected = tree(Path("old.tree"))
    assert otlp.trace(expecting=expected, timeout=0.1).wait() == expected
"""
    )
    run(theirs, code, "--update-trees").assert_outcomes(passed=1)
    run(theirs, code).assert_outcomes(passed=1)


IN_PARTS = """
from pathlib import Path
from spantree import tree
from tests.support.otlp import send
from tests.support.spans import a_span

def noise(number):
    return a_span(number, name=f"start {number}", trace_id=f"{number:032x}")
"""


def test_update_trees_waits_until_no_more_spans_come(theirs: pytest.Pytester) -> None:
    code = (
        IN_PARTS
        + """
def test_new(otlp):
    coming = otlp.trace(expecting=tree(Path("new.tree")), timeout=0)
    for number in range(1, 9):  # each batch is a complete trace
        send(otlp, [a_span(number, min(number - 1, 1), "order" if number == 1 else f"step {number}")])
    trace = coming.wait()
    assert trace == tree(Path("new.tree"))
"""
    )
    run(theirs, code, "--update-trees").assert_outcomes(passed=1)
    written = (theirs.path / "new.tree").read_text().splitlines()
    assert written == ["shop: order", *(f"  shop: step {number}" for number in range(2, 9))]


def test_update_trees_asks_which_root_is_meant(theirs: pytest.Pytester) -> None:
    code = (
        IN_PARTS
        + """
def test_unnamed(otlp):
    send(otlp, [noise(1), a_span(2, name="order")])
    otlp.trace(expecting=tree(Path("unnamed.tree"))).wait()

def test_compared(otlp):
    send(otlp, [noise(1), a_span(2, name="order")])
    trace = otlp.trace().wait()
    assert trace == tree("shop: start 1")
    assert trace == tree(Path("compared.tree"))

def test_named(otlp):
    send(otlp, [noise(1), a_span(2, name="order")])
    assert otlp.trace(name="order", expecting=tree(Path("named.tree"))).wait() == tree(Path("named.tree"))
"""
    )
    result = run(theirs, code, "--update-trees")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "E*Name its root:",
            "E*otlp.trace(service='shop', name='start 1')",
            "E*otlp.trace(service='shop', name='order')",
        ]
    )
    assert not (theirs.path / "unnamed.tree").exists()
    assert not (theirs.path / "compared.tree").exists()
    assert (theirs.path / "named.tree").read_text() == "shop: order\n"


def test_update_trees_names_the_files_that_workers_of_xdist_write(theirs: pytest.Pytester) -> None:
    code = (
        IN_PARTS
        + """
import pytest

@pytest.mark.parametrize("file", ["one.tree", "two.tree"])
def test_new(otlp, file):
    send(otlp, [a_span(1, name="order")])
    assert otlp.trace(expecting=tree(Path(file))).wait() == tree(Path(file))
"""
    )
    result = run_alone(theirs, code, "--update-trees", "-n", "2")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines_random(["updated *one.tree", "updated *two.tree"])


def test_findings_are_shown_with_their_remedies(theirs: pytest.Pytester) -> None:
    failed = run(
        theirs,
        EXPORT
        + "\ndef test_sound(otlp):\n    export(otlp)\n    assert otlp.trace().wait().check(at_least='advice') == []",
    )
    failed.stdout.fnmatch_lines(
        [
            "E*the trace is not sound: 1 finding",
            "E*advice: missing-resource: shop: *service.version*",
            "E*? Set OTEL_RESOURCE*",
        ]
    )


def test_checks_in_tests_are_configured_by_the_root_folder(theirs: pytest.Pytester) -> None:
    code = """
from spantree import SpanTree, Span

def test_rule():
    [span] = SpanTree([Span("1" * 32, "1" * 16, "2" * 16, "order", "server", 0, 1)]).spans
    assert SpanTree([span]).check() == []
"""
    run(theirs, code).assert_outcomes(failed=1)
    theirs.makepyprojecttoml('[tool.spantree]\nignore = ["orphan"]')
    run(theirs, code).assert_outcomes(passed=1)
    theirs.makepyprojecttoml('[tool.spantree]\nignored = ["orphan"]')
    failed = run(theirs, code)
    failed.stdout.fnmatch_lines(
        ["E *pyproject.toml: tool.spantree.ignored: there is no such key; did you mean ignore?*"]
    )


def test_a_pending_trace_says_that_it_is_pending(theirs: pytest.Pytester) -> None:
    code = """
def test_forgotten(otlp):
    assert otlp.trace() == 1

def test_asked(otlp):
    otlp.trace().one()
"""
    failed = run(theirs, code)
    failed.assert_outcomes(failed=2)
    failed.stdout.fnmatch_lines(
        ["E*<pending: await it, or call wait()> == 1", "E*no attribute 'one': await it, or call wait()*"]
    )


def test_failures_show_the_users_code_and_not_the_librarys(theirs: pytest.Pytester) -> None:
    code = """
from spantree import SpanTree, Span, tree

ONE = SpanTree([Span("1" * 32, "1" * 16, "", "order", "server", 0, 1)])

def test_late(otlp): otlp.trace(timeout=0.01).wait()

def test_notation(): tree("shop: order (sever)")

def test_criterion(): ONE.one(nam="order")

def test_kind(): ONE.all(kind="SERVER")

def test_rule(): ONE.check(ignore=["missing"])
"""
    failed = run(theirs, code)
    failed.assert_outcomes(failed=5)
    failed.stdout.fnmatch_lines(
        [
            "E *no complete trace arrived within 0.01 s.",
            "E *line 1, column 13: (sever) is not a kind; did you mean (server)?*",
        ]
    )
    shown = [line for line in failed.outlines if line.startswith(">")]
    assert len(shown) == 5, shown
    assert "The above exception was" not in failed.stdout.str()
    assert "During handling of" not in failed.stdout.str()


def test_a_session_that_uses_no_fixture_imports_nothing(theirs: pytest.Pytester) -> None:
    code = """
import sys

def test_light():
    ours = {"spantree.span_tree", "emulator.cloud", "emulator.faults"}
    heavy = ours | {"opentelemetry", "grpc", "aiohttp", "google.protobuf", "rich"}
    assert {"emulator.pytest_plugin", "spantree.pytest_plugin"} <= set(sys.modules)
    assert heavy & set(sys.modules) == set()
"""
    run_alone(theirs, code).assert_outcomes(passed=1)


def test_the_plugin_can_be_left_out(theirs: pytest.Pytester) -> None:
    without = run(theirs, "def test_it(otlp): pass", "-p", "no:spantree")
    without.assert_outcomes(errors=1)
    without.stdout.fnmatch_lines(["*fixture 'otlp' not found*"])


LATE = """
from spantree import Span, tree
from tests.support.otlp import send
from tests.support.spans import a_span

def test_a_late_span(otlp):
    send(otlp, [a_span(1, name="order")])
    assert otlp.trace().wait() == tree("shop: order")
    send(otlp, [a_span(2, 1, "charge")])
"""


def test_late_spans_are_told_once_and_without_a_traceback(theirs: pytest.Pytester) -> None:
    failed = run(theirs, LATE)
    failed.assert_outcomes(passed=1, errors=1)
    shown = failed.stdout.str()
    assert shown.count("shop: charge, ") == 1
    assert "_pytest" not in shown
    assert "another exception" not in shown
    assert "Traceback" not in shown
