"""The lines that the live view shows, and how it reads keys."""

import re

import pytest
from rich.cells import cell_len

from spantree import Event, Link, Span
from spantree.tail.frame import frame
from spantree.tail.keys import read_keys
from tests.spantree.tail.events import a_root, after, screen, with_loss
from tests.support.spans import TRACE, a_span

HOSTILE = "\x1b[2J\x07evil\r\n\x9b31m\u202e"
HOSTILE_SPAN = a_span(
    1,
    name=HOSTILE,
    service=HOSTILE,
    failed=True,
    message=HOSTILE,
    attributes={HOSTILE: HOSTILE, "error.type": HOSTILE, "nested": {HOSTILE: [HOSTILE]}},
    resource={"service.name": HOSTILE},
    events=(Event(HOSTILE, 3, {HOSTILE: HOSTILE}),),
    links=(Link(TRACE, f"{1:016x}", {HOSTILE: HOSTILE}),),
)
DETAILS = a_span(
    2,
    1,
    "pay",
    start=1_000_000,
    end=3_000_000,
    failed=True,
    message="card declined",
    attributes={"error.type": "card.Declined", "order.items": [1, 2], "long": "x" * 200, "huge": "y" * 100_000},
    events=(Event("exception", 2_000_000, {"exception.stacktrace": "line 1\nline 2"}),),
    links=(Link(TRACE, f"{1:016x}", {"why": "caused"}), Link("f" * 32, "e" * 16)),
)


def shown(*keys: str, spans: list[Span]) -> str:
    return "\n".join(screen(after(spans, (80, 2000), *keys)))


@pytest.mark.parametrize("keys", [[], ["enter"], ["enter", "enter"], ["/", "\x07"]], ids=str)
def test_control_characters_never_reach_the_terminal(keys: list[str]) -> None:
    state = with_loss(after([HOSTILE_SPAN], *keys), 0, HOSTILE)
    assert all(line.plain.isprintable() for line in frame(state))
    assert "\\u0007ev" in "\n".join(screen(state))


def test_the_list_says_when_who_what_how_many_and_how_long() -> None:
    spans = [a_root(1, "order tea", end=20_000_000), *(a_span(n, 1, trace_id=f"{1:032x}") for n in (2, 3))]
    row = screen(after(spans))[2]
    assert row.split()[2:] == ["✓", "shop", "order", "tea", "3", "20", "ms"]


def test_errors_are_red_and_have_a_mark() -> None:
    [failed, fine] = frame(after([a_root(1), a_root(2, failed=True, attributes={"error.type": "a.B"})], "down"))[2:4]
    assert "✗" in failed.plain
    assert "order !B" in failed.plain
    assert failed.style == "red"
    assert "✓" in fine.plain
    assert fine.style != "red"


def test_a_long_name_is_cut_and_not_its_error() -> None:
    row = screen(after([a_root(1, "long " * 30, failed=True, attributes={"error.type": "shop.OutOfStock"})]))[2]
    assert re.search(r"lo… !OutOfStock +1 ", row)


def test_a_trace_without_its_root_says_so() -> None:
    row = screen(after([a_span(2, 1, "pay")]))[2]
    assert "… shop" in row
    assert "(no root yet) pay" in row


def test_details_have_times_attributes_events_links_and_resource() -> None:
    text = shown("enter", "n", "enter", spans=[a_span(1, name="root", start=0, end=5_000_000), DETAILS])
    for part in (
        "shop: pay\nfailed card.Declined card declined\nkind      internal",
        "in trace  after 1.0 ms, for 2.0 ms",
        f"ids       span {2:016x}, parent {1:016x}",
        "Attributes\n  error.type = card.Declined\n  order.items = [1,2]",
        "Event exception after 1.0 ms\n  exception.stacktrace = line 1\n    line 2",
        f"Link to shop: root\n  trace = {TRACE}\n  span = {1:016x}\n  why = caused",
        "Resource\n  service.name = shop",
        "… and 92000 more characters",
    ):
        assert part in text
    assert text.count("x") >= 200
    assert max(map(cell_len, text.splitlines())) <= 80


def test_details_scroll_and_move_to_the_next_span() -> None:
    state = after([a_span(1, name="root", start=0, end=5_000_000), DETAILS], "enter", "enter")
    assert "root" in screen(state)[1]
    following = after("right", state=state)
    assert "shop: pay" in screen(following)[1]
    assert "service.name = shop" in screen(after("end", state=following))[-2]
    assert after("end", "home", state=following) == following
    assert "root" in screen(after("left", state=following))[1]


@pytest.mark.parametrize("width", [20, 33, 59, 60, 80, 200])
def test_no_line_is_wider_than_the_screen_in_any_script(width: int) -> None:
    names = ["日本語" * 40, "e\u0301clair", "x" * 300, "👩‍👩‍👧 family"]
    spans = [a_span(number + 1, min(number, 1), name, name[::-1]) for number, name in enumerate(names)]
    for keys in ([], ["enter"], ["enter", "enter"]):
        assert max(line.cell_len for line in frame(after(spans, (width, 24), *keys))) <= width


def test_losses_and_trouble_of_the_receiver_are_shown() -> None:
    lines = screen(with_loss(after([a_root(1)]), 12, "needs the extra `grpc`"))
    assert "12 spans lost" in lines[0]
    assert lines[-1] == "needs the extra `grpc`"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("a/é", ["a", "/", "é"]),
        ("\x1b[A\x1bOB\x1b[5~\x1b[6~", ["up", "down", "page up", "page down"]),
        ("\r\n\x7f", ["enter", "enter", "backspace"]),
        ("\x1b[1;5A\x1b[200~\x1b[99;1Rx\x00", ["x"]),
        ("\x1b\x1b[A", ["escape", "up"]),
        ("\x1b", ["escape"]),
        ("\x1b[", []),
    ],
    ids=repr,
)
def test_keys_are_read_and_unknown_sequences_left_out(text: str, keys: list[str]) -> None:
    assert read_keys(text, finished=True) == (keys, "")


def test_a_sequence_in_two_parts_is_one_key() -> None:
    for number in range(1, 4):
        keys, rest = read_keys("\x1b[5~"[:number], finished=False)
        assert keys == []
        assert read_keys(rest + "\x1b[5~"[number:], finished=False) == (["page up"], "")
