"""The README of the library is true: its examples pass, its commands exist, its tables hold every row."""

import re
from pathlib import Path

import pytest

import spantree
from spantree import Span
from spantree.cli.commands import COMMANDS
from spantree.cli.formats import FORMATS
from tests.spantree.tail.events import after, screen
from tests.support.processes import run_spantree
from tests.support.spans import a_span

README = (Path(spantree.__path__[0]).parents[1] / "README.md").read_text()
TRACE_ID = re.compile(r"[0-9a-f]{32}")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def write_examples(folder: Path) -> None:
    """Write each example to the file that its first line names."""
    for example in blocks("python"):
        name, code = example.split("\n", 1)
        (folder / name.removeprefix("# ")).write_text(code)


def test_the_examples_pass(pytester: pytest.Pytester) -> None:
    write_examples(pytester.path)
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:emulator").assert_outcomes(passed=2)


def test_the_failure_that_it_shows_is_printed(pytester: pytest.Pytester) -> None:
    write_examples(pytester.path)
    shop = pytester.path / "shop.py"
    shop.write_text(shop.read_text().replace('("reserve stock", "charge card")', '("charge card",)'))
    failed = pytester.runpytest_subprocess("-p", "no:cacheprovider", "test_shop.py")
    [shown] = blocks("text")
    printed = [TRACE_ID.sub("", line) for line in failed.outlines]
    assert [line for line in shown.splitlines() if TRACE_ID.sub("", line) not in printed] == []


async def test_its_commands_and_options_exist() -> None:
    commands = sorted(set(re.findall(r"^spantree ([a-z]+)", README, re.MULTILINE)))
    assert commands == sorted(command.name for command in COMMANDS)
    known = "".join([(await run_spantree(command, "--help")).out for command in commands])
    others = {"--update-trees", "--trace-reports", "--line-buffered"}  # of pytest and grep
    options = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", README)) - others
    assert {option for option in options if option not in known} == set()


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
