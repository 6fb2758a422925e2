"""A sequence diagram as one SVG file without scripts and external resources, light or dark like the reader's screen."""

from collections.abc import Iterator
from html import escape

from spantree.render.colours import service_colours
from spantree.render.sequence.column_layout import participant_width
from spantree.render.sequence.diagram import Diagram, Participant
from spantree.render.sequence.layout import BAR_WIDTH, HEAD_HEIGHT, Arrow, Bar, DiagramLayout, PlacedNote, lay_out
from spantree.render.sequence.style import STYLE
from spantree.render.sequence.svg_shapes import Colours, draw_message, draw_note, number
from spantree.render.vocabulary import PLAIN, Vocabulary

__all__ = ["sequence_svg"]

NEUTRAL = "#7d8590"
"""The colour of participants that are not services."""
TALL = 640
"""The height in pixels above which lifelines are named at their lower ends, too."""


def sequence_svg(diagram: Diagram, *, vocabulary: Vocabulary = PLAIN) -> str:
    """Return a diagram as an SVG document. The `key` of an item is the `data-key` of its element."""
    layout = lay_out(diagram)
    return "\n".join(_elements(diagram, layout, _colours(diagram, vocabulary))) + "\n"


def _elements(diagram: Diagram, layout: DiagramLayout, colours: Colours) -> Iterator[str]:
    width, height = number(layout.width), number(layout.height)
    label = escape(f"{diagram.title}: {diagram.about}")
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sequence" role="img" aria-label="{label}" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    )
    yield f"<title>{label}</title>"
    yield f"<style>{STYLE}</style>"
    yield f'<rect class="paper" width="{width}" height="{height}" rx="8"/>'
    yield from _heading(diagram)
    for participant in diagram.participants:
        yield from _lifeline(participant, layout, colours[participant])
    for bar in layout.bars:
        yield _bar(bar, colours[bar.activation.participant])
    for part in layout.parts:
        match part:
            case Arrow():
                yield from draw_message(part, colours)
            case PlacedNote():
                yield from draw_note(part, colours)
    yield "</svg>"


def _heading(diagram: Diagram) -> Iterator[str]:
    cross = '<tspan class="red">✗ </tspan>' if diagram.failed else ""
    yield f'<text class="title" x="28" y="36">{cross}{escape(diagram.title)}</text>'
    yield f'<text class="about" x="28" y="55">{escape(diagram.about)}</text>'


def _lifeline(participant: Participant, layout: DiagramLayout, colour: str) -> Iterator[str]:
    x, top, bottom = layout.positions[participant], layout.top, layout.bottom
    if participant.kind == "bus":
        yield (
            f'<rect x="{number(x - BAR_WIDTH / 2)}" y="{number(top)}" width="{number(BAR_WIDTH)}" '
            f'height="{number(bottom - top)}" fill="{colour}" fill-opacity=".22"/>'
        )
    else:
        yield f'<path class="life" d="M{number(x)} {number(top)}V{number(bottom)}"/>'
    yield from _name(participant, x, top - HEAD_HEIGHT, colour)
    if layout.height > TALL:  # at the lower end, the upper names are out of sight
        yield from _name(participant, x, bottom, colour)


def _name(participant: Participant, x: float, y: float, colour: str) -> Iterator[str]:
    width = participant_width(participant)
    dashed = ' stroke-dasharray="4 3"' if participant.kind in {"caller", "external"} else ""
    corner = HEAD_HEIGHT / 2 if participant.kind == "bus" else 7
    place = f'x="{number(x - width / 2)}" y="{number(y)}" width="{number(width)}" height="{number(HEAD_HEIGHT)}"'
    yield f'<rect class="paper" {place} rx="{number(corner)}"/>'
    yield f'<rect {place} rx="{number(corner)}" fill="{colour}" fill-opacity=".14" stroke="{colour}"{dashed}/>'
    baseline = number(y + HEAD_HEIGHT / 2 + 4.5)
    yield f'<text class="name" x="{number(x)}" y="{baseline}">{escape(participant.name)}</text>'


def _bar(bar: Bar, colour: str) -> str:
    return (
        f'<rect class="bar" data-key="{escape(bar.activation.span_id)}:bar" x="{number(bar.x)}" y="{number(bar.y)}" '
        f'width="{number(BAR_WIDTH)}" height="{number(bar.height)}" rx="2.5" fill="{colour}"/>'
    )


def _colours(diagram: Diagram, vocabulary: Vocabulary) -> Colours:
    services = service_colours((each.name for each in diagram.participants if each.kind == "service"), vocabulary)
    return {each: services[each.name] if each.kind == "service" else NEUTRAL for each in diagram.participants}
