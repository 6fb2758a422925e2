"""A map of services as one SVG file: no scripts, nothing from elsewhere, light or dark as its reader likes it."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar
from xml.sax.saxutils import escape

from rich.cells import cell_len, set_cell_size

from spantree import escaped
from spantree.render.captions import duration
from spantree.render.colours import service_colours
from spantree.render.service_map.layout import Rectangle, Route, Size, Wire, layout
from spantree.render.service_map.statistics import Edge, Node, ServiceMap
from spantree.render.vocabulary import PLAIN, Vocabulary

__all__ = ["service_map_svg"]

MOST_NODES, MOST_EDGES = 100, 300
"""Beyond these a map tells nothing any more: it has the busiest."""
LONGEST_NAME = 32
NAME, SMALL = 9.6, 7.2
"""The width of a character of a name, and of other text, in fonts that readers may have."""
NODE_HEIGHT, LABEL_HEIGHT = 52.0, 40.0
MARGIN, HEADING, LEGEND_LINE = 28.0, 76.0, 22.0
SAMPLE, KEY_GAP, NARROWEST = 34.0, 26.0, 460.0
ARROW = 9.0

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
KEYS = (
    ("wire", "a call: duration of the caller's span"),
    ("wire message", "a message: time in its queue"),
    ("broken", "the share that failed"),
    ("", "p50 / p95 / p99 below the count"),
)

Drawn = TypeVar("Drawn")


def service_map_svg(services: ServiceMap, *, vocabulary: Vocabulary = PLAIN) -> str:
    """Draw a map, callers to the left of what they call; all figures pop up over a service or a wire."""
    nodes = _largest(services.nodes, MOST_NODES, lambda node: node.spans)
    names = {node.service for node in nodes}
    among = [edge for edge in services.edges if edge.caller in names and edge.called in names]
    edges = _largest(among, MOST_EDGES, lambda edge: edge.calls)
    plan = layout(
        {node.service: _node_size(node) for node in nodes},
        [Wire(edge.caller, edge.called, _label_size(edge)) for edge in edges],
    )
    colours = service_colours((node.service for node in services.nodes), vocabulary)
    about = _about(services, nodes, edges)
    inner = max(plan.size.width, NARROWEST, len(about) * SMALL)
    legend = list(_legend(inner, HEADING + plan.size.height + MARGIN))
    indent = MARGIN + (inner - plan.size.width) / 2
    drawing = [
        f'<g transform="translate({_number(indent)} {_number(HEADING)})">',
        *(_edge(edge, route) for edge, route in zip(edges, plan.routes, strict=True)),
        *(_node(node, plan.boxes[node.service], colours[node.service]) for node in nodes),
        "</g>",
    ]
    height = HEADING + plan.size.height + MARGIN + len(legend) * LEGEND_LINE + MARGIN / 2
    return _page(inner + 2 * MARGIN, height, about, [*drawing, *legend])


def _largest(items: Sequence[Drawn], most: int, size: Callable[[Drawn], int]) -> list[Drawn]:
    """Return the largest in the order of all."""
    kept = sorted(range(len(items)), key=lambda number: size(items[number]), reverse=True)[:most]
    return [items[number] for number in sorted(kept)]


def _about(services: ServiceMap, nodes: Sequence[Node], edges: Sequence[Edge]) -> str:
    spans = sum(node.spans for node in services.nodes)
    counts = [_count(services.traces, "trace"), _count(len(services.nodes), "service"), _count(spans, "span")]
    left_out = len(services.nodes) - len(nodes), len(services.edges) - len(edges)
    if any(left_out):
        counts.append(f"without {_count(left_out[0], 'service')} and {_count(left_out[1], 'wire')} of little traffic")
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
    width = max(cell_len(_name(node.service)) * NAME, sum(map(len, _spans(node))) * SMALL)
    return Size(width + 36, NODE_HEIGHT)


def _label_size(edge: Edge) -> Size:
    return Size(max(sum(map(len, _calls(edge))), len(_latency(edge))) * SMALL + 12, LABEL_HEIGHT)


def _node(node: Node, box: Rectangle, colour: str) -> str:
    left, top = box.x, box.y - box.height / 2
    spans, failed = _spans(node)
    figures = f"{_name(node.service, math.inf)}\n{spans}{_failed(node.errors, node.error_rate)}"
    return (
        f"<g><title>{escape(figures)}</title>"
        f'<rect class="card" {_place(left, top)} {_extent(box.width, box.height)} rx="8"/>'
        f'<rect fill="{colour}" {_place(left + 9, top + 10)} {_extent(5, box.height - 20)} rx="2.5"/>'
        f"{_text(left + 24, box.y - 10, _name(node.service), 'name')}"
        f"{_text(left + 24, box.y + 10, spans, 'faint', failed)}</g>"
    )


def _edge(edge: Edge, route: Route) -> str:
    thickness = min(1.5 + 1.1 * math.log10(edge.calls), 7)
    style = " message" if edge.messages else ""
    line = _line(route)
    broken = (
        f'<path class="broken{style}" stroke-width="{_number(max(thickness * edge.error_rate, 1))}" d="{line}"/>'
        if edge.errors
        else ""
    )
    return (
        f'<g class="edge"><title>{escape(_figures(edge))}</title>'
        f'<path class="wire{style}" stroke-width="{_number(thickness)}" d="{line}"/>{broken}'
        f"{_arrow(route, bad=edge.error_rate > 1 / 2)}{_label(edge, route.label)}</g>"
    )


def _line(route: Route) -> str:
    """Return a path: level in its slots, with a bend between any two, up to where the arrow begins."""
    start, y = route.levels[0][0], route.levels[0][2]
    since, tip, height = route.levels[-1]
    stop = tip - _direction(route) * ARROW
    levels = [*route.levels[:-1], (min(since, stop) if stop < tip else max(since, stop), stop, height)]
    bends = [f"M{_number(start)} {_number(y)}H{_number(levels[0][1])}"]
    for (_, left, before), (right, end, after) in pairwise(levels):
        middle = _number((left + right) / 2)
        ends = f"{_number(right)} {_number(after)}H{_number(end)}"
        bends.append(f"C{middle} {_number(before)} {middle} {_number(after)} {ends}")
    return "".join(bends)


def _direction(route: Route) -> int:
    """Return 1 from left to right, -1 from right to left."""
    return 1 if route.levels[-1][1] > route.levels[0][0] else -1


def _arrow(route: Route, *, bad: bool) -> str:
    _, tip, y = route.levels[-1]
    back = _number(tip - _direction(route) * (ARROW + 1))
    points = f"{_number(tip)} {_number(y)} {back} {_number(y - 5)} {back} {_number(y + 5)}"
    return f'<polygon class="{"bad" if bad else "arrow"}" points="{points}"/>'


def _label(edge: Edge, place: Rectangle) -> str:
    """Write the count above the wire, and the latency below it."""
    middle = place.x + place.width / 2
    calls, failed = _calls(edge)
    above = _text(middle, place.y - LABEL_HEIGHT / 4 - 2, calls, "label", failed)
    return above + _text(middle, place.y + LABEL_HEIGHT / 4 + 2, _latency(edge), "label faint")


def _legend(width: float, top: float) -> Iterator[str]:
    """Yield the lines of what the marks mean, as many as the width asks for."""
    line: list[str] = []
    x, y = MARGIN, top
    for style, words in KEYS:
        sample = SAMPLE if style else 0.0
        needed = sample + len(words) * SMALL + KEY_GAP
        if line and x + needed - KEY_GAP > MARGIN + width:
            yield "".join(line)
            line, x, y = [], MARGIN, y + LEGEND_LINE
        if style:
            line.append(f'<path class="{style}" stroke-width="2" d="M{_number(x)} {_number(y)}h{SAMPLE - 8:.0f}"/>')
        line.append(_text(x + sample, y, words, "faint"))
        x += needed
    yield "".join(line)


def _spans(node: Node) -> tuple[str, str]:
    """Return the second line of a node, and the part of it that is red."""
    return _count(node.spans, "span"), _rate(node.error_rate)


def _calls(edge: Edge) -> tuple[str, str]:
    """Return the first line of a label, and the part of it that is red."""
    return _count(edge.calls, "message" if edge.messages else "call"), _rate(edge.error_rate)


def _rate(rate: float) -> str:
    """Word an error rate with two digits, as far as it has any: `25%`, `2.5%`, `<0.1%`."""
    if not rate:
        return ""
    percent = f"{100 * rate:.0f}" if rate >= 0.1 else f"{100 * rate:.1f}"  # noqa: PLR2004 - 10 %
    return f" · {'<0.1' if percent == '0.0' else percent}% failed"


def _latency(edge: Edge) -> str:
    """Word the percentiles, in one unit if they are not far apart: `3.1 / 4.0 / 12.5 ms`."""
    percentiles = (edge.p50, edge.p95, edge.p99)
    if edge.p99 < 1e9:  # noqa: PLR2004 - a second
        digits = 1 if edge.p99 < 1e7 else 0  # noqa: PLR2004 - 10 ms
        return " / ".join(f"{nanoseconds / 1e6:.{digits}f}" for nanoseconds in percentiles) + " ms"
    return " / ".join(duration(round(nanoseconds)) for nanoseconds in percentiles)


def _figures(edge: Edge) -> str:
    what = "in the queue" if edge.messages else "duration of the caller's span"
    return (
        f"{_name(edge.caller, math.inf)} → {_name(edge.called, math.inf)}\n"
        f"{_calls(edge)[0]}{_failed(edge.errors, edge.error_rate)}\n"
        f"{what}, p50 / p95 / p99: {_latency(edge)}"
    )


def _failed(errors: int, rate: float) -> str:
    return f" · {errors:,} failed ({rate:.1%})" if errors else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _name(service: str, longest: float = LONGEST_NAME) -> str:
    """Return a name for people, cut off where it is too long."""
    name = escaped(service) or "(no name)"
    return name if cell_len(name) <= longest else set_cell_size(name, int(longest) - 1).rstrip() + "…"


def _text(x: float, y: float, words: str, style: str, bad: str = "") -> str:
    marked = f'<tspan class="bad">{escape(bad)}</tspan>' if bad else ""
    return f'<text class="{style}" {_place(x, y)}>{escape(words)}{marked}</text>'


def _place(x: float, y: float) -> str:
    return f'x="{_number(x)}" y="{_number(y)}"'


def _extent(width: float, height: float) -> str:
    return f'width="{_number(width)}" height="{_number(height)}"'


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
