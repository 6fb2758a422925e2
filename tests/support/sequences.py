"""Sequence diagrams as lines to compare, and a check that their files are well formed."""

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree as ET

from emulator.openstack_vocabulary import OPENSTACK
from spantree import Span, SpanTree
from spantree.render.sequence import Activation, Diagram, Message, Note, mermaid, sequence, sequence_svg
from tests.support.spans import a_span

SVG = "{http://www.w3.org/2000/svg}"


def diagram_of(trace: SpanTree, open_spans: Collection[str] = ()) -> Diagram:
    """Return the diagram of a trace of the emulator."""
    return sequence(trace, open_spans, vocabulary=OPENSTACK)


def lines_of(diagram: Diagram) -> list[str]:
    """Return the texts that a reader sees, in lines."""
    return [_line(item) for item in diagram.items if not isinstance(item, Activation)]


def _line(item: Message | Note) -> str:
    if isinstance(item, Note):
        text = " ".join(filter(None, (item.flag, item.label)))
        return f"{item.participant.name}: {text}" if item.participant else f"[{text}]"
    step, marks = f"({item.step}) " if item.step else "", " ✗" if item.lost else " !" if item.failed else ""
    return f"{step}{item.source.name} → {item.target.name}: {item.label}{item.count}{marks}"


def call(
    number: int,
    parent: int = 0,
    path: str = "/stock",
    status: int | None = 200,
    attributes: Mapping[str, object] = MappingProxyType({}),
    **more: Any,
) -> Span:
    """Return a call that the shop makes to the stock."""
    request = {"http.request.method": "GET", "url.full": f"http://stock:80{path}", "http.response.status_code": status}
    known = {name: value for name, value in request.items() if value is not None} | dict(attributes)
    return a_span(number, parent, "GET", kind="client", attributes=known, **more)


def answer(number: int, parent: int, **more: Any) -> Span:
    return a_span(number, parent, "GET /stock", "stock", kind="server", **more)


def drawn(*spans: Span, open_spans: tuple[str, ...] = ()) -> list[str]:
    diagram = diagram_of(SpanTree(spans), open_spans)
    assert_drawable(diagram)
    return lines_of(diagram)


LINE = re.compile(
    r"participant p\d+ as T|actor p\d+ as T|activate p\d+|deactivate p\d+|end|rect rgba\(229, 72, 77, 0\.16\)"
    r"|p\d+--?(?:>>|x|\))p\d+: T(?:<br/>T)?|Note over p\d+(?:,p\d+)?: T(?:<br/>T){0,2}".replace(
        "T", r"(?:(?:[\w ./(){}=?!,…·\u00d7→⚑'-]|\#\d+;)+)"
    )
)
"""The syntax of a line of Mermaid that we write."""


def assert_drawable(diagram: Diagram) -> None:
    picture = sequence_svg(diagram, vocabulary=OPENSTACK)
    root = ET.fromstring(picture.encode())  # noqa: S314 - we have just written it
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "title", "style", "rect", "path", "text", "tspan", "g", "circle")
    }
    keys = [element.get("data-key") for element in root.iter() if element.get("data-key")]
    assert len(keys) == len(set(keys)), "a key names one element"
    text = mermaid(diagram)
    head, *lines = text.split("sequenceDiagram\n")
    assert head.count("\n") == 3
    assert len(lines) == 1
    opened = 0
    for line in map(str.strip, lines[0].splitlines()):
        assert LINE.fullmatch(line), line
        opened += line.startswith("rect") - (line == "end")
    assert opened == 0
    assert len(text) < 50_000, "Mermaid draws no more"
