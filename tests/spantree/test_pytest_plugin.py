"""The pytest plugin, as those who install it use it: test files of their own, run by pytest."""

import random
from collections.abc import Callable

import pytest

from emulator.reference import tree_text
from spantree import Pending, SpanTree

INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""


@pytest.fixture
def theirs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A directory of somebody else's."""
    monkeypatch.delenv("CI", raising=False)  # there, pytest cuts nothing short
    pytester.makeini(INI)
    return pytester


def run(theirs: pytest.Pytester, code: str, *options: str) -> pytest.RunResult:
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


def test_spans_of_a_subprocess_reach_tests_that_block_and_tests_that_await(theirs: pytest.Pytester) -> None:
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
    run(theirs, code).assert_outcomes(passed=2)


BOOTS = """
import pytest
from spantree import tree

@pytest.mark.parametrize("number", range(4))
async def test_a_boot(boot, number):
    trace = await boot(name=f"demo-{number}")
    assert trace.hop("nova-api", "nova-scheduler").effect.name == "process nova:scheduler"
    assert trace.check() == []

def test_a_boot_that_fails(boot):
    trace = boot(image="nope").wait()
    assert trace.one("nova-compute", kind="client", status=404).leads_to("glance-api")

def test_the_cloud_is_one(cloud, request):
    assert cloud.endpoints["keystone"].startswith("http://127.0.0.1:")
    assert request.getfixturevalue("cloud") is cloud
"""


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "with xdist"])
def test_boots_are_whole_traces(theirs: pytest.Pytester, options: tuple[str, ...]) -> None:
    run(theirs, BOOTS, *options).assert_outcomes(passed=6)


async def test_a_boot_in_the_background_leaves_the_module_random_alone(
    boot: Callable[[], Pending[SpanTree]],
) -> None:
    state = random.getstate()
    await boot()
    assert random.getstate() == state


def test_a_failed_test_shows_the_first_difference_all_of_it_and_every_trace_it_received(
    theirs: pytest.Pytester,
) -> None:
    theirs.makefile(".tree", boot=tree_text("boot"))
    code = """
from pathlib import Path
from spantree import tree

async def test_wrong(boot):
    await boot(image="nope") == tree(Path("boot.tree"))
    assert await boot(image="nope") == tree(Path("boot.tree"))
"""
    result = run(theirs, code)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*<trace *, * spans of openstack-client, * == <expected tree boot.tree>",
            "E*the trace is not as expected: 1 missing, * not expected, 4 different  (- expected, + found)",
            "E*- openstack-client: openstack server create   ? first difference: it failed: ServerInError",
            "E*+ openstack-client: openstack server create !ServerInError",
            "*- in full -*",
            "-               nova-compute: GET (client) {*}   ? it failed: 404; http.response.status_code is*",
            "+               nova-compute: GET (client) !404 {*http.response.status_code=404}",
            "-               nova-compute: spawn   ? missing",
            "*- traces received: 2 -*",
            "trace ????????????????????????????????",
            "openstack-client: openstack server create !ServerInError",
            "trace ????????????????????????????????",
            "                glance-api: GET /v2/images/{image_id}/file (server)",
        ]
    )
    assert "\033[" not in result.stdout.str()
    coloured = run(theirs, code, "--color=yes").stdout.str()
    assert "\033[31m-               nova-compute: spawn   ← missing\033[0m" in coloured


def test_a_test_that_passes_or_receives_nothing_reports_nothing(theirs: pytest.Pytester) -> None:
    result = run(theirs, EXPORT + "def test_fine(otlp): export(otlp)\ndef test_bad(): assert 1 == 2", "-rA")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("*traces received*")


def test_update_trees_rewrites_what_differs_and_nothing_else(theirs: pytest.Pytester) -> None:
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


def test_update_trees_helps_also_where_the_expected_trace_is_waited_for(theirs: pytest.Pytester) -> None:
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


def test_findings_are_told_with_their_remedies(theirs: pytest.Pytester) -> None:
    failed = run(
        theirs, EXPORT + "\ndef test_sound(otlp):\n    export(otlp)\n    assert otlp.trace().wait().check() == []"
    )
    failed.stdout.fnmatch_lines(
        [
            "E*the trace is not sound: 1 findings",
            "E*missing-resource: shop: *service.version*",
            "E*? Set OTEL_RESOURCE*",
        ]
    )


def test_what_is_still_to_come_says_so(theirs: pytest.Pytester) -> None:
    code = """
def test_forgotten(otlp):
    assert otlp.trace() == 1

def test_asked(boot):
    boot().one()
"""
    failed = run(theirs, code)
    failed.assert_outcomes(failed=2)
    failed.stdout.fnmatch_lines(["E*<pending: await it, or call wait()> == 1", "E*there is no 'one' yet*"])


def test_a_session_that_uses_no_fixture_imports_nothing(theirs: pytest.Pytester) -> None:
    code = """
import sys

def test_light():
    heavy = {"spantree", "emulator.cloud.composition", "opentelemetry", "grpc", "aiohttp", "google.protobuf", "rich"}
    assert "emulator.pytest_plugin" in sys.modules
    assert heavy & set(sys.modules) == set()
"""
    run(theirs, code).assert_outcomes(passed=1)


def test_the_cloud_can_be_set_up_otherwise_and_the_plugin_be_left_out(theirs: pytest.Pytester) -> None:
    theirs.makeconftest(
        """
import pytest
from emulator.cloud.composition import Settings

@pytest.fixture(scope="session")
def cloud_settings():
    return Settings(pace=0, seed=7)
"""
    )
    code = """
def test_seeded(boot):
    assert len({boot(name="a").wait().trace_id, boot(name="b").wait().trace_id}) == 2
"""
    run(theirs, code).assert_outcomes(passed=1)
    without = run(theirs, code, "-p", "no:emulator")
    without.assert_outcomes(errors=1)
    without.stdout.fnmatch_lines(["*fixture 'boot' not found*"])
