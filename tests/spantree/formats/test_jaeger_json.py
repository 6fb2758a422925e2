"""`spans_from_jaeger_json` reads what Jaeger's UI downloads. (The writer is tested by `emulator convert`.)"""

import json
from typing import Any

import pytest

from spantree import Event, Link, MalformedJaeger, Span, spans_from_jaeger_json
from tests.support.jaeger import (
    ANSWER,
    NOT_FOUND,
    OTHER,
    ROOT,
    START,
    TRACE,
    legacy,
    legacy_span,
    tag,
    v3,
    v3_span,
)


def read_span(**changes: Any) -> Span:
    (span,) = spans_from_jaeger_json(json.dumps(legacy(legacy_span(**changes))))
    return span


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
def test_the_parent_is_the_one_jaeger_chooses_and_the_rest_are_links(
    references: list[dict[str, str]] | None, parent_id: str, links: tuple[Link, ...]
) -> None:
    span = read_span(references=references)
    assert (span.parent_id, span.links) == (parent_id, links)


def test_the_parent_may_be_in_the_old_field_parentspanid() -> None:
    assert read_span(references=[], parentSpanID=ROOT).parent_id == ROOT


def test_ids_get_the_leading_zeros_that_old_jaegers_leave_out() -> None:
    span = read_span(traceID="ABC", spanID="7", references=[reference("CHILD_OF", "abc", "6")])
    assert (span.trace_id, span.span_id, span.parent_id) == (f"{0xABC:032x}", f"{7:016x}", f"{6:016x}")


@pytest.mark.parametrize("kind", ["client", "server", "producer", "consumer", "internal"])
def test_the_kind_is_read_from_the_tag_span_kind(kind: str) -> None:
    span = read_span(tags=[tag("span.kind", "string", kind)])
    assert (span.kind, span.attributes) == (kind, {})


@pytest.mark.parametrize("tags", [None, [], [tag("span.kind", "string", "")]], ids=["null", "empty", "empty kind"])
def test_a_span_without_tags_is_internal_and_did_not_fail(tags: list[dict[str, object]] | None) -> None:
    span = read_span(tags=tags)
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
def test_status_tags_set_the_status_and_are_not_attributes(
    tags: list[dict[str, object]],
    failed: bool,
) -> None:
    span = read_span(tags=[*tags, tag("otel.status_description", "string", "why")])
    assert (span.failed, span.message, span.attributes) == (failed, "why", {})


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
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
def test_a_value_has_the_type_that_its_tag_names(kind: str, raw: object, value: object) -> None:
    span = read_span(tags=[tag("key", kind, raw)], process={"serviceName": "s", "tags": [tag("k", kind, raw)]})
    assert (span.attributes, span.resource) == ({"key": value}, {"service.name": "s", "k": value})
    assert type(span.attributes["key"]) is type(value)


def test_a_tag_without_a_type_keeps_its_json_value() -> None:
    assert read_span(tags=[{"key": "key", "value": 7}]).attributes == {"key": 7}


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
def test_tags_that_jaeger_adds_are_not_attributes(name: str) -> None:
    assert read_span(tags=[tag(name, "string", "it")]).attributes == {}


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
def test_a_log_is_an_event_named_by_one_of_its_fields(fields: list[tuple[str, str]], event: Event) -> None:
    logs = [{"timestamp": START, "fields": [tag(key, "string", value) for key, value in fields]}]
    assert read_span(logs=logs).events == (event,)


def test_the_process_may_be_inside_the_span() -> None:
    assert read_span(processID=None, process={"serviceName": "till", "tags": None}).service == "till"


TRACES = legacy(legacy_span())["data"]


@pytest.mark.parametrize(
    "document",
    [{"data": TRACES}, TRACES, TRACES[0], legacy(legacy_span())],
    ids=["below data", "an array", "one trace", "as downloaded"],
)
def test_a_file_may_hold_one_trace_a_list_or_a_download(document: object) -> None:
    text = json.dumps(document)
    assert spans_from_jaeger_json(text) == spans_from_jaeger_json(text.encode()) == [ANSWER]


def test_a_file_without_traces_gives_no_spans() -> None:
    assert spans_from_jaeger_json('{"data": []}') == []


MALFORMED: dict[str, tuple[str | bytes, str]] = {
    "not JSON": ("service: name", "JSONDecodeError"),
    "not Unicode": (b"\xff\xfe\xff", "UnicodeDecodeError"),
    "a number": ("7", "the document is 7; it must be an object or a list"),
    "too deep": ("[" * 100_000, "RecursionError"),
    "OTLP": (json.dumps(v3(v3_span())), "the field 'spans' is missing"),
    "an error": (NOT_FOUND[1], "data is None; it must be a list of traces"),
    "no span id": (json.dumps(legacy({"traceID": TRACE, "processID": "p1"})), "the field 'startTime' is missing"),
    "an id that is too long": (json.dumps(legacy(legacy_span(traceID="f" * 33))), "traceID is 'fff"),
    "an id of zeros": (json.dumps(legacy(legacy_span(spanID="0"))), "spanID is '0'; it must be at most 16 hex digits"),
    "an unknown process": (json.dumps(legacy(legacy_span(processID="p9"))), "processID is 'p9'"),
    "text for an integer": (json.dumps(legacy(legacy_span(tags=[tag("n", "int64", "many")]))), "'many'"),
    "an infinite time": (
        json.dumps(legacy(legacy_span(startTime=float("inf")))),
        "startTime is inf; it must be a whole number of microseconds",
    ),
    "no time": (json.dumps(legacy(legacy_span(startTime=None))), "startTime is None"),
}


@pytest.mark.parametrize(("text", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_input_is_refused_and_the_field_is_named(text: str | bytes, reason: str) -> None:
    with pytest.raises(MalformedJaeger, match=r"^not Jaeger's JSON \(data\[\]\.spans\[\]\): ") as refused:
        spans_from_jaeger_json(text)
    assert reason in str(refused.value)
