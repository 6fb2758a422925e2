"""A seed fixes everything random: two runs give the same traces except for times, ports and the number of polls."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spantree import Span, spans_from_json
from tests.support.processes import run

PORT = re.compile(r"(127\.0\.0\.1:)\d+")
TRACEBACKS = {"exception.stacktrace"}


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--count", "5"],
        ["--fault", "compute.spawn_failed"],
        ["--fault", "compute.crash_before_ack"],
        ["--messaging-context", "link"],
    ],
    ids=" ".join,
)
async def test_two_runs_with_one_seed_give_the_same_spans(options: list[str], tmp_path: Path) -> None:
    files = [tmp_path / "one.json", tmp_path / "other.json"]
    options = ["--seed", "7", "--pace", "0", "--trace-heartbeats", *options]
    boots = (run("boot", *options, "--otlp-json", str(file)) for file in files)
    ended = await asyncio.gather(*boots)
    assert not any(each.err for each in ended)
    one, other = ({span.span_id: facts(span) for span in without_polls(file)} for file in files)
    assert len(one) > 30
    assert one.keys() == other.keys()
    assert {span_id for span_id in one if one[span_id] != other[span_id]} == set()


async def test_another_seed_gives_other_ids(tmp_path: Path) -> None:
    files = {seed: tmp_path / f"{seed}.json" for seed in ("7", "8")}
    for seed, file in files.items():
        assert (await run("boot", "--seed", seed, "--pace", "0", "--otlp-json", str(file))).status == 0
    one, other = ({span.span_id for span in without_polls(file)} for file in files.values())
    assert not one & other


async def test_a_seed_fixes_the_simulated_durations(tmp_path: Path) -> None:
    files = [tmp_path / "one.json", tmp_path / "other.json"]
    for file in files:
        assert (await run("boot", "--seed", "7", "--pace", "0.5", "--otlp-json", str(file))).status == 0
    one, other = (next(span for span in without_polls(file) if span.name == "spawn") for file in files)
    assert one.end - one.start == pytest.approx(other.end - other.start, rel=0.2)


def without_polls(file: Path) -> Iterator[Span]:
    """All spans except those of polls, whose number depends on timing."""
    for span in spans_from_json(file.read_text()):
        if span.name != "GET /v2.1/servers/{server_id}":
            yield span


def facts(span: Span) -> dict[str, Any]:
    """The parts of a span that are the same in every run."""
    events = [(event.name, known(event.attributes)) for event in span.events]
    links = [(link.trace_id, link.span_id) for link in span.links]
    return {
        "ids": (span.trace_id, span.parent_id, links),
        "what": (str(span), span.message and PORT.sub(r"\1", span.message)),
        "attributes": known(span.attributes),
        "resource": known(span.resource),
        "events": events,
    }


def known(attributes: Any) -> dict[str, Any]:
    return {
        key: PORT.sub(r"\1", value) if isinstance(value, str) else value
        for key, value in attributes.items()
        if key not in {"server.port", *TRACEBACKS}
    }
