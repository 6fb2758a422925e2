"""Spans that come after a test's trace was handed out, from a real service that works on after its responses.

The tests run in a pytest of their own, since what is tested is how they fail.
"""

import pytest

INI = "[pytest]\n"
CONFTEST = """
import pytest

from tests.spantree.foreign.fastapi.test_fastapi import PROGRAM
from tests.spantree.foreign.programs import INSTRUMENTED, only, started


@pytest.fixture(scope="session")
def store(otlp_session):
    with started(otlp_session, "store", *INSTRUMENTED, PROGRAM, **only("fastapi", "httpx")) as address:
        yield address
"""
TREES = '''
from pathlib import Path

from spantree import tree
from tests.spantree.foreign.programs import request

CHARGED = """
  store: POST (client)
    store: POST /charges/{amount} (server)
      store: POST /charges/{amount} http send +
"""
LATER = """
  store: BackgroundTask charge_later
    store: POST (client)
      store: POST /charges/{amount} (server)
        store: POST /charges/{amount} http send +
"""
RESPONDED = f"store: POST /subscriptions/{{gate}} (server){CHARGED}  store: POST /subscriptions/{{gate}} http send +"
SUBSCRIBED, CHARGED_LATER = tree(RESPONDED), tree(RESPONDED + LATER + LATER)
'''


@pytest.fixture
def theirs(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini(INI)
    pytester.makeconftest(CONFTEST)
    return pytester


def run(theirs: pytest.Pytester, code: str, *options: str) -> pytest.RunResult:
    theirs.makepyfile(test_theirs=TREES + code)
    return theirs.runpytest_inprocess("-p", "no:cacheprovider", *options)


def test_spans_after_an_exact_match_fail_the_test(theirs: pytest.Pytester) -> None:
    """Two charges come after the trace has matched: without a failure, the test would pass by its luck with timing."""
    code = """
def test_subscription(otlp, store):
    request(store, "POST", "/subscriptions/gate")
    trace = otlp.trace(expecting=SUBSCRIBED).wait()
    assert trace == SUBSCRIBED
    request(store, "POST", "/release/gate")
    otlp.trace(trace_id=trace.trace_id, expecting=CHARGED_LATER).wait()

def test_next(otlp, store):
    request(store, "POST", "/subscriptions/gate")
    assert otlp.trace(expecting=CHARGED_LATER).wait() == CHARGED_LATER
"""
    result = run(theirs, code)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*late*", "*store: BackgroundTask charge_later*"])


def test_silence_shows_the_spans_that_would_come_late(theirs: pytest.Pytester) -> None:
    code = """
def test_subscription(otlp, store):
    request(store, "POST", "/subscriptions/gate")
    pending = otlp.trace(name="POST /subscriptions/{gate}", settle=0.4)
    request(store, "POST", "/release/gate")
    trace = pending.wait()
    assert trace != SUBSCRIBED
    assert trace == CHARGED_LATER
"""
    run(theirs, code).assert_outcomes(passed=1)


def test_updating_a_tree_waits_for_background_tasks(theirs: pytest.Pytester) -> None:
    code = """
import pytest

@pytest.mark.parametrize("number", range(3))
def test_subscription(otlp, store, number):
    expected = tree(Path(f"{number}.tree"))
    request(store, "POST", f"/subscriptions/{number}")
    pending = otlp.trace(expecting=expected, name="POST /subscriptions/{gate}")
    request(store, "POST", f"/release/{number}")
    assert pending.wait() == expected
"""
    run(theirs, code, "--update-trees").assert_outcomes(passed=3)
    written = {(theirs.path / f"{number}.tree").read_text() for number in range(3)}
    assert written == {WRITTEN}
    run(theirs, code).assert_outcomes(passed=3)


WRITTEN = """\
store: POST /subscriptions/{gate} (server)
  store: POST (client)
    store: POST /charges/{amount} (server)
      store: POST /charges/{amount} http send +
  store: POST /subscriptions/{gate} http send +
  store: BackgroundTask charge_later +
    store: POST (client)
      store: POST /charges/{amount} (server)
        store: POST /charges/{amount} http send +
"""


def test_a_tests_own_traceparent_is_the_root_of_its_trace(theirs: pytest.Pytester) -> None:
    code = """
def test_order(otlp, store):
    header = otlp.traceparent()
    request(store, "POST", "/orders/7", {"traceparent": header})
    trace = otlp.trace(trace_id=header.split("-")[1]).wait()
    assert trace.one(name="POST /charges/{amount}").descends_from(trace.one(name="POST /orders/{amount}"))
    assert trace.check() == []
"""
    run(theirs, code).assert_outcomes(passed=1)
