"""The script `spantree`, and what another program changes by offering its commands under its own name."""

import asyncio
import inspect
import json
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from spantree import otlp_json
from spantree.cli.commands import COMMANDS
from spantree.cli.lazy import Command
from spantree.cli.program import SPANTREE, Program, current, use
from tests.support.processes import environment, run, run_spantree
from tests.support.spans import a_span

IMPORTED = """
import runpy, sys
try:
    runpy.run_module("spantree", run_name="__main__", alter_sys=True)
finally:
    print(*sys.modules, file=sys.stderr)
"""


@pytest.fixture
def saved(tmp_path: Path) -> str:
    file = tmp_path / "spans.json"
    file.write_text(json.dumps(otlp_json([a_span(1, name="order")])))
    return str(file)


async def test_the_script_works_without_the_emulator(saved: str) -> None:
    shown, listed, version = await asyncio.gather(
        run_spantree("show", saved), run_spantree("--help"), run_spantree("--version")
    )
    assert (shown.status, shown.err) == (0, "")
    assert "shop  order" in shown.out
    assert version.out.startswith("spantree ")
    texts = [listed.out] + [(await run_spantree(command.name, "--help")).out for command in COMMANDS]
    assert "emulator" not in "".join(texts).lower()
    assert "openstack" not in "".join(texts).lower()


async def test_each_program_reads_its_own_variables_and_names_itself(saved: str) -> None:
    variables = {"SPANTREE_EXPECT": "one", "EMULATOR_EXPECT": "two"}
    alone, ours = await asyncio.gather(run_spantree("check", saved, **variables), run("check", saved, **variables))
    assert (alone.status, alone.err) == (2, "spantree: one is not a file\n")
    assert ours.status == 2
    assert ours.err.startswith(
        "emulator: two is not a file, and not one of boot, boot-link, heartbeat, keystone.bad_credentials"
    )


def test_a_program_chosen_in_a_task_or_thread_is_the_programs_everywhere(restored: None) -> None:
    asyncio.run(_choose(Program("orders", "ORDERS")))
    assert current().name == "orders"
    thread = threading.Thread(target=use, args=(SPANTREE,))
    thread.start()
    thread.join()
    assert current() is SPANTREE


async def _choose(program: Program) -> None:
    use(program)


@pytest.fixture
def restored() -> Iterator[None]:
    """Choose the program of this session again when the test ends."""
    before = current()
    yield
    use(before)


async def test_the_list_of_commands_imports_no_command() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", IMPORTED, "--help"),
        env=environment(),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    imported = set(err.decode().split())
    commands = {command.function.split(":")[0] for command in COMMANDS}
    assert imported & (commands | {"emulator", "opentelemetry", "rich", "spantree.span_tree", "asyncio"}) == set()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_list_shows_the_first_line_of_each_commands_help(command: Command) -> None:
    module, _, function = command.function.partition(":")
    help_text = inspect.getdoc(getattr(import_module(module), function)) or ""
    assert help_text.splitlines()[0] == command.summary
