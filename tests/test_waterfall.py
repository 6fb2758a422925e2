"""The waterfall in the terminal."""

from collections.abc import Callable

import pytest

from emulator.render import duration, waterfall
from emulator.traces import Pending, Span, SpanTree


def make_span(number: int, parent: int, service: str, name: str, start: int, end: int, **attributes: object) -> Span:
    return Span(
        trace_id="a" * 32,
        span_id=f"{number:016x}",
        parent_id=f"{parent:016x}" if parent else "",
        name=name,
        kind="internal",
        start=start * 1_000_000,
        end=end * 1_000_000,
        attributes=attributes,
        resource={"service.name": service},
        failed="error.type" in attributes,
    )


TREE = SpanTree(
    [
        make_span(1, 0, "shop", "checkout", 0, 1000),
        make_span(2, 1, "shop", "pay", 500, 1000, **{"openstack.boot.step": "1,2"}),
        make_span(3, 1, "stock", "reserve", 0, 250, **{"error.type": "shop.SoldOut"}),
    ]
)


PICTURE = """\
                                   0 ms                        1.00 s
shop   checkout                    ██████████████████████████████████     1.00 s
stock    reserve !SoldOut          ████████                               250 ms
shop     pay               (1)(2)                   █████████████████     500 ms"""


def test_a_line_a_span_with_its_bar_where_its_time_is() -> None:
    drawn = [line.rstrip() for line in waterfall(TREE, width=80).plain.splitlines()]
    assert drawn == PICTURE.splitlines()


def test_errors_are_red_and_every_service_has_a_colour_of_its_own() -> None:
    picture = waterfall(TREE, width=80)
    styled = {picture.plain[span.start : span.end].strip(): str(span.style) for span in picture.spans}
    assert styled["reserve !SoldOut"] == "red"
    assert styled["shop"] != styled["stock"]


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
async def test_every_line_fits_the_width(width: int, boot: Callable[[], Pending[SpanTree]]) -> None:
    lines = waterfall(await boot(), width).plain.splitlines()
    assert max(map(len, lines)) <= max(width, 77)


@pytest.mark.parametrize(
    ("nanoseconds", "words"),
    [(40_000, "0.0 ms"), (1_240_000, "1.2 ms"), (37_000_000, "37 ms"), (2_130_000_000, "2.13 s")],
)
def test_durations_are_short_words(nanoseconds: int, words: str) -> None:
    assert duration(nanoseconds) == words
