"""The READMEs are true: examples are tests that pass, commands exist, tables match the code."""

import re
import shlex
from pathlib import Path

import pytest

from emulator.faults import FAULTS
from tests.support.command_line import COMMANDS
from tests.support.processes import run

ROOT = Path(__file__).parent.parent
ROOMS = ("emulator/README.md", *(f"emulator/{room}/README.md" for room in ("broker", "cloud", "faults", "services")))
READMES = {name: (ROOT / name).read_text() for name in ("README.md", *ROOMS)}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_examples_pass(pytester: pytest.Pytester) -> None:
    for example in blocks(READMES["README.md"], "python"):
        file, code = example.split("\n", 1)
        (pytester.path / file.removeprefix("# ")).write_text(code)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


SHELL = "".join(block for text in READMES.values() for block in blocks(text, "bash"))
BOOTS = sorted(set(re.findall(r"^uv run emulator (boot(?: .*?)?)(?:\s*#.*)?$", SHELL, re.MULTILINE)))


@pytest.mark.parametrize("command", [line for line in BOOTS if "--keystone-url" not in line and "--otlp " not in line])
async def test_boot_commands_run(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = await run(*shlex.split(command), EMULATOR_PACE="0")
    fails = "huge" in command or "--fault" in command
    assert (ended.status, ended.err) == (int(fails), "")


OF_OTHERS = {"--rm", "--build", "--extra", "--from", "--min", "--max", "--os-profile", "--update-trees"}
"""Options of docker, uv, pytest and the stock OpenStack client."""


@pytest.mark.parametrize("name", READMES)
def test_commands_and_options_exist(name: str) -> None:
    used = set(re.findall(r"uv run (?:--extra openstack )?emulator ([a-z]+)", READMES[name]))
    assert used <= set(COMMANDS)
    known = {name for command in COMMANDS.values() for option in command.load().params for name in option.opts} | {
        "--help"
    }
    assert set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", READMES[name])) - OF_OTHERS - known == set()


@pytest.mark.parametrize("name", READMES)
def test_links_lead_to_files(name: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", READMES[name])
    assert [link for link in links if not (ROOT / name).parent.joinpath(link).exists()] == []


def test_the_map_names_files_that_exist() -> None:
    text = READMES["emulator/README.md"]
    named = re.findall(r"`((?:[a-z_]+/)+[a-z_./]*|[a-z_]+\.py)`", text)
    assert named
    places = (ROOT / "emulator", ROOT / "emulator/spantree/src/spantree", ROOT)
    assert [name for name in named if not any((place / name).exists() for place in places)] == []


def test_the_table_of_faults_is_the_catalogue() -> None:
    table = r"^\| `([a-z_]+\.[a-z_]+)` \| (.*) \| (ACTIVE|ERROR) \|$"
    rows = re.findall(table, READMES["emulator/faults/README.md"], re.MULTILINE)
    assert rows == [(fault.name, fault.lesson, fault.status) for fault in FAULTS.values()]
