"""Writing and updating expected trees: `--update-trees`, `as_tree_text`, `Expectation.updated`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.client import BootRequest
from emulator.faults import FAULTS
from emulator.reference import tree_text
from spantree import Pending, Span, SpanTree, tree, updated_tree_files
from tests.conftest import start_cloud, trace_of
from tests.support.spans import a_span

FAMILY = [a_span(1, name="root"), a_span(2, 1, "first"), a_span(3, 2, "below first"), a_span(4, 1, "second")]
ROOT = a_span(1, name="root")
UUID, OTHER_UUID = "6b0e1c9e-6f0f-4f3e-9a39-1d2f6f0c8a11", "6b0e1c9e-6f0f-4f3e-9a39-1d2f6f0c8a12"


@contextmanager
def updating() -> Iterator[list[Path]]:
    """Update trees as `pytest --update-trees` does; yields the files that were written."""
    files: list[Path] = []
    token = updated_tree_files.set(files)
    try:
        yield files
    finally:
        updated_tree_files.reset(token)


def polled(*looks: int) -> SpanTree:
    """Return a trace with a poll for each number, below which the bank looks that many times."""
    spans, number = [ROOT], 2
    for count in looks:
        below = [a_span(number + 1 + n, number, "look", "bank") for n in range(count)]
        spans += [a_span(number, 1, "poll"), *below]
        number += 1 + count
    return SpanTree(spans)


KEPT = """\
# How the shop works.
shop: root
  # this one comes first
  shop: first   # and it is quick
    shop: gone {a}
  ...
    shop: below first
  in any order:
    shop: never *
    # and this
    shop: second (client) {http.url="http://{host}:{port}/", b}

# the end
"""

UPDATED = """\
# How the shop works.
shop: root
  # this one comes first
  shop: first   # and it is quick
    shop: below first
  in any order:
    shop: never *
    # and this
    shop: second (client) !500 {http.url="http://{host}:{port}/"}
  ...
    shop: below first

# the end
"""


def test_an_update_changes_what_differs_and_keeps_everything_else() -> None:
    second = a_span(4, 1, "second", kind="client", failed=True)
    spans = [*FAMILY[:3], replace(second, attributes={"error.type": "500", "http.url": "http://10.0.0.1:80/"})]
    updated = tree(KEPT).updated(SpanTree(spans).roots)
    assert updated == UPDATED
    assert SpanTree(spans) == tree(updated)


def test_a_missing_tree_file_is_written_and_its_trace_fits(tmp_path: Path) -> None:
    file, trace = tmp_path / "deep" / "shop.tree", SpanTree([*FAMILY, a_span(5, 4, f"GET /x/{UUID}")])
    with updating() as files:
        assert trace == tree(file)
        assert files == [file]
    assert file.read_text().splitlines()[-1] == "    shop: GET /x/{id}"
    assert trace == tree(file)
    assert [entry.name for entry in file.parent.iterdir()] == ["shop.tree"]


@pytest.mark.parametrize(
    ("trace", "below"),
    [
        (polled(0), "poll"),
        (polled(0, 0, 0), "poll +"),
        (polled(1, 1), "poll +|  look"),
        (polled(1, 3), "poll +|  look +"),
        (polled(0, 0, 1), "poll +|poll|  look"),
        (polled(0, 1, 0), "poll|poll|  look|poll"),
        (SpanTree([ROOT, a_span(2, 1, f"GET /x/{UUID}"), a_span(3, 1, f"GET /x/{OTHER_UUID}")]), "shop: GET /x/{id} +"),
        (SpanTree([ROOT, a_span(2, 1, f"GET /x/order-{UUID}")]), "shop: GET /x/{id}"),
        (SpanTree([ROOT, a_span(2, 1, "poll"), a_span(3, 1, "poll", kind="client")]), "poll|poll (client)"),
        (SpanTree([ROOT, a_span(2, 1, "poll"), a_span(3, 1, "poll", failed=True)]), "poll|poll !"),
    ],
    ids=[
        "one",
        "three",
        "children",
        "other counts below",
        "others below",
        "not in a row",
        "ids",
        "prefix",
        "kinds",
        "errors",
    ],
)
def test_a_new_tree_has_one_line_for_siblings_in_a_row_that_are_alike(trace: SpanTree, below: str) -> None:
    assert trace.as_tree_text() == tree_of_polls(below)
    assert trace == tree(tree_of_polls(below))


async def test_a_new_tree_of_a_fault_fits_runs_with_another_number_of_polls(tmp_path: Path) -> None:
    fault, file = FAULTS["glance.image_missing"], tmp_path / "image_missing.tree"
    async with start_cloud() as running_cloud:
        boots = [await running_cloud.boot(BootRequest(name, fault=fault)) for name in ("one", "another")]
    one, another = (trace_of(running_cloud, booted.trace_id) for booted in boots)
    with updating() as files:
        assert one == tree(file)
    assert files == [file]
    assert another == tree(file)
    polls = [span for span in one.all("nova-api", kind="server") if span.name.startswith("GET")]
    assert len(polls) > 1
    for count in (1, 2 * len(polls)):
        assert with_polls(one, polls, count) == tree(file)


def with_polls(trace: SpanTree, polls: list[Span], count: int) -> SpanTree:
    """Return a trace with this number of polls: some are left out, or the last one is repeated with other ids."""
    calls = [poll.parent for poll in polls if poll.parent is not None]
    left_out = {span.span_id for span in (*calls[count:], *polls[count:])}
    more = []
    for number in range(len(polls), count):
        call_id = f"{number:016x}"
        more.append(replace(calls[-1], span_id=call_id, start=calls[-1].start + number))
        more.append(replace(polls[-1], span_id=f"{number:015x}f", parent_id=call_id))
    return SpanTree([span for span in trace.spans if span.span_id not in left_out] + more)


@pytest.mark.parametrize(
    ("expected", "looks", "updated"),
    [
        ("poll # slow", [0, 0, 0], "poll + # slow"),
        ("poll ?", [0, 0], "poll *"),
        ("poll +", [0], "poll +"),
        ("poll *", [0, 0], "poll *"),
        ("poll *", [], "poll *"),
        ("poll +", [1, 1], "poll +|  look"),
        ("poll !", [0, 0], "poll +"),
        ("poll|poll", [0, 0, 0], "poll|poll +"),
        ("poll|poll|poll", [0, 0], "poll|poll"),
        ("poll +", [0, 1, 1], "poll +|poll +|  look"),
    ],
)
def test_an_update_repeats_a_line_instead_of_adding_the_same(expected: str, looks: list[int], updated: str) -> None:
    text = tree(tree_of_polls(expected)).updated(polled(*looks).roots)
    assert text == tree_of_polls(updated)
    assert polled(*looks) == tree(text)


def tree_of_polls(below: str) -> str:
    """Return the text of a tree with these lines below its root."""
    text = f"shop: root|{below}|".replace("|", "\n  ").replace("poll", "shop: poll").replace("look", "bank: look")
    return f"{text.rstrip()}\n"


def test_an_update_keeps_a_repetition_and_its_comment_when_a_span_is_added() -> None:
    kept = "shop: root\n  shop: GET + # slow\n  shop: pay {amount=17}\n"
    spans = [ROOT, a_span(2, 1, "POST"), a_span(3, 1, "GET"), a_span(4, 1, "GET")]
    trace = SpanTree([*spans, a_span(5, 1, "pay", attributes={"amount": 17})])
    assert tree(kept).updated(trace.roots) == kept.replace("  shop: GET", "  shop: POST\n  shop: GET")


def test_an_update_writes_for_equality_only_and_each_file_for_one_trace(tmp_path: Path) -> None:
    file = tmp_path / "shop.tree"
    file.write_text("shop: forbidden\n")
    with updating():
        assert SpanTree(FAMILY) != tree(file)
        assert file.read_text() == "shop: forbidden\n"
        assert SpanTree(FAMILY) == tree(file)
        assert not SpanTree(FAMILY[:1]) == tree(file)  # noqa: SIM201 - `!=` would not update
    assert file.read_text() == str(SpanTree(FAMILY)) + "\n"


async def test_an_update_of_a_tree_that_fits_changes_nothing(boot: Callable[[], Pending[SpanTree]]) -> None:
    assert tree(tree_text("boot")).updated((await boot()).roots) == tree_text("boot")


def test_a_tree_read_before_its_file_was_updated_follows_the_file(tmp_path: Path) -> None:
    file = tmp_path / "shop.tree"
    file.write_text("shop: old\n")
    early, another = tree(file), tree(file)
    with updating():
        assert [SpanTree(FAMILY) == expected for expected in (early, early, another)] == [True] * 3


@pytest.mark.parametrize(
    ("expected", "looks", "updated"),
    [
        ("poll ×3", [0, 0, 0], "poll ×3"),
        ("poll ×3 # thrice", [0, 0, 0, 0, 0], "poll ×5 # thrice"),
        ("poll ×3", [0, 0], "poll ×2"),
        ("poll ×3", [0], "poll"),
        ("poll ×2..3", [0, 0, 0, 0, 0], "poll ×2..5"),
        ("poll ×2..3", [0], "poll ×1..3"),
        ("poll ×2..", [0], "poll +"),
        ("poll ×0..2", [], "poll ×0..2"),
        ("poll x2", [0, 0], "poll x2"),
        ("poll ×2 # each|  look", [1, 1, 1], "poll ×3 # each|  look"),
    ],
)
def test_an_update_keeps_a_count_that_holds_and_moves_one_that_does_not(
    expected: str, looks: list[int], updated: str
) -> None:
    text = tree(tree_of_polls(expected)).updated(polled(*looks).roots)
    assert text == tree_of_polls(updated)
    assert polled(*looks) == tree(text)


@pytest.mark.parametrize(
    ("conditions", "attributes", "updated"),
    [
        ("{k<400, l=/a+/, not m}", {"k": 500, "l": "aa"}, "{k=500, l=/a+/, not m}"),
        ("{k<400, l=/a+/, not m}", {"k": 200, "l": "b", "m": "/re/"}, '{k<400, l=b, m="/re/"}'),
        ("{k>1, k<4, not l=v}", {"k": 4, "l": "v"}, "{k>1, k=4, l=v}"),
        ("{k>1, k<4, l}", {"k": 0}, "{k=0, k<4}"),
    ],
)
def test_an_update_keeps_the_conditions_that_hold(conditions: str, attributes: dict[str, object], updated: str) -> None:
    trace = SpanTree([ROOT, a_span(2, 1, "poll", attributes=attributes)])
    text = tree(f"shop: root\n  shop: poll {conditions} # why\n").updated(trace.roots)
    assert text == f"shop: root\n  shop: poll {updated} # why\n"
    assert trace == tree(text)


def test_an_update_keeps_a_budget_that_the_trace_breaks_and_still_fails(tmp_path: Path) -> None:
    file = tmp_path / "shop.tree"
    text = "shop: root <1s\n  shop: poll (client) <10ns ×2 # quick\n"
    file.write_text(text)
    polls = [a_span(2, 1, "poll", kind="client"), a_span(3, 1, "poll", kind="client")]
    with updating() as files:
        assert not SpanTree([ROOT, *polls]) == tree(file)  # noqa: SIM201 - `!=` would not update
        assert files == [], "nothing that an update changes differs"
        assert file.read_text() == text
        difference = SpanTree([ROOT, *polls, a_span(4, 1, "poll", kind="client")]).difference(tree(file))
    assert file.read_text() == text.replace("×2", "×3")
    assert "3 different" in str(difference)
    assert "it took 98 ns, not <10ns" in str(difference)


NEVER = """\
shop: root
  shop: gone
    ...
    never:
      # not even once
      shop: first !  # for ever
  shop: first
    ...
    never:
      bank: *
  # whatever comes
  never:
    shop: refund
    shop: second >1s
never:
  *: * !500
"""

NEVER_UPDATED = """\
shop: root
  shop: first
    ...
    never:
      bank: *
  shop: second
  # whatever comes
  never:
    shop: refund
    shop: second >1s
    # not even once
    shop: first !  # for ever
never:
  *: * !500
"""


def test_an_update_never_removes_what_must_never_occur(tmp_path: Path) -> None:
    assert tree(NEVER).updated(SpanTree(FAMILY).roots) == NEVER_UPDATED
    assert SpanTree(FAMILY) == tree(NEVER_UPDATED)
    file = tmp_path / "shop.tree"
    file.write_text(NEVER_UPDATED)
    refunded = SpanTree([*FAMILY, a_span(5, 1, "refund")])
    with updating():
        difference = refunded.difference(tree(file))
    assert "must never occur" in str(difference)
    assert "  never:\n    shop: refund\n" in file.read_text()


def test_a_tree_that_must_be_written_anew_keeps_what_it_promises() -> None:
    """If the first of several spans of a line differs, no change of that line fits all of them."""
    expected = tree("shop: root\n  shop: poll <99ms +\n  # no\n  never:\n    shop: refund ! # not once\n")
    trace = SpanTree([ROOT, a_span(2, 1, "poll", failed=True), a_span(3, 1, "poll")])
    text = expected.updated(trace.roots)
    assert text == "shop: root\n  shop: poll ! <99ms\n  shop: poll <99ms\nnever:\n  shop: refund ! # not once\n"
    assert trace == tree(text)


def test_an_optional_part_keeps_all_its_lines_when_no_span_stands_for_it() -> None:
    kept = (
        "shop: root\n  shop: poll ×0..3\n    shop: look <5ms ×2\n      ...\n      never:\n        bank: *\n    never:\n"
    )
    kept += "      # no\n      bank: look\n  shop: last\n"
    trace = SpanTree([ROOT, a_span(2, 1, "last"), a_span(3, 1, "more")])
    assert tree(kept).updated(trace.roots) == f"{kept}  shop: more\n"
