"""The README of the library is true: its examples pass, its commands exist, its tables hold every row."""

import json
import re
from collections.abc import Collection
from pathlib import Path

import pytest

import spantree
from spantree import RULES, Hop, LogRecord, Span, Spans, SpanTree, ms, otlp_json, tree, trees
from spantree.cli.commands import COMMANDS
from spantree.cli.formats import FORMATS
from spantree.receiver.logs import LogCriteria
from spantree.receiver.metrics import MetricCriteria
from tests.spantree.tail.events import after, screen
from tests.spantree.test_grammar import ORDER
from tests.support.processes import run_spantree
from tests.support.spans import TRACE, a_span

README = (Path(spantree.__path__[0]).parents[1] / "README.md").read_text()
VARIES = re.compile(r"\b[0-9a-f]{8}…|\b[0-9a-f]{32}\b")
"""The ids of traces."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def block(part: str) -> str:
    """Return the only output with this part, less its ids."""
    [found] = [text for text in blocks("text") if part in text]
    return VARIES.sub("…", found)


EXAMPLES = dict(example.removeprefix("# ").split("\n", 1) for example in blocks("python"))
"""The examples by the names of their files, which their first lines give."""
TESTS = sum(example.count("\ndef test_") for example in EXAMPLES.values())


def write_examples(folder: Path) -> None:
    for name, code in EXAMPLES.items():
        (folder / name).write_text(code)


def test_the_examples_pass(pytester: pytest.Pytester) -> None:
    write_examples(pytester.path)
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:emulator").assert_outcomes(passed=TESTS)


@pytest.mark.parametrize(
    ("broken", "code", "instead", "test", "shown"),
    [
        ("shop.py", '"charge card"', '"charge the card"', "test_one_span.py", "spantree.NotOne"),
        ("shop.py", '"reserve stock", "charge card"', '"charge card",', "test_tree.py", "1 missing"),
        ("test_warehouse.py", "inject(headers)", "pass", "test_warehouse.py", "2 in other traces"),
    ],
)
def test_the_failures_that_it_shows_are_printed(
    pytester: pytest.Pytester, broken: str, code: str, instead: str, test: str, shown: str
) -> None:
    write_examples(pytester.path)
    assert code in EXAMPLES[broken]
    (pytester.path / broken).write_text(EXAMPLES[broken].replace(code, instead))
    failed = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:emulator", test)
    printed = {VARIES.sub("…", line) for line in failed.outlines}
    assert [line for line in block(shown).splitlines() if line not in printed] == []


def test_its_tree_is_the_one_that_is_tested() -> None:
    assert blocks("tree") == [ORDER]


def test_the_mistake_that_it_shows_is_told_so() -> None:
    with pytest.raises(ValueError, match="line 2") as told:
        tree("shop: GET\n  shop: SELECT <50ms (client)")
    assert f"{told.value}\n" == block("line 2, column 22")


def test_the_difference_that_it_shows_is_explained_so() -> None:
    expected = tree("""
        shop: check out (server)
          shop: charge card
          shop: render
          shop: GET /rates (client)
          shop: SELECT
          shop: publish orders (producer)
            warehouse: process orders (consumer)
    """)
    error = {"error.type": "ConnectionError", "http.response.status_code": 503}
    order = [
        a_span(1, 0, "check out", kind="server"),
        a_span(2, 1, "render"),
        a_span(3, 2, "charge card"),
        a_span(4, 1, "GET /rates", kind="client", failed=True, message="connection refused", attributes=error),
        *(a_span(number, 1, "SELECT") for number in range(10, 510)),
        a_span(600, 1, "publish orders", kind="producer", start=600),
    ]
    lost = a_span(1, 0, "process orders", "warehouse", kind="consumer", trace_id="5a64f00d" * 4)
    [trace, _] = trees([*order, lost])
    assert VARIES.sub("…", f"{trace.difference(expected)}\n") == block("moved below")


def test_the_slow_spans_that_it_shows_are_listed_so() -> None:
    times = {19: 61_200_000, 20: 63_900_000}
    queries = [a_span(n, 0, "SELECT", kind="client", start=0, end=times.get(n, 1_000_000)) for n in range(1, 21)]
    told = Spans(queries).durations().p95.explain("<", ms(50))
    assert block("p95").splitlines() == told[:3]


def test_the_logs_that_it_shows_are_below_their_spans() -> None:
    declined = a_span(2, 1, "charge card", failed=True, attributes={"error.type": "Declined"})
    trace = SpanTree([a_span(1, 0, "check out"), declined])
    records = [
        LogRecord("checking out", 9, trace_id=TRACE, span_id=f"{1:016x}"),
        LogRecord("not charged", 17, trace_id=TRACE, span_id=f"{2:016x}", attributes={"exception.type": "Declined"}),
    ]
    assert trace.as_text(logs=records) + "\n" == block("| INFO")


async def test_its_registry_and_settings_are_known_to_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [registry], [settings] = blocks("yaml"), blocks("toml")
    (tmp_path / "telemetry").mkdir()
    (tmp_path / "telemetry" / "shop.yaml").write_text(registry)
    (tmp_path / "pyproject.toml").write_text(settings)
    sent = a_span(1, kind="client", name="GET /rates", attributes={"shop.order.id": 17, "shop.oder.id": "17"})
    (tmp_path / "orders.json").write_text(json.dumps(otlp_json([sent])))
    monkeypatch.chdir(tmp_path)
    checked = await run_spantree("check", "orders.json")
    assert (checked.status, checked.err) == (1, "")  # by its fail-on
    found = re.findall(r"^(\w+): ([\w-]+)", checked.out, re.MULTILINE)
    assert found == [
        ("warning", "wrong-attribute-type"),
        ("advice", "missing-resource"),
        ("advice", "unknown-attribute"),
    ]


def test_its_table_has_every_rule_with_its_severity() -> None:
    rows = re.findall(r"^\| (error|warning|advice) \| (.*) \|$", README, re.MULTILINE)
    listed = {rule: severity for severity, rules in rows for rule in re.findall("`([a-z-]+)`", rules)}
    assert listed == dict(RULES)


async def test_its_commands_and_options_exist() -> None:
    commands = sorted(set(re.findall(r"^spantree ([a-z]+)", README, re.MULTILINE)))
    assert commands == sorted(command.name for command in COMMANDS)
    known = "".join([(await run_spantree(command, "--help")).out for command in commands])
    others = {"--update-trees", "--trace-reports", "--junitxml", "--line-buffered"}  # of pytest and grep
    options = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", README)) - others
    assert {option for option in options if option not in known} == set()


@pytest.mark.parametrize(
    ("row", "known"),
    [
        ("a trace", dir(SpanTree)),
        ("a span", dir(Span)),
        ("a hop", [*dir(Hop), "parent", "link"]),
        ("`otlp.logs.one", LogCriteria.__annotations__),
        ("`otlp.metrics.one", MetricCriteria.__annotations__),
    ],
    ids=["trace", "span", "hop", "logs", "metrics"],
)
def test_what_its_tables_name_exists(row: str, known: Collection[str]) -> None:
    [cells] = re.findall(rf"^\| {re.escape(row)}[^|]*\|(.*)\|$", README, re.MULTILINE)
    named = set(re.findall(r"`([a-z_]+)", cells))
    assert named
    assert named <= set(known)


def test_its_links_lead_to_its_headings() -> None:
    headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^a-z -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    linked = set(re.findall(r"\]\(#([^)]+)\)", README))
    assert linked
    assert linked <= anchors


def test_its_table_lists_every_format() -> None:
    table = README.split("| `--to` |")[1].split("\n\n")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert sorted(re.findall("`([a-z-]+)`", " ".join(first_cells))) == sorted(FORMATS)


MILLISECOND, NOON = 10**6, 1_796_040_000 * 10**9
TIME = re.compile(r"\d\d:\d\d:\d\d")


def shop_traces() -> list[list[Span]]:
    """Three checkouts, one after the other, of which the second fails."""
    return [_checkout(number, "card.Declined" if number == 2 else "") for number in (1, 2, 3)]


def _checkout(number: int, error: str) -> list[Span]:
    start = NOON + number * 1000 * MILLISECOND
    steps = [
        (1, 0, "shop", "POST /checkout", "server", 0, 187),
        (2, 1, "shop", "reserve stock", "internal", 3, 21),
        (3, 1, "shop", "POST /charges", "client", 24, 180),
        (4, 3, "bank", "POST /charges", "server", 31, 176),
    ]
    return [
        a_span(
            span_number,
            parent,
            name,
            service,
            kind=kind,
            trace_id=f"{number:032x}",
            start=start + begin * MILLISECOND,
            end=start + end * MILLISECOND * number,
            failed=bool(error) and span_number != 2,
            attributes={"error.type": error} if error and span_number != 2 else {},
        )
        for span_number, parent, service, name, kind, begin, end in steps
    ]


def test_the_pictures_of_tail_are_what_it_shows() -> None:
    listed = after(*shop_traces(), (80, 7), "down")
    opened = after("enter", "n", (80, 8), state=listed)
    pictures = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    drawn = ["\n".join(screen(state)) + "\n" for state in (listed, opened)]
    assert [TIME.sub("12:00:00", picture) for picture in pictures] == [TIME.sub("12:00:00", text) for text in drawn]
