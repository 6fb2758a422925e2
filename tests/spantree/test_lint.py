"""Lint rules find what is wrong with a trace and say how to fix it; they leave sound traces alone."""

import random
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from opentelemetry.semconv.attributes import (
    client_attributes,
    db_attributes,
    error_attributes,
    http_attributes,
    network_attributes,
    server_attributes,
    service_attributes,
    url_attributes,
    user_agent_attributes,
)

from emulator.client import BootRequest
from emulator.reference import registry_folder
from emulator.runtime.heartbeats import Heartbeats
from spantree import Event, Finding, Link, Span, SpanTree, spans_from_sdk, trees
from spantree.lint import RULES
from tests.conftest import start_cloud

TRACE = "0af7651916cd43dd8448eb211c80319c"
MS = 1_000_000


def of(service: str, instance: str = "1", **more: object) -> dict[str, object]:
    """Resource attributes that no rule objects to."""
    return {"service.name": service, "service.version": "1.0", "service.instance.id": instance, **more}


def a_span(number: int, parent: int = 0, kind: str = "internal", service: str = "shop", **more: object) -> Span:
    """Return a span from `number` to 100 - `number` milliseconds: within its parent, if that has a lower number."""
    known = Span(
        trace_id=TRACE,
        span_id=f"{number:016x}",
        parent_id=f"{parent:016x}" if parent else "",
        name=f"work {number}",
        kind=kind,
        start=number * MS,
        end=(100 - number) * MS,
        resource=of(service),
    )
    return replace(known, **more)  # type: ignore[arg-type]


def link_to(number: int, trace: str = TRACE) -> tuple[Link, ...]:
    return (Link(trace, f"{number:016x}"),)


ROOT = a_span(1)
GET = {"http.request.method": "GET", "http.response.status_code": 200}
CALL = a_span(2, 1, "client", attributes=GET)
SERVED = a_span(3, 2, "server", "bank")
PUBLISH = a_span(2, 1, "producer")
PROCESS = a_span(3, 2, "consumer", "mail")
CONTINUED = {"example.session.id": "0af76519-16cd-43dd-8448-eb211c80319c"}
"""What an uninstrumented client sends with each of its requests."""
PROCESSING = {"messaging.system": "kafka", "messaging.operation.type": "process"}
SEND = {"messaging.system": "kafka", "messaging.operation.type": "send"}

QUERY = {"db.system.name": "sqlite", "db.query.text": "SELECT * FROM items WHERE id = ?"}


def a_query(number: int, text: str = QUERY["db.query.text"], parent: int = 1) -> Span:
    """Return a query of a millisecond, which ends before the one with the next number starts."""
    attributes = {**QUERY, "db.query.text": text}
    return a_span(number, parent, "client", attributes=attributes, end=(number + 1) * MS)


def requests(path: str, **more: object) -> list[Span]:
    """Return five requests, one after another, with their servers."""
    calls = [
        a_span(
            *(number, 1, "client"),
            end=(number + 1) * MS,
            attributes={**GET, **more, "url.full": f"http://bank:80{path.format(number)}"},
        )
        for number in range(2, 7)
    ]
    return [
        *calls,
        *(
            replace(
                call,
                span_id=f"a{call.span_id[1:]}",
                parent_id=call.span_id,
                kind="server",
                resource=of("bank"),
                attributes={},
            )
            for call in calls
        ),
    ]


UNSOUND: list[tuple[str, list[Span]]] = [
    ("orphan", [ROOT, a_span(3, 9)]),
    ("orphan", [ROOT, a_span(3, 9, "server", "bank")]),
    ("orphan", [a_span(3, 9)]),
    ("circle", [ROOT, a_span(3, 3)]),
    ("circle", [ROOT, a_span(3, 4), a_span(4, 3, start=2 * MS)]),
    ("several-roots", [ROOT, a_span(2)]),
    ("several-roots", [ROOT, a_span(2, service="bank"), a_span(3, service="mail")]),
    ("several-roots", [a_span(1, attributes=CONTINUED, kind="server"), a_span(2, kind="server")]),
    (
        "several-roots",
        [a_span(number, attributes=CONTINUED, kind=kind) for number, kind in ((1, "server"), (2, "consumer"))],
    ),
    (
        "several-roots",
        [a_span(number, attributes=dict.fromkeys(CONTINUED, number), kind="server") for number in (1, 2)],
    ),
    ("starts-before-parent", [ROOT, a_span(2, 1, start=MS - 1)]),
    ("starts-before-parent", [ROOT, CALL, a_span(3, 2, "server", start=MS)]),
    ("ends-before-start", [ROOT, a_span(2, 1, end=2 * MS - 1)]),
    ("clock-skew", [ROOT, CALL, replace(SERVED, start=-20 * MS)]),
    ("clock-skew", [ROOT, PUBLISH, replace(PROCESS, start=-20 * MS)]),
    ("clock-skew", [ROOT, CALL, replace(SERVED, resource=of("shop", "2"), start=-20 * MS)]),
    ("wrong-kind", [ROOT, PUBLISH, replace(PROCESS, kind="internal", attributes=PROCESSING)]),
    ("wrong-kind", [ROOT, a_span(2, 1, attributes=SEND)]),
    ("client-without-server", [ROOT, CALL]),
    ("client-without-server", [ROOT, replace(CALL, attributes={"rpc.system.name": "grpc"})]),
    ("client-without-server", [ROOT, replace(CALL, failed=True)]),
    ("client-without-server", [ROOT, CALL, a_span(3, 2, "client", attributes=GET)]),
    ("never-processed", [ROOT, PUBLISH]),
    ("never-processed", [ROOT, PUBLISH, a_span(3, 2)]),
    ("never-processed", [ROOT, PUBLISH, a_span(3, 2, "producer")]),
    ("never-processed", [ROOT, PUBLISH, a_span(3, 1, links=link_to(2))]),
    ("no-carrier", [ROOT, a_span(2, 1, service="bank")]),
    ("no-carrier", [ROOT, a_span(2, 1, "server", "bank")]),
    ("no-carrier", [ROOT, CALL, replace(SERVED, kind="internal")]),
    ("no-carrier", [ROOT, CALL, replace(SERVED, kind="consumer")]),
    ("no-carrier", [ROOT, PUBLISH, replace(PROCESS, kind="server")]),
    ("n-plus-one", [ROOT, *(a_query(number) for number in range(2, 7))]),
    ("n-plus-one", [ROOT, *(a_query(number, f"DELETE items WHERE id = {number}") for number in range(2, 7))]),
    ("n-plus-one", [ROOT, *(a_query(number, f"SELECT 'it''s {number}', x IN (?, ?)") for number in range(2, 7))]),
    ("n-plus-one", [ROOT, *requests("/items/{}")]),
    ("n-plus-one", [ROOT, *requests("/items/{}/parts?all=1", **{"url.template": "/items/{id}/parts"})]),
    ("wrong-attribute-type", [a_span(1, attributes={"http.response.status_code": "200"})]),
    ("wrong-attribute-type", [a_span(1, attributes={"http.request.header.accept": "text/html"})]),
    ("wrong-attribute-type", [a_span(1, attributes={"url.path": 7})]),
    ("wrong-attribute-type", [a_span(1, attributes={"server.port": True})]),
    ("wrong-attribute-type", [a_span(1, resource={**ROOT.resource, "process.command_args": ["a", 1]})]),
    ("missing-resource", [a_span(1, resource={})]),
    ("missing-resource", [a_span(1, resource=of("unknown_service:python"))]),
    ("missing-resource", [a_span(1, resource=of("shop", ""))]),
    ("deprecated-attribute", [a_span(1, attributes={"http.method": "GET"})]),
    ("deprecated-attribute", [a_span(1, resource=of("shop", **{"deployment.environment": "test"}))]),
    ("deprecated-attribute", [a_span(1, events=(Event("sent", 2 * MS, {"message.id": 1}),))]),
    ("deprecated-attribute", [a_span(1, resource=of("shop", **{"k8s.pod.labels.app": "shop"}))]),
    ("unknown-attribute", [a_span(1, attributes={"http.request.methd": "GET"})]),
    ("unknown-attribute", [a_span(1, events=(Event("sent", 2 * MS, {"messaging.note": 1}),))]),
    ("malformed-attribute", [a_span(1, attributes={"shop.weight.compute-1": 1})]),
    ("malformed-attribute", [a_span(1, attributes={"orderId": 1})]),
    ("malformed-attribute", [a_span(1, attributes={"shop.1st": 1})]),
]

SOUND: dict[str, list[Span]] = {
    "a child of another": [ROOT, a_span(2, 1)],
    "a child that starts with its parent and outlives it": [ROOT, a_span(2, 1, start=MS, end=200 * MS)],
    "requests that an uninstrumented client joined into one trace": [
        a_span(number, kind="server", attributes=CONTINUED) for number in (1, 2)
    ],
    "no time at all": [ROOT, a_span(2, 1, end=2 * MS)],
    "a call": [ROOT, CALL, SERVED],
    "a server that ends a little after its call": [ROOT, CALL, replace(SERVED, end=99 * MS)],
    "a server that works on when it has answered": [ROOT, CALL, replace(SERVED, end=200 * MS)],
    "a server that ends a few milliseconds after its call": [ROOT, CALL, replace(SERVED, start=50 * MS, end=105 * MS)],
    "a server to which a gateway without spans passed a call on when it had answered": [
        *(ROOT, CALL, replace(SERVED, start=150 * MS, end=160 * MS)),
    ],
    "a server on a clock that is read in whole milliseconds": [
        *(ROOT, replace(CALL, start=2 * MS + 999_000), replace(SERVED, start=2 * MS)),
    ],
    "a child whose start is cut off to a millisecond": [
        ROOT,
        a_span(2, 1, start=5 * MS + 1),
        a_span(3, 2, start=5 * MS),
    ],
    "a server on a clock with coarse ticks": [ROOT, replace(CALL, start=40 * MS), replace(SERVED, start=24 * MS + 1)],
    "a server of a minute later, while the clock is being corrected": [
        *(ROOT, a_span(2, 1, "client", attributes=GET, start=60_000 * MS, end=61_000 * MS)),
        replace(SERVED, start=59_930 * MS, end=60_900 * MS),
    ],
    "processes of one service on two hosts": [
        *(ROOT, replace(CALL, resource={**ROOT.resource, "host.name": "a"})),
        replace(SERVED, start=MS, resource={**ROOT.resource, "host.name": "b"}),
    ],
    "a server that works on when its caller has given up": [
        *(ROOT, replace(CALL, attributes={"http.request.method": "GET"}, failed=True)),
        replace(SERVED, start=50 * MS, end=120 * MS),
    ],
    "a call that reached nobody": [ROOT, replace(CALL, attributes={"http.request.method": "GET"}, failed=True)],
    "a call by a library within a library": [
        ROOT,
        CALL,
        a_span(3, 2, "client", attributes=GET),
        a_span(4, 3, "server"),
    ],
    "a call whose server only links to it": [ROOT, CALL, a_span(3, 1, "server", links=link_to(2))],
    "a query by HTTP": [ROOT, replace(CALL, attributes={**GET, "db.system.name": "elasticsearch"})],
    "a message": [ROOT, PUBLISH, PROCESS],
    "a message to itself": [ROOT, PUBLISH, a_span(3, 2, "consumer")],
    "a message that lay in its queue": [ROOT, PUBLISH, replace(PROCESS, start=500 * MS, end=600 * MS)],
    "a message with a link": [ROOT, PUBLISH, a_span(3, 1, "consumer", links=link_to(2))],
    "a message that was fetched": [
        *(ROOT, PUBLISH, replace(PROCESS, kind="client", attributes={"messaging.operation.type": "receive"})),
    ],
    "a message that could not be sent": [ROOT, replace(PUBLISH, failed=True)],
    "a message sent by a library within a library": [
        *(ROOT, PUBLISH, a_span(3, 2, "producer"), a_span(4, 3, "consumer", "mail")),
    ],
    "a message sent by a library within a library, in the context of the outer": [
        *(ROOT, PUBLISH, a_span(3, 2, "producer"), a_span(4, 2, "consumer", "mail")),
    ],
    "a batch": [
        *(ROOT, PUBLISH, PROCESS, a_span(4, 1, "client", attributes=SEND, links=link_to(2))),
        a_span(5, 1, "producer", attributes=SEND, links=link_to(2)),
    ],
    "attributes of today": [
        a_span(1, attributes={**GET, "messaging.operation.name": "ack", "state": "on", "httpx": 1})
    ],
}


def found(spans: Sequence[Span], ignore: Sequence[str] = ()) -> list[str]:
    return [finding.rule for finding in SpanTree(spans).check(ignore, continues_by=CONTINUED, at_least="advice")]


def the_finding(*spans: Span) -> Finding:
    [finding] = SpanTree(spans).check(at_least="advice")
    return finding


@pytest.mark.parametrize(("rule", "spans"), UNSOUND)
def test_each_rule_finds_its_own_and_nothing_else(rule: str, spans: list[Span]) -> None:
    assert found(spans) == [rule]
    assert found(spans, [rule]) == []


def test_every_rule_has_an_unsound_trace() -> None:
    assert list(dict.fromkeys(rule for rule, _ in UNSOUND)) == list(RULES)


@pytest.mark.parametrize("spans", SOUND.values(), ids=SOUND.keys())
def test_a_sound_trace_has_no_finding(spans: list[Span]) -> None:
    assert found(spans) == []


def test_only_attributes_that_the_caller_names_continue_a_trace() -> None:
    requests = [a_span(number, kind="server", attributes=CONTINUED) for number in (1, 2)]
    assert [finding.rule for finding in SpanTree(requests).check()] == ["several-roots"]
    assert SpanTree(requests).check(continues_by=["other", "example.session.id"]) == []


def test_ignoring_an_unknown_rule_is_an_error_that_lists_the_rules() -> None:
    with pytest.raises(ValueError, match=r"there is no rule orphans; the rules are orphan, .*, malformed-attribute"):
        SpanTree([ROOT]).check(["orphans"])


def test_a_finding_reads_as_rule_span_problem_and_remedy() -> None:
    what, todo = str(the_finding(ROOT, a_span(3, 9))).splitlines()
    assert what == "error: orphan: shop: work 3: shop names the parent 0000000000000009, which is not in the trace"
    assert todo.startswith("  → shop lost one of its own spans: it was never ended, the exporter dropped it ")
    assert str(Finding("rule", None, "problem", "remedy", "advice")) == "advice: rule: problem\n  → remedy"


def test_the_remedy_for_a_servers_orphan_is_about_its_caller() -> None:
    assert the_finding(ROOT, a_span(3, 9, "server", "bank")).remedy.startswith("Its caller did not sample that span")


def test_several_roots_are_reported_with_the_services_that_start_them() -> None:
    finding = the_finding(ROOT, a_span(2, service="bank"), a_span(3, service="mail"))
    assert finding.problem == "is one of 3 roots: the others are bank: work 2, mail: work 3"
    assert finding.remedy.startswith("The context was lost on the way into bank, mail, or inside")


def test_clock_skew_is_reported_in_milliseconds() -> None:
    finding = the_finding(ROOT, CALL, replace(SERVED, start=-30 * MS))
    assert finding.problem == (
        "starts 32.000 ms before its parent shop: work 2 (client): the clock of bank is behind that of shop by "
        "at least as much"
    )


def test_two_services_have_one_finding_with_the_largest_skew() -> None:
    calls = [a_span(number, 1, "client", attributes=GET) for number in (2, 4, 6)]
    served = [a_span(number, number - 1, "server", "bank", start=-number * number * MS) for number in (3, 5, 7)]
    back = [a_span(8, 7, "client", "bank", attributes=GET), a_span(9, 8, "server", start=-60 * MS)]
    finding = the_finding(ROOT, *calls, *served, *back)
    assert (finding.rule, finding.problem[:17]) == ("clock-skew", "starts 68.000 ms ")


def test_spans_of_a_service_without_instance_id_share_a_clock() -> None:
    child = a_span(2, 1, start=MS - 1, resource={"service.name": "shop", "service.version": "1.0"})
    assert found([ROOT, child]) == ["starts-before-parent", "missing-resource"]


def test_a_call_without_a_server_span_names_the_address_called() -> None:
    call = replace(CALL, attributes={**GET, "server.address": "api.example"})
    assert the_finding(ROOT, call).problem == "was answered by api.example, but no server span is below it"


def test_a_message_may_be_processed_in_another_trace() -> None:
    process = a_span(3, 0, "consumer", "mail", trace_id="f" * 32, links=link_to(2))
    assert [tree.check() for tree in trees([ROOT, PUBLISH, process])] == [[], []]


def test_missing_resource_attributes_are_reported_once() -> None:
    finding = the_finding(a_span(1, resource={}), a_span(2, 1, resource={}))
    assert finding.count == 2
    assert finding.problem == "the resource of unknown_service lacks service.name, service.version, service.instance.id"
    assert finding.remedy == (
        "Set OTEL_SERVICE_NAME. "
        "Set OTEL_RESOURCE_ATTRIBUTES=service.version=…,service.instance.id=…, or the same in code."
    )


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        (
            "http.method",
            "Use http.request.method instead of http.method. Many .* OTEL_SEMCONV_STABILITY_OPT_IN=http in",
        ),
        (
            "db.statement",
            "Use db.query.text instead of db.statement. Many .* OTEL_SEMCONV_STABILITY_OPT_IN=database in",
        ),
        ("net.peer.name", "Replaced by server.address on client spans and client.address on server spans. Many"),
        ("rpc.system", "Use rpc.system.name instead of rpc.system.$"),
        ("messaging.destination", "Use messaging.destination.name instead of messaging.destination.$"),
        ("messaging.client_id", "Use messaging.client.id instead of messaging.client_id.$"),
        ("rpc.grpc.request.metadata.a.b", "Use rpc.request.metadata.a.b instead of rpc.grpc.request.metadata.a.b.$"),
    ],
)
def test_a_deprecated_attribute_is_counted_with_its_replacement(name: str, remedy: str) -> None:
    spans = [a_span(number, number - 1, attributes={name: "x"}) for number in range(1, 4)]
    [finding] = SpanTree(spans).check(at_least="advice")
    assert (finding.rule, finding.problem) == ("deprecated-attribute", f"has {name}, which is deprecated")
    assert (finding.span, finding.count) == (spans[0], 3)
    assert "(×3 in shop)" in str(finding)
    assert re.match(remedy, finding.remedy)


def test_no_stable_attribute_is_reported_as_deprecated() -> None:
    modules = [
        *(client_attributes, db_attributes, error_attributes, http_attributes, network_attributes, server_attributes),
        *(service_attributes, url_attributes, user_agent_attributes),
    ]
    names = {value for module in modules for value in vars(module).values() if isinstance(value, str) and "." in value}
    assert names >= {"http.request.method", "service.name"}
    rules = set(found([a_span(1, attributes=dict.fromkeys(names, "x"))]))
    assert "wrong-attribute-type" in rules
    assert not rules & {"deprecated-attribute", "unknown-attribute"}


def test_an_exception_event_as_sdks_record_it_is_sound() -> None:
    recorded = {"exception.type": "E", "exception.message": "m", "exception.escaped": "False"}
    assert found([a_span(1, events=(Event("exception", 2 * MS, recorded),))]) == []


def test_a_chain_deeper_than_pythons_stack_is_checked() -> None:
    chain = [a_span(number, number - 1, end=MS * 10**6) for number in range(1, 2_001)]
    assert found(random.Random(1).sample(chain, len(chain))) == []


async def test_every_trace_that_the_emulator_exports_is_sound() -> None:
    async with start_cloud(computes=2, heartbeats=Heartbeats.EXPORT) as running_cloud:
        statuses = [
            (await running_cloud.boot(order)).status
            for order in (BootRequest(), BootRequest(image="nope"), BootRequest(flavor="m1.huge"))
        ]
    assert statuses == ["ACTIVE", "ERROR", "ERROR"]
    every = trees(spans_from_sdk(running_cloud.export.kept))
    assert len(every) == 7, "three boots, and what each compute host reports when it comes and when it leaves"
    findings = [finding for tree in every for finding in tree.check(at_least="advice", registry=registry_folder())]
    assert list(map(str, findings)) == []
