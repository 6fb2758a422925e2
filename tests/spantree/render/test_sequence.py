"""The content of sequence diagrams, of the emulator's traces and of anybody's."""

from collections.abc import Callable
from typing import Any

import pytest

from emulator.client import BootRequest
from emulator.cloud import Settings
from emulator.faults import FAULTS
from spantree import Event, Pending, Span, SpanTree, trees
from spantree.render.sequence import Message, Note, sequence_svg
from tests.conftest import start_cloud, trace_of
from tests.support.sequences import answer, assert_drawable, call, diagram_of, drawn, lines_of
from tests.support.spans import a_span, link_to

MS = 1_000_000
FIGURE = [
    "openstack-client → nova-api: POST /v2.1/servers",
    "nova-api → AMQP bus: select_destinations",
    "AMQP bus → nova-scheduler: select_destinations",
    "nova-scheduler: select_destinations",
    "nova-scheduler → AMQP bus: build_and_run_instance",
    "AMQP bus → nova-compute: build_and_run_instance",
    "(1) nova-compute → keystone: POST /v3/auth/tokens",
    "(2) keystone → nova-compute: 200",
    "(3) nova-compute → neutron-server: GET /v2.0/networks/8e8798ca…",
    "(4) neutron-server → nova-compute: 200",
    "(5) nova-compute → glance-api: GET /v2/images/49f88b9d…/file",
    "(6) glance-api → nova-compute: 200",
    "nova-compute: spawn",
]
"""The lines of Figure 1.8, in its order."""


async def test_a_boot_is_figure_1_8_of_the_book(boot: Callable[..., Pending[SpanTree]]) -> None:
    diagram = diagram_of(await boot())
    assert [participant.name for participant in diagram.participants] == [
        *("openstack-client", "nova-api", "AMQP bus", "nova-scheduler"),
        *("nova-compute", "keystone", "neutron-server", "glance-api"),
    ]
    lines = iter(lines_of(diagram))
    missing = [line for line in FIGURE if line not in lines]
    assert not missing, "\n".join(lines_of(diagram))
    assert diagram.title == "openstack server create"
    assert_drawable(diagram)


WHERE_IT_BREAKS = {
    "keystone.bad_credentials": ["(2) keystone → nova-compute: 401 !", "nova-compute: 401 Unauthorized"],
    "keystone.token_expired": ["(4) neutron-server → nova-compute: 401 !", "(4) neutron-server → nova-compute: 200"],
    "neutron.network_missing": ["(4) neutron-server → nova-compute: 404 !", "nova-compute: 404 Not Found"],
    "neutron.no_free_ip": ["(4) neutron-server → nova-compute: 409 !"],
    "neutron.unavailable": ["neutron-server: ⚑ neutron.unavailable ServiceUnavailable"],
    "glance.image_missing": ["glance-api: ⚑ glance.image_missing", "(6) glance-api → nova-compute: 404 !"],
    "glance.connection_reset": [
        "glance-api: ⚑ glance.connection_reset ConnectionReset",
        "(6) glance-api → nova-compute: 200, then ClientPayloadError ✗",
    ],
    "scheduler.no_valid_host": ["nova-scheduler: ⚑ scheduler.no_valid_host NoValidHost"],
    "compute.spawn_failed": ["nova-compute: ⚑ compute.spawn_failed SpawnFailed", "nova-compute → AMQP bus: reject !"],
    "compute.crash_before_ack": ["nova-compute: ⚑ compute.crash_before_ack ConnectionDropped"],
    "amqp.unroutable": ["nova-scheduler → AMQP bus: build_and_run_instance ✗"],
    "amqp.poison": ["nova-compute: MalformedMessage", "nova-compute → AMQP bus: reject !"],
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulty_boot_shows_where_it_broke(boot: Callable[..., Pending[SpanTree]], fault: str) -> None:
    trace = await (timed_out(fault) if FAULTS[fault].build_seconds else boot(fault=fault))
    diagram = diagram_of(trace)
    assert_drawable(diagram)
    assert diagram_of(SpanTree(trace.spans)) == diagram, "equal spans give an equal diagram"
    assert [line for line in WHERE_IT_BREAKS.get(fault, []) if line not in lines_of(diagram)] == [], lines_of(diagram)
    failed = any(span.failed for span in trace.spans)
    assert failed == any(isinstance(item, Note) and item.tone == "error" for item in diagram.items)


async def timed_out(fault: str) -> SpanTree:
    """The trace of a boot that ends at the deadline, on a cloud that has a short one."""
    async with start_cloud(Settings(pace=0, build_seconds=FAULTS[fault].build_seconds or 0)) as running_cloud:
        booted = await running_cloud.boot(BootRequest("broken", fault=FAULTS[fault]))
        await running_cloud.quiet(booted)
    return trace_of(running_cloud, booted.trace_id)


async def test_deliveries_out_of_the_ordinary_have_a_remark(boot: Callable[..., Pending[SpanTree]]) -> None:
    details = {}
    for fault in ("compute.crash_before_ack", "amqp.duplicate", "amqp.poison"):
        messages = diagram_of(await boot(fault=fault)).items
        details[fault] = "; ".join(item.detail for item in messages if isinstance(item, Message) and item.queued)
    assert "delivered again · a duplicate" in details["compute.crash_before_ack"]
    assert "a duplicate" in details["amqp.duplicate"]
    assert "a dead letter" in details["amqp.poison"]


async def test_clock_skew_does_not_change_the_order(boot: Callable[..., Pending[SpanTree]]) -> None:
    lines = iter(lines_of(diagram_of(await boot(fault="trace.clock_skew"))))
    assert not [line for line in FIGURE if line not in lines]


def test_joined_traces_are_one_diagram() -> None:
    sent = a_span(1, 0, "publish orders", kind="producer", attributes={"messaging.destination.name": "orders"})
    taken = a_span(2, 0, "process orders", "stock", kind="consumer", trace_id="b" * 32, links=link_to(sent))
    first, _ = trees([sent, taken])
    assert lines_of(diagram_of(first)) == ["shop → message bus: orders"]
    joined = lines_of(diagram_of(first.joined()))
    assert joined == ["shop → message bus: orders", "message bus → stock: process orders"]


def test_open_spans_have_no_answer_yet_and_keep_their_keys() -> None:
    spans = [a_span(1, 0, "buy"), call(2, 1), answer(3, 2), a_span(4, 1, "pay", end=9)]
    ids = tuple(span.span_id for span in spans)
    early = diagram_of(SpanTree([spans[0], call(2, 1, status=None), *spans[2:]]), ids[:3])
    late = diagram_of(SpanTree(spans))
    assert lines_of(early) == ["shop → stock: GET /stock", "shop: pay"]
    assert lines_of(late) == [*lines_of(early), "stock → shop: 200"]
    assert [item.key for item in early.items] == [item.key for item in late.items if not item.key.endswith(":answer")]
    assert f'data-key="{ids[1]}:request"' in sequence_svg(early)


FOREIGN: dict[str, tuple[list[Span], list[str]]] = {
    "a server's span without a call": ([answer(1, 9)], ["caller → stock: GET /stock", "stock → caller: "]),
    "a server that left no span, known by its address": (
        [
            a_span(1, 0, "buy"),
            call(2, 1, attributes={"server.address": "h", "server.port": 80}, end=5),
            answer(3, 2, attributes={"server.address": "h", "server.port": 80}, end=4),
            call(6, 1, "/other", attributes={"server.address": "h", "server.port": 80}),
        ],
        [
            *("shop → stock: GET /stock", "stock → shop: 200"),
            *("shop → stock: GET /other", "stock → shop: 200"),
        ],
    ),
    "a server with an unknown address": (
        [call(1, attributes={"server.address": "10.0.0.7", "server.port": 6379})],
        ["shop → 10.0.0.7:6379: GET /stock", "10.0.0.7:6379 → shop: 200"],
    ),
    "a refused connection": (
        [call(1, status=None, failed=True, attributes={"server.address": "h", "error.type": "os.ConnectionRefused"})],
        ["shop → h: GET /stock ✗", "shop: ConnectionRefused"],
    ),
    "a call that took too long": (
        [call(1, status=None, failed=True, attributes={"error.type": "TimeoutError"}), answer(2, 1)],
        ["shop → stock: GET /stock", "stock → shop: TimeoutError ✗", "shop: TimeoutError"],
    ),
    "a cancelled call": (
        [call(1, status=None)],
        ["shop → stock:80: GET /stock", "stock:80 → shop: no answer ✗"],
    ),
    "an error that is passed on": (
        [
            a_span(1, 0, "buy", failed=True, attributes={"error.type": "shop.SoldOut"}),
            call(2, 1, status=500, failed=True, attributes={"error.type": "500"}),
            answer(3, 2, failed=True, events=(Event("exception", 4, {"exception.type": "stock.NoneLeft"}),)),
        ],
        ["shop → stock: GET /stock", "stock: NoneLeft", "stock → shop: 500 !"],
    ),
    "a database": (
        [a_span(1, 0, "SELECT orders", kind="client", attributes={"db.system.name": "postgresql"})],
        ["shop → postgresql: SELECT orders", "postgresql → shop: "],
    ),
    "an older database at an address": (
        [a_span(1, 0, "SELECT", kind="client", attributes={"db.system": "mysql", "net.peer.name": "10.0.0.7"})],
        ["shop → mysql 10.0.0.7: SELECT", "mysql 10.0.0.7 → shop: "],
    ),
    "a peer that is named, twice": (
        [
            a_span(1, 0, "charge", kind="client", attributes={"peer.service": "bank", "server.address": "10.0.0.7"}),
            a_span(2, 0, "refund", kind="client", attributes={"service.peer.name": "bank"}),
        ],
        ["shop → bank: charge", "shop → bank: refund", "bank → shop: ", "bank → shop: "],
    ),
    "a service that is named as a peer, and left no span for that call": (
        [a_span(1, 0, "ask", kind="client", attributes={"peer.service": "stock"}), answer(2, 9)],
        ["shop → stock: ask", "caller → stock: GET /stock", "stock → shop: ", "stock → caller: "],
    ),
    "a service at a host of its name": (
        [a_span(1, 0, "buy"), call(2, 1, end=5), a_span(6, 0, "restock", "stock")],
        ["shop → stock: GET /stock", "stock → shop: 200", "stock: restock"],
    ),
    "a nameless peer": ([a_span(1, 0, "ask", kind="client")], ["shop → unknown: ask", "unknown → shop: "]),
    "a client of a bus that does not say what it does": (
        [a_span(1, 0, "declare", kind="client", attributes={"messaging.system": "rabbitmq"})],
        ["shop → AMQP bus: declare", "AMQP bus → shop: "],
    ),
    "a database with a service name of its own": (
        [answer(1, 0), a_span(2, 1, "SELECT", "users-db", kind="client", attributes={"db.system": "mysql"}, end=9)],
        ["caller → stock: GET /stock", "stock → users-db: SELECT", "users-db → stock: ", "stock → caller: "],
    ),
    "a database's own service, which works as well": (
        [
            answer(1, 0),
            a_span(2, 1, "SELECT", "users-db", kind="client", attributes={"db.system": "mysql"}, end=9),
            a_span(10, 1, "vacuum", "users-db"),
        ],
        [
            *("caller → stock: GET /stock", "stock → users-db: SELECT", "users-db → stock: "),
            *("stock → users-db: vacuum", "users-db → stock: ", "stock → caller: "),
        ],
    ),
    "a call directly below another service": (
        [answer(1, 0), a_span(2, 1, "charge", "till", kind="client", attributes={"peer.service": "bank"}, end=9)],
        [
            *("caller → stock: GET /stock", "stock → till: charge", "till → bank: charge"),
            *("bank → till: ", "till → stock: ", "stock → caller: "),
        ],
    ),
    "a call that another client's call leads to": (
        [
            a_span(1, 0, "pay", kind="client", attributes={"peer.service": "till"}),
            a_span(2, 1, "charge", "till", kind="client", attributes={"peer.service": "bank"}),
        ],
        ["shop → till: pay", "till → bank: charge", "bank → till: ", "till → shop: "],
    ),
    "kafka": (
        [
            a_span(1, 0, "send", kind="producer", attributes={"messaging.system": "kafka"}),
            a_span(2, 1, "poll", "stock", kind="consumer", attributes={"messaging.system": "kafka"}),
        ],
        ["shop → kafka: send", "kafka → stock: poll"],
    ),
    "a service that calls itself": (
        [call(1), a_span(2, 1, "GET", kind="server")],
        ["shop → shop: GET /stock", "shop → shop: 200"],
    ),
    "work below work": (
        [a_span(1, 0, "buy"), a_span(2, 1, "pay"), a_span(3, 2, "sign"), a_span(4, 3, "hash"), call(5, 4)],
        [
            "shop: pay",
            "shop → stock:80: GET /stock",
            "stock:80 → shop: 200",
            "[2 internal spans below others left out]",
        ],
    ),
    "a span that ends before it starts": ([a_span(1, 0, "buy"), a_span(5, 1, "pay", end=1)], ["shop: pay"]),
    "spans that are parents of one another": ([a_span(1, 2, "buy"), a_span(2, 1, "pay")], ["shop: pay"]),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_spans_of_other_systems_are_drawn(case: str) -> None:
    spans, lines = FOREIGN[case]
    assert drawn(*spans) == lines
    names = [each.name for each in diagram_of(SpanTree(spans)).participants]
    assert len(names) == len(set(names)), "everybody has one lifeline"


def polls(*paths: str, **more: Any) -> list[Span]:
    calls = [(call(10 + 2 * n, 1, path, end=11 + 2 * n, **more), 10 + 2 * n) for n, path in enumerate(paths)]
    return [a_span(1, 0, "buy"), *(span for span, _ in calls)]


def test_three_equal_exchanges_are_drawn_once_where_the_last_was() -> None:
    spans = [*polls("/a", "/a", "/b", "/a"), a_span(99, 1, "look", start=12)]
    asked = [line for line in drawn(*spans) if "GET" in line or "look" in line]
    assert asked == ["shop: look", "shop → stock:80: GET /b", "shop → stock:80: GET /a \u00d73"]


def test_the_answer_to_equal_exchanges_has_their_shortest_and_longest_duration() -> None:
    took = {10: 20 * MS, 12: 5 * MS, 14: 9 * MS}
    spans = [call(number, 1, start=number * 30 * MS, end=number * 30 * MS + took[number]) for number in took]
    diagram = diagram_of(SpanTree([a_span(1, 0, "buy", end=900 * MS), *spans]))
    assert [item.detail for item in diagram.items if isinstance(item, Message) and item.answer] == ["5.0 ms to 20 ms"]


@pytest.mark.parametrize(
    "spans",
    [
        polls("/a", "/a"),
        polls("/a", "/b", "/c"),
        polls("/a", "/a", "/a", attributes={"openstack.boot.step": "1,2"}),
        polls("/a", "/a", "/a", status=503, failed=True),
        [*polls("/a", "/a", "/a")[:-1], call(14, 1, "/a", end=15, status=404)],
        [*polls("/a", "/a", "/a"), answer(20, 14)],
    ],
    ids=["two", "other paths", "numbered", "failed", "another answer", "more below"],
)
def test_exchanges_that_differ_or_matter_are_drawn_each(spans: list[Span]) -> None:
    assert "\u00d7" not in "".join(drawn(*spans))


def test_one_span_is_a_diagram() -> None:
    assert drawn(a_span(1, 0, "alone")) == []
    assert diagram_of(SpanTree([a_span(1, 0, "alone")])).title == "alone"
