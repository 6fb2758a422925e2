"""Mistakes in expected trees: the message names line and column, shows the place, and says how to write it."""

from pathlib import Path

import pytest

from spantree import tree
from tests.support.processes import run_spantree


def test_a_mistake_is_shown_with_a_caret_below_its_place() -> None:
    with pytest.raises(ValueError, match="line 3") as mistake:
        tree("shop: order\n  # how\n  shop: SELECT <50ms (client)")
    assert str(mistake.value).splitlines() == [
        "line 3, column 22: (client) belongs before <50ms; write `shop: SELECT (client) <50ms`",
        "    shop: SELECT <50ms (client)",
        "                       ^",
    ]


MISTAKES = [
    ("!shop: pay", "!shop", "to say that a span must not occur, write its line below a line `never:`"),
    ("not shop: pay", "not", "write its line below a line `never:`"),
    ("never: shop: pay", "shop", "`never:` is alone in its line; write the spans below it, indented"),
    ("in any order: shop: pay", "shop", "`in any order:` is alone in its line"),
    ("shop:pay", "pay", "a space is expected after the colon"),
    ("shop : pay", " :", "there is a space before the colon"),
    ('shop: "pay', '"pay', "this quote has no end"),
    ('shop: "pay"x', "x", "a space is expected after the name in quotes"),
    (r'shop: "a\d"', '"a', r"write \\ for a backslash"),
    ("shop: (client)", "(", "the name is missing before this part"),
    ("shop: <50ms", "<", "the name is missing before this part"),
    ("shop: pay\t(client)", "\t", "there is a tab before this part; write a space"),
    ("shop: pay\tit", "\t", "there is a tab in the name"),
    ("shop: pay (clinet)", "(", "(clinet) is not a kind; did you mean (client)?"),
    ("shop: pay (CLIENT)", "(", "(CLIENT) is not a kind; did you mean (client)?"),
    ("shop: pay (x)", "(", "(x) is not a kind: the kinds are any, unspecified, internal, server"),
    ("shop: pay (client|server)", "(", "(client|server) names several kinds; a line has one, and (any) accepts"),
    ("shop: pay (client) (server)", "(server", "(server) is a second kind after (client)"),
    ("shop: pay (client", "(", "this ( has no end; write (client)"),
    ("shop: pay != x", "!=", "a failure is written as ! or !error.type"),
    ("shop: pay {2}", "{", "to expect several of this span, write ×2"),
    ("shop: pay {2,5}", "{", "write ×2..5"),
    ("shop: pay {k=v", "{", "this { has no end; write }"),
    ("shop: pay {k==v}", "==", "write {k=v}"),
    ("shop: pay {k!=v}", "!=", "write {not k=v}"),
    ("shop: pay {!k}", "!k", "write {not k}"),
    ("shop: pay {k=~re}", "=~", "write {k=/re/}"),
    ("shop: pay {k=~/re/}", "=~", "write {k=/re/}"),
    ("shop: pay {k!~re}", "!~", "write {not k=/re/}"),
    ("shop: pay {k=>5}", "=>", "write {k>=5}"),
    ("shop: pay {k: v}", ": v", "write {k=v}"),
    ("shop: pay {k=not v}", "not", "write {not k=v}"),
    ("shop: pay {not k>5}", "not", "write {k<=5} instead"),
    ("shop: pay {k>five}", "five", "> compares with a number"),
    ("shop: pay {k=/a(b/}", "(", "the regular expression is not valid: missing )"),
    ("shop: pay {k=/a,b/}", "b/", r"write \, for the comma before it"),
    ("shop: pay {k={id}}", "{id", "a value with { stands in quotes"),
    ("shop: pay {k=1 l=2}", " l=", "a comma is expected here"),
    ('shop: pay {k="v}', '"v', "this quote has no end"),
    (r'shop: pay {"a\d"}', '"a', r"write \\ for a backslash"),
    (r'shop: pay {k="a\d"}', '"a', r"write \\ for a backslash"),
    (r'shop: pay !"a\d"', '"a', r"write \\ for a backslash"),
    ("shop: pay <50", "<50", "<50 has no unit; write <50ms"),
    ("shop: pay <5m", "<5m", "the units are ns, us, ms, s and %; write <300s"),
    ("shop: pay ≤50ms", "≤", "write <=50ms"),
    ("shop: pay (client) 50ms", "50ms", "a duration has a comparison before it; write <50ms"),
    ("shop: pay ×0", "×", "×0 would stand for no span; what must not occur is a line below `never:`"),
    (
        "in any order:",
        "in",
        "there is no line below this `in any order:`; indent the lines of what may come in any order",
    ),
    ("shop: pay ×5..2", "×", "×5..2 counts down; write ×2..5"),
    ("shop: pay ×1000000", "×", "×1000000 is too many; a line can ask for at most 10,000 spans"),
    (f"shop: pay ×{'9' * 5_000}..", "×", "is too many; a line can ask for at most 10,000 spans"),
    ("shop: pay ×2-5", "×", "×2-5 is not a count; write ×2..5"),
    ("shop: pay ×", "×", "× is not a count; write ×3, ×2..5 or ×2.."),
    ("shop: pay + ×2", "×", "×2 is a second count after +"),
    ("shop: pay x2 (client)", "(", "(client) belongs before x2; write `shop: pay (client) ×2`"),
    ("shop: pay {k} !500 (client)", "!500", "!500 belongs before {k}; write `shop: pay (client) !500 {k}`"),
    ("shop: pay ×2 <5ms", "<5ms", "<5ms belongs before ×2; write `shop: pay <5ms ×2`"),
    ("shop: pay (client) now", "now", "now is no part of a line"),
]


@pytest.mark.parametrize(("text", "place", "advice"), MISTAKES, ids=[text for text, _, _ in MISTAKES])
def test_a_mistake_names_the_column_and_what_was_meant(text: str, place: str, advice: str) -> None:
    with pytest.raises(ValueError, match="line 2") as mistake:
        tree(f"shop: order\n  {text}")
    message, line, caret = str(mistake.value).splitlines()
    assert message.startswith(f"line 2, column {2 + text.index(place) + 1}: ")
    assert advice in message
    assert line.strip() == text
    assert line[len(caret) - 1 :].startswith(place)


@pytest.mark.parametrize(
    ("below", "advice"),
    [
        ("never:\n    shop: pay +", "line 3, column 15: a line below `never:` stands for every such span; remove +"),
        ("never:\n    shop: pay\n      shop: sign", "line 4, column 7: a line below `never:` has none below it"),
        ("never:\n  shop: pay", "line 2, column 3: there is no line below this `never:`; indent"),
        ("never:", "line 2, column 3: there is no line below this `never:`"),
        ("never:\n    ...", "line 3, column 5: `...` must not be below `never:`"),
        ("in any order:\n    never:\n      shop: pay", "line 3, column 5: `never:` must not be below `in any order:`"),
        ("...\n    never:\n      shop: pay", "line 3, column 5: `never:` must not be below `...`"),
        ("never:\n    shop: a\n  never:\n    shop: b", "line 4, column 3: there is a `never:` at this level already"),
        ("...\n    shop: pay ×2", "line 3, column 15: a line right below `...` stands for one span; remove ×2"),
        ("... shop: pay", "line 2, column 3: `...` must be alone in its line"),
    ],
)
def test_a_mistake_in_how_lines_stand_below_each_other_is_named(below: str, advice: str) -> None:
    with pytest.raises(ValueError, match="line") as mistake:
        tree(f"shop: order\n  {below}")
    assert str(mistake.value).startswith(advice)


def test_a_tree_of_forbidden_spans_alone_says_how_to_allow_all_others() -> None:
    with pytest.raises(ValueError, match=r"or `\.\.\.` to allow any spans but those below `never:`"):
        tree("never:\n  shop: pay")


async def test_the_command_line_shows_the_place_of_a_mistake(tmp_path: Path) -> None:
    file, traces = tmp_path / "shop.tree", tmp_path / "traces.json"
    file.write_text("shop: pay (clinet)\n")
    traces.write_text("[]")
    checked = await run_spantree("check", str(traces), "--expect", str(file))
    assert checked.status == 2
    assert "shop.tree: line 1, column 11: (clinet) is not a kind; did you mean (client)?" in checked.err
    assert "\n            ^" in checked.err
