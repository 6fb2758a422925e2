"""Sequence diagrams as files: no text in a trace breaks them, and the commands write them."""

import json
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.cli.boot_report import NO_TRACE
from spantree import Event, Span, SpanTree, otlp_json, spans_from_json, trees
from spantree.render.sequence import Activation, Note, mermaid
from tests.spantree.test_properties import relaxed
from tests.support.processes import run
from tests.support.sequences import assert_drawable, call, diagram_of, lines_of
from tests.support.spans import a_span, forests

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
def test_no_text_of_a_span_becomes_markup(text: str) -> None:
    messaging = {"messaging.system": text, "messaging.destination.name": text, "openstack.rpc.method": text}
    request = {"http.request.method": text, "url.full": f"http://h/{text}", "openstack.boot.step": text}
    raised = Event("exception", 7, {"exception.type": text, "exception.message": text})
    diagram = diagram_of(
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
    assert_drawable(diagram)
    assert max(len(item.label) for item in diagram.items if not isinstance(item, Activation)) < 100


@relaxed
@given(forests(), st.sets(st.integers(0, 30)))
def test_any_trace_can_be_drawn(spans: list[Span], still_open: set[int]) -> None:
    for trace in trees(spans):
        ids = [span.span_id for number, span in enumerate(trace.spans) if number in still_open]
        assert_drawable(diagram_of(trace, ids))
        assert_drawable(diagram_of(trace.joined()))


def test_left_out_items_are_counted_even_if_cut_twice() -> None:
    broken: dict[str, Any] = {"status": 500, "failed": True, "message": ";" * 110}
    calls = [call(number, 1, f"/{number}{';' * 40}", end=number, **broken) for number in range(2, 1002)]
    diagram = diagram_of(SpanTree([a_span(1, 0, "buy"), *calls]))
    assert_drawable(diagram)
    lines = mermaid(diagram).splitlines()
    rows = [line for line in lines if re.search(r"p0: |p1: ", line) and "left out" not in line]
    assert left_out(lines_of(diagram)) == 3000 - len([line for line in lines_of(diagram) if "left out" not in line])
    assert left_out(lines) == 3000 - len(rows)
    assert left_out(lines) > left_out(lines_of(diagram))


def left_out(lines: list[str]) -> int:
    found = (re.search(r"([\d,]+) more steps?", line) for line in lines)
    return sum(int(match[1].replace(",", "")) for match in found if match)


@pytest.mark.parametrize("shape", ["flat", "deep", "random"])
def test_ten_thousand_spans_are_cut_and_the_error_stays(shape: str) -> None:
    rng = random.Random(1)
    parents: dict[str, Callable[[int], int]] = {
        "flat": lambda _: 1,
        "deep": lambda number: number - 1,
        "random": lambda number: rng.randrange(1, number),
    }
    spans = [a_span(1, 0, "root")]
    for number in range(2, 10_001):
        kind = rng.choice(["internal", "client", "server", "producer", "consumer"])
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
    diagram = diagram_of(SpanTree(spans))
    assert_drawable(diagram)
    assert time.process_time() - began < 10, "it should take about one second"
    assert len(diagram.participants) <= 30
    assert len(lines_of(diagram)) < 400
    assert any("left out" in line for line in lines_of(diagram))
    assert any(isinstance(item, Note) and item.detail == "here it broke" for item in diagram.items)


async def test_boot_draws_the_boot_whose_waterfall_it_prints(tmp_path: Path) -> None:
    svg, text = tmp_path / "boot.svg", tmp_path / "boot.mmd"
    options = ("--pace", "0", "--messaging-context", "link", "--fault", "glance.image_missing")
    ended = await run("boot", *options, "--svg", str(svg), "--mermaid", str(text))
    assert (ended.status, ended.err) == (1, "")
    assert "(5) GET /v2/images/49f88b9d…/file" in text.read_text(encoding="utf-8")
    shown = ended.out.split("trace ", 1)[1].split()[0]
    assert shown in svg.read_text(encoding="utf-8")


async def test_of_several_boots_the_printed_one_is_drawn(tmp_path: Path) -> None:
    svg = tmp_path / "boot.svg"
    ended = await run("boot", "--pace", "0", "--count", "6", "--fault", "keystone.token_expired", "--svg", str(svg))
    printed = re.findall(r"trace ([0-9a-f]{32}) ", ended.out)[0]
    assert printed in svg.read_text()
    assert ended.err == f"emulator: svg holds one trace: of 6 this is {printed}, the one that is printed\n"


async def test_a_file_that_cannot_be_written_costs_no_other(tmp_path: Path) -> None:
    svg, exported = tmp_path / "boot.svg", tmp_path / "boot.json"
    files = ("--html", "/dev/full", "--svg", str(svg), "--otlp-json", str(exported))
    ended = await run("boot", "--pace", "0", "--quiet", *files)
    assert (ended.status, ended.err) == (1, "emulator: /dev/full cannot be written: No space left on device\n")
    assert svg.read_text().startswith("<svg")
    assert spans_from_json(exported.read_text())


async def test_show_draws_the_failed_trace_and_says_so(tmp_path: Path) -> None:
    spans = [a_span(1, 0, "long", end=900), a_span(2, 0, "broken", trace_id="b" * 32, failed=True)]
    source, svg, text = tmp_path / "spans.json", tmp_path / "show.svg", tmp_path / "show.mmd"
    source.write_text(json.dumps(otlp_json(spans)))
    ended = await run("show", str(source), "--svg", str(svg), "--mermaid", str(text))
    why = "the first with a span that failed"
    assert (ended.status, ended.err) == (
        0,
        f"emulator: mermaid and svg hold one trace: of 2 this is {'b' * 32}, {why}\n",
    )
    assert ">broken</text>" in svg.read_text(encoding="utf-8").replace('<tspan class="red">✗ </tspan>', "")
    source.write_text(json.dumps(otlp_json([spans[0], a_span(3, 0, "short", trace_id="c" * 32)])))
    await run("show", str(source), "--mermaid", str(text))
    assert 'title: "long' in text.read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["--svg", "--mermaid"])
async def test_an_unwritable_file_is_refused_before_the_boot(option: str, tmp_path: Path) -> None:
    ended = await run("boot", option, str(tmp_path / "none" / "file"))
    assert ended.status == 2
    assert "cannot be written" in ended.err.replace("\n", " ")
    assert ended.out == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--svg", "same", "--mermaid", "same"], "--svg and another option name the same file, same."),
        (["--svg", "a.svg", "--tree"], "--tree and --expand change what is printed"),
    ],
)
async def test_conflicting_options_are_refused(arguments: list[str], says: str, tmp_path: Path) -> None:
    source = tmp_path / "spans.json"
    source.write_text(json.dumps(otlp_json([a_span(1)])))
    ended = await run("show", str(source), *arguments, COLUMNS="200")
    assert (ended.status, ended.out) == (2, "")
    assert says in " ".join(ended.err.split())


async def test_a_symlink_to_a_missing_file_stays_a_symlink(tmp_path: Path) -> None:
    link, target = tmp_path / "link.svg", tmp_path / "target.svg"
    link.symlink_to(target)
    ended = await run("boot", "--pace", "0", "--quiet", "--svg", str(link))
    assert (ended.status, ended.err, link.is_symlink()) == (0, "", True)
    assert target.read_text().startswith("<svg")


async def test_without_a_trace_nothing_is_drawn_and_stderr_says_so(tmp_path: Path) -> None:
    file = tmp_path / "a.svg"
    ended = await run("boot", "--pace", "0", "--svg", str(file), OTEL_SDK_DISABLED="true")
    assert (ended.status, ended.err) == (1, f"emulator: not written: {file}. {NO_TRACE}\n")
    assert not (tmp_path / "a.svg").exists()
