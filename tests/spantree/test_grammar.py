"""The grammar of a line: budgets, counts and conditions, what they accept, and how a line is written."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spantree import Span, SpanTree, tree
from spantree.notation import KINDS, Budget, Condition, Count, Line, Mistake, read_line
from tests.support.spans import TEXTS, a_span

MS, SECOND = 10**6, 10**9

ORDER = """\
shop: POST /orders (server) {http.response.status_code<400} <500ms
  shop: SELECT (client) {db.system.name=postgresql, not db.query.text=/(?i)select \\*/} ×1..3
  in any order:
    shop: POST /charges (client) {http.request.resend_count<=2} <60%
      bank: POST /charges (server) {card.issuer=/^(visa|master)$/, not card.number} >1ms <=250ms
    shop: GET /stock (client) x2
      stock: GET /stock (server)
  shop: publish orders (producer) ?  # only if someone listens
  never:
    bank: POST /refunds
    shop: * !
    *: SELECT >1s
"""
"""The worked example of the README."""


def an_order(**changed: Span) -> SpanTree:
    """Return a trace that fits ORDER; `changed` replaces spans by their names here."""
    spans = {
        "order": _timed(a_span(1, 0, "POST /orders", kind="server"), 0, 400, {"http.response.status_code": 201}),
        "select": _timed(
            a_span(2, 1, "SELECT", kind="client"),
            1,
            9,
            {"db.system.name": "postgresql", "db.query.text": "SELECT name FROM stock"},
        ),
        "charge": _timed(a_span(3, 1, "POST /charges", kind="client"), 10, 220, {"http.request.resend_count": 1}),
        "bank": _timed(a_span(4, 3, "POST /charges", "bank", kind="server"), 12, 200, {"card.issuer": "visa"}),
        "stock_1": _timed(a_span(5, 1, "GET /stock", kind="client"), 11, 20, {}),
        "stock_2": _timed(a_span(6, 1, "GET /stock", kind="client"), 12, 21, {}),
        "served_1": _timed(a_span(7, 5, "GET /stock", "stock", kind="server"), 13, 19, {}),
        "served_2": _timed(a_span(8, 6, "GET /stock", "stock", kind="server"), 14, 20, {}),
    }
    return SpanTree({**spans, **changed}.values())


def _timed(span: Span, start: int, end: int, attributes: dict[str, object]) -> Span:
    return a_span(
        int(span.span_id, 16),
        int(span.parent_id or "0", 16),
        span.name,
        span.service,
        kind=span.kind,
        start=start * MS,
        end=end * MS,
        attributes=attributes,
    )


def test_the_worked_example_fits_its_trace() -> None:
    assert an_order().matches(tree(ORDER))


@pytest.mark.parametrize(
    ("name", "span", "reason"),
    [
        (
            "order",
            _timed(a_span(1, 0, "POST /orders", kind="server"), 0, 612, {"http.response.status_code": 500}),
            "http.response.status_code is 500, not <400; it took 612 ms, not <500ms",
        ),
        (
            "select",
            _timed(
                a_span(2, 1, "SELECT", kind="client"), 1, 9, {"db.system.name": "mysql", "db.query.text": "select * x"}
            ),
            r"db.system.name is mysql, not postgresql; db.query.text is select * x, which /(?i)select \*/ matches",
        ),
        (
            "charge",
            _timed(a_span(3, 1, "POST /charges", kind="client"), 10, 300, {"http.request.resend_count": 3}),
            "http.request.resend_count is 3, not <=2; it is 72.5 % of shop: POST /orders's time, not <60%",
        ),
        (
            "bank",
            _timed(
                a_span(4, 3, "POST /charges", "bank", kind="server"),
                12,
                12,
                {"card.issuer": "diners", "card.number": 7},
            ),
            "card.issuer is diners, which /^(visa|master)$/ does not match; card.number is 7, which must not be",
        ),
        ("bounced", _timed(a_span(9, 3, "POST /refunds", "bank", kind="client"), 5, 6, {}), "must never occur"),
    ],
)
def test_the_worked_example_says_what_is_wrong_with_both_values(name: str, span: Span, reason: str) -> None:
    assert reason in str(tree(ORDER).difference(an_order(**{name: span}).roots))


@pytest.mark.parametrize(
    ("condition", "attributes", "fits"),
    [
        ("{k=/^a+$/}", {"k": "aaa"}, True),
        ("{k=/^a+$/}", {"k": "aab"}, False),
        ("{k=/b/}", {"k": "abc"}, True),
        ("{k=/b/}", {}, False),
        (r"{k=/^/users/\d{2,3}$/}", {"k": "/users/17"}, True),
        (r"{k=/^/users/\d{2,3}$/}", {"k": "/users/1"}, False),
        (r"{k=/[,}]/}", {"k": "a,b"}, True),
        (r"{k=/a\,b/, l=1}", {"k": "a,b", "l": 1}, True),
        ('{k="/b/"}', {"k": "abc"}, False),
        ('{k="/b/"}', {"k": "/b/"}, True),
        ("{k=/a/b, l=/c}", {"k": "/a/b", "l": "/c"}, True),
        ("{k=/checkout, l=/}", {"k": "/checkout", "l": "/"}, True),
        ("{k=/1/}", {"k": 17}, True),
        ("{k>5}", {"k": 6}, True),
        ("{k>5}", {"k": 5}, False),
        ("{k>5}", {"k": "6"}, True),
        ("{k>5}", {"k": "many"}, False),
        ("{k>5}", {"k": True}, False),
        ("{k>5}", {}, False),
        ("{k>=5, k<6.5}", {"k": 6.4}, True),
        ("{k>=5, k<6.5}", {"k": 6.5}, False),
        ("{k<=-0.5}", {"k": -1e3}, True),
        ("{k > 5, l = a b}", {"k": 6, "l": "a b"}, True),
        ("{not k}", {}, True),
        ("{not k}", {"k": ""}, False),
        ("{not k=v}", {"k": "w"}, True),
        ("{not k=v}", {"k": "v"}, False),
        ("{not k=v}", {}, True),
        ("{not k=/v/}", {"k": "over"}, False),
        ('{not k="{id}"}', {"k": "17"}, False),
        ('{"not"=v, not "a b"}', {"not": "v"}, True),
        ("{k=a=b&c=d}", {"k": "a=b&c=d"}, True),
    ],
)
def test_conditions_on_attributes(condition: str, attributes: dict[str, object], *, fits: bool) -> None:
    assert (SpanTree([a_span(1, attributes=attributes)]) == tree(f"shop: work {condition}")) is fits


@pytest.mark.parametrize(
    ("condition", "value", "reason"),
    [
        ("k<400", 500, "k is 500, not <400"),
        ("k>5", "many", "k is many, no number and not >5"),
        ("k=/a b/", "ab", "k is ab, which /a b/ does not match"),
        ("not k=/a/", "ab", "k is ab, which /a/ matches"),
        ("not k", "ab", "k is ab, which must not be"),
        ("not k=ab", "ab", "k is ab, which must not be"),
        ("k=v", "ab", "k is ab, not v"),
        ("l", "ab", "it has no l"),
    ],
)
def test_a_condition_that_does_not_hold_tells_both_values(condition: str, value: object, reason: str) -> None:
    difference = tree(f"shop: work {{{condition}}}").difference([a_span(1, attributes={"k": value})])
    assert f"{reason}\n" in f"{difference}\n"


@pytest.mark.parametrize(
    ("budget", "nanoseconds", "reason"),
    [
        ("<50ms", 50 * MS - 1, ""),
        ("<50ms", 50 * MS, "it took 50 ms, not <50ms"),
        ("<=50ms", 50 * MS, ""),
        ("<=50ms", 50 * MS + 400, "it took 50.0004 ms, not <=50ms"),
        ("<50ms", 61_234_567, "it took 61.2 ms, not <50ms"),
        (">1s", 999 * MS, "it took 999 ms, not >1s"),
        (">=1s", SECOND, ""),
        ("<1.5us", 1_499, ""),
        ("<1.5µs", 1_500, "it took 1.5 us, not <1.5us"),
        (">1ms <50ms", 61 * MS, "it took 61 ms, not <50ms"),
        (">1ms <50ms", 2 * MS, ""),
        ("<1s", 12_345 * SECOND, "it took 12300 s, not <1s"),
        ("<10ns", 12, "it took 12 ns, not <10ns"),
    ],
)
def test_budgets_of_durations(budget: str, nanoseconds: int, reason: str) -> None:
    difference = tree(f"shop: work {budget}").difference([a_span(1, start=7, end=7 + nanoseconds)])
    assert (difference is None) == (not reason)
    assert reason in str(difference)


@pytest.mark.parametrize(("end", "reason"), [(39, ""), (43, "it is 43 % of shop: render's time, not <40%")])
def test_a_budget_in_percent_is_a_share_of_the_top_ancestors_time(end: int, reason: str) -> None:
    spans = [
        a_span(1, name="render", start=0, end=100),
        a_span(2, 1, start=0, end=50),
        a_span(3, 2, "query", start=0, end=end),
    ]
    difference = tree("shop: render\n  shop: work\n    shop: query <40%").difference(SpanTree(spans).roots)
    assert (difference is None) == (not reason)
    assert reason in str(difference)


@pytest.mark.parametrize(
    ("count", "fitting"),
    [
        ("", {1}),
        ("×1", {1}),
        ("×3", {3}),
        ("x3", {3}),
        ("×2..4", {2, 3, 4}),
        ("×2..", {2, 3, 4, 5, 6}),
        ("×0..2", {0, 1, 2}),
        ("+", {1, 2, 3, 4, 5, 6}),
        ("*", {0, 1, 2, 3, 4, 5, 6}),
        ("?", {0, 1}),
    ],
)
@pytest.mark.parametrize("around", ["", "before|", "in any order:"])
def test_counts_of_a_line_alone_after_another_and_in_any_order(count: str, fitting: set[int], around: str) -> None:
    line = f"shop: poll {count}".rstrip()
    below = {
        "": f"  {line}",
        "before|": f"  shop: before\n  {line}\n  shop: after",
        "in any order:": f"  in any order:\n    {line}\n    shop: before\n    shop: after",
    }[around]
    expected = tree(f"shop: root\n{below}")
    for number in range(7):
        polls = [a_span(10 + n, 1, "poll") for n in range(number)]
        others = [a_span(5, 1, "before"), a_span(90, 1, "after")] if around else []
        assert (SpanTree([a_span(1, name="root"), *others, *polls]) == expected) is (number in fitting), number
    assert expected.size == 1 + (2 if around else 0) + min(fitting)


def test_what_is_below_a_counted_line_holds_for_each_of_its_spans() -> None:
    expected = tree("shop: root\n  shop: poll ×2\n    shop: look ×2")
    spans = [a_span(1, name="root"), a_span(2, 1, "poll"), a_span(3, 1, "poll")]
    looks = [a_span(10 + n, 2 + n % 2, "look") for n in range(4)]
    assert expected.size == 7
    assert SpanTree([*spans, *looks]) == expected
    assert SpanTree([*spans, *looks[:3]]) != expected


def test_a_name_with_an_unknown_placeholder_hints_at_those_that_exist() -> None:
    assert SpanTree([a_span(1, name="GET /users/{user_id}")]) == tree("shop: GET /users/{user_id}")
    difference = str(tree("shop: GET /users/{x}").difference([a_span(1, name="GET /users/17")]))
    assert (
        "its name is GET /users/17 ({x} is plain text; the placeholders are {time}, {id}, {port}, {host})" in difference
    )


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("shop: SELECT (client) x2", "shop: SELECT (client) ×2"),
        ("shop: poll ×1..", "shop: poll +"),
        ("shop: poll ×0..", "shop: poll *"),
        ("shop: poll x0..1", "shop: poll ?"),
        ("shop: poll ×1", "shop: poll"),
        ("shop: poll ×2..2", "shop: poll ×2"),
        ("shop: poll  (client)   <5.0ms  # slow", "shop: poll (client) <5.0ms"),
        ("shop: poll { k = v ,not l }", "shop: poll {k=v, not l}"),
        ('shop: poll {k="v", "l"=/a b/}', "shop: poll {k=v, l=/a b/}"),
        ("shop: scale x2 image", 'shop: "scale x2 image"'),
        ("shop: x3", "shop: x3"),
        ('shop: "poll x2"', 'shop: "poll x2"'),
        ('shop: "poll <50ms"', 'shop: "poll <50ms"'),
        ('shop: "poll ×2"', 'shop: "poll ×2"'),
        ('shop: poll {k="/v/", l="not v", m="<5", n=">5", "not"}', None),
        ('"never": poll', '"never": poll'),
        ('"in any order": poll', '"in any order": poll'),
        ("shop: never:", "shop: never:"),
        ("shop: a -> b", None),
    ],
)
def test_a_line_is_written_in_one_way_and_quotes_what_could_be_misread(text: str, canonical: str | None) -> None:
    line = read_line(text)
    assert str(line) == (canonical or str(line))
    assert read_line(str(line)) == line
    assert read_line(str(read_line(str(line)))) == line


AMOUNTS = st.decimals(0, 10**6, places=2).map(lambda number: number.normalize() + 0)
EXPRESSIONS = st.sampled_from([r"^\d{2,3}$", "a|b", "/users/", r"\,", "[,/]", "(?i)x y", '"', "#", "not x", r"\\"])
KEYS = st.one_of(TEXTS, st.sampled_from(["not", "k", "a/", "a/b", "!k", "k>", "not k", "2", "2..5", "k:"]))
VALUES = st.one_of(TEXTS, st.sampled_from(["/re/", "not v", "<5", ">5", "~x", "=v", "/", "//", "/a/b", "[1]", "a=b"]))
CONDITIONS = st.one_of(
    st.builds(Condition, KEYS, st.just(""), st.just(""), st.booleans()),
    st.builds(Condition, KEYS, st.just("="), VALUES, st.booleans()),
    st.builds(Condition, KEYS, st.just("/"), EXPRESSIONS, st.booleans()),
    st.builds(Condition, KEYS, st.sampled_from(["<", "<=", ">", ">="]), AMOUNTS),
)
BUDGETS = st.builds(
    Budget, st.sampled_from(["<", "<=", ">", ">="]), AMOUNTS, st.sampled_from(["ns", "us", "ms", "s", "%"])
)
COUNTS = st.one_of(
    st.sampled_from([Count(), Count(0, 1), Count(1, None), Count(0, None), Count(2, None)]),
    st.tuples(st.integers(0, 9), st.integers(1, 9)).map(lambda ends: Count(min(ends), max(ends))),
)
NAMES = st.one_of(
    TEXTS,
    st.sampled_from(["a x2", "x2 b", "a <50ms", "a ×2", "(client)", "<5", "a > 5", "never:", "...", "never", "*"]),
)
LINES = st.builds(
    Line,
    NAMES,
    NAMES,
    st.sampled_from(["any", *KINDS]),
    st.one_of(st.none(), st.just(""), VALUES),
    st.lists(CONDITIONS, max_size=3).map(tuple),
    st.lists(BUDGETS, max_size=2).map(tuple),
    COUNTS,
)


@settings(deadline=None, max_examples=1000)
@given(LINES)
def test_any_line_is_read_as_it_was_written(line: Line) -> None:
    assert read_line(str(line)) == line
    if line.service or line.name:
        assert tree(str(line)).roots == [(line.service, line.name)]


PIECES = [
    "shop",
    ":",
    " ",
    "a",
    "(client)",
    "(",
    ")",
    "!",
    "5",
    "{",
    "}",
    "k",
    "=",
    "/",
    '"',
    ",",
    "<",
    ">",
    "ms",
    "%",
    "×",
]
PIECES += ["x", "..", "+", "*", "?", "#", "not ", "\t", "\\", "[", "é", "~", "never:", "\u2028"]


@settings(deadline=None, max_examples=1000)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map(lambda pieces: "".join(["shop: a", *pieces]).strip()))
def test_any_text_is_read_or_refused_with_a_column_of_it(text: str) -> None:
    try:
        line = read_line(text)
    except Mistake as mistake:
        assert 0 <= mistake.column <= len(text)  # noqa: PT017 - both outcomes are right
    else:
        assert read_line(str(line)) == line


def test_an_amount_keeps_the_digits_that_were_written() -> None:
    assert read_line("shop: a <1.50s").budgets == (Budget("<", Decimal("1.5"), "s"),)
    assert str(read_line("shop: a {k>10.00}")) == "shop: a {k>10.00}"
