"""Spans out of a Jaeger: by API v3, by the legacy one where there is no other, and out of what its UI downloads."""

import base64
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from spantree import (
    Event,
    JaegerUnavailable,
    Link,
    MalformedJaeger,
    Span,
    jaeger_spans,
    spans_from_jaeger_json,
)
from tests.support.jaeger import (
    ANSWER,
    CHILD,
    NO_TRACES,
    NOT_FOUND,
    OTHER,
    ROOT,
    START,
    TRACE,
    UI,
    answering,
    legacy,
    legacy_span,
    legacy_text,
    tag,
    v3,
    v3_span,
    v3_text,
)


def from_legacy(**more: Any) -> Span:
    (span,) = spans_from_jaeger_json(json.dumps(legacy(legacy_span(**more))))
    return span


def in_base64(identifier: str) -> str:
    return base64.b64encode(bytes.fromhex(identifier)).decode()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


def test_a_trace_is_read_by_api_v3() -> None:
    with answering({f"/api/v3/traces/{TRACE}": v3_text(v3_span())}) as jaeger:
        assert jaeger_spans(jaeger.url, trace_id=TRACE) == [ANSWER]


def test_a_trace_is_read_by_the_legacy_api_and_is_the_same() -> None:
    with answering({f"/api/traces/{TRACE}": legacy_text(legacy_span())}) as jaeger:
        assert jaeger_spans(jaeger.url, trace_id=TRACE) == [ANSWER]


def test_a_search_by_api_v3_asks_by_each_name_that_a_parameter_has_had() -> None:
    with answering({"/api/v3/traces": v3_text(v3_span())}) as jaeger:
        assert jaeger_spans(jaeger.url, service="shop & co", limit=5, lookback_seconds=60) == [ANSWER]
    query = jaeger.asked[0].query
    assert query["query.serviceName"] == query["query.service_name"] == "shop & co"
    assert query["query.searchDepth"] == query["query.search_depth"] == query["query.num_traces"] == "5"
    assert query["query.startTimeMin"] == query["query.start_time_min"]
    assert query["query.startTimeMax"] == query["query.start_time_max"]
    began, ended = (datetime.fromisoformat(query[f"query.startTime{name}"]) for name in ("Min", "Max"))
    assert 60 <= (datetime.now(UTC) - began).total_seconds() < 120
    assert datetime.now(UTC) < ended, "a clock may be a little ahead of ours"


def test_a_search_by_the_legacy_api_asks_in_microseconds() -> None:
    with answering({"/api/traces": legacy_text(legacy_span())}) as jaeger:
        assert jaeger_spans(jaeger.url, service="shop", limit=5, lookback_seconds=60) == [ANSWER]
    query = jaeger.asked[-1].query
    assert (query["service"], query["limit"]) == ("shop", "5")
    assert 60 * 10**6 <= time.time_ns() // 1000 - int(query["start"]) < 120 * 10**6
    assert int(query["end"]) > time.time_ns() // 1000


def test_a_look_back_beyond_the_epoch_begins_there() -> None:
    with answering({"/api/v3/traces": v3_text(v3_span())}) as jaeger:
        jaeger_spans(jaeger.url, service="shop", lookback_seconds=10**12)
    assert jaeger.asked[0].query["query.startTimeMin"] == "1970-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    "answers",
    [
        {
            "/api/v3/services": (200, '{"services":["till","jaeger","shop","jaeger-query"]}'),
            "/api/v3/traces": v3_text(v3_span(), v3_span(ROOT, parentSpanId="")),
        },
        {
            "/api/services": (200, '{"data":["till","jaeger","shop","jaeger-query"],"total":4,"errors":null}'),
            "/api/traces": legacy_text(legacy_span(), legacy_span(spanID=ROOT, references=[])),
        },
    ],
    ids=["v3", "legacy"],
)
def test_without_trace_and_service_all_services_but_jaegers_own_are_read_and_no_span_twice(
    answers: dict[str, tuple[int, str]],
) -> None:
    with answering(answers) as jaeger:
        assert [span.span_id for span in jaeger_spans(jaeger.url)] == [CHILD, ROOT]
    names = [asked.query.get("query.serviceName") or asked.query.get("service") for asked in jaeger.asked]
    assert [name for name in names if name] == ["till", "shop"]


@pytest.mark.parametrize("services", [(200, "{}"), (200, '{"services":[]}')], ids=["none are named", "there are none"])
def test_a_jaeger_without_services_has_no_spans(services: tuple[int, str]) -> None:
    with answering({"/api/v3/services": services}) as jaeger:
        assert jaeger_spans(jaeger.url) == []


def two_spans(**more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return v3_span(**more), v3_span(ROOT, **{**more, "parentSpanId": ""})


def with_base64(span: dict[str, Any]) -> dict[str, Any]:
    names = ("traceId", "spanId", "parentSpanId")
    links = [{"traceId": in_base64(OTHER), "spanId": in_base64(ROOT)}]
    return {**span, **{name: in_base64(span[name]) for name in names}, "links": links}


NAMED = {"kind": "SPAN_KIND_CLIENT", "status": {"code": "STATUS_CODE_ERROR", "message": "no image"}}
CHUNKS = [json.dumps({"result": v3(span)}) for span in two_spans()]
DIALECTS = {
    "no envelope": json.dumps(v3(*two_spans())),
    "documents one behind the other": "".join(CHUNKS),
    "a document a line": "\n".join(CHUNKS) + "\n",
    "an array of documents": f"[{','.join(CHUNKS)}]",
    "a document without spans": f'{{"result":{{}}}}{"".join(CHUNKS)}',
    "on several lines": json.dumps({"result": v3(*two_spans())}, indent=2),
    "ids in base64": json.dumps({"result": v3(*map(with_base64, two_spans()))}),
    "enums by name": json.dumps({"result": v3(*two_spans(**NAMED))}),
    "scopes by their old name": json.dumps({"result": v3(*two_spans(), scopes="instrumentationLibrarySpans")}),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_way_in_which_api_v3_has_been_written_is_read(dialect: str) -> None:
    with answering({f"/api/v3/traces/{TRACE}": (200, DIALECTS[dialect])}) as jaeger:
        spans = jaeger_spans(jaeger.url, trace_id=TRACE)
    assert spans[0] == ANSWER
    assert [(span.span_id, span.parent_id) for span in spans] == [(CHILD, ROOT), (ROOT, "")]


WITHOUT_V3 = {
    "Jaeger's UI": UI,
    "a plain 404": (404, "404 page not found\n"),
    "VictoriaTraces": (400, 'unsupported path requested: "/select/jaeger/api/v3/traces"\n'),
    "a gateway's 404 in JSON": (404, '{"message":"no Route matched"}'),
    "a framework's 404 in JSON": (404, '{"status":404,"error":"Not Found"}'),
    "another method": (405, "method not allowed"),
}


@pytest.mark.parametrize("server", WITHOUT_V3)
def test_the_legacy_api_is_asked_where_there_is_no_v3(server: str) -> None:
    with answering({f"/api/traces/{TRACE}": legacy_text(legacy_span())}, WITHOUT_V3[server]) as jaeger:
        assert jaeger_spans(jaeger.url, trace_id=TRACE) == [ANSWER]


OF_GATEWAY = (200, '{"error":{"grpc_code":5,"http_code":404,"message":"trace not found"}}')
MISSING = {
    "v3": {f"/api/v3/traces/{TRACE}": NO_TRACES, "/api/v3/traces": NO_TRACES},
    "v3 of a gRPC gateway": {f"/api/v3/traces/{TRACE}": OF_GATEWAY, "/api/v3/traces": OF_GATEWAY},
    "v3 without traces": {f"/api/v3/traces/{TRACE}": (200, '{"result":{}}'), "/api/v3/traces": (200, '{"result":{}}')},
    "legacy": {f"/api/traces/{TRACE}": NOT_FOUND, "/api/traces": (200, '{"data":[],"errors":null}')},
    "VictoriaTraces": {
        f"/api/traces/{TRACE}": (404, '{"data":[],"errors":null,"limit":0,"offset":0,"total":0}'),
        "/api/traces": (200, '{"data":[],"errors":null,"limit":0,"offset":0,"total":0}'),
    },
}


@pytest.mark.parametrize("server", MISSING)
@pytest.mark.parametrize("wanted", [{"trace_id": TRACE}, {"service": "shop"}], ids=["by id", "by service"])
def test_what_jaeger_does_not_have_is_no_spans(server: str, wanted: dict[str, str]) -> None:
    with answering(MISSING[server]) as jaeger:
        assert jaeger_spans(jaeger.url, **wanted) == []  # type: ignore[arg-type] # a mapping of them to texts


@pytest.mark.parametrize(
    ("suffix", "path"),
    [
        ("/", ""),
        ("/jaeger", "/jaeger"),
        ("/jaeger/", "/jaeger"),
        ("/select/jaeger", "/select/jaeger"),
        ("/search", ""),
        ("/search?service=shop&limit=20", ""),
        ("/jaeger/search", "/jaeger"),
    ],
)
def test_the_url_may_have_a_base_path_and_may_be_the_one_of_the_search_page(suffix: str, path: str) -> None:
    with answering({f"{path}/api/v3/traces/{TRACE}": v3_text(v3_span())}) as jaeger:
        assert jaeger_spans(jaeger.url + suffix, trace_id=TRACE) == [ANSWER]
    assert [asked.path for asked in jaeger.asked] == [f"{path}/api/v3/traces/{TRACE}"]


@pytest.mark.parametrize("base", ["", "/jaeger"])
@pytest.mark.parametrize("suffix", ["", "/", "?uiFind=GET#top"])
def test_the_url_of_a_traces_page_is_that_trace(base: str, suffix: str) -> None:
    with answering({f"{base}/api/v3/traces/{TRACE}": v3_text(v3_span())}) as jaeger:
        assert jaeger_spans(f"{jaeger.url}{base}/trace/{TRACE}{suffix}") == [ANSWER]


def test_a_trace_that_is_named_goes_before_the_one_of_the_page() -> None:
    with answering({f"/api/v3/traces/{TRACE}": v3_text(v3_span())}) as jaeger:
        assert jaeger_spans(f"{jaeger.url}/trace/{OTHER}", trace_id=TRACE) == [ANSWER]


def test_user_and_password_of_the_url_are_sent_and_never_shown() -> None:
    with answering({f"/api/v3/traces/{TRACE}": v3_text(v3_span())}, (401, "no")) as jaeger:
        url = jaeger.url.replace("//", "//me:p%40ss@")
        assert jaeger_spans(url, trace_id=TRACE) == [ANSWER]
        with pytest.raises(JaegerUnavailable) as refused:
            jaeger_spans(url, trace_id=OTHER)
    assert jaeger.asked[0].authorization == f"Basic {base64.b64encode(b'me:p@ss').decode()}"
    assert str(refused.value) == f"{jaeger.url}/api/v3/traces/{OTHER}: HTTP 401: no"


FAILURES: dict[str, tuple[dict[str, tuple[int, str]], str]] = {
    "500": ({"v3": (500, '{"error":{"httpCode":500,\n"message":"disk full"}}')}, "HTTP 500"),
    "503": ({"v3": (503, "try\nlater")}, "HTTP 503: try later"),
    "v3 refuses": ({"v3": (400, '{"error":{"httpCode":400,"message":"malformed"}}')}, "malformed"),
    "v3 breaks off with an error": (
        {"v3": (200, json.dumps({"result": v3(v3_span())}) + '{"error":{"httpCode":500,"message":"disk full"}}')},
        "disk full",
    ),
    "v3 is no JSON": ({"v3": (200, '{"result":')}, "not JSON: HTTP 200: {"),
    "v3 says nothing": ({"v3": (200, "")}, "not JSON"),
    "v3 has something else": ({"v3": (200, '{"traces":[]}')}, "KeyError 'resourceSpans'"),
    "v3 has a number": ({"v3": (200, "7")}, "AttributeError"),
    "v3 has texts for spans": ({"v3": (200, '{"resourceSpans":["no"]}')}, "AttributeError"),
    "v3 has no ids": ({"v3": v3_text({"name": "lost"})}, "traceId"),
    "v3 has a number beyond all": (
        {"v3": v3_text(v3_span(attributes=[{"key": "n", "value": {"intValue": float("inf")}}]))},
        "inf",
    ),
    "v3 is too deep": ({"v3": (200, "[" * 100_000)}, "RecursionError"),
    "neither is there": ({}, "neither Jaeger's API v3 nor its legacy one: HTTP 200: <!doctype html>"),
    "legacy refuses": ({"legacy": (400, '{"data":null,"errors":[{"code":400,"msg":"bad id"}]}')}, "bad id"),
    "legacy is no JSON": ({"legacy": (200, '{"data":[')}, "nor its legacy one"),
    "legacy has something else": ({"legacy": (200, '{"batches":[]}')}, "nor its legacy one"),
    "legacy has a text": ({"legacy": (200, '{"data":"traces"}')}, "HTTP 200"),
    "legacy has no spans": ({"legacy": (200, '{"data":[{}]}')}, "KeyError 'spans'"),
    "legacy has no ids": ({"legacy": legacy_text(legacy_span(spanID="xyz"))}, "'xyz' is no id"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_what_is_no_answer_of_jaeger_is_told_in_one_line_with_the_url(failure: str) -> None:
    answers, reason = FAILURES[failure]
    paths = {"v3": f"/api/v3/traces/{TRACE}", "legacy": f"/api/traces/{TRACE}"}
    with (
        answering({paths[api]: answer for api, answer in answers.items()}) as jaeger,
        pytest.raises(JaegerUnavailable) as failed,
    ):
        jaeger_spans(jaeger.url, trace_id=TRACE)
    message = str(failed.value)
    assert message.startswith(f"{jaeger.url}/api/")
    assert reason in message
    assert len(message.splitlines()) == 1


@contextmanager
def silent() -> Iterator[str]:
    """A server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def refusing() -> Iterator[str]:
    """A port that is taken, and on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def hanging_up() -> Iterator[str]:
    with answering({}, missing_bytes=10) as jaeger:
        yield jaeger.url


@pytest.mark.parametrize(
    ("server", "reason"), [(silent, "timed out"), (refusing, "refused"), (hanging_up, "IncompleteRead")]
)
def test_a_server_that_does_not_answer_is_told_in_one_line_with_the_url(server: Any, reason: str) -> None:
    with server() as url, pytest.raises(JaegerUnavailable) as failed:
        jaeger_spans(url, trace_id=TRACE, timeout=0.1 if server is silent else 10)
    assert str(failed.value).startswith(f"{url}/api/v3/traces/{TRACE}: ")
    assert reason in str(failed.value)
    assert len(str(failed.value).splitlines()) == 1


@pytest.mark.parametrize(
    "url", ["", "localhost:16686", "file:///etc/hosts", "http://", "http://[", "http://localhost:port", "http://a b"]
)
def test_what_is_no_url_of_a_server_is_told_without_asking(url: str) -> None:
    with pytest.raises(JaegerUnavailable) as failed:
        jaeger_spans(url)
    assert url in str(failed.value)


def reference(kind: str, trace_id: str, span_id: str) -> dict[str, str]:
    return {"refType": kind, "traceID": trace_id, "spanID": span_id}


CHILD_OF_ROOT = reference("CHILD_OF", TRACE, ROOT)
AFTER_ROOT = reference("FOLLOWS_FROM", TRACE, ROOT)
AFTER_OTHERS = [reference("FOLLOWS_FROM", TRACE, "1"), reference("FOLLOWS_FROM", TRACE, "2")]
ONE, TWO = Link(TRACE, "0" * 15 + "1"), Link(TRACE, "0" * 15 + "2")


@pytest.mark.parametrize(
    ("references", "parent_id", "links"),
    [
        ([], "", ()),
        (None, "", ()),
        ([CHILD_OF_ROOT], ROOT, ()),
        ([AFTER_ROOT], ROOT, ()),
        ([AFTER_ROOT, CHILD_OF_ROOT], ROOT, (Link(TRACE, ROOT),)),
        ([*AFTER_OTHERS, CHILD_OF_ROOT], ROOT, (ONE, TWO)),
        (AFTER_OTHERS, ONE.span_id, (TWO,)),
        ([CHILD_OF_ROOT, reference("CHILD_OF", TRACE, "2")], ROOT, (TWO,)),
        ([reference("CHILD_OF", OTHER, ROOT)], "", (Link(OTHER, ROOT),)),
        ([reference("FOLLOWS_FROM", OTHER, ROOT)], "", (Link(OTHER, ROOT),)),
        ([reference("FOLLOWS_FROM", OTHER, ROOT), AFTER_ROOT], ROOT, (Link(OTHER, ROOT),)),
    ],
)
def test_the_parent_is_what_jaeger_takes_for_it_and_other_references_are_links(
    references: list[dict[str, str]] | None, parent_id: str, links: tuple[Link, ...]
) -> None:
    span = from_legacy(references=references)
    assert (span.parent_id, span.links) == (parent_id, links)


def test_the_parent_may_be_named_as_jaeger_named_it_once() -> None:
    assert from_legacy(references=[], parentSpanID=ROOT).parent_id == ROOT


def test_ids_get_the_zeros_that_older_jaegers_do_not_write() -> None:
    span = from_legacy(traceID="ABC", spanID="7", references=[reference("CHILD_OF", "abc", "6")])
    assert (span.trace_id, span.span_id, span.parent_id) == (f"{0xABC:032x}", f"{7:016x}", f"{6:016x}")


@pytest.mark.parametrize("kind", ["client", "server", "producer", "consumer", "internal"])
def test_the_kind_is_that_of_the_tag(kind: str) -> None:
    span = from_legacy(tags=[tag("span.kind", "string", kind)])
    assert (span.kind, span.attributes) == (kind, {})


@pytest.mark.parametrize("tags", [None, [], [tag("span.kind", "string", "")]], ids=["null", "none", "without a kind"])
def test_a_span_without_a_kind_is_internal_and_did_not_fail(tags: list[dict[str, object]] | None) -> None:
    span = from_legacy(tags=tags)
    assert (span.kind, span.failed, span.message, span.attributes) == ("internal", False, "", {})


@pytest.mark.parametrize(
    ("tags", "failed"),
    [
        ([tag("error", "bool", True)], True),
        ([tag("error", "bool", False)], False),
        ([tag("error", "string", "true")], True),
        ([tag("error", "string", "false")], False),
        ([tag("error", "string", "unset")], False),
        ([tag("otel.status_code", "string", "ERROR")], True),
        ([tag("otel.status_code", "string", "error")], True),
        ([tag("otel.status_code", "string", "OK")], False),
        ([tag("error", "bool", True), tag("otel.status_code", "string", "ERROR")], True),
    ],
)
def test_a_span_failed_if_one_of_the_tags_says_so_and_they_are_no_attributes(
    tags: list[dict[str, object]],
    failed: bool,
) -> None:
    span = from_legacy(tags=[*tags, tag("otel.status_description", "string", "why")])
    assert (span.failed, span.message, span.attributes) == (failed, "why", {})


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        ("string", "text", "text"),
        ("string", "7", "7"),
        ("int64", 7, 7),
        ("int64", "9007199254740993", 9007199254740993),
        ("int64", "-7", -7),
        ("float64", 0.5, 0.5),
        ("float64", 1, 1.0),
        ("float64", "0.5", 0.5),
        ("bool", True, True),
        ("bool", False, False),
        ("bool", "true", True),
        ("bool", "false", False),
        ("binary", "AAE=", b"\x00\x01"),
        ("binary", "no base64", "no base64"),
    ],
)
def test_a_value_has_the_type_of_its_tag(kind: str, written: object, value: object) -> None:
    span = from_legacy(
        tags=[tag("key", kind, written)], process={"serviceName": "s", "tags": [tag("k", kind, written)]}
    )
    assert (span.attributes, span.resource) == ({"key": value}, {"service.name": "s", "k": value})
    assert type(span.attributes["key"]) is type(value)


def test_a_tag_without_a_type_is_as_it_is() -> None:
    assert from_legacy(tags=[{"key": "key", "value": 7}]).attributes == {"key": 7}


@pytest.mark.parametrize(
    "name",
    [
        "internal.span.format",
        "otel.scope.name",
        "otel.scope.version",
        "otel.library.name",
        "otel.library.version",
        "w3c.tracestate",
        "@jaeger@warnings",
        "@jaeger@format",
    ],
)
def test_what_jaeger_adds_is_no_attribute(name: str) -> None:
    assert from_legacy(tags=[tag(name, "string", "it")]).attributes == {}


@pytest.mark.parametrize(
    ("fields", "event"),
    [
        ([("event", "began")], Event("began", START * 1000)),
        ([("message", "began")], Event("began", START * 1000)),
        ([("message", "it"), ("event", "began")], Event("began", START * 1000, {"message": "it"})),
        ([("level", "info")], Event("", START * 1000, {"level": "info"})),
        ([], Event("", START * 1000)),
    ],
)
def test_a_log_is_an_event_by_the_name_in_its_fields(fields: list[tuple[str, str]], event: Event) -> None:
    logs = [{"timestamp": START, "fields": [tag(key, "string", value) for key, value in fields]}]
    assert from_legacy(logs=logs).events == (event,)


def test_the_process_may_stand_in_the_span() -> None:
    assert from_legacy(processID=None, process={"serviceName": "till", "tags": None}).service == "till"


TRACES = legacy(legacy_span())["data"]


@pytest.mark.parametrize(
    "document",
    [{"data": TRACES}, TRACES, TRACES[0], legacy(legacy_span())],
    ids=["below data", "an array", "one trace", "as downloaded"],
)
def test_a_file_may_hold_traces_in_each_of_these_forms(document: object) -> None:
    text = json.dumps(document)
    assert spans_from_jaeger_json(text) == spans_from_jaeger_json(text.encode()) == [ANSWER]


def test_a_file_without_traces_has_no_spans() -> None:
    assert spans_from_jaeger_json('{"data": []}') == []


BROKEN: dict[str, str | bytes] = {
    "no JSON": "service: name",
    "not Unicode": b"\xff\xfe\xff",
    "a number": "7",
    "too deep": "[" * 100_000,
    "OTLP": json.dumps(v3(v3_span())),
    "an error": NOT_FOUND[1],
    "no span id": json.dumps(legacy({"traceID": TRACE})),
    "an id that is too long": json.dumps(legacy(legacy_span(traceID="f" * 33))),
    "an id of zeros": json.dumps(legacy(legacy_span(spanID="0"))),
    "an unknown process": json.dumps(legacy(legacy_span(processID="p9"))),
    "a number that is none": json.dumps(legacy(legacy_span(tags=[tag("n", "int64", "many")]))),
    "a time beyond all numbers": json.dumps(legacy(legacy_span(startTime=float("inf")))),
    "no time": json.dumps(legacy(legacy_span(startTime=None))),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_not_jaegers_json_is_told(what: str) -> None:
    with pytest.raises(MalformedJaeger, match=r"^not Jaeger's JSON: \w+"):
        spans_from_jaeger_json(BROKEN[what])
