"""`jaeger_spans` reads a running Jaeger over API v3, or over the legacy API where a server has no other."""

import base64
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from spantree import JaegerUnavailable, jaeger_spans
from tests.support.jaeger import (
    ANSWER,
    CHILD,
    NO_TRACES,
    NOT_FOUND,
    OTHER,
    ROOT,
    TRACE,
    UI,
    answering,
    legacy_span,
    legacy_text,
    v3,
    v3_span,
    v3_text,
)


def in_base64(identifier: str) -> str:
    return base64.b64encode(bytes.fromhex(identifier)).decode()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


def test_a_trace_is_read_over_api_v3() -> None:
    with answering({f"/api/v3/traces/{TRACE}": v3_text(v3_span())}) as jaeger:
        assert jaeger_spans(jaeger.url, trace_id=TRACE) == [ANSWER]


def test_a_trace_is_read_over_the_legacy_api_with_the_same_result() -> None:
    with answering({f"/api/traces/{TRACE}": legacy_text(legacy_span())}) as jaeger:
        assert jaeger_spans(jaeger.url, trace_id=TRACE) == [ANSWER]


def test_a_v3_search_sends_every_historical_name_of_a_parameter() -> None:
    with answering({"/api/v3/traces": v3_text(v3_span())}) as jaeger:
        assert jaeger_spans(jaeger.url, service="shop & co", limit=5, lookback_seconds=60) == [ANSWER]
    query = jaeger.asked[0].query
    assert query["query.serviceName"] == query["query.service_name"] == "shop & co"
    assert query["query.searchDepth"] == query["query.search_depth"] == query["query.num_traces"] == "6"
    assert query["query.startTimeMin"] == query["query.start_time_min"]
    assert query["query.startTimeMax"] == query["query.start_time_max"]
    began, ended = (datetime.fromisoformat(query[f"query.startTime{name}"]) for name in ("Min", "Max"))
    assert 60 <= (datetime.now(UTC) - began).total_seconds() < 120
    assert datetime.now(UTC) < ended, "a clock may be a little ahead of ours"


def test_a_legacy_search_sends_microseconds() -> None:
    with answering({"/api/traces": legacy_text(legacy_span())}) as jaeger:
        assert jaeger_spans(jaeger.url, service="shop", limit=5, lookback_seconds=60) == [ANSWER]
    query = jaeger.asked[-1].query
    assert (query["service"], query["limit"]) == ("shop", "6")
    assert 60 * 10**6 <= time.time_ns() // 1000 - int(query["start"]) < 120 * 10**6
    assert int(query["end"]) > time.time_ns() // 1000


def test_a_lookback_beyond_the_epoch_starts_at_the_epoch() -> None:
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
def test_by_default_all_services_but_jaegers_own_are_read_once(
    answers: dict[str, tuple[int, str]],
) -> None:
    with answering(answers) as jaeger:
        assert [span.span_id for span in jaeger_spans(jaeger.url)] == [CHILD, ROOT]
    names = [asked.query.get("query.serviceName") or asked.query.get("service") for asked in jaeger.asked]
    assert [name for name in names if name] == ["till", "shop"]


@pytest.mark.parametrize("services", [(200, "{}"), (200, '{"services":[]}')], ids=["no field", "empty list"])
def test_a_jaeger_without_services_gives_no_spans(services: tuple[int, str]) -> None:
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
    "without an envelope": json.dumps(v3(*two_spans())),
    "concatenated documents": "".join(CHUNKS),
    "one document a line": "\n".join(CHUNKS) + "\n",
    "an array of documents": f"[{','.join(CHUNKS)}]",
    "a document without spans": f'{{"result":{{}}}}{"".join(CHUNKS)}',
    "on several lines": json.dumps({"result": v3(*two_spans())}, indent=2),
    "ids in base64": json.dumps({"result": v3(*map(with_base64, two_spans()))}),
    "enums by name": json.dumps({"result": v3(*two_spans(**NAMED))}),
    "scopes by their old name": json.dumps({"result": v3(*two_spans(), scopes="instrumentationLibrarySpans")}),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_known_dialect_of_api_v3_is_read(dialect: str) -> None:
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
def test_the_legacy_api_is_used_where_v3_is_not_served(server: str) -> None:
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
@pytest.mark.parametrize("search", [{"trace_id": TRACE}, {"service": "shop"}], ids=["by id", "by service"])
def test_an_unknown_trace_or_service_gives_no_spans(server: str, search: dict[str, str]) -> None:
    with answering(MISSING[server]) as jaeger:
        assert jaeger_spans(jaeger.url, **search) == []  # type: ignore[arg-type] # mypy sees dict[str, str]


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
def test_the_url_may_have_a_base_path_or_be_the_search_page(suffix: str, path: str) -> None:
    with answering({f"{path}/api/v3/traces/{TRACE}": v3_text(v3_span())}) as jaeger:
        assert jaeger_spans(jaeger.url + suffix, trace_id=TRACE) == [ANSWER]
    assert [asked.path for asked in jaeger.asked] == [f"{path}/api/v3/traces/{TRACE}"]


@pytest.mark.parametrize("base", ["", "/jaeger"])
@pytest.mark.parametrize("suffix", ["", "/", "?uiFind=GET#top"])
def test_the_url_of_a_traces_page_selects_that_trace(base: str, suffix: str) -> None:
    with answering({f"{base}/api/v3/traces/{TRACE}": v3_text(v3_span())}) as jaeger:
        assert jaeger_spans(f"{jaeger.url}{base}/trace/{TRACE}{suffix}") == [ANSWER]


def test_an_explicit_trace_id_overrides_the_one_in_the_url() -> None:
    with answering({f"/api/v3/traces/{TRACE}": v3_text(v3_span())}) as jaeger:
        assert jaeger_spans(f"{jaeger.url}/trace/{OTHER}", trace_id=TRACE) == [ANSWER]


def test_credentials_in_the_url_are_sent_and_never_shown() -> None:
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
    "v3 is not JSON": ({"v3": (200, '{"result":')}, "not JSON: HTTP 200: {"),
    "v3 is empty": ({"v3": (200, "")}, "not JSON"),
    "v3 has other fields": ({"v3": (200, '{"traces":[]}')}, "the field 'resourceSpans' is missing"),
    "v3 is a number": ({"v3": (200, "7")}, "AttributeError"),
    "v3 has strings for spans": ({"v3": (200, '{"resourceSpans":["no"]}')}, "AttributeError"),
    "v3 has no ids": ({"v3": v3_text({"name": "lost"})}, "traceId"),
    "v3 has an infinite integer": (
        {"v3": v3_text(v3_span(attributes=[{"key": "n", "value": {"intValue": float("inf")}}]))},
        "inf",
    ),
    "v3 is too deep": ({"v3": (200, "[" * 100_000)}, "RecursionError"),
    "neither is served": ({}, "neither Jaeger's API v3 nor its legacy one: HTTP 200: <!doctype html>"),
    "legacy refuses": ({"legacy": (400, '{"data":null,"errors":[{"code":400,"msg":"bad id"}]}')}, "bad id"),
    "legacy is not JSON": ({"legacy": (200, '{"data":[')}, "nor its legacy one"),
    "legacy has other fields": ({"legacy": (200, '{"batches":[]}')}, "nor its legacy one"),
    "legacy has a string for data": ({"legacy": (200, '{"data":"traces"}')}, "HTTP 200"),
    "legacy has no spans": ({"legacy": (200, '{"data":[{}]}')}, "the field 'spans' is missing"),
    "legacy has no ids": ({"legacy": legacy_text(legacy_span(spanID="xyz"))}, "spanID is 'xyz'"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_malformed_response_is_reported_in_one_line_with_the_url(failure: str) -> None:
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
    """Serve a port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def refusing() -> Iterator[str]:
    """Reserve a port on which nobody listens."""
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
def test_a_server_that_does_not_answer_is_reported_in_one_line(server: Any, reason: str) -> None:
    with server() as url, pytest.raises(JaegerUnavailable) as failed:
        jaeger_spans(url, trace_id=TRACE, timeout=0.1 if server is silent else 10)
    assert str(failed.value).startswith(f"{url}/api/v3/traces/{TRACE}: ")
    assert reason in str(failed.value)
    assert len(str(failed.value).splitlines()) == 1


@pytest.mark.parametrize(
    "url", ["", "localhost:16686", "file:///etc/hosts", "http://", "http://[", "http://localhost:port", "http://a b"]
)
def test_an_invalid_url_is_reported_without_a_request(url: str) -> None:
    with pytest.raises(JaegerUnavailable) as failed:
        jaeger_spans(url)
    assert url in str(failed.value)
