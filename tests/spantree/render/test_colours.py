"""The colours of services."""

import pytest

from emulator.openstack_vocabulary import OPENSTACK
from spantree.render.colours import service_colours
from spantree.render.vocabulary import Vocabulary

VOCABULARY = Vocabulary(colours={"cart": "#6d7c8f", "bank": "#337cda", "mint": "#0097a5"})
NAMED = [*VOCABULARY.colours]
OTHERS = ["shop", "stock", "basket", "frontend", "billing", "", "ümlaut", "\ud800"]


def luminance(colour: str) -> float:
    """Return the relative luminance, as WCAG 2 defines it."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_vocabulary_chooses_colours() -> None:
    assert service_colours([*reversed(NAMED), *OTHERS], VOCABULARY).items() >= VOCABULARY.colours.items()


def test_a_service_has_its_colour_in_every_trace() -> None:
    assert service_colours(OTHERS) == service_colours(reversed(OTHERS))
    assert service_colours(["shop"]) == {"shop": "#129e8e"}, "it depends on the name alone, in every process"


def test_services_of_a_trace_have_different_colours() -> None:
    colours = service_colours([*NAMED, *OTHERS], VOCABULARY)
    assert len(set(colours.values())) == len(NAMED) + len(OTHERS)


def test_colours_repeat_when_there_are_too_many_services() -> None:
    colours = service_colours(f"service-{number}" for number in range(200))
    assert len(colours) == 200
    assert all(len(colour) == 7 for colour in colours.values())


@pytest.mark.parametrize("name", [*OPENSTACK.colours, *(f"service-{number}" for number in range(40))])
def test_a_colour_is_legible_on_white_and_black_and_not_red(name: str) -> None:
    colour = service_colours([name], OPENSTACK)[name]
    assert 1.05 / (luminance(colour) + 0.05) > 3
    assert (luminance(colour) + 0.05) / (luminance("#0d1117") + 0.05) > 3
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    assert red < 2 * max(green, blue), "red is left to errors"
