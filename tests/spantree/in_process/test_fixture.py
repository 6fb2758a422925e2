"""The fixture `tracing`, as another project uses it."""

import pytest

from tests.spantree.test_pytest_plugin import run, run_alone, shared_modules, theirs

__all__ = ["shared_modules", "theirs"]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_blocking_and_async_tests_see_their_own_spans_only(theirs: pytest.Pytester, workers: tuple[str, ...]) -> None:
    code = """
import asyncio
import pytest
from opentelemetry import context, trace
from spantree import tree

@pytest.fixture
async def a_fixture_that_traces(tracing):
    with tracing.tracer("fixture").start_as_current_span("set up"):
        await asyncio.sleep(0)
    yield

@pytest.mark.parametrize("number", range(4))
async def test_async(tracing, number):
    with tracing.tracer("shop").start_as_current_span("order"):
        await asyncio.gather(*(pay(tracing) for _ in range(3)))
    assert tracing.trace() == tree("shop: order\\n  shop: pay +")
    leak(tracing)

async def pay(tracing):
    with tracing.tracer("shop").start_as_current_span("pay"):
        await asyncio.sleep(0)

@pytest.mark.parametrize("number", range(4))
def test_blocking(tracing, number):
    tracing.tracer("shop").start_span("order").end()
    assert tracing.trace() == tree("shop: order")
    leak(tracing)

def leak(tracing):
    context.attach(trace.set_span_in_context(tracing.tracer("shop").start_span("leaked")))

async def test_an_async_fixture_belongs_to_the_test(tracing, a_fixture_that_traces):
    assert tracing.trace() == tree("fixture: set up")
"""
    result = run(theirs, code, *workers)
    result.assert_outcomes(passed=9)
    assert "Failed to detach" not in result.stdout.str() + result.stderr.str()


def test_the_marker_sets_service_and_determinism(theirs: pytest.Pytester) -> None:
    code = """
import pytest

@pytest.mark.tracing(service="shop", deterministic=True)
def test_marked(tracing):
    tracing.tracer().start_span("order").end()
    assert str(tracing.trace()) == "shop: order"
    assert repr(tracing.spans[0]) == "<span 0000000000000001 shop: order>"

@pytest.mark.tracing("shop")
def test_by_position(tracing):
    tracing.tracer().start_span("order").end()
    assert str(tracing.trace()) == "shop: order"

@pytest.mark.tracing(servise="shop")
def test_misspelt(tracing): pass
"""
    result = run(theirs, code, "--strict-markers")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*unexpected keyword argument 'servise'*"])


def test_a_failed_test_shows_its_spans(theirs: pytest.Pytester) -> None:
    code = """
def test_it(tracing):
    tracing.tracer("shop").start_span("order").end()
    assert False
"""
    run(theirs, code).stdout.fnmatch_lines(["*- traces received: 1 -*", "shop: order"])


def test_the_sdk_is_imported_only_when_the_fixture_is_used(theirs: pytest.Pytester) -> None:
    code = """
import sys

def test_light(otlp): assert "opentelemetry.sdk" not in sys.modules

def test_heavy(tracing): assert "opentelemetry.sdk.trace" in sys.modules
"""
    run_alone(theirs, code).assert_outcomes(passed=2)
