"""What the README shows is true: its example is a test that passes, its commands are commands."""

import re
import shlex
from pathlib import Path

import pytest

from emulator.faults import FAULTS
from tests.support.processes import run

README = (Path(__file__).parent.parent / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def examples(pytester: pytest.Pytester) -> None:
    """Write the examples to the files that their first lines name."""
    for example in blocks("python"):
        file, code = example.split("\n", 1)
        (pytester.path / file.removeprefix("# ")).write_text(code)


def test_the_examples_pass(pytester: pytest.Pytester) -> None:
    examples(pytester)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_the_failure_it_shows_is_the_failure_that_comes(pytester: pytest.Pytester) -> None:
    examples(pytester)
    shop = pytester.path / "shop.py"
    shop.write_text(shop.read_text().replace('("reserve stock", "charge card")', '("charge card",)'))
    failed = pytester.runpytest_subprocess("-p", "no:cacheprovider", "test_shop.py")
    [shown] = blocks("text")
    without_id = re.compile(r"[0-9a-f]{32}")
    found = [without_id.sub("", line) for line in failed.outlines]
    assert [line for line in shown.splitlines() if without_id.sub("", line) not in found] == []


BOOTS = re.findall(r"^uv run emulator (boot(?: .*?)?)(?:\s*#.*)?$", "\n".join(blocks("bash")), re.MULTILINE)


@pytest.mark.parametrize("command", [line for line in BOOTS if "--keystone-url" not in line and "--otlp " not in line])
async def test_the_commands_boot(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = await run(*shlex.split(command), EMULATOR_PACE="0")
    fails = "huge" in command or "--fault" in command
    assert (ended.status, ended.err) == (int(fails), "")


OF_OTHERS = {"--rm", "--build", "--update-trees", "--extra", "--from", "--min", "--max", "--os-profile"}
"""Options of docker, pytest, uv and the stock OpenStack client."""


async def test_the_other_commands_are_there() -> None:
    commands = set(re.findall(r"uv run emulator ([a-z]+)", README))
    assert "uv run --extra openstack emulator openstack" in README
    assert commands == {"up", "serve", "boot", "check", "show", "convert", "faults", "doctor", "load"}
    options = set(re.findall(r"(--[a-z][a-z-]+)", README)) - OF_OTHERS
    known = "".join([(await run(command, "--help")).out for command in commands])
    assert {option for option in options if option not in known} == set()


def test_its_table_of_faults_is_the_catalogue() -> None:
    rows = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| (.*) \| (ACTIVE|ERROR) \|$", README, re.MULTILINE)
    assert rows == [(fault.name, fault.lesson, fault.status) for fault in FAULTS.values()]
