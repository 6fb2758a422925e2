"""Links into Jaeger land on the interesting spans, and every file uses the same Jaeger."""

import re
from pathlib import Path

import pytest

from emulator.jaeger import FAULT, IMAGE, STEP, page_finding, trace_link
from spantree import OtlpReceiver
from tests.support.processes import run, started

ROOT = Path(__file__).parent.parent
FOLDERS, SUFFIXES = (".github", "deploy", "emulator"), {".md", ".py", ".yaml"}
LINK = re.compile(r"in Jaeger: http://localhost:16686/trace/([0-9a-f]{32})(?:\?uiFind=(\S+))?\n")


def found(otlp: OtlpReceiver, trace_id: str, text: str) -> list[str]:
    """The spans of a trace that Jaeger opens for a text, by the rules of jaeger-ui's filter-spans.ts."""
    trace = otlp.find(trace_id)
    assert trace is not None
    return [
        span.name
        for span in trace.spans
        if any(
            text in part for part in (span.name, span.service, *span.attributes, *map(str, span.attributes.values()))
        )
    ]


@pytest.mark.parametrize(
    ("options", "attribute"),
    [
        ([], STEP),
        (["--count", "3"], STEP),
        (["--messaging-context", "link"], STEP),
        (["--fault", "glance.image_missing"], FAULT),
        (["--fault", "scheduler.no_valid_host"], FAULT),
        (["--fault", "glance.image_missing", "--messaging-context", "link"], FAULT),
        (["--fault", "trace.missing_server_span"], STEP),  # nothing can be marked on a span that is missing
    ],
    ids=" ".join,
)
async def test_the_printed_link_lands_on_the_interesting_span(
    otlp: OtlpReceiver, options: list[str], attribute: str
) -> None:
    ended = await run("boot", "--pace", "0", "--otlp", otlp.endpoint, *options)
    [(trace_id, text)] = LINK.findall(ended.out)
    assert text == attribute
    assert found(otlp, trace_id, text)


async def test_a_link_asks_for_nothing_that_no_span_has(otlp: OtlpReceiver) -> None:
    ended = await run("boot", "--pace", "0", "--otlp", otlp.endpoint, "--flavor", "nope")
    [(trace_id, text)] = LINK.findall(ended.out)
    assert text == ""
    assert otlp.find(trace_id) is not None


async def test_the_link_of_a_boot_on_a_running_cloud_lands_on_its_spans_too(otlp: OtlpReceiver) -> None:
    links = {}
    async with started("up", "--port-base", "0", "--pace", "0", "--no-console", **otlp.environment) as up:
        keystone = (await up.until("keystone")).split()[-1]
        for options, attribute in ([], STEP), (["--fault", "compute.spawn_failed"], FAULT), (["--flavor", "nope"], ""):
            ended = await run("boot", "--keystone-url", keystone, "--otlp", otlp.endpoint, "--pace", "0", *options)
            [(trace_id, text)] = LINK.findall(ended.out)
            assert text == attribute
            links[trace_id] = text
        await up.stop()  # it sends its last spans
    assert all(found(otlp, trace_id, text) for trace_id, text in links.items())


@pytest.mark.parametrize(
    ("ui", "link"),
    [
        ("http://localhost:16686", "http://localhost:16686/trace/abc?uiFind=a+b%26c"),
        ("http://localhost:16686/", "http://localhost:16686/trace/abc?uiFind=a+b%26c"),
        ("https://example.org/tools/jaeger/", "https://example.org/tools/jaeger/trace/abc?uiFind=a+b%26c"),
    ],
)
def test_a_link_keeps_the_base_path_and_encodes_the_text(ui: str, link: str) -> None:
    assert trace_link(ui, page_finding("abc", "a b&c")) == link


def test_every_file_uses_the_same_jaeger() -> None:
    files = [*ROOT.glob("*.md"), *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*"))]
    images = {
        (str(file.relative_to(ROOT)), image)
        for file in files
        if file.suffix in SUFFIXES
        for image in re.findall(r"jaegertracing/jaeger:\d[\w.-]*", file.read_text(encoding="utf-8"))
    }
    assert {name for name, _ in images} >= {
        ".github/workflows/ci.yaml",
        "README.md",
        "deploy/README.md",
        "deploy/compose.min.yaml",
        "deploy/compose.yaml",
        "deploy/kubernetes/components/jaeger/jaeger.yaml",
    }
    assert {(name, image) for name, image in images if image != IMAGE} == set()
