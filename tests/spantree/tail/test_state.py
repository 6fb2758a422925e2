"""What the live view keeps and chooses when spans arrive and keys are pressed."""

import pytest

from spantree.tail import KeptTraces, State
from spantree.tail.kept_traces import receive
from spantree.tail.received_trace import MOST_SPANS
from tests.spantree.tail.events import HEIGHT, a_root, after, chosen, listed, screen
from tests.support.spans import a_span

TEN = [a_root(number, f"order {number}") for number in range(1, 11)]
LONG = [a_span(1, name="root"), *(a_span(number, number - 1, f"step {number}") for number in range(2, 101))]
FILTER = ["/", *"stock=17"]


def test_the_newest_trace_comes_first_and_is_followed() -> None:
    state = after(TEN[:2], TEN[2:3])
    assert listed(state) == ["order 3", "order 2", "order 1"]
    assert "order 3" in chosen(state)


def test_a_chosen_trace_stays_chosen_when_others_arrive() -> None:
    state = after(TEN[:3], "down", TEN[3:])
    assert "order 2" in chosen(state)
    assert "order 10" in chosen(after("home", state=state))
    assert "order 1 " in chosen(after("end", state=state))


def test_only_the_newest_traces_are_kept_and_the_others_counted() -> None:
    state = after(TEN, limit=4)
    assert listed(state) == ["order 10", "order 9", "order 8", "order 7"]
    assert "6 older dropped" in screen(state)[0]


def test_many_spans_make_room_as_well_as_many_traces() -> None:
    kept = KeptTraces(2)
    for number in range(1, 3):
        spans = [a_span(each, trace_id=f"{number:032x}") for each in range(1, MOST_SPANS)]
        kept = receive(kept, spans, 0)
    assert (list(kept.by_id), kept.dropped) == ([f"{2:032x}"], 1)


def test_a_trace_keeps_so_many_spans_and_counts_the_rest() -> None:
    spans = [a_span(number, min(number - 1, 1)) for number in range(1, MOST_SPANS + 3)]
    state = after(spans[:-1], "enter", spans[-1:])
    assert len(next(iter(state.kept.by_id.values())).spans) == MOST_SPANS
    assert "2 spans not kept" in screen(state)[0]


def test_a_span_that_is_sent_twice_counts_once() -> None:
    state = after([TEN[0], TEN[0]], [TEN[0]])
    assert [len(trace.spans) for trace in state.listed] == [1]


def test_an_open_trace_gets_the_spans_that_arrive_later() -> None:
    state = after([a_span(1, name="root"), a_span(5, 1, "pay")], "enter", "down", [a_span(3, 1, "reserve")])
    assert "pay" in chosen(state)
    assert [line.split()[1] for line in screen(state)[3:5]] == ["reserve", "shop"]


def test_a_trace_that_failed_later_becomes_an_error() -> None:
    state = after([a_root(1)], "e")
    assert listed(state) == []
    assert listed(after([a_span(2, 1, failed=True, trace_id=f"{1:032x}")], state=state)) == ["order"]


def test_an_open_trace_stays_open_when_it_is_dropped() -> None:
    state = after(TEN[:1], "enter", TEN[1:], limit=3)
    assert "· dropped ·" in screen(state)[0]
    assert "order 1" in chosen(state)


@pytest.mark.parametrize(
    "span",
    [
        a_root(99, "stock=17"),
        a_root(99, service="STOCK=17"),
        a_root(99, attributes={"stock": 17}),
        a_root(99, resource={"service.name": "shop", "stock": "17"}),
    ],
    ids=["name", "service", "attribute", "resource"],
)
def test_the_filter_finds(span: object) -> None:
    state = after([*TEN, span], *FILTER)  # type: ignore[list-item] # a span
    assert len(state.listed) == 1
    assert "1 shown" in screen(state)[0]
    assert "filter: stock=17" in screen(state)[-1]


def test_the_filter_also_applies_to_what_arrives_later() -> None:
    state = after(TEN, *FILTER, "enter", [a_root(98, "stock=170"), a_root(99, "stock=18")])
    assert listed(state) == ["stock=170"]
    later = a_span(2, 1, attributes={"stock": 17}, trace_id=f"{99:032x}")
    assert listed(after([later], state=state)) == ["stock=18", "stock=170"]


def test_escape_ends_the_filter_and_shows_everything() -> None:
    state = after(TEN, *FILTER)
    assert listed(state) == []
    assert "No trace passes the filter" in screen(state)[2]
    for ended in (after("escape", state=state), after("enter", "escape", state=state), after("erase", state=state)):
        assert len(ended.listed) == 10
    assert after("enter", "enter", state=state).opened is None


def test_keys_are_letters_while_a_filter_is_typed() -> None:
    state = after(TEN, "/", "q", "e", "backspace")
    assert (state.filter, state.ended, state.errors_only) == ("q", False, False)
    assert not after("backspace", "backspace", state=state).typing


def test_a_long_waterfall_scrolls_to_its_end_and_back() -> None:
    state = after(LONG, "enter", "end")
    assert "step 100" in chosen(state)
    assert "root" in chosen(after("home", state=state))
    assert "step 22" in chosen(after("home", "page down", state=state))
    assert "step 79" in chosen(after("page up", state=state))


def test_n_goes_from_error_to_error_and_around() -> None:
    spans = [a_span(number, min(number - 1, 1), f"step {number}", failed=number in {20, 70}) for number in range(1, 90)]
    state = after(spans, "enter", "x", "n")
    assert "step 20" in chosen(state)
    assert "step 70" in chosen(after("n", state=state))
    assert "step 20" in chosen(after("n", "n", state=state))
    assert "step 70" in chosen(after("N", state=state))


def test_repeated_spans_share_a_row_until_x_shows_each() -> None:
    polls = [a_span(number, 1, "poll") for number in range(2, 9)]
    state = after([a_span(1), *polls], "enter")
    assert "poll ×7" in screen(state)[3]
    assert "7 spans that look alike" in "\n".join(screen(after("down", "enter", state=state)))
    assert sum("poll" in line for line in screen(after("x", state=state))) == 7


def test_q_ends_the_view_wherever_it_is() -> None:
    assert all(after(LONG, *keys, "q").ended for keys in ([], ["enter"], ["enter", "enter"]))


def test_keys_do_nothing_in_an_empty_list() -> None:
    keys = ["enter", "down", "up", "end", "page down", "n", "x", "escape", "e", "e", "left", "?", "é"]
    assert after(*keys) == after()


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (20, 3), (1, 1), (300, 100)], ids=str)
def test_the_chosen_row_is_on_the_screen_at_any_size(size: tuple[int, int]) -> None:
    for keys in ([], ["enter"], ["enter", "enter"]):
        state: State = after(LONG, *keys, "end", size)
        assert len(screen(state)) == size[1]
        assert max(map(len, screen(state))) <= size[0]
        if size[1] > HEIGHT // 3 and len(keys) < 2:
            assert ("step 100" if keys else "root") in chosen(state)
