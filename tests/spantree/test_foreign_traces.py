"""Traces recorded from other people's programs are shown, drawn and checked, each with what is truly in it."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from spantree import SpanTree, spans_from_json, trees
from spantree.cli.commands import COMMANDS
from spantree.cli.lazy import application
from spantree.render.html import waterfall_model
from spantree.render.service_map import Edge, service_map

RECORDED = Path(__file__).with_name("foreign_traces")
SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Recording:
    """What is in a recording. `rows`, `participants` and `arrows` are of the trace that is drawn."""

    traces: int
    spans: int
    rows: list[str]
    participants: list[str]
    arrows: list[str]
    edges: dict[tuple[str, str], str]
    external: set[str]
    findings: dict[str, int]


def timeout(took: str) -> list[str]:
    return [
        "driver → redis-manual: GetDriver",
        f"redis-manual → driver: failed · {took}",
        "errorString · redis timeout",
    ]


RECORDINGS = {
    "hotrod": Recording(
        traces=4,
        spans=158,
        rows=[
            "frontend GET /dispatch 779 ms",
            "frontend HTTP GET /customer 200 320 ms",
            "customer GET /customer 319 ms",
            "mysql SQL SELECT 319 ms",
            "redis-manual FindDriverIDs → redis 29 ms",
            "redis-manual GetDriver → redis ! 35 ms",
            "frontend HTTP GET /route 200 ×10 221 ms",  # together: each took up to 76 ms, and three ran at a time
        ],
        participants=["caller", "frontend", "customer", "driver", "mysql", "redis-manual", "route"],
        arrows=[
            "caller → frontend: GET /dispatch",
            "frontend → customer: GET /customer",
            "customer → mysql: SQL SELECT",
            "mysql → customer: 319 ms",
            "customer → frontend: 200 · 320 ms",
            "frontend → driver: driver.DriverService/FindNearest",
            "driver → redis-manual: FindDriverIDs",
            "redis-manual → driver: 29 ms",
            *(line for took in ("26 ms", "28 ms", "35 ms") for line in timeout(took)),
            "driver → redis-manual: GetDriver ×10",
            "redis-manual → driver: 9.3 ms to 15 ms",
            "driver → frontend: 238 ms",
            "frontend → route: GET /route ×10",
            "route → frontend: 200 · 31 ms to 76 ms",
            "frontend → caller: 200 · 779 ms",
        ],
        edges={
            ("frontend", "customer"): "4 calls",
            ("frontend", "driver"): "4 calls",
            ("frontend", "route"): "40 calls",
            ("customer", "mysql"): "4 calls",
            ("driver", "redis-manual"): "54 calls, 10 failed",
        },
        external={"mysql", "redis-manual"},
        findings={"no-carrier": 58, "missing-resource": 158, "malformed-attribute": 90},
    ),
    "telemetrygen": Recording(
        traces=5,
        spans=20,
        rows=["telemetrygen lets-go 0.4 ms", *(f"telemetrygen okey-dokey-{number} 0.1 ms" for number in range(3))],
        participants=["telemetrygen"],
        arrows=[
            "telemetrygen → telemetrygen: lets-go",  # answered by okey-dokey-0
            "telemetrygen → telemetrygen: okey-dokey-1",
            "telemetrygen → telemetrygen: 0.1 ms",
            "telemetrygen → telemetrygen: okey-dokey-2",
            "telemetrygen → telemetrygen: 0.1 ms",
            "telemetrygen → telemetrygen: 0.4 ms",
        ],
        edges={},
        external=set(),
        findings={"missing-resource": 20},
    ),
    "celery": Recording(
        traces=1,
        spans=5,
        rows=["web POST /pay 25 ms", "worker run/tasks.charge 7.1 ms", "worker run/tasks.mail 0.4 ms"],
        participants=["caller", "web", "message bus", "worker"],
        arrows=[
            "caller → web: POST /pay",
            "web → message bus: apply_async/tasks.charge",
            "web → caller: 25 ms",
            "message bus → worker: run/tasks.charge",
            "worker → message bus: apply_async/tasks.mail",
            "message bus → worker: run/tasks.mail",
        ],
        edges={("web", "worker"): "1 message"},
        external=set(),
        findings={"missing-resource": 5, "deprecated-attribute": 8},
    ),
    "flask-sqlalchemy": Recording(
        traces=1,
        spans=6,
        rows=["shop SELECT → sqlite 0.1 ms", "shop GET /prices/S1 200 5.2 ms", "pricing GET /prices/<sku> 1.6 ms"],
        participants=["caller", "shop", "sqlite", "pricing"],
        arrows=[
            "caller → shop: POST /orders/S1",
            "shop → sqlite: SELECT",
            "sqlite → shop: 0.1 ms",
            "shop → pricing: GET /prices/S1",
            "pricing → shop: 200 · 5.2 ms",
            "shop → sqlite: INSERT",
            "sqlite → shop: 0.1 ms",
            "shop → sqlite: SELECT",
            "sqlite → shop: 0.1 ms",
            "shop → caller: 201 · 21 ms",
        ],
        edges={("shop", "pricing"): "1 call", ("shop", "sqlite"): "3 calls"},
        external={"sqlite"},
        findings={"missing-resource": 6, "deprecated-attribute": 33},
    ),
    "node-express-amqplib": Recording(
        traces=3,
        spans=14,
        rows=["shop POST /orders/:id 21 ms", "worker billing process 25 ms", "bank GET /charge 22 ms"],
        participants=["caller", "shop", "AMQP bus", "worker", "bank"],
        arrows=[
            "caller → shop: POST /orders/7",
            "middleware - patched · 20 ms",
            "shop → AMQP bus: publish orders",
            "shop → caller: 202 · 21 ms",
            "AMQP bus → worker: billing process · waited 18 ms",
            "worker → bank: GET /charge",
            "tcp.connect · 1.5 ms",
            "middleware - patched · 7.3 ms",
            "bank → worker: 200 · 24 ms",
            "4 internal spans below others left out",
        ],
        edges={("shop", "worker"): "1 message", ("worker", "bank"): "1 call"},
        external=set(),
        findings={"missing-resource": 14, "deprecated-attribute": 13},
    ),
}


@pytest.fixture(params=RECORDINGS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def recorded(name: str) -> list[SpanTree]:
    return trees(spans_from_json((RECORDED / f"{name}.json").read_text()))


def spantree(*arguments: str) -> str:
    ended = CliRunner(env={"COLUMNS": "160"}).invoke(application("spantree", "1", "", COMMANDS), arguments)
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def written(name: str, kind: str, tmp_path: Path) -> str:
    file = tmp_path / kind
    spantree("show", str(RECORDED / f"{name}.json"), f"--{kind}", str(file))
    return file.read_text()


def drawn_trace(name: str) -> str:
    """Return the id of the trace of a recording that a sequence diagram shows."""
    traces = recorded(name)
    failed = [trace for trace in traces if trace.all(error=True)]
    return (failed or sorted(traces, key=lambda trace: -trace.duration))[0].trace_id


def test_the_terminal_shows_each_row_with_its_duration(name: str) -> None:
    known = RECORDINGS[name]
    shown = spantree("show", str(RECORDED / f"{name}.json"))
    assert shown.count("trace ") == known.traces
    one = spantree("show", str(RECORDED / f"{name}.json"), "--trace", drawn_trace(name))
    rows = [re.sub(r"[ ░▏▎▍▌▋▊▉█▐▕]+", " ", line) for line in one.splitlines()]
    assert [row for row in known.rows if row not in rows] == [], rows


def test_the_sequence_has_each_participant_once_and_each_arrow(name: str, tmp_path: Path) -> None:
    known = RECORDINGS[name]
    picture = ET.fromstring(written(name, "svg", tmp_path))  # noqa: S314 - we have just written it
    heading = picture.findtext(f"{SVG}title", "")
    assert drawn_trace(name) in heading
    names = [text.text or "" for text in picture.iter(f"{SVG}text") if text.get("class") == "name"]
    tall = len(names) > len(known.participants)  # then the names are repeated at the lower ends
    assert sorted(names) == sorted(known.participants * (2 if tall else 1))
    arrows = [group.findtext(f"{SVG}title", "") for group in picture.iter(f"{SVG}g")]
    assert arrows == known.arrows


def test_mermaid_has_the_same_participants_and_as_many_arrows(name: str, tmp_path: Path) -> None:
    known, text = RECORDINGS[name], written(name, "mermaid", tmp_path)
    assert re.findall(r"(?:participant|actor) p\d+ as (.*)", text) == known.participants
    arrows = re.findall(r"(p\d+)-+[>x)]+(p\d+): ", text)
    assert len(arrows) == sum(" → " in arrow for arrow in known.arrows)


def test_the_map_has_each_connection_with_its_own_durations(name: str, tmp_path: Path) -> None:
    known, services = RECORDINGS[name], service_map(recorded(name))
    assert {(edge.caller, edge.called): traffic(edge) for edge in services.edges} == known.edges
    assert {node.service for node in services.nodes if node.external} == known.external
    assert sum(node.spans for node in services.nodes) == known.spans
    titles = [title.text or "" for title in ET.fromstring(written(name, "map", tmp_path)).iter(f"{SVG}title")]  # noqa: S314
    assert titles[0].startswith(f"Service map: {known.traces} trace")
    assert {tuple(title.splitlines()[0].split(" → ")) for title in titles if " → " in title} == set(known.edges)


def traffic(edge: Edge) -> str:
    noun = "message" if edge.messages else "call"
    failed = f", {edge.errors} failed" if edge.errors else ""
    return f"{edge.calls} {noun}{'' if edge.calls == 1 else 's'}{failed}"


def test_hotrods_map_has_the_durations_of_its_redis_calls() -> None:
    took = sorted(span.duration for trace in recorded("hotrod") for span in trace.all("redis-manual"))
    [edge] = [edge for edge in service_map(recorded("hotrod")).edges if edge.called == "redis-manual"]
    assert (edge.p50, edge.p95, edge.p99) == (took[26], took[51], took[53])
    assert took[53] < 36_000_000, "its caller, the driver's span, takes 200 ms and more"


def test_the_page_has_every_span_with_its_times(name: str, tmp_path: Path) -> None:
    known, text = RECORDINGS[name], written(name, "html", tmp_path)
    model = waterfall_model(recorded(name))
    spans = [span for trace in model["traces"] for span in trace["spans"]]
    assert len(spans) == known.spans
    durations = {span.span_id: span.duration for trace in recorded(name) for span in trace.spans}
    assert {span["id"]: span["end"] - span["start"] for span in spans} == durations
    assert all(span["id"] in text for span in spans)


def test_perfetto_gets_a_slice_for_every_span(name: str, tmp_path: Path) -> None:
    file = tmp_path / "perfetto.json"
    spantree("convert", str(RECORDED / f"{name}.json"), "--to", "perfetto", "--output", str(file))
    events = json.loads(file.read_text())["traceEvents"]
    spans = [span for trace in recorded(name) for span in trace.spans]
    slices = Counter((event["name"], event["dur"]) for event in events if event["ph"] == "X")
    assert slices == Counter((f"{span.name} !" if span.failed else span.name, span.duration / 1000) for span in spans)
    services = {event["args"]["name"].partition(" (")[0] for event in events if event["name"] == "process_name"}
    assert services == {span.service for span in spans}


def test_check_finds_what_is_wrong_and_nothing_else(name: str) -> None:
    known = RECORDINGS[name]
    found: Counter[str] = Counter()
    for trace in recorded(name):
        for finding in trace.check(at_least="advice"):
            found[finding.rule] += finding.count
    assert found == known.findings
    file = str(RECORDED / f"{name}.json")
    ended = CliRunner().invoke(application("spantree", "1", "", COMMANDS), ["check", file, "--fail-on", "advice"])
    assert ended.exit_code == 1
    assert all(f"{rule}: " in ended.stdout for rule in known.findings)
    sound = [option for rule in known.findings for option in ("--ignore", rule)]
    spantree("check", file, "--fail-on", "advice", *sound)


def test_stock_instrumentation_is_sound_by_default_and_is_given_advice(name: str) -> None:
    assert [str(finding) for trace in recorded(name) for finding in trace.check()] == []
    told = spantree("check", str(RECORDED / f"{name}.json"))
    assert told.count("is sound") == RECORDINGS[name].traces
    assert told.count("\nadvice: missing-resource: ") == 1, "once for all traces"
