"""Two services in FastAPI, of which one calls the other with httpx: failures on both sides, and background tasks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spantree import Expectation, OtlpReceiver, tree, updated_tree_files
from tests.spantree.foreign.programs import INSTRUMENTED, only, request, started

PROGRAM = Path(__file__).with_name("store.py")
ORDER = tree("""
    store: POST /orders/{amount} (server) {http.status_code=200}
      store: POST (client) {http.url="http://{host}:{port}/charges/7"}
        bank: POST /charges/{amount} (server) {http.target=/charges/7}
          bank: POST /charges/{amount} http send +
      store: POST /orders/{amount} http send +
""")
DECLINED = tree("""
    store: POST /orders/{amount} (server) ! {http.status_code=502}
      store: POST (client) ! {http.status_code=402}
        bank: POST /charges/{amount} (server)    # the client's fault is no error of the server
          bank: POST /charges/{amount} http send +
      store: POST /orders/{amount} http send !   # the start of the response has its status, the body has not
      store: POST /orders/{amount} http send
""")
CRASHED = tree("""
    store: POST /orders/{amount} (server) ! {http.status_code=502}
      store: POST (client) ! {http.status_code=500}
        bank: POST /charges/{amount} (server) !
          bank: POST /charges/{amount} http send !
          bank: POST /charges/{amount} http send
      store: POST /orders/{amount} http send !
      store: POST /orders/{amount} http send
""")
SUBSCRIPTION = tree("""
    store: POST /subscriptions/{gate} (server)
      store: POST (client)
        bank: POST /charges/{amount} (server) {http.target=/charges/1}
          bank: POST /charges/{amount} http send +
      store: POST /subscriptions/{gate} http send +
      store: BackgroundTask charge_later
        store: POST (client)
          bank: POST /charges/{amount} (server) {http.target=/charges/2}
            bank: POST /charges/{amount} http send +
      store: BackgroundTask charge_later
        store: POST (client)
          bank: POST /charges/{amount} (server) {http.target=/charges/3}
            bank: POST /charges/{amount} http send +
""")
WRITTEN = """\
store: POST /subscriptions/{gate} (server)
  store: POST (client)
    bank: POST /charges/{amount} (server)
      bank: POST /charges/{amount} http send +
  store: POST /subscriptions/{gate} http send +
  store: BackgroundTask charge_later +
    store: POST (client)
      bank: POST /charges/{amount} (server)
        bank: POST /charges/{amount} http send +
"""


@contextmanager
def updating() -> Iterator[None]:
    """Update trees as `pytest --update-trees` does."""
    token = updated_tree_files.set([])
    try:
        yield
    finally:
        updated_tree_files.reset(token)


@pytest.fixture(scope="module")
def store(otlp_session: OtlpReceiver) -> Iterator[str]:
    with (
        started(otlp_session, "bank", *INSTRUMENTED, PROGRAM, **only("fastapi", "httpx")) as bank,
        started(otlp_session, "store", *INSTRUMENTED, PROGRAM, bank, **only("fastapi", "httpx")) as store,
    ):
        yield store


def test_a_call_from_fastapi_to_fastapi_is_one_trace(otlp: OtlpReceiver, store: str) -> None:
    assert request(store, "POST", "/orders/7") == (200, '"ordered"')
    trace = otlp.trace(expecting=ORDER).wait()
    assert trace == ORDER
    assert trace.one("store", kind="client").leads_to("bank")
    assert list(trace.edges()) == [("store", "bank")]
    assert {segment.span.service for segment in trace.critical_path()} == {"store", "bank"}
    assert trace.check() == []


@pytest.mark.parametrize(("amount", "expected"), [(700, DECLINED), (0, CRASHED)], ids=["declined", "crashed"])
def test_failures_pass_from_fastapi_to_its_caller(
    otlp: OtlpReceiver, store: str, amount: int, expected: Expectation
) -> None:
    assert request(store, "POST", f"/orders/{amount}")[0] == 502
    trace = otlp.trace(expecting=expected).wait()
    assert trace == expected
    assert trace.check() == []


def test_background_tasks_that_outlast_the_response_are_awaited(otlp: OtlpReceiver, store: str) -> None:
    assert request(store, "POST", "/subscriptions/first") == (200, '"subscribed"')
    pending = otlp.trace(expecting=SUBSCRIPTION)
    request(store, "POST", "/release/first")
    trace = pending.wait()
    assert trace == SUBSCRIPTION
    assert trace.all(name="BackgroundTask charge_later")[-1].end > trace.one(name="POST /subscriptions/{gate}").end
    assert trace.check() == []


def test_silence_is_waited_for_where_no_tree_says_what_comes(otlp: OtlpReceiver, store: str) -> None:
    request(store, "POST", "/subscriptions/second")
    pending = otlp.trace(name="POST /subscriptions/{gate}", settle=0.4)
    request(store, "POST", "/release/second")
    assert pending.wait() == SUBSCRIPTION


def test_a_tests_own_traceparent_is_the_root_of_its_trace(otlp: OtlpReceiver, store: str) -> None:
    header = otlp.traceparent()
    assert request(store, "POST", "/orders/7", {"traceparent": header})[0] == 200
    trace = otlp.trace(traceparent=header, expecting=ORDER).wait()
    assert trace == ORDER
    assert trace.check() == []


def test_an_update_writes_the_background_tasks_every_time(otlp: OtlpReceiver, store: str, tmp_path: Path) -> None:
    written = set()
    for number in range(3):
        path = tmp_path / f"{number}.tree"
        with updating():
            expected = tree(path)
            request(store, "POST", f"/subscriptions/{number}")
            pending = otlp.trace(expecting=expected, name="POST /subscriptions/{gate}")
            request(store, "POST", f"/release/{number}")
            assert pending.wait() == expected
        written.add(path.read_text())
    assert written == {WRITTEN}
