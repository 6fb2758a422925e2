"""The sequence diagram: what it says of a trace, ours and anyone's."""

from collections.abc import Callable
from typing import Any

import pytest

from emulator.client.boot_sequence import BootRequest
from emulator.cloud import Settings
from emulator.faults import FAULTS
from spantree import Event, Pending, Span, SpanTree, trees
from spantree.render.sequence import Message, Note, sequence, sequence_svg
from tests.conftest import a_world, trace_of
from tests.support.sequences import answer, assert_it_can_be_drawn, call, drawn, told
from tests.support.spans import a_span, link_to

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
"""Figure 1.8 of the book."""


async def test_a_boot_is_the_books_figure(boot: Callable[..., Pending[SpanTree]]) -> None:
    diagram = sequence(await boot())
    assert [actor.name for actor in diagram.actors] == [
        *("openstack-client", "nova-api", "AMQP bus", "nova-scheduler"),
        *("nova-compute", "keystone", "neutron-server", "glance-api"),
    ]
    lines = iter(told(diagram))
    missing = [wanted for wanted in FIGURE if wanted not in lines]
    assert not missing, "\n".join(told(diagram))
    assert diagram.title == "openstack server create"
    assert_it_can_be_drawn(diagram)


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
async def test_a_faulty_boot_draws_where_it_broke(fault: str) -> None:
    async with a_world(Settings(pace=0, build_seconds=FAULTS[fault].build_seconds or 10), computes=3) as world:
        booted = await world.boot(BootRequest("broken", fault=FAULTS[fault]))
        await world.quiet(booted)
    trace = trace_of(world, booted.trace_id)
    diagram = sequence(trace)
    assert_it_can_be_drawn(diagram)
    assert sequence(SpanTree(trace.spans)) == diagram, "equal spans give an equal diagram"
    assert [line for line in WHERE_IT_BREAKS.get(fault, []) if line not in told(diagram)] == [], told(diagram)
    failed = any(span.failed for span in trace.spans)
    assert failed == any(isinstance(item, Note) and item.tone == "error" for item in diagram.items)


async def test_what_comes_again_says_so(boot: Callable[..., Pending[SpanTree]]) -> None:
    details = {}
    for fault in ("compute.crash_before_ack", "amqp.duplicate", "amqp.poison"):
        messages = sequence(await boot(fault=fault)).items
        details[fault] = "; ".join(item.detail for item in messages if isinstance(item, Message) and item.queued)
    assert "delivered again · a duplicate" in details["compute.crash_before_ack"]
    assert "a duplicate" in details["amqp.duplicate"]
    assert "a dead letter" in details["amqp.poison"]


async def test_a_clock_that_differs_does_not_turn_the_story_round(boot: Callable[..., Pending[SpanTree]]) -> None:
    lines = iter(told(sequence(await boot(fault="trace.clock_skew"))))
    assert not [wanted for wanted in FIGURE if wanted not in lines]


def test_traces_that_follow_by_links_are_drawn_as_one_when_they_are_joined() -> None:
    sent = a_span(1, 0, "publish orders", kind="producer", attributes={"messaging.destination.name": "orders"})
    taken = a_span(2, 0, "process orders", "stock", kind="consumer", trace_id="b" * 32, links=link_to(sent))
    first, _ = trees([sent, taken])
    assert told(sequence(first)) == ["shop → AMQP bus: orders"]
    assert told(sequence(first.joined())) == ["shop → AMQP bus: orders", "AMQP bus → stock: process orders"]


def test_what_is_open_has_begun_and_has_no_answer_and_keeps_its_keys() -> None:
    spans = [a_span(1, 0, "buy"), call(2, 1), answer(3, 2), a_span(4, 1, "pay", end=9)]
    ids = tuple(span.span_id for span in spans)
    early = sequence(SpanTree([spans[0], call(2, 1, status=None), *spans[2:]]), ids[:3])
    late = sequence(SpanTree(spans))
    assert told(early) == ["shop → stock: GET /stock", "shop: pay"]
    assert told(late) == [*told(early), "stock → shop: 200"]
    assert [item.key for item in early.items] == [item.key for item in late.items if not item.key.endswith(":answer")]
    assert f'data-key="{ids[1]}:request"' in sequence_svg(early)


ACROSS: dict[str, tuple[list[Span], list[str]]] = {
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
    "a server that nobody knows": (
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
    "a call that was given up": (
        [call(1, status=None)],
        ["shop → somewhere: GET /stock", "somewhere → shop: no answer ✗"],
    ),
    "an error that everybody passes on": (
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
    "kafka": (
        [
            a_span(1, 0, "send", kind="producer", attributes={"messaging.system": "kafka"}),
            a_span(2, 1, "poll", "stock", kind="consumer", attributes={"messaging.system": "kafka"}),
        ],
        ["shop → kafka: send", "kafka → stock: poll"],
    ),
    "calls to oneself": (
        [call(1), a_span(2, 1, "GET", kind="server")],
        ["shop → shop: GET /stock", "shop → shop: 200"],
    ),
    "work below work": (
        [a_span(1, 0, "buy"), a_span(2, 1, "pay"), a_span(3, 2, "sign"), a_span(4, 3, "hash"), call(5, 4)],
        [
            "shop: pay",
            "shop → somewhere: GET /stock",
            "somewhere → shop: 200",
            "[2 internal spans below others left out]",
        ],
    ),
    "a span that ends before it starts": ([a_span(1, 0, "buy"), a_span(5, 1, "pay", end=1)], ["shop: pay"]),
    "spans that are parents of one another": ([a_span(1, 2, "buy"), a_span(2, 1, "pay")], ["shop: pay"]),
}


@pytest.mark.parametrize("case", ACROSS)
def test_anyones_spans_are_drawn(case: str) -> None:
    spans, lines = ACROSS[case]
    assert drawn(*spans) == lines


def polls(*paths: str, **more: Any) -> list[Span]:
    calls = [(call(10 + 2 * n, 1, path, end=11 + 2 * n, **more), 10 + 2 * n) for n, path in enumerate(paths)]
    return [a_span(1, 0, "buy"), *(span for span, _ in calls)]


def test_three_equal_exchanges_are_one_at_the_place_of_the_last() -> None:
    spans = [*polls("/a", "/a", "/b", "/a"), a_span(99, 1, "look", start=12)]
    asked = [line for line in drawn(*spans) if "GET" in line or "look" in line]
    assert asked == ["shop: look", "shop → somewhere: GET /b", "shop → somewhere: GET /a \u00d73"]


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
def test_exchanges_that_tell_something_each_are_not_taken_as_one(spans: list[Span]) -> None:
    assert "\u00d7" not in "".join(drawn(*spans))


def test_one_span_is_a_diagram() -> None:
    assert drawn(a_span(1, 0, "alone")) == []
    assert sequence(SpanTree([a_span(1, 0, "alone")])).title == "alone"
