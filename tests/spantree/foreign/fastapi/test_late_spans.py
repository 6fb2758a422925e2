"""Spans that come after a test's trace was handed out, from a real service that works on after its responses.

The test runs in a pytest of its own, since what is tested is how it fails.
"""

import pytest

CONFTEST = """
import pytest

from tests.spantree.foreign.fastapi.test_fastapi import PROGRAM
from tests.spantree.foreign.programs import INSTRUMENTED, only, started


@pytest.fixture(scope="session")
def store(otlp_session):
    with started(otlp_session, "store", *INSTRUMENTED, PROGRAM, **only("fastapi", "httpx")) as address:
        yield address
"""
TESTS = '''
from spantree import tree
from tests.spantree.foreign.programs import request

RESPONDED = """
store: POST /subscriptions/{gate} (server)
  store: POST (client)
    store: POST /charges/{amount} (server)
      store: POST /charges/{amount} http send +
  store: POST /subscriptions/{gate} http send +
"""
CHARGED = """
  store: BackgroundTask charge_later
    store: POST (client)
      store: POST /charges/{amount} (server)
        store: POST /charges/{amount} http send +
"""
SUBSCRIBED, CHARGED_TWICE_MORE = tree(RESPONDED), tree(RESPONDED + CHARGED + CHARGED)

def test_charged_once(otlp, store):
    request(store, "POST", "/subscriptions/gate")
    trace = otlp.trace(expecting=SUBSCRIBED).wait()
    assert trace == SUBSCRIBED
    request(store, "POST", "/release/gate")
    otlp.trace(trace_id=trace.trace_id, expecting=CHARGED_TWICE_MORE).wait()

def test_another(otlp, store):
    request(store, "POST", "/subscriptions/gate")
    assert otlp.trace(expecting=CHARGED_TWICE_MORE).wait() == CHARGED_TWICE_MORE
'''


def test_charges_after_an_exact_match_fail_their_test_alone(pytester: pytest.Pytester) -> None:
    """Two charges come after the trace has matched. If that passed, a charge too many would pass, too."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_theirs=TESTS)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_charged_once*", "*late*", "*BackgroundTask charge_later*"])
