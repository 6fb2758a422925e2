"""The sequence diagram: what it says of a trace, and that nothing in a trace can break it."""

import json
import random
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.client import Order
from emulator.cloud import Settings
from emulator.faults import FAULTS
from emulator.render import Bar, Diagram, Message, Note, mermaid, sequence, sequence_svg
from emulator.traces import Event, Pending, Span, SpanTree, otlp_json, trees
from tests.conftest import a_world, trace_of
from tests.processes import run
from tests.spans import a_span, forests, link_to

SVG = "{http://www.w3.org/2000/svg}"
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


def told(diagram: Diagram) -> list[str]:
    """What a reader sees, in lines."""
    return [line(item) for item in diagram.items if not isinstance(item, Bar)]


def line(item: Message | Note) -> str:
    if isinstance(item, Note):
        return f"{item.actor.name}: {item.label}" if item.actor else f"[{item.label}]"
    step, marks = f"({item.step}) " if item.step else "", " ✗" if item.lost else " !" if item.failed else ""
    return f"{step}{item.source.name} → {item.target.name}: {item.label}{item.count}{marks}"


def call(
    number: int,
    parent: int = 0,
    path: str = "/stock",
    status: int | None = 200,
    attributes: Mapping[str, object] = MappingProxyType({}),
    **more: Any,
) -> Span:
    """A call of the shop."""
    asked = {"http.request.method": "GET", "url.full": f"http://stock:80{path}", "http.response.status_code": status}
    known = {name: value for name, value in asked.items() if value is not None} | dict(attributes)
    return a_span(number, parent, "GET", kind="client", attributes=known, **more)


def answer(number: int, parent: int, **more: Any) -> Span:
    return a_span(number, parent, "GET /stock", "stock", kind="server", **more)


def drawn(*spans: Span, open_spans: tuple[str, ...] = ()) -> list[str]:
    diagram = sequence(SpanTree(spans), open_spans)
    assert_it_can_be_drawn(diagram)
    return told(diagram)


LINE = re.compile(
    r"participant p\d+ as T|actor p\d+ as T|activate p\d+|deactivate p\d+|end|rect rgba\(229, 72, 77, 0\.16\)"
    r"|p\d+--?(?:>>|x|\))p\d+: T(?:<br/>T)?|Note over p\d+(?:,p\d+)?: T(?:<br/>T)?".replace(
        "T", r"(?:(?:[\w ./(){}=?!,…·\u00d7→⚑'-]|\#\d+;)+)"
    )
)
"""All that a line of our Mermaid may be."""


def assert_it_can_be_drawn(diagram: Diagram) -> None:
    picture = sequence_svg(diagram)
    root = ET.fromstring(picture.encode())  # noqa: S314 - it is ours
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "title", "style", "rect", "path", "text", "tspan", "g", "circle")
    }
    keys = [element.get("data-key") for element in root.iter() if element.get("data-key")]
    assert len(keys) == len(set(keys)), "a key names one element"
    head, *lines = mermaid(diagram).split("sequenceDiagram\n")
    assert head.count("\n") == 3
    assert len(lines) == 1
    opened = 0
    for said in lines[0].splitlines():
        assert LINE.fullmatch(said.strip()), said
        opened += said.strip().startswith("rect") - (said.strip() == "end")
    assert opened == 0
    assert len(mermaid(diagram)) < 50_000


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
    "neutron.unavailable": ["neutron-server: ⚑ neutron.unavailable: ServiceUnavailable"],
    "glance.image_missing": ["glance-api: ⚑ glance.image_missing", "(6) glance-api → nova-compute: 404 !"],
    "glance.connection_reset": [
        "glance-api: ⚑ glance.connection_reset: ConnectionReset",
        "(6) glance-api → nova-compute: 200, then ClientPayloadError ✗",
    ],
    "scheduler.no_valid_host": ["nova-scheduler: ⚑ scheduler.no_valid_host: NoValidHost"],
    "compute.spawn_failed": ["nova-compute: ⚑ compute.spawn_failed: SpawnFailed", "nova-compute → AMQP bus: reject !"],
    "compute.crash_before_ack": ["nova-compute: ⚑ compute.crash_before_ack: ConnectionDropped"],
    "amqp.unroutable": ["nova-scheduler → AMQP bus: build_and_run_instance ✗"],
    "amqp.poison": ["nova-compute: MalformedMessage", "nova-compute → AMQP bus: reject !"],
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulty_boot_draws_where_it_broke(fault: str) -> None:
    async with a_world(Settings(pace=0, build_seconds=FAULTS[fault].build_seconds or 10), computes=3) as world:
        booted = await world.boot(Order("broken", fault=FAULTS[fault]))
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
    early = sequence(SpanTree(spans), ids[:3])
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


HOSTILE = [
    *("<script>alert(1)</script>", "]]>", "<!--", "&lt;&#60;", "\"'", "\\", "a; b # c", "%%{init: {}}%%", "end", "END"),
    *(
        "alt x",
        "loop",
        "line\nbreak\r\n",
        "p0->>p1: x",
        "wrap: x",
        "---",
        "-->",
        "#60;#quot;",
        "`a` **b** $$x$$",
        "{",
        "",
    ),
    *(
        " ",
        "x" * 5000,
        "\x00\x1b[31m\x7f",
        "\ud800",
        "\ufffe\uffff",
        "\u202egnp",
        "\u2028",
        "日本語 🚀",
        "javascript:x",
    ),
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
def test_nothing_in_a_span_is_taken_for_anything_but_text(text: str) -> None:
    messaging = {"messaging.system": text, "messaging.destination.name": text, "openstack.rpc.method": text}
    request = {"http.request.method": text, "url.full": f"http://h/{text}", "openstack.boot.step": text}
    raised = Event("exception", 7, {"exception.type": text, "exception.message": text})
    diagram = sequence(
        SpanTree(
            [
                a_span(1, 0, text, text),
                a_span(2, 1, text, text, kind="client", attributes=request),
                a_span(3, 2, text, text + "2", kind="server", attributes={"openstack.fault.name": text}),
                a_span(4, 3, text, text + "2", kind="producer", attributes=messaging),
                a_span(5, 4, text, text + "3", kind="consumer", attributes=messaging),
                a_span(6, 5, text, text + "3", failed=True, message=text, events=(raised,)),
                a_span(7, 1, text, text, kind="client", attributes={"server.address": text, "server.port": text}),
            ]
        )
    )
    assert_it_can_be_drawn(diagram)
    assert max(len(item.label) for item in diagram.items if not isinstance(item, Bar)) < 100


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(forests(), st.sets(st.integers(0, 30)))
def test_any_trace_can_be_drawn(spans: list[Span], still_open: set[int]) -> None:
    for trace in trees(spans):
        ids = [span.span_id for number, span in enumerate(trace.spans) if number in still_open]
        assert_it_can_be_drawn(sequence(trace, ids))
        assert_it_can_be_drawn(sequence(trace.joined()))


@pytest.mark.parametrize("shape", ["flat", "deep", "random"])
def test_ten_thousand_spans_are_cut_and_the_failed_one_is_there(shape: str) -> None:
    chance = random.Random(1)
    parents: dict[str, Callable[[int], int]] = {
        "flat": lambda _: 1,
        "deep": lambda number: number - 1,
        "random": lambda number: chance.randrange(1, number),
    }
    spans = [a_span(1, 0, "root")]
    for number in range(2, 10_001):
        kind = chance.choice(["internal", "client", "server", "producer", "consumer"])
        spans.append(
            a_span(
                number,
                parents[shape](number),
                f"#;#;#;#;#;#;{number}",
                f"service-{number % 500}",
                kind=kind,
                end=40_000 - number,
                failed=number == 5000,
                message="here it broke",
            )
        )
    began = time.process_time()
    diagram = sequence(SpanTree(spans))
    assert_it_can_be_drawn(diagram)
    assert time.process_time() - began < 10, "it should take about one second"
    assert len(diagram.actors) <= 30
    assert len(told(diagram)) < 400
    assert any("left out" in line for line in told(diagram))
    assert any(isinstance(item, Note) and item.detail == "here it broke" for item in diagram.items)


def test_one_span_is_a_diagram() -> None:
    assert drawn(a_span(1, 0, "alone")) == []
    assert sequence(SpanTree([a_span(1, 0, "alone")])).title == "alone"


async def test_boot_draws_the_boot_whose_waterfall_it_prints(tmp_path: Path) -> None:
    svg, text = tmp_path / "boot.svg", tmp_path / "boot.mmd"
    options = ("--pace", "0", "--messaging-context", "link", "--fault", "glance.image_missing")
    ended = await run("boot", *options, "--svg", str(svg), "--mermaid", str(text))
    assert (ended.status, ended.err) == (1, "")
    assert "(5) GET /v2/images/49f88b9d…/file" in text.read_text(encoding="utf-8")
    shown = ended.out.split("trace ", 1)[1].split()[0]
    assert shown in svg.read_text(encoding="utf-8")


async def test_show_draws_the_trace_in_which_something_failed_and_says_which(tmp_path: Path) -> None:
    spans = [a_span(1, 0, "long", end=900), a_span(2, 0, "broken", trace_id="b" * 32, failed=True)]
    source, svg, text = tmp_path / "spans.json", tmp_path / "show.svg", tmp_path / "show.mmd"
    source.write_text(json.dumps(otlp_json(spans)))
    ended = await run("show", str(source), "--svg", str(svg), "--mermaid", str(text))
    assert (ended.status, ended.err) == (0, f"emulator: drew trace {'b' * 32}, one of 2; --trace chooses\n")
    assert ">broken</text>" in svg.read_text(encoding="utf-8").replace('<tspan class="red">✗ </tspan>', "")
    source.write_text(json.dumps(otlp_json([spans[0], a_span(3, 0, "short", trace_id="c" * 32)])))
    await run("show", str(source), "--mermaid", str(text))
    assert 'title: "long' in text.read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["--svg", "--mermaid"])
async def test_a_file_that_cannot_be_written_is_named_before_anything_begins(option: str, tmp_path: Path) -> None:
    ended = await run("boot", option, str(tmp_path / "none" / "file"))
    assert ended.status == 2
    assert "cannot be written" in ended.err.replace("\n", " ")
    assert ended.out == ""


async def test_where_there_is_no_trace_nothing_is_drawn_and_that_is_said(tmp_path: Path) -> None:
    ended = await run("boot", "--pace", "0", "--svg", str(tmp_path / "a.svg"), OTEL_SDK_DISABLED="true")
    assert (ended.status, ended.err) == (1, "emulator: there is no trace to draw\n")
    assert not (tmp_path / "a.svg").exists()
