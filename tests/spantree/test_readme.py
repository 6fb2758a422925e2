"""The README of the library is true: its examples pass, its commands exist, its tables hold every row."""

import re
from pathlib import Path

import pytest

import spantree
from spantree.cli.formats import FORMATS
from tests.support.processes import run_spantree

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
    commands = sorted(set(re.findall(r"spantree ([a-z]+) \S+\.json", README)))
    assert commands == ["check", "convert", "show"]
    known = "".join([(await run_spantree(command, "--help")).out for command in commands])
    options = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", README)) - {"--update-trees"}
    assert {option for option in options if option not in known} == set()


def test_its_table_lists_every_format() -> None:
    table = README.split("| `--to` |")[1].split("\n\n")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert sorted(re.findall("`([a-z-]+)`", " ".join(first_cells))) == sorted(FORMATS)
