"""A map of services as one SVG file without scripts and external resources, light or dark like the reader's screen."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar
from xml.sax.saxutils import escape

from spantree.render.cell_width import cell_width
from spantree.render.colours import service_colours
from spantree.render.service_map.labels import (
    call_count,
    count,
    edge_tooltip,
    latency,
    node_name,
    node_tooltip,
    span_count,
)
from spantree.render.service_map.layout import Rectangle, Route, Size, Wire, lay_out
from spantree.render.service_map.statistics import Edge, Node, ServiceMap
from spantree.render.vocabulary import PLAIN, Vocabulary

__all__ = ["service_map_svg"]

MOST_NODES, MOST_EDGES = 100, 300
"""A larger map would be illegible, so only the busiest are shown."""
NAME_LETTER, SMALL_LETTER = 9.6, 7.2
"""The width of a letter in a name and in other text, with some reserve, since readers have different fonts."""
NODE_HEIGHT, LABEL_HEIGHT = 52.0, 40.0
MARGIN, HEADING_HEIGHT, NARROWEST = 28.0, 76.0, 460.0
LEGEND_LINE_HEIGHT, SAMPLE_WIDTH, LEGEND_GAP = 22.0, 34.0, 26.0
ARROW_LENGTH = 9.0

STYLE = """
  svg { --paper: #ffffff; --ink: #1f2328; --faint: #59636e; --line: #8c959f; --card: #f6f8fa; --rim: #d1d9e0;
    --bad: #cf222e; font-family: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif }
  @media (prefers-color-scheme: dark) { svg { --paper: #0d1117; --ink: #f0f6fc; --faint: #9198a1; --line: #7d8590;
    --card: #151b23; --rim: #3d444d; --bad: #ff6a69 } }
  .paper { fill: var(--paper) } .card { fill: var(--card); stroke: var(--rim) }
  text { fill: var(--ink); font-size: 13px; dominant-baseline: central }
  .heading { font-size: 18px; font-weight: 600 } .name { font-size: 14px; font-weight: 600 }
  .faint { fill: var(--faint) } .bad { fill: var(--bad) } .label { text-anchor: middle }
  .wire { fill: none; stroke: var(--line) } .broken { fill: none; stroke: var(--bad) } .arrow { fill: var(--line) }
  .message { stroke-dasharray: 7 5 } .edge:hover .wire { stroke: var(--ink) }
"""
LEGEND = (
    ("wire", "a call: its duration"),
    ("wire message", "a message: time in its queue"),
    ("broken", "the share that failed"),
    ("", "p50 / p95 / p99 below the count"),
)
"""The class of each sample line, and what it means."""
EXTERNAL_LEGEND = ("", "dashed box: known from its clients alone")
NEUTRAL = "#7d8590"
"""The colour of what is external."""

Drawn = TypeVar("Drawn")


def service_map_svg(services: ServiceMap, *, vocabulary: Vocabulary = PLAIN) -> str:
    """Draw a map, callers to the left of what they call. The tooltips of services and wires have all numbers."""
    nodes = _busiest(services.nodes, MOST_NODES, lambda node: node.spans)
    names = {node.service for node in nodes}
    among = [edge for edge in services.edges if edge.caller in names and edge.called in names]
    edges = _busiest(among, MOST_EDGES, lambda edge: edge.calls)
    layout = lay_out(
        {node.service: _node_size(node) for node in nodes},
        [Wire(edge.caller, edge.called, _label_size(edge)) for edge in edges],
    )
    colours = service_colours((node.service for node in services.nodes if not node.external), vocabulary)
    external = {node.service for node in nodes if node.external}
    about = _about(services, nodes, edges)
    inner = max(layout.size.width, NARROWEST, len(about) * SMALL_LETTER)
    meanings = (*LEGEND, EXTERNAL_LEGEND) if external else LEGEND
    legend = list(_legend(meanings, inner, HEADING_HEIGHT + layout.size.height + MARGIN))
    indent = MARGIN + (inner - layout.size.width) / 2
    drawing = [
        f'<g transform="translate({_number(indent)} {_number(HEADING_HEIGHT)})">',
        *(
            _edge(edge, route, to_external=edge.called in external)
            for edge, route in zip(edges, layout.routes, strict=True)
        ),
        *(_node(node, layout.boxes[node.service], colours.get(node.service, NEUTRAL)) for node in nodes),
        "</g>",
    ]
    height = HEADING_HEIGHT + layout.size.height + MARGIN + len(legend) * LEGEND_LINE_HEIGHT + MARGIN / 2
    return _page(inner + 2 * MARGIN, height, about, [*drawing, *legend])


def _busiest(items: Sequence[Drawn], most: int, traffic: Callable[[Drawn], int]) -> list[Drawn]:
    """Return the items with the most traffic, in their original order."""
    kept = sorted(range(len(items)), key=lambda number: traffic(items[number]), reverse=True)[:most]
    return [items[number] for number in sorted(kept)]


def _about(services: ServiceMap, nodes: Sequence[Node], edges: Sequence[Edge]) -> str:
    spans = sum(node.spans for node in services.nodes)
    without_spans = sum(node.external and not node.spans for node in services.nodes)
    known = count(len(services.nodes) - without_spans, "service")
    counts = [count(services.traces, "trace"), known, count(spans, "span")]
    left_out = len(services.nodes) - len(nodes), len(services.edges) - len(edges)
    if any(left_out):
        counts.append(
            f"without {count(left_out[0], 'service')} and {count(left_out[1], 'connection')} with the least traffic"
        )
    return " · ".join(counts)


def _page(width: float, height: float, about: str, body: Sequence[str]) -> str:
    size = f'width="{_number(width)}" height="{_number(height)}"'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_number(width)} {_number(height)}" {size} role="img">',
        f"<title>Service map: {escape(about)}</title>",
        f"<style>{STYLE}</style>",
        '<rect class="paper" width="100%" height="100%"/>',
        _text(MARGIN, MARGIN, "Service map", "heading"),
        _text(MARGIN, MARGIN + 22, about, "faint"),
    )
    return "\n".join((*head, *body, "</svg>\n"))


def _node_size(node: Node) -> Size:
    name, spans = cell_width(node_name(node.service)), sum(map(len, span_count(node)))
    return Size(max(name * NAME_LETTER, spans * SMALL_LETTER) + 36, NODE_HEIGHT)


def _label_size(edge: Edge) -> Size:
    longest = max(sum(map(len, call_count(edge))), len(latency(edge)))
    return Size(longest * SMALL_LETTER + 12, LABEL_HEIGHT)


def _node(node: Node, box: Rectangle, colour: str) -> str:
    left, top = box.x, box.y - box.height / 2
    spans, failed = span_count(node)
    dashed = ' stroke-dasharray="5 4"' if node.external else ""
    return (
        f"<g><title>{escape(node_tooltip(node))}</title>"
        f'<rect class="card" {_at(left, top)} {_size(box.width, box.height)} rx="8"{dashed}/>'
        f'<rect fill="{colour}" {_at(left + 9, top + 10)} {_size(5, box.height - 20)} rx="2.5"/>'
        f"{_text(left + 24, box.y - 10, node_name(node.service), 'name')}"
        f"{_text(left + 24, box.y + 10, spans, 'faint', failed)}</g>"
    )


def _edge(edge: Edge, route: Route, *, to_external: bool) -> str:
    thickness = min(1.5 + 1.1 * math.log10(edge.calls), 7)
    style = " message" if edge.messages else ""
    path = _path(route)
    broken = (
        f'<path class="broken{style}" stroke-width="{_number(max(thickness * edge.error_rate, 1))}" d="{path}"/>'
        if edge.errors
        else ""
    )
    return (
        f'<g class="edge"><title>{escape(edge_tooltip(edge, delivered=not to_external))}</title>'
        f'<path class="wire{style}" stroke-width="{_number(thickness)}" d="{path}"/>{broken}'
        f"{_arrow(route, bad=edge.error_rate > 1 / 2)}{_label(edge, route.label)}</g>"
    )


def _path(route: Route) -> str:
    """Return the path of a wire: level in its slots, with a bend between any two, up to the arrow's head."""
    start, y = route.levels[0][0], route.levels[0][2]
    last_bend, tip, height = route.levels[-1]
    stop = tip - _direction(route) * ARROW_LENGTH
    last_bend = min(last_bend, stop) if stop < tip else max(last_bend, stop)
    bends = [f"M{_number(start)} {_number(y)}H{_number(route.levels[0][1])}"]
    for (_, left, before), (right, end, after) in pairwise([*route.levels[:-1], (last_bend, stop, height)]):
        middle = _number((left + right) / 2)
        ends = f"{_number(right)} {_number(after)}H{_number(end)}"
        bends.append(f"C{middle} {_number(before)} {middle} {_number(after)} {ends}")
    return "".join(bends)


def _direction(route: Route) -> int:
    """Return 1 for a wire that leads right, -1 for one that leads left."""
    return 1 if route.levels[-1][1] > route.levels[0][0] else -1


def _arrow(route: Route, *, bad: bool) -> str:
    _, tip, y = route.levels[-1]
    back = _number(tip - _direction(route) * (ARROW_LENGTH + 1))
    points = f"{_number(tip)} {_number(y)} {back} {_number(y - 5)} {back} {_number(y + 5)}"
    return f'<polygon class="{"bad" if bad else "arrow"}" points="{points}"/>'


def _label(edge: Edge, place: Rectangle) -> str:
    """Draw the count above the wire, and the latency below it."""
    middle = place.x + place.width / 2
    calls, failed = call_count(edge)
    above = _text(middle, place.y - LABEL_HEIGHT / 4 - 2, calls, "label", failed)
    return above + _text(middle, place.y + LABEL_HEIGHT / 4 + 2, latency(edge), "label faint")


def _legend(meanings: Sequence[tuple[str, str]], width: float, top: float) -> Iterator[str]:
    """Yield the lines of the legend, as many as the width requires."""
    line: list[str] = []
    x, y = MARGIN, top
    for style, meaning in meanings:
        sample = SAMPLE_WIDTH if style else 0.0
        needed = sample + len(meaning) * SMALL_LETTER + LEGEND_GAP
        if line and x + needed - LEGEND_GAP > MARGIN + width:
            yield "".join(line)
            line, x, y = [], MARGIN, y + LEGEND_LINE_HEIGHT
        if style:
            path = f"M{_number(x)} {_number(y)}h{SAMPLE_WIDTH - 8:.0f}"
            line.append(f'<path class="{style}" stroke-width="2" d="{path}"/>')
        line.append(_text(x + sample, y, meaning, "faint"))
        x += needed
    yield "".join(line)


def _text(x: float, y: float, text: str, style: str, bad: str = "") -> str:
    """Return a text, followed by `bad` in red."""
    in_red = f'<tspan class="bad">{escape(bad)}</tspan>' if bad else ""
    return f'<text class="{style}" {_at(x, y)}>{escape(text)}{in_red}</text>'


def _at(x: float, y: float) -> str:
    return f'x="{_number(x)}" y="{_number(y)}"'


def _size(width: float, height: float) -> str:
    return f'width="{_number(width)}" height="{_number(height)}"'


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
