"""The waterfall in the terminal."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from emulator.openstack_vocabulary import OPENSTACK
from spantree import Pending, Span, SpanTree, trees
from spantree.render import duration
from spantree.render.terminal import waterfall
from tests.spantree.test_properties import relaxed
from tests.support.spans import a_span, forests, link_to

MS = 1_000_000


def make_span(number: int, parent: int, service: str, name: str, start: int, end: int, **attributes: object) -> Span:
    return Span(
        trace_id="a" * 32,
        span_id=f"{number:016x}",
        parent_id=f"{parent:016x}" if parent else "",
        name=name,
        kind="internal",
        start=start * MS,
        end=end * MS,
        attributes=attributes,
        resource={"service.name": service},
        failed="error.type" in attributes,
    )


TREE = SpanTree(
    [
        make_span(1, 0, "shop", "checkout", 0, 1000),
        make_span(2, 1, "shop", "pay", 500, 1000, **{"openstack.boot.step": "1,2"}),
        make_span(3, 1, "stock", "reserve", 0, 250, **{"error.type": "shop.SoldOut"}),
    ]
)


PICTURE = """\
                                   0 ms                           1.00 s
shop   checkout                    █████████████████████████████████████  1.00 s
stock    reserve !SoldOut          █████████                              250 ms
shop     pay               (1)(2)                    ██████████████████   500 ms"""


def test_each_span_has_a_line_with_its_bar_on_the_time_axis() -> None:
    assert drawn(TREE, 80) == PICTURE.splitlines()


def drawn(trace: SpanTree, width: int = 80, *, expand: bool = False) -> list[str]:
    return [line.rstrip() for line in waterfall(trace, width, expand=expand, vocabulary=OPENSTACK).plain.splitlines()]


def test_errors_stay_when_names_are_cut() -> None:
    failing = [
        make_span(1, 0, "shop", "check out everything that is in the basket", 0, 9, **{"error.type": "shop.SoldOut"}),
        make_span(2, 1, "shop", "GET", 0, 9, **{"http.response.status_code": 404, "error.type": "404"}),
    ]
    asked = replace(failing[1], kind="client", attributes={**failing[1].attributes, "url.full": "http://h/" + "a" * 60})
    drawn = waterfall(SpanTree([failing[0], asked]), width=60).plain
    assert " !SoldOut" in drawn
    assert "… 404" in drawn


@pytest.mark.parametrize("name", ["GET", "GET /v1/items/{id}", "GET /v1/items/7"])
def test_a_client_span_shows_its_path_once(name: str) -> None:
    calling = make_span(
        1, 0, "shop", name, 0, 9, **{"url.full": "http://h/v1/items/7?a=b", "url.template": "/v1/items/{id}"}
    )
    answered = replace(calling, kind="client", attributes={**calling.attributes, "http.response.status_code": 200})
    assert "GET /v1/items/7 200" in " ".join(drawn(SpanTree([answered]))[1].split())


def test_errors_are_red_and_services_have_different_colours() -> None:
    picture = waterfall(TREE, width=80)
    styled = {picture.plain[span.start : span.end].strip(): str(span.style) for span in picture.spans}
    assert styled["reserve !SoldOut"] == "red"
    assert styled["shop"] != styled["stock"]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200, 300])
async def test_every_line_of_a_boot_fits_the_width(width: int, boot: Callable[[], Pending[SpanTree]]) -> None:
    assert max(map(cell_len, waterfall(await boot(), width).plain.splitlines())) <= width


NAMES = st.text(max_size=20) | st.sampled_from(
    ["日本語の名前 " * 4, "👩‍👩‍👧 family", "e\u0301" * 30, "\x1b[2J\r\n", "w" * 400]
)
LABELS = st.sampled_from(["", "(1)(2)", "(5)(6) ◄ culprit", "culprit", "日本", "\x07", "long " * 20])


@relaxed
@given(forests(), st.integers(20, 300), st.lists(NAMES, min_size=8, max_size=8), LABELS, st.booleans())
def test_no_name_makes_a_line_wider_than_the_terminal(
    spans: list[Span], width: int, names: list[str], label: str, expand: bool
) -> None:
    """Nor does any name print control characters, and each span has a line, its own or a shared one."""
    named = [
        replace(span, name=name, resource={"service.name": name[::-1]})
        for span, name in zip(spans, names * 3, strict=False)
    ]
    for trace in trees(named):
        lines = waterfall(trace, width, lambda _: label, expand=expand).plain.split("\n")
        assert max(map(cell_len, lines)) <= width
        assert all(line.isprintable() for line in lines)
        assert len(lines) <= len(trace) + 1
        if expand:
            assert len(lines) >= len(trace)


@pytest.mark.parametrize("width", [20, 40, 80, 300])
@pytest.mark.parametrize(
    "times",
    [[(0, 0)], [(5, 5), (5, 5)], [(9, 1)], [(0, 10), (10, 2), (30, 20)], [(0, 2**64 - 1), (2**63, 0)]],
    ids=["zero", "zero twice", "backwards", "skewed", "centuries"],
)
def test_any_times_can_be_drawn(times: list[tuple[int, int]], width: int) -> None:
    spans = [a_span(number + 1, number, start=start, end=end) for number, (start, end) in enumerate(times)]
    lines = drawn(SpanTree(spans), width)
    assert max(map(cell_len, lines)) <= width
    if width >= 80:
        assert all(set(line) & set("█▏") for line in lines[1:])


def test_a_narrow_terminal_shows_marks_and_both_ends_of_service_names() -> None:
    spans = [
        make_span(1, 0, "nova-compute", "ask somebody for something", 0, 100, **{"openstack.boot.step": "3,4"}),
        make_span(2, 1, "nova-scheduler", "process what was asked for", 50, 100),
    ]
    assert drawn(SpanTree(spans), 48) == [
        "                                   100 ms",
        "nov…ute ask somebody for someth… 3 ██████ 100 ms",
        "nov…ler  process what was asked…      ███  50 ms",
    ]
    assert drawn(SpanTree(spans), 40) == [
        "nov…ute ask somebody for somet… 3 100 ms",
        "nov…ler  process what was aske…    50 ms",
    ]
    assert drawn(SpanTree(spans), 20) == ["ask somebo… 3 100 ms", " process w…    50 ms"]


def calls(number: int, **of_one: Any) -> SpanTree:
    """Return a root that calls a server `number` times; `of_one` changes the middle server span."""
    spans = [make_span(1, 0, "shop", "checkout", 0, 100)]
    for call in range(number):
        start = call * 10
        spans += [
            make_span(100 + call, 1, "shop", "GET", start, start + 5),
            make_span(200 + call, 100 + call, "bank", "GET /balance", start + 1, start + 2),
        ]
    return SpanTree(
        [replace(span, **of_one) if span.span_id == f"{200 + number // 2:016x}" else span for span in spans]
    )


def test_equal_siblings_share_a_row_with_the_time_that_they_took() -> None:
    assert drawn(calls(4), 60) == [
        "                           0 ms               100 ms",
        "shop  checkout             █████████████████████████  100 ms",
        "shop    GET ×4             █ █  █ █                    20 ms",
        "bank      GET /balance ×4  ▏ ▏  ▏ ▏                   4.0 ms",
    ]


def test_equal_siblings_that_overlap_do_not_take_longer_than_the_trace() -> None:
    spans = [make_span(number, 9, "shop", "fetch", 10 * number, 10 * number + 50) for number in (1, 2, 3)]
    fetched = drawn(SpanTree([make_span(9, 0, "shop", "buy", 0, 100), *spans]))[-1]
    assert fetched.split()[1:3] == ["fetch", "×3"]
    assert fetched.endswith("70 ms")


TEMPLATE = {
    "url.template": "/v2/images/{id}/file",
    "url.full": "http://h/v2/images/49f88b9d-af2d-4d1e-ab3e-6de1d2bd0b46/file",
}


@pytest.mark.parametrize(
    ("name", "attributes", "shown"),
    [
        ("GET", {"url.full": "http://h/items?id=1"}, "GET /items"),
        (
            "GET /v2/images/{id}/file",
            {**TEMPLATE, "http.response.status_code": 200},
            "GET /v2/images/49f88b9d…/file 200",
        ),
        ("GET /v2/images/{id}/file", {"url.template": "/v2/images/{id}/file"}, "GET /v2/images/{id}/file"),
        ("HTTP GET /items", {"url.full": "http://h/items"}, "HTTP GET /items"),
        ("GET", {"http.url": "http://h/items", "http.status_code": 404, "error.type": "404"}, "GET /items 404"),
        ("SELECT", {"db.system.name": "mysql", "server.address": "10.0.0.7"}, "SELECT → mysql"),
        ("SELECT", {"db.system": "mysql", "peer.service": "orders-db"}, "SELECT → orders-db"),
        ("SELECT mysql", {"db.system": "mysql"}, "SELECT mysql"),
        ("SELECT", {"db.system": "shop"}, "SELECT"),
    ],
)
def test_a_call_says_once_what_it_asks_and_whom(name: str, attributes: dict[str, object], shown: str) -> None:
    span = replace(make_span(1, 0, "shop", name, 0, 9, **attributes), kind="client")
    [line] = drawn(SpanTree([span]), 120)[1:]
    assert re.sub("[ █]+", " ", line) == f"shop {shown} 9.0 ms"


def test_a_call_that_is_answered_does_not_name_its_peer() -> None:
    asked = replace(make_span(1, 0, "shop", "ask", 0, 9, **{"peer.service": "bank"}), kind="client")
    served = replace(make_span(2, 1, "bank-eu", "answer", 0, 9), kind="server")
    assert "→" not in "".join(drawn(SpanTree([asked, served])))


def test_repeated_rows_below_repeated_rows_are_joined_too() -> None:
    tries = [make_span(10 * call + part, 10 * call + 3, "shop", "try", 0, 1) for call in (1, 2, 3) for part in range(3)]
    parents = [make_span(10 * call + 3, 0, "shop", "call", 0, 1) for call in (1, 2, 3)]
    rows = [line.split()[1:3] for line in drawn(SpanTree([*tries, *parents]))[1:]]
    assert rows == [["call", "×3"], ["try", "×9"]]


@pytest.mark.parametrize(
    ("trace", "rows"),
    [
        (calls(2), 5),
        (calls(3), 3),
        (calls(7, failed=True), 7),
        (calls(7, name="GET /other"), 7),
        (calls(7, kind="server"), 7),
        (calls(7, attributes={"http.response.status_code": 304}), 7),
        (calls(7, attributes={"openstack.boot.step": "1,2"}), 7),
        (calls(7, resource={"service.name": "mint"}), 7),
        (calls(7, parent_id=f"{100:016x}"), 11),
    ],
    ids=["two", "three", "failed", "name", "kind", "status", "label", "service", "children"],
)
def test_only_three_or_more_equal_siblings_without_errors_share_a_row(trace: SpanTree, rows: int) -> None:
    assert len(drawn(trace)) == 1 + rows
    assert len(drawn(trace, expand=True)) == 1 + len(trace)


PUBLISH = make_span(2, 1, "shop", "publish orders", 0, 20, **{"messaging.operation.type": "send"})
PROCESS = make_span(3, 2, "stock", "process orders", 60, 100, **{"messaging.operation.type": "process"})


@pytest.mark.parametrize(
    "process",
    [PROCESS, replace(PROCESS, parent_id=f"{1:016x}", links=link_to(PUBLISH))],
    ids=["by parent", "by link"],
)
def test_time_in_a_queue_is_hatched_before_the_bar(process: Span) -> None:
    root = make_span(1, 0, "shop", "order", 0, 100)
    assert [line[-28:] for line in drawn(SpanTree([root, PUBLISH, process]), 55 - 2 * (process.links != ()))[1:]] == [
        "████████████████████  100 ms",
        "████                   20 ms",
        "    ░░░░░░░░████████   40 ms",
    ]


def test_messages_of_other_traces_or_without_a_wait_are_not_hatched() -> None:
    elsewhere = replace(PROCESS, trace_id="f" * 32, parent_id="", links=link_to(PUBLISH))
    early = replace(PROCESS, span_id=f"{4:016x}", start=10 * MS)
    for trace in trees([PUBLISH, early, elsewhere]):
        assert "░" not in waterfall(trace).plain


@pytest.mark.parametrize(
    "span",
    [
        pytest.param(lambda number: a_span(number, number - 1, start=number, end=10_001 - number), id="deep"),
        pytest.param(lambda number: a_span(number, number > 1, start=number % 90), id="alike"),
    ],
)
def test_ten_thousand_spans_are_drawn_in_a_second(span: Callable[[int], Span]) -> None:
    trace = SpanTree([span(number) for number in range(1, 10_001)])
    began = time.process_time()
    waterfall(trace)
    assert time.process_time() - began < 4, "it takes some 0.4 s, thrice that where coverage is measured"


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0.0 ms"),
        (40_000, "0.0 ms"),
        (1_240_000, "1.2 ms"),
        (37_000_000, "37 ms"),
        (2_130_000_000, "2.13 s"),
        (1_230_000_000_000, "20.5 min"),
        (90_000_000_000_000, "25.0 h"),
        (2**64 - 1, "213504 d"),
        (-37_000_000, "-37 ms"),
    ],
)
def test_durations_have_a_unit_that_suits_them(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text
