"""A sequence diagram as one SVG file: no script, nothing from elsewhere, light or dark as its reader's screen is."""

from collections.abc import Iterator
from html import escape

from spantree.render.colours import service_colours
from spantree.render.sequence.column_layout import actor_width
from spantree.render.sequence.diagram import Actor, Diagram
from spantree.render.sequence.layout import BAR, HEAD, Box, Layout, Line, Strip, lay_out
from spantree.render.sequence.style import STYLE
from spantree.render.sequence.svg_shapes import Colours, draw_box, draw_line, number
from spantree.render.vocabulary import PLAIN, Vocabulary

__all__ = ["sequence_svg"]

NEUTRAL = "#7d8590"
TALL = 640
"""From this height on the lifelines are named at their lower ends, too."""


def sequence_svg(diagram: Diagram, *, vocabulary: Vocabulary = PLAIN) -> str:
    """Return the diagram as an SVG document. Every item's `key` is the `data-key` of its element."""
    layout = lay_out(diagram)
    return "\n".join(_elements(diagram, layout, _colours(diagram, vocabulary))) + "\n"


def _elements(diagram: Diagram, layout: Layout, colours: Colours) -> Iterator[str]:
    width, height = number(layout.width), number(layout.height)
    words = escape(f"{diagram.title}: {diagram.about}")
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sequence" role="img" aria-label="{words}" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    )
    yield f"<title>{words}</title>"
    yield f"<style>{STYLE}</style>"
    yield f'<rect class="paper" width="{width}" height="{height}" rx="8"/>'
    yield from _heading(diagram)
    for actor in diagram.actors:
        yield from _lifeline(actor, layout, colours[actor])
    for strip in layout.strips:
        yield _strip(strip, colours[strip.bar.actor])
    for part in layout.parts:
        match part:
            case Line():
                yield from draw_line(part, colours)
            case Box():
                yield from draw_box(part, colours)
    yield "</svg>"


def _heading(diagram: Diagram) -> Iterator[str]:
    cross = '<tspan class="red">✗ </tspan>' if diagram.failed else ""
    yield f'<text class="title" x="28" y="36">{cross}{escape(diagram.title)}</text>'
    yield f'<text class="about" x="28" y="55">{escape(diagram.about)}</text>'


def _lifeline(actor: Actor, layout: Layout, colour: str) -> Iterator[str]:
    x, top, bottom = layout.places[actor], layout.top, layout.bottom
    if actor.kind == "bus":
        yield (
            f'<rect x="{number(x - BAR / 2)}" y="{number(top)}" width="{number(BAR)}" '
            f'height="{number(bottom - top)}" fill="{colour}" fill-opacity=".22"/>'
        )
    else:
        yield f'<path class="life" d="M{number(x)} {number(top)}V{number(bottom)}"/>'
    yield from _name(actor, x, top - HEAD, colour)
    if layout.height > TALL:
        yield from _name(actor, x, bottom, colour)


def _name(actor: Actor, x: float, y: float, colour: str) -> Iterator[str]:
    width = actor_width(actor)
    dashed = ' stroke-dasharray="4 3"' if actor.kind in {"caller", "stranger"} else ""
    corner = HEAD / 2 if actor.kind == "bus" else 7
    place = f'x="{number(x - width / 2)}" y="{number(y)}" width="{number(width)}" height="{number(HEAD)}"'
    yield f'<rect class="paper" {place} rx="{number(corner)}"/>'
    yield f'<rect {place} rx="{number(corner)}" fill="{colour}" fill-opacity=".14" stroke="{colour}"{dashed}/>'
    yield f'<text class="name" x="{number(x)}" y="{number(y + HEAD / 2 + 4.5)}">{escape(actor.name)}</text>'


def _strip(strip: Strip, colour: str) -> str:
    return (
        f'<rect class="bar" data-key="{escape(strip.bar.span_id)}:bar" x="{number(strip.x)}" y="{number(strip.y)}" '
        f'width="{number(BAR)}" height="{number(strip.height)}" rx="2.5" fill="{colour}"/>'
    )


def _colours(diagram: Diagram, vocabulary: Vocabulary) -> Colours:
    services = service_colours((actor.name for actor in diagram.actors if actor.kind == "service"), vocabulary)
    return {actor: services[actor.name] if actor.kind == "service" else NEUTRAL for actor in diagram.actors}
