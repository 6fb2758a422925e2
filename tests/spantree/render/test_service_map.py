"""The service map: what it counts, and that nothing in its picture overlaps."""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from emulator.cli.app import app
from spantree import Pending, Span, SpanTree, otlp_json, trees
from spantree.render.service_map import Edge, Node, ServiceMap, service_map, service_map_svg
from tests.spantree.test_properties import relaxed
from tests.support.spans import a_span, forests, link_to

SVG = "{http://www.w3.org/2000/svg}"
OTHER = "4bf92f3577b34da6a3ce929d0e0e4736"
MS = 1_000_000
ROUNDED = 0.2


def mapped(*spans: Span) -> ServiceMap:
    return service_map(trees(spans))


def wires(services: ServiceMap) -> set[tuple[str, str, bool]]:
    return {(edge.caller, edge.called, edge.messages) for edge in services.edges}


async def test_the_map_of_a_boot_has_the_arrows_of_figure_1_8(boot: Callable[[], Pending[SpanTree]]) -> None:
    assert wires(service_map([await boot()])) == {
        ("openstack-client", "keystone", False),
        ("openstack-client", "nova-api", False),
        ("nova-api", "nova-scheduler", True),
        ("nova-scheduler", "nova-compute", True),
        ("nova-compute", "nova-api", True),
        ("nova-compute", "keystone", False),
        ("nova-compute", "neutron-server", False),
        ("nova-compute", "glance-api", False),
    }


CALL = a_span(1, kind="client", start=0, end=7 * MS)
CALLED = a_span(2, 1, service="till", kind="server", start=2 * MS, end=5 * MS)
SENT = a_span(3, kind="producer", start=0, end=1 * MS)
PROCESSED = a_span(4, 3, service="till", kind="consumer", start=4 * MS, end=9 * MS)


@pytest.mark.parametrize(
    ("spans", "messages", "errors", "latency"),
    [
        ([CALL, CALLED], False, 0, 7 * MS),
        ([replace(CALL, failed=True), CALLED], False, 1, 7 * MS),
        ([CALL, replace(CALLED, failed=True)], False, 1, 7 * MS),
        ([replace(CALL, kind="internal", failed=True), CALLED], False, 0, 3 * MS),
        ([replace(CALL, kind="server"), replace(CALLED, kind="client")], False, 0, 3 * MS),
        ([replace(CALL, end=-MS), CALLED], False, 0, 0),
        ([SENT, PROCESSED], True, 0, 3 * MS),
        ([replace(SENT, failed=True), PROCESSED], True, 0, 3 * MS),
        ([SENT, replace(PROCESSED, failed=True)], True, 1, 3 * MS),
        ([SENT, replace(PROCESSED, start=0)], True, 0, 0),
        ([SENT, replace(PROCESSED, links=link_to(SENT))], True, 0, 3 * MS),
        ([SENT, replace(PROCESSED, parent_id="", links=link_to(SENT))], True, 0, 3 * MS),
        ([SENT, replace(PROCESSED, parent_id="", links=link_to(SENT) * 2)], True, 0, 3 * MS),
        ([SENT, replace(PROCESSED, trace_id=OTHER, parent_id="", links=link_to(SENT))], True, 0, 3 * MS),
        ([CALL, replace(CALLED, parent_id="", kind="internal", links=link_to(CALL))], True, 0, 0),
    ],
)
def test_a_hop_between_services_counts_once(spans: list[Span], messages: bool, errors: int, latency: int) -> None:
    [edge] = mapped(*spans).edges
    assert edge == Edge("shop", "till", messages, 1, errors, latency, latency, latency)


def test_a_hop_into_a_trace_that_was_not_chosen_counts() -> None:
    [sent, _] = trees([SENT, replace(PROCESSED, trace_id=OTHER, parent_id="", links=link_to(SENT))])
    assert service_map([sent]).nodes == (Node("shop", 1, 0), Node("till", 0, 0))


def test_calls_and_messages_are_separate_with_nearest_rank_percentiles() -> None:
    calls = [
        span
        for number in range(1, 201)
        for span in (
            replace(CALL, trace_id=f"{number:032x}", end=number * MS),
            replace(CALLED, trace_id=f"{number:032x}", failed=number % 4 == 0),
        )
    ]
    services = mapped(*calls, SENT, PROCESSED)
    assert set(services.edges) == {
        Edge("shop", "till", True, 1, 0, 3 * MS, 3 * MS, 3 * MS),
        Edge("shop", "till", False, 200, 50, 100 * MS, 190 * MS, 198 * MS),
    }
    assert {(node.service, node.spans, node.errors) for node in services.nodes} == {
        ("shop", 201, 0),
        ("till", 201, 50),
    }


PEERS = [
    ({"db.system": "mysql"}, "mysql"),
    ({"db.system.name": "redis", "server.address": "h", "server.port": 6379}, "redis h:6379"),
    ({"peer.service": "bank", "server.address": "h"}, "bank"),
    ({"server.address": "h"}, "h"),
    ({"http.url": "http://h:8080/stock"}, "h:8080"),
    ({"messaging.system": "rabbitmq"}, "AMQP bus"),
]


@pytest.mark.parametrize(("attributes", "name"), PEERS)
def test_a_peer_that_left_no_spans_is_on_the_map(attributes: dict[str, object], name: str) -> None:
    services = mapped(replace(CALL, attributes=attributes), replace(CALL, span_id="b" * 16, attributes=attributes))
    assert services.edges == (Edge("shop", name, False, 2, 0, 7 * MS, 7 * MS, 7 * MS),)
    assert services.nodes == (Node("shop", 2, 0), Node(name, 0, 0, external=True))
    picture = fully_drawn(services)
    assert [card.get("stroke-dasharray") for card in picture.iter(f"{SVG}rect") if card.get("class") == "card"] == [
        None,
        "5 4",
    ]
    assert "1 trace · 1 service · 2 spans" in picture.findtext(f"{SVG}title", "")
    texts = ["".join(text.itertext()) for text in picture.iter(f"{SVG}text")]
    assert {"sent no spans", "dashed box: known from its clients alone", "7.0 ms"} <= set(texts)


def test_a_message_that_nobody_took_ends_at_the_bus() -> None:
    sent = replace(SENT, attributes={"messaging.system": "rabbitmq"}, failed=True)
    assert mapped(sent).edges == (Edge("shop", "AMQP bus", True, 1, 1, MS, MS, MS),)
    assert "time to publish, p50" in service_map_svg(mapped(sent))
    taken = replace(PROCESSED, attributes={"messaging.system": "rabbitmq"})
    assert wires(mapped(sent, taken)) == {("shop", "till", True)}
    assert not mapped(sent, replace(taken, resource=SENT.resource)).edges


def test_a_call_that_never_arrived_leads_to_the_service_at_its_address() -> None:
    at = {"server.address": "10.0.0.7", "server.port": 80}
    refused = a_span(7, 1, kind="client", failed=True, attributes=at, start=0, end=MS)
    [edge] = mapped(replace(CALL, attributes=at), CALLED, refused).edges
    assert (edge.called, edge.calls, edge.errors, edge.p50, edge.p99) == ("till", 2, 1, MS, 7 * MS)


def test_a_database_with_a_service_name_is_external_unless_it_has_other_spans() -> None:
    query = replace(CALLED, kind="client", attributes={"db.system.name": "mysql"})
    services = mapped(replace(CALL, kind="server"), query)
    assert services.edges == (Edge("shop", "till", False, 1, 0, 3 * MS, 3 * MS, 3 * MS),)
    assert services.nodes == (Node("shop", 1, 0), Node("till", 1, 0, external=True))
    both = mapped(replace(CALL, kind="server"), query, a_span(8, 1, service="till"))
    assert [node.external for node in both.nodes] == [False, False]


@dataclass(frozen=True)
class Box:
    """A part of a picture."""

    what: str
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        return (
            self.left < other.right - ROUNDED
            and other.left < self.right - ROUNDED
            and self.top < other.bottom - ROUNDED
            and other.top < self.bottom - ROUNDED
        )


def cards(picture: ET.Element) -> Iterator[Box]:
    for group in picture.iter(f"{SVG}g"):
        if (card := group.find(f"{SVG}rect[@class='card']")) is not None:
            x, y, width, height = (float(card.attrib[name]) for name in ("x", "y", "width", "height"))
            yield Box(group.findtext(f"{SVG}title", ""), x, y, x + width, y + height)


def labels(picture: ET.Element) -> Iterator[Box]:
    for group in picture.iter(f"{SVG}g"):
        for text in group.findall(f"{SVG}text") if group.get("class") == "edge" else ():
            x, y, width = float(text.attrib["x"]), float(text.attrib["y"]), 6.5 * len("".join(text.itertext()))
            yield Box(group.findtext(f"{SVG}title", ""), x - width / 2, y - 7, x + width / 2, y + 7)


def level_stretches(picture: ET.Element) -> Iterator[Box]:
    """Yield the places where wires run level. They bend in between, where there is nothing else."""
    for group in picture.iter(f"{SVG}g"):
        for path in group.findall(f"{SVG}path") if group.get("class") == "edge" else ():
            for x, y, to in re.findall(r"([\d.-]+) ([\d.-]+)H([\d.-]+)", path.attrib["d"]):
                left, right = sorted((float(x), float(to)))
                yield Box(group.findtext(f"{SVG}title", ""), left, float(y), right, float(y))


def drawn(services: ServiceMap) -> ET.Element:
    picture = ET.fromstring(service_map_svg(services))  # noqa: S314 - it is our own
    for one, other in combinations([*cards(picture), *labels(picture)], 2):
        assert not one.meets(other), (one, other)
    for stretch in level_stretches(picture):
        for box in (*cards(picture), *labels(picture)):
            assert not box.meets(stretch), (box, stretch)
    return picture


def fully_drawn(services: ServiceMap) -> ET.Element:
    picture = drawn(services)
    assert len(list(cards(picture))) == len(services.nodes)
    assert len(list(labels(picture))) == 2 * len(services.edges)
    return picture


NAMES = st.sampled_from([f"service-{number}" * (1 + number % 3) for number in range(12)])
GRAPHS = st.lists(st.tuples(NAMES, NAMES, st.booleans(), st.integers(1, 10**7)), max_size=30)


@relaxed
@given(GRAPHS)
def test_nothing_overlaps(graph: list[tuple[str, str, bool, int]]) -> None:
    edges = {
        (caller, called, messages): Edge(caller, called, messages, calls, calls // 3, calls, 10 * calls, 10**4 * calls)
        for caller, called, messages, calls in graph
        if caller != called
    }
    names = dict.fromkeys(name for caller, called, *_ in graph for name in (caller, called))
    fully_drawn(ServiceMap(1, tuple(Node(name, 5, 1) for name in names), tuple(edges.values())))


@relaxed
@given(forests(largest=30))
def test_any_forest_can_be_mapped_and_drawn(spans: list[Span]) -> None:
    services = mapped(*spans)
    assert sum(node.spans for node in services.nodes) == len(spans)
    fully_drawn(services)


def test_callers_are_left_of_callees_and_cycles_lead_back() -> None:
    names = ("a", "b", "c", "d")
    edges = [Edge(pair[0], pair[1], False, 1, 0, 1, 1, 1) for pair in ("ab", "bc", "ca", "ad", "cd")]
    picture = fully_drawn(ServiceMap(1, tuple(Node(name, 1, 0) for name in names), tuple(edges)))
    left = {card.what[0]: card.left for card in cards(picture)}
    assert left["a"] < left["b"] < left["c"] < left["d"]


def test_a_map_of_one_service_and_of_none() -> None:
    assert [card.what for card in cards(fully_drawn(mapped(a_span(1))))] == ["shop\n1 span"]
    fully_drawn(ServiceMap(0, (), ()))


def test_tooltips_have_all_numbers() -> None:
    nodes = (Node("shop", 1500, 15), Node("till", 1, 0))
    edges = (
        Edge("shop", "till", True, 1200, 300, 3 * MS, 12 * MS, 450 * MS),
        Edge("till", "shop", False, 1, 0, 900_000, 900_000, 900_000),
        Edge("shop", "till", False, 8, 6, 1, 2 * MS, 2_000 * MS),
    )
    slow = "duration of the call, p50 / p95 / p99: 0.0 ms / 2.0 ms / 2.00 s"
    titles = [title.text for title in fully_drawn(ServiceMap(3, nodes, edges)).iter(f"{SVG}title")]
    assert titles == [
        "Service map: 3 traces · 2 services · 1,501 spans",
        "shop → till\n1,200 messages · 300 failed (25.0%)\nin the queue, p50 / p95 / p99: 3 / 12 / 450 ms",
        "till → shop\n1 call\nduration of the call, p50 / p95 / p99: 0.9 / 0.9 / 0.9 ms",
        "shop → till\n8 calls · 6 failed (75.0%)\n" + slow,
        "shop\n1,500 spans · 15 failed (1.0%)",
        "till\n1 span",
    ]


def test_messages_are_dashed_and_failures_are_a_red_share() -> None:
    nodes = (Node("shop", 1, 0), Node("till", 1, 0))
    edges = (Edge("shop", "till", True, 1000, 500, 1, 1, 1), Edge("till", "shop", False, 10, 0, 1, 1, 1))
    groups = [group for group in drawn(ServiceMap(1, nodes, edges)).iter(f"{SVG}g") if group.get("class") == "edge"]
    paths = [
        {path.get("class"): float(path.attrib["stroke-width"]) for path in group.findall(f"{SVG}path")}
        for group in groups
    ]
    assert paths == [{"wire message": 4.8, "broken message": 2.4}, {"wire": 2.6}]


HOSTILE = (
    "</svg><script>alert(1)</script>",
    "\x00\x1b[2J\ud800\ufffe",
    "\"&'<",
    "\u202eevil",
    "",
    "名前" * 60,
    "x" * 500,
)


def test_hostile_names_do_not_become_markup() -> None:
    spans = [a_span(1), *(a_span(number, number - 1, service=name) for number, name in enumerate(HOSTILE, 2))]
    text = service_map_svg(mapped(*spans))
    picture = fully_drawn(mapped(*spans))
    tags = {element.tag.removeprefix(SVG) for element in picture.iter()}
    assert tags == {"svg", "title", "style", "rect", "text", "g", "path", "polygon"}
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg\")|url\(|@import|<script|href", text)
    assert "\u202e" not in text
    assert text.encode()


def test_too_many_services_leave_the_least_busy_out() -> None:
    spans = [a_span(number, number // 2, service=f"service-{number}") for number in range(1, 5001)]
    spans += [a_span(10_000 + number, service=f"service-{number}") for number in range(1, 101)]
    picture = drawn(mapped(*spans))
    assert len(list(cards(picture))) == 100
    assert "without 4,900 services and 4,900 connections with the least traffic" in picture.findtext(f"{SVG}title", "")


def test_sixty_fully_connected_services_are_drawn_in_seconds() -> None:
    names = [f"service-{number}" for number in range(60)]
    edges = tuple(
        Edge(caller, called, False, 60 * first + second + 1, 0, 1, 1, 1)
        for first, caller in enumerate(names)
        for second, called in enumerate(names)
        if caller != called
    )
    began = time.process_time()
    service_map_svg(ServiceMap(1, tuple(Node(name, 1, 0) for name in names), edges))
    assert time.process_time() - began < 20


def test_time_is_linear_in_links_between_traces() -> None:
    few, many = seconds_for_linked(500), seconds_for_linked(5_000)
    assert many < 30 * few + 0.25


def seconds_for_linked(number: int) -> float:
    """Measure a map of this number of messages of one trace, each processed in a trace of its own."""
    sent = [a_span(each, kind="producer") for each in range(1, number + 1)]
    processed = [
        a_span(1, service="till", trace_id=f"{each:032x}", links=link_to(span)) for each, span in enumerate(sent, 1)
    ]
    traces = trees([*sent, *processed])
    began = time.process_time()
    assert service_map(traces).edges[0].calls == number
    return time.process_time() - began


def test_show_writes_the_map_and_prints_nothing(tmp_path: Path) -> None:
    source, file = tmp_path / "in.json", tmp_path / "map.svg"
    source.write_text(json.dumps(otlp_json([CALL, CALLED])))
    ended = CliRunner().invoke(app, ["show", str(source), "--map", str(file)])
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "", "")
    assert file.read_text() == service_map_svg(mapped(CALL, CALLED))
    full = CliRunner().invoke(app, ["show", str(source), "--map", "/dev/full"])
    assert (full.exit_code, full.stderr) == (2, "emulator: /dev/full cannot be written: No space left on device\n")
