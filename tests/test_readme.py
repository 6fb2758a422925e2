"""What the README shows is true: its example is a test that passes, its commands are commands."""

import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.processes import run

README = (Path(__file__).parent.parent / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_example_test_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    [example] = blocks("python")
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)  # noqa: S102 - our own README
    [test] = [value for name, value in names.items() if name.startswith("test_")]
    assert callable(test)
    test(tmp_path)


BOOTS = re.findall(r"^uv run emulator (boot(?: .*?)?)(?:\s*#.*)?$", "\n".join(blocks("bash")), re.MULTILINE)


@pytest.mark.parametrize("command", [line for line in BOOTS if "--keystone-url" not in line and "--otlp " not in line])
async def test_the_commands_boot(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = await run(*shlex.split(command), EMULATOR_PACE="0")
    fails = "huge" in command or "nope" in command
    assert (ended.status, ended.err) == (int(fails), "")


async def test_the_other_commands_are_there() -> None:
    commands = set(re.findall(r"emulator (up|serve|boot)\b", README))
    assert commands == {"up", "serve", "boot"}
    options = set(re.findall(r"(--[a-z][a-z-]+)", README)) - {"--rm"}
    known = "".join([(await run(command, "--help")).out for command in commands])
    assert {option for option in options if option not in known} == set()
