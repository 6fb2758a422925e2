"""Sequence diagrams as lines to compare, and the proof that their files are well formed."""

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
    return sequence(trace, open_spans, vocabulary=OPENSTACK)


def told(diagram: Diagram) -> list[str]:
    """What a reader sees, in lines."""
    return [line(item) for item in diagram.items if not isinstance(item, Activation)]


def line(item: Message | Note) -> str:
    if isinstance(item, Note):
        words = " ".join(filter(None, (item.flag, item.label)))
        return f"{item.participant.name}: {words}" if item.participant else f"[{words}]"
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
    """A call of the shop."""
    asked = {"http.request.method": "GET", "url.full": f"http://stock:80{path}", "http.response.status_code": status}
    known = {name: value for name, value in asked.items() if value is not None} | dict(attributes)
    return a_span(number, parent, "GET", kind="client", attributes=known, **more)


def answer(number: int, parent: int, **more: Any) -> Span:
    return a_span(number, parent, "GET /stock", "stock", kind="server", **more)


def drawn(*spans: Span, open_spans: tuple[str, ...] = ()) -> list[str]:
    diagram = diagram_of(SpanTree(spans), open_spans)
    assert_it_can_be_drawn(diagram)
    return told(diagram)


LINE = re.compile(
    r"participant p\d+ as T|actor p\d+ as T|activate p\d+|deactivate p\d+|end|rect rgba\(229, 72, 77, 0\.16\)"
    r"|p\d+--?(?:>>|x|\))p\d+: T(?:<br/>T)?|Note over p\d+(?:,p\d+)?: T(?:<br/>T){0,2}".replace(
        "T", r"(?:(?:[\w ./(){}=?!,…·\u00d7→⚑'-]|\#\d+;)+)"
    )
)
"""All that a line of our Mermaid may be."""


def assert_it_can_be_drawn(diagram: Diagram) -> None:
    picture = sequence_svg(diagram, vocabulary=OPENSTACK)
    root = ET.fromstring(picture.encode())  # noqa: S314 - it is ours
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "title", "style", "rect", "path", "text", "tspan", "g", "circle")
    }
    keys = [element.get("data-key") for element in root.iter() if element.get("data-key")]
    assert len(keys) == len(set(keys)), "a key names one element"
    head, *lines = mermaid(diagram).split("sequenceDiagram\n")
    assert head.count("\n") == 3
    assert len(lines) == 1
    opened = 0
    for said in lines[0].splitlines():
        assert LINE.fullmatch(said.strip()), said
        opened += said.strip().startswith("rect") - (said.strip() == "end")
    assert opened == 0
    assert len(mermaid(diagram)) < 50_000
