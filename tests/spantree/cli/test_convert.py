"""`convert`: what each format keeps, what it loses, and how the command says so."""

import asyncio
import base64
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from typer.testing import CliRunner, Result

from spantree import (
    Event,
    Link,
    Span,
    jaeger_json,
    otlp_json,
    spans_from_jaeger_json,
    spans_from_json,
    tree,
    trees,
)
from spantree.cli.commands import COMMANDS
from spantree.cli.formats import FORMATS
from spantree.cli.lazy import application
from spantree.cli.program import current
from tests.spantree.test_properties import relaxed
from tests.support.processes import environment
from tests.support.spans import TRACE, a_span, forests, link_to

OTHER = "4bf92f3577b34da6a3ce929d0e0e4736"


def as_written(name: str, spans: list[Span]) -> str:
    return FORMATS[name].write(trees(spans), current().vocabulary())


def by_id(spans: list[Span]) -> dict[tuple[str, str], Span]:
    return {(span.trace_id, span.span_id): span for span in spans}


@relaxed
@given(forests())
def test_otlp_json_loses_nothing(spans: list[Span]) -> None:
    assert by_id(spans_from_json(as_written("otlp-json", spans))) == by_id(spans)


@relaxed
@given(forests())
def test_a_written_tree_matches_its_trace(spans: list[Span]) -> None:
    for trace in trees(spans):
        assert trace == tree(FORMATS["tree"].write([trace], current().vocabulary()))


@relaxed
@given(forests())
def test_jaeger_json_loses_only_what_it_says(spans: list[Span]) -> None:
    found = spans_from_jaeger_json(as_written("jaeger-json", spans))
    assert by_id(found) == by_id([as_jaeger_has_it(span) for span in spans])


def as_jaeger_has_it(span: Span) -> Span:
    """Return the span without what Jaeger's JSON cannot hold."""
    links = [replace(link, attributes={}) for link in span.links]
    parent = span.parent_id
    followed = next((link for link in links if link.trace_id == span.trace_id), None)
    if not parent and followed:
        parent = followed.span_id
        links.remove(followed)
    return replace(
        span,
        parent_id=parent,
        start=span.start // 1000 * 1000,
        end=span.end // 1000 * 1000,
        attributes=flat(span.attributes),
        events=tuple(Event(each.name, each.time // 1000 * 1000, of_event(each)) for each in span.events),
        links=tuple(links),
    )


def of_event(event: Event) -> dict[str, Any]:
    """Return the attributes of an event without `event`, which Jaeger uses for the name of the event."""
    return {key: value for key, value in flat(event.attributes).items() if key != "event"}


def flat(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes with lists and maps as JSON text, and the bytes in them as base64."""
    return {
        key: json.dumps(in_json(value), ensure_ascii=False, separators=(",", ":"))
        if isinstance(value, list | dict)
        else value
        for key, value in attributes.items()
    }


def in_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: in_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [in_json(each) for each in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


@pytest.mark.parametrize(
    ("given_span", "differently"),
    [
        (a_span(1, start=1001, end=2999), {"start": 1000, "end": 2000}),
        (a_span(1, start=9000, end=2000), {}),
        (a_span(1, kind="unspecified"), {"start": 0, "end": 0}),
        (a_span(1, failed=True, message="why"), {"start": 0, "end": 0}),
        (a_span(1, 7), {"start": 0, "end": 0}),
        (a_span(1, 7, links=link_to(a_span(7))), {"start": 0, "end": 0}),
        (a_span(1, links=(Link(OTHER, "1" * 16, {"a": 1}),)), {"links": (Link(OTHER, "1" * 16),)}),
        (a_span(1, links=link_to(a_span(7))), {"parent_id": f"{7:016x}", "links": ()}),
        (a_span(1, attributes={"n": None, "l": [1, "a"]}), {"attributes": {"n": "null", "l": '[1,"a"]'}}),
        (a_span(1, attributes={"f": float("inf"), "i": 2**63 - 1, "b": b"\x00"}), {}),
        (a_span(1, attributes={"error": "no such image"}, failed=True), {}),
        (a_span(1, attributes={"error": True, "span.kind": "x", "otel.status_code": "OK"}), {"attributes": {}}),
        (a_span(1, resource={}), {"resource": {"service.name": "unknown_service"}}),
        (
            a_span(1, events=(Event("e", 5000, {"event": "f", "message": "m"}),)),
            {"events": (Event("e", 5000, {"message": "m"}),)},
        ),
    ],
)
def test_jaeger_json_keeps_all_of_a_span_except(given_span: Span, differently: dict[str, Any]) -> None:
    rounded = {"start": given_span.start // 1000 * 1000, "end": given_span.end // 1000 * 1000, **differently}
    assert spans_from_jaeger_json(json.dumps(jaeger_json([given_span]))) == [replace(given_span, **rounded)]


def test_jaeger_json_is_what_jaegers_ui_reads() -> None:
    spans = [a_span(1, failed=True), a_span(2, 1, service="till", start=9000, end=0), a_span(1, trace_id=OTHER)]
    document = jaeger_json(spans)
    assert [trace["traceID"] for trace in document["data"]] == [TRACE, OTHER]
    first, second = document["data"][0]["spans"]
    assert document["data"][0]["processes"][second["processID"]] == {"serviceName": "till", "tags": []}
    assert {"key": "error", "type": "bool", "value": True} in first["tags"]
    assert second["references"] == [{"refType": "CHILD_OF", "traceID": TRACE, "spanID": f"{1:016x}"}]
    assert second["warnings"] == ["the span ends before it starts"]


FAMILY = [a_span(1, name="first"), a_span(2, 1, name="second")]
LONGEST = [a_span(1, name="long", trace_id=OTHER, end=10**9)]
FAILED = [a_span(1, name="failed", trace_id="f" * 32, failed=True)]


def saved(file: Path, *spans: Span) -> str:
    file.write_text(json.dumps(otlp_json(spans)))
    return str(file)


def convert(*arguments: str) -> Result:
    return CliRunner().invoke(application("spantree", "1", "", COMMANDS), ["convert", *arguments])


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_written_and_says_what_it_loses(name: str, tmp_path: Path) -> None:
    source, file = saved(tmp_path / "in.json", *FAMILY), tmp_path / "out"
    ended = convert(source, "--to", name, "-o", str(file))
    assert (ended.exit_code, ended.stdout) == (0, "")
    loses = FORMATS[name].loses
    assert ended.stderr == (f"{current().name}: {name} does not hold {loses}\n" if loses else "")
    assert file.read_text() == convert(source, "--to", name).stdout == as_written(name, FAMILY)


def test_the_help_names_every_format() -> None:
    text = " ".join(convert("--help").stdout.split())
    assert f"The format: {', '.join(FORMATS)}." in text


@pytest.mark.parametrize(
    ("spans", "first", "why"),
    [
        ([*FAMILY, *LONGEST, *FAILED], "shop: failed !", f"of 3 this is {'f' * 32}, the first with a span that failed"),
        ([*FAMILY, *LONGEST], "shop: long", f"of 2 this is {OTHER}, the longest"),
        (FAMILY, "shop: first", ""),
    ],
)
def test_a_format_for_one_trace_gets_a_failed_or_the_longest_one(
    spans: list[Span], first: str, why: str, tmp_path: Path
) -> None:
    ended = convert(saved(tmp_path / "in.json", *spans), "--to", "tree")
    assert ended.stdout.splitlines()[2] == first
    assert why in ended.stderr
    assert ended.stderr.count("\n") == (2 if why else 1)


def test_a_trace_is_chosen_by_id_and_by_service(tmp_path: Path) -> None:
    source = saved(tmp_path / "in.json", *FAMILY, *LONGEST)
    assert spans_from_json(convert(source, "--to", "otlp-json", "--trace", OTHER).stdout) == LONGEST
    assert convert(source, "--to", "otlp-json", "--service", "till").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--to", "word"], "'word' is none of otlp-json, jaeger-json, perfetto"),
        ([], "Missing option '--to'"),
        (["--to", "tree", "-o", "/nowhere/out"], "'/nowhere/out' cannot be written"),
        (["--to", "tree", "-o", "/dev/full"], ": /dev/full cannot be written: No space left on device"),
        (["--to", "tree", "--trace", "1"], ": there is no trace with the id 00000000000000000000000000000001 in"),
    ],
)
def test_unusable_arguments_end_with_a_message_and_status_2(arguments: list[str], says: str, tmp_path: Path) -> None:
    ended = convert(saved(tmp_path / "in.json", *FAMILY), *arguments)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert says in " ".join(ended.stderr.split())


def test_a_malformed_jaeger_file_is_not_reported_as_empty(tmp_path: Path) -> None:
    source = tmp_path / "jaeger.json"
    source.write_text('{"data": [{"traceID": "1", "spans": [{"traceID": "1", "spanID": "1"}]}]}')
    ended = convert(str(source), "--to", "tree")
    assert ended.exit_code == 2
    assert "there is no trace" not in ended.stderr
    assert f"{current().name}: {source}: " in ended.stderr


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("{} >/dev/full", "No space left on device"),
        ("{} | true", "Broken pipe"),
    ],
)
async def test_an_error_of_standard_output_is_reported_once(command: str, reason: str, tmp_path: Path) -> None:
    source = saved(tmp_path / "in.json", *(a_span(number) for number in range(1, 3000)))
    convert_it = f"{sys.executable} -m spantree convert {source} --to perfetto"
    process = await asyncio.create_subprocess_shell(
        f"{command.format(convert_it)}; exit ${{PIPESTATUS[0]}}",
        executable="/bin/bash",
        env=environment(),
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert (process.returncode, err.decode()) == (2, f"spantree: standard output cannot be written: {reason}\n")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_texts_that_are_not_unicode(name: str, tmp_path: Path) -> None:
    evil = "\x00\x1b[2J\ud800\u202e</script>\ufffe"
    events = (Event(evil, 5, {evil: evil}),)
    spans = [
        a_span(1, name=evil, service=evil, attributes={evil: [evil, {evil: b"\xff"}]}, events=events, message=evil)
    ]
    ended = convert(saved(tmp_path / "in.json", *spans), "--to", name)
    assert ended.exit_code == 0
    assert not {"\x00", "\x1b", "\u202e"} & set(ended.stdout)
