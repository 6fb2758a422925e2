"""The pytest plugin's cloud, as another project uses it: pytest runs test files that use its fixtures."""

import random
from collections.abc import Callable

import pytest

from emulator.reference import tree_text
from spantree import Pending, SpanTree
from tests.spantree.test_pytest_plugin import run, shared_modules, theirs

__all__ = ["shared_modules", "theirs"]

BOOTS = """
import pytest
from spantree import tree

@pytest.mark.parametrize("number", range(4))
async def test_a_boot(openstack_boot, number):
    trace = await openstack_boot(name=f"demo-{number}")
    assert trace.hop("nova-api", "nova-scheduler").effect.name == "process nova:scheduler"
    assert trace.check() == []

def test_a_boot_that_fails(openstack_boot):
    trace = openstack_boot(image="nope").wait()
    assert trace.one("nova-compute", kind="client", status=404).leads_to("glance-api")

def test_the_cloud_is_one(openstack_cloud, request):
    assert openstack_cloud.endpoints["keystone"].startswith("http://127.0.0.1:")
    assert request.getfixturevalue("openstack_cloud") is openstack_cloud
"""


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "with xdist"])
def test_each_boot_returns_its_complete_trace(theirs: pytest.Pytester, options: tuple[str, ...]) -> None:
    run(theirs, BOOTS, *options).assert_outcomes(passed=6)


async def test_a_boot_in_the_background_does_not_touch_the_module_random(
    boot: Callable[[], Pending[SpanTree]],
) -> None:
    state = random.getstate()
    await boot()
    assert random.getstate() == state


def test_a_failed_test_shows_the_trace_of_each_of_its_boots(
    theirs: pytest.Pytester,
) -> None:
    theirs.makefile(".tree", boot=tree_text("boot"))
    code = """
from pathlib import Path
from spantree import tree

async def test_wrong(openstack_boot):
    await openstack_boot(image="nope") == tree(Path("boot.tree"))
    assert await openstack_boot(image="nope") == tree(Path("boot.tree"))
"""
    result = run(theirs, code)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*<trace *, * spans of openstack-client, * == <expected tree boot.tree>",
            "E*the trace is not as expected: 1 missing, * not expected, 4 different  (- expected, + found*)",
            "E*~ openstack-client: openstack server create   ? first difference: it failed: ServerInError: *",
            "*- the whole difference -*",
            "~               nova-compute: GET /v2/images/{image_id}/file (client) {*}   ? it failed: *404*",
            "-               nova-compute: spawn   ? missing",
            "*- traces received: 2 -*",
            "trace ????????????????????????????????, * spans: openstack-client: * !ServerInError (see above)",
            "trace ????????????????????????????????",
            "openstack-client: openstack server create !ServerInError",
            "                glance-api: GET /v2/images/{image_id}/file (server)",
        ]
    )
    assert "\033[" not in result.stdout.str()
    coloured = run(theirs, code, "--color=yes").stdout.str()
    assert "\033[31m-               nova-compute: spawn   ← missing\033[0m" in coloured


def test_the_settings_can_be_overridden_and_the_plugin_left_out(theirs: pytest.Pytester) -> None:
    theirs.makeconftest(
        """
import pytest
from emulator.cloud import Settings

@pytest.fixture(scope="session")
def openstack_cloud_settings():
    return Settings(pace=0, seed=7)
"""
    )
    code = """
def test_seeded(openstack_boot):
    assert len({openstack_boot(name=name).wait().trace_id for name in "ab"}) == 2
"""
    run(theirs, code).assert_outcomes(passed=1)
    without = run(theirs, code, "-p", "no:emulator")
    without.assert_outcomes(errors=1)
    without.stdout.fnmatch_lines(["*fixture 'openstack_boot' not found*"])
