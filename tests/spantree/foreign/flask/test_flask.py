"""Flask and SQLAlchemy, instrumented without a change: requests, their SQL, failures and a lost context."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from spantree import NotReceived, OtlpReceiver, tree
from tests.spantree.foreign.programs import INSTRUMENTED, only, request, started

PROGRAM = Path(__file__).with_name("shop.py")
ITEM = tree("""
    shop: GET /items/<int:number> (server) {http.target=/items/7, http.status_code=200}
      shop: connect (client) {db.system=sqlite}
      shop: SELECT (client) {db.statement="SELECT name FROM items WHERE id = ?"}
""")
CHECKOUT = tree("""
    shop: POST /checkout (server) {http.status_code=201}
      shop: connect (client)
      shop: SELECT (client)
      shop: connect (client)
      shop: INSERT (client) {db.statement="INSERT INTO orders VALUES (1)"}
""")
BROKEN = tree("""
    shop: GET /broken (server) ! {http.status_code=500}
""")
MISSING_TABLE = tree("""
    shop: GET /missing-table (server) ! {http.status_code=500}
      shop: connect (client)
      shop: SELECT (client) !
""")
REPORT = tree("""
    shop: POST /report (server)
""")
REPORTED = tree("""
    shop: SELECT (client) {db.statement="SELECT count(*) FROM orders"}
""")
IMPORT = tree("""
    shop: POST /import/<int:count> (server)
      ...
        shop: INSERT (client) {db.statement="INSERT INTO items VALUES (?, 'a teapot')"}
""")
IMPORTED_BY_ONE = tree("""
    shop: POST /import/<int:count> (server)
      shop: connect (client)
      shop: INSERT (client) {db.statement="INSERT INTO items SELECT * FROM delivered"}
""")


@pytest.fixture(scope="module")
def shop(otlp_session: OtlpReceiver) -> Iterator[str]:
    with started(otlp_session, "shop", *INSTRUMENTED, PROGRAM, **only("flask", "sqlalchemy")) as address:
        yield address


def test_requests_to_flask_have_their_sql_below_them(otlp: OtlpReceiver, shop: str) -> None:
    assert request(shop, "GET", "/items/7") == (200, '"a teapot"\n')
    item = otlp.trace(expecting=ITEM).wait()
    assert item == ITEM
    assert item.check() == []

    assert request(shop, "POST", "/checkout")[0] == 201
    checkout = otlp.trace(expecting=CHECKOUT).wait()
    assert checkout == CHECKOUT
    assert checkout.one(name="SELECT").before(checkout.one(name="INSERT"))
    assert checkout.check() == []


def test_exceptions_in_flask_fail_their_spans(otlp: OtlpReceiver, shop: str) -> None:
    assert request(shop, "GET", "/broken")[0] == 500
    broken = otlp.trace(expecting=BROKEN).wait()
    assert broken == BROKEN
    assert broken.one(error=True).events[0].attributes["exception.message"] == "the till is jammed"

    assert request(shop, "GET", "/missing-table")[0] == 500
    missing = otlp.trace(expecting=MISSING_TABLE).wait()
    assert missing == MISSING_TABLE
    assert "no such table: invoices" in missing.one(name="SELECT").message
    assert (broken.check(), missing.check()) == ([], [])


def test_a_thread_without_the_context_begins_its_own_trace(otlp: OtlpReceiver, shop: str) -> None:
    assert request(shop, "POST", "/report")[0] == 200
    report, lost = otlp.trace(expecting=REPORT).wait(), otlp.trace(expecting=REPORTED).wait()
    assert report == REPORT
    assert lost == REPORTED
    assert report.roots[0].overlaps(lost.roots[0])


def test_rows_that_flask_inserts_one_by_one_are_found(otlp: OtlpReceiver, shop: str) -> None:
    assert request(shop, "POST", "/import/12")[0] == 200
    trace = otlp.trace(expecting=IMPORT).wait()
    assert trace == IMPORT
    assert len(trace.all(name="INSERT")) == 12
    assert trace.check() == []
    found = {finding.rule: finding.problem for finding in trace.check(at_least="advice")}
    assert "12" in found["n-plus-one"]


def test_start_up_noise_of_flask_is_no_trace_of_a_test(
    otlp: OtlpReceiver, otlp_session: OtlpReceiver, shop: str
) -> None:
    request(shop, "POST", "/import/12")
    request(shop, "POST", "/checkout")  # when this has arrived, so has the other
    otlp.trace(expecting=CHECKOUT).wait()
    assert any(trace.roots[0].name == "CREATE" for trace in otlp_session.traces)  # the noise, of one span each
    assert not any(trace.roots[0].name == "CREATE" for trace in otlp.traces)
    with pytest.raises(NotReceived) as error:
        otlp.trace(expecting=IMPORTED_BY_ONE, timeout=0).wait()
    differing = [line.split() for line in str(error.value).splitlines() if line.lstrip().startswith(("-", "+"))]
    assert any(words[0] == "+" and "INSERT" in words for words in differing)
    assert not any("POST" in words for words in differing)


def test_equal_requests_to_flask_are_written_as_equal_trees(otlp: OtlpReceiver, shop: str) -> None:
    for _ in range(5):
        request(shop, "GET", "/items/7")
    traces = [otlp.trace(expecting=ITEM).wait() for _ in range(5)]
    assert {trace.as_tree_text() for trace in traces} == {
        "shop: GET /items/<int:number> (server)\n  shop: connect (client)\n  shop: SELECT (client)\n"
    }
