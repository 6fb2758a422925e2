"""What all commands have in common: options and their variables, help texts, imports and memory."""

import asyncio
import json
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE

import pytest
from typer.testing import CliRunner

from emulator.cli.app import COMMANDS, app
from emulator.faults import FAULTS
from spantree import tree
from tests.support.processes import environment, run


async def test_faults_prints_a_table_or_the_ground_truth_as_json() -> None:
    listed, printed = await asyncio.gather(run("faults"), run("faults", "--json"))
    assert (listed.status, printed.status, listed.err, printed.err) == (0, 0, "", "")
    truths = json.loads(printed.out)["faults"]
    assert [truth["name"] for truth in truths] == [*FAULTS]
    for truth in truths:
        assert truth["name"] in listed.out
        assert truth["baggage"] == f"emulator.fault={truth['name']}"
        assert truth["culprit"]["span"].startswith(f"{truth['culprit']['service']}: ")
        assert tree(truth["tree"]).roots == [("openstack-client", "openstack server create")] or truth["found_by_check"]


async def test_options_read_variables_and_os_variables_choose_the_user() -> None:
    as_demo = {"OS_USERNAME": "demo", "OS_PASSWORD": "secret", "OS_PROJECT_NAME": "demo"}
    ended = await run("boot", EMULATOR_PACE="0", EMULATOR_COUNT="11", **as_demo)
    assert ended.status == 1
    assert sum(line.startswith("✓ demo-") for line in ended.out.splitlines()) == 10  # demo's quota
    assert "was refused: Quota exceeded for instances: Requested 1, but already used 10 of 10" in ended.out
    assert " is ACTIVE, 10.0." in ended.out, "nova shows the host to administrators only"


async def test_an_ascii_terminal_gets_replacements() -> None:
    ended = await run("boot", "--pace", "0", PYTHONIOENCODING="ascii")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("+ demo is ACTIVE")


@pytest.mark.parametrize(
    "wrong",
    [
        ["--amqp-url", "foo"],
        ["--amqp-url", "http://me:hunter2@localhost/"],
        ["--otlp", "http://"],
        ["--keystone-url", "localhost:5000"],
        ["--count", "0"],
        ["--pace", "-1"],
        ["--pace", "nan"],
        ["--seed", "x"],
        ["--otlp-json", "/nowhere/boot.json"],
        ["--amqp-url", "amqp://127.0.0.1:99999/"],
        ["--image", "a\x1b[31m"],
        ["--fault", "glance.image_mising"],
        ["--messaging-context", "none"],
    ],
    ids="=".join,
)
def test_an_invalid_option_of_boot_is_named_before_it_starts(wrong: list[str]) -> None:
    refused = CliRunner().invoke(app, ["boot", *wrong])
    assert refused.exit_code == 2
    assert f"Invalid value for '{wrong[0]}'" in refused.output
    assert "hunter2" not in refused.output


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
async def test_every_option_reads_a_variable_and_has_a_help_text(command: str) -> None:
    ended = await run(command, "--help", COLUMNS="200", TERM="dumb")
    options = re.findall(r"^\s+(--[a-z-]+)", ended.out, re.MULTILINE)
    assert "--help" in options
    for option in set(options) - {"--help"}:
        assert f"EMULATOR_{option[2:].upper().replace('-', '_')}" in ended.out


async def test_a_boot_has_no_warnings_in_pythons_development_mode() -> None:
    ended = await run("boot", "--pace", "0", PYTHONDEVMODE="1")
    assert (ended.status, ended.err) == (0, "")


THEN_REPORT = """
import re, sys
from pathlib import Path
from emulator.__main__ import main
try:
    main()
except SystemExit as ended:
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
    print(ended.code, int(peak[1]) // 1024, *sys.modules, file=sys.stderr)
"""
"""The peak is not getrusage's: there a child begins with the peak of the process that it was forked from."""


async def measured(*arguments: str) -> tuple[int, int, set[str]]:
    """Run a command; return its exit status, its peak memory in MB, and the modules that it imported."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", THEN_REPORT, *arguments), env=environment(), stdout=DEVNULL, stderr=PIPE
    )
    _, err = await process.communicate()
    status, megabytes, *modules = err.decode().split()
    return int(status), int(megabytes), set(modules)


ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from Linux's /proc")


@ON_LINUX
async def test_a_boot_takes_less_than_120_mb() -> None:
    status, megabytes, _ = await measured("boot", "--pace", "0", "--count", "20")
    assert status == 0
    assert megabytes < 120


@ON_LINUX
async def test_a_boot_imports_only_what_it_uses() -> None:
    _, _, modules = await measured("boot", "--pace", "0")
    unused = {"grpc", "requests", "google", "pydantic", "pytest", "cryptography.hazmat.primitives.asymmetric.rsa"}
    assert not unused & modules


@ON_LINUX
@pytest.mark.parametrize("command", [[], ["boot"], ["up"], ["serve"], ["load"], ["doctor"]], ids=" ".join)
async def test_help_imports_nothing_that_is_slow(command: list[str]) -> None:
    _, _, modules = await measured(*command, "--help")
    assert not {"aiohttp", "aio_pika", "opentelemetry", "msgspec", "cryptography", "asyncio"} & modules
