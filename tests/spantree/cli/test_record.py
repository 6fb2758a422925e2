"""`record`: any command, with its own terminal, signals and status, and the traces that it sends."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from spantree import SpanTree, spans_from_json, trees
from tests.support.processes import PYTHON, Ended, environment, run, run_spantree

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="statuses and signals are those of POSIX")

SHOP = """
import sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.{protocol}.trace_exporter import OTLPSpanExporter

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = provider.get_tracer("shop")
with tracer.start_as_current_span("order"):
    tracer.start_span("pay").end()
provider.shutdown()
"""
ORDER = "shop: order\n  shop: pay\n"
SENDS_NOTHING = ["sh", "-c", "exit 0"]


def shop(protocol: str = "http", end: str = "") -> list[str]:
    return [sys.executable, "-c", SHOP.format(protocol=protocol) + end]


async def recorded(*arguments: str, command: list[str], **env: str) -> Ended:
    return await run_spantree("record", "--settle", "0", *arguments, "--", *command, OTEL_SERVICE_NAME="shop", **env)


def traces_in(file: Path) -> list[SpanTree]:
    return trees(spans_from_json(file.read_text()))


@pytest.mark.parametrize("protocol", ["http", "grpc"])
async def test_what_a_command_sends_is_written_and_summarised(tmp_path: Path, protocol: str) -> None:
    output, page = tmp_path / "traces.json", tmp_path / "page.html"
    ended = await recorded("-o", str(output), "--html", str(page), command=shop(protocol, "print('done')"))
    assert (ended.status, ended.out) == (0, "done\n"), ended.err
    [trace] = traces_in(output)
    assert f"{trace}\n" == ORDER
    assert "order" in page.read_text()
    [line] = ended.err.splitlines()
    assert line.startswith(f"spantree: trace {trace.trace_id} · 2 spans · 1 service · ")
    assert line.endswith(" · shop: order")


async def test_the_emulator_has_the_command_too(tmp_path: Path) -> None:
    file = tmp_path / "traces.json"
    ended = await run("record", "-o", str(file), "--settle", "0", "--", *shop(), OTEL_SERVICE_NAME="shop")
    assert ended.status == 0, ended.err
    assert ended.err.startswith("emulator: trace ")
    assert len(traces_in(file)) == 1


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM),
        (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL),
        (["/nowhere/to/be/found"], 127),
        (["/etc/passwd"], 126),
    ],
    ids=str,
)
async def test_the_status_is_the_commands(command: list[str], status: int) -> None:
    ended = await recorded(command=command)
    assert ended.status == status
    assert "Traceback" not in ended.err
    if status in {126, 127}:
        assert f"spantree: {command[0]} cannot be run: " in ended.err


async def test_a_command_that_sends_nothing_is_warned_about(tmp_path: Path) -> None:
    file = tmp_path / "traces.json"
    file.write_text("the traces of an earlier run")
    ended = await recorded("-o", str(file), command=SENDS_NOTHING)
    assert ended.status == 0
    assert json.loads(file.read_text()) == {"resourceSpans": []}
    assert ended.err.startswith("spantree: no span arrived. Does the command use an OpenTelemetry SDK")


async def test_options_after_the_command_are_its_own() -> None:
    ended = await run_spantree("record", "--settle", "0", "echo", "--html", "-o", "--", "x")
    assert ended.out == "--html -o -- x\n"


async def test_standard_input_is_the_commands() -> None:
    process = await asyncio.create_subprocess_exec(
        *PYTHON, "spantree", "record", "--settle", "0", "--", "cat",
        env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(b"through"), 60)
    assert (process.returncode, out) == (0, b"through")


@pytest.mark.parametrize(
    ("text", "command_status", "status", "says"),
    [
        (ORDER, 0, 0, "✓ trace "),
        (ORDER, 3, 3, "✓ trace "),
        ("shop: order\n  shop: ship\n", 0, 1, "~   shop: ship   ← first difference: its name is pay"),
        ("bank: order\n", 0, 1, "no trace that was sent begins with bank: order"),
        ("no tree", 0, 2, "line 1"),
    ],
    ids=["fits", "the command fails", "differs", "no such root", "not a tree"],
)
async def test_traces_are_compared_with_an_expected_tree(
    tmp_path: Path, text: str, command_status: int, status: int, says: str
) -> None:
    tree_file = tmp_path / "shop.tree"
    tree_file.write_text(text)
    ended = await recorded("--expect", str(tree_file), command=shop(end=f"sys.exit({command_status})"))
    assert ended.status == status
    assert ended.out == ""
    assert says in ended.err


async def test_github_gets_an_annotation_on_standard_error(tmp_path: Path) -> None:
    (tmp_path / "shop.tree").write_text("shop: order\n")
    github = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(tmp_path)}
    ended = await recorded("--expect", str(tmp_path / "shop.tree"), command=shop(), **github)
    assert ended.out == ""
    assert "\n::error file=shop.tree,line=1,title=✗ trace " in ended.err


WAITS = """
import signal, sys
caught = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: caught.append(number))
print("ready", flush=True)
while not caught:
    signal.pause()
signal.pause() if len(sys.argv) > 1 else None
print(f"caught {caught}", flush=True)
sys.exit(5)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
async def test_a_signal_goes_to_the_command_and_its_status_is_kept(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        *PYTHON, "spantree", "record", "--settle", "0", "--", sys.executable, "-c", WAITS,
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert await process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        out, err = await process.communicate()
    assert (process.returncode, out.decode()) == (5, f"caught [{int(number)}]\n")
    assert b"Traceback" not in err


COUNTS = """
import signal, sys, time
caught = []
signal.signal(signal.SIGINT, lambda number, _: caught.append(number))
print("ready", flush=True)
sys.stdin.readline()  # comes after Ctrl-C on the same terminal, so a second signal would have arrived
print(f"caught {len(caught)}", flush=True)
"""


def test_ctrl_c_reaches_the_command_once(tmp_path: Path) -> None:
    command = [*PYTHON, "spantree", "record", "--settle", "0", "--", sys.executable, "-c", COUNTS]
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(command[0], command, environment())  # noqa: S606 - our own command
    shown = b""
    try:
        while b"ready" not in shown:
            shown += os.read(terminal, 1024)
        os.write(terminal, b"\x03")
        os.write(terminal, b"\n")
        while b"caught" not in shown or not shown.endswith(b"\n"):
            shown += os.read(terminal, 1024)
        _, status = os.waitpid(child, 0)
    finally:
        os.close(terminal)
    assert b"caught 1" in shown, shown
    assert os.waitstatus_to_exitcode(status) == 0


OUTLIVES = """
import os, subprocess, sys
subprocess.Popen([sys.executable, "-c", os.environ["LATE"]], start_new_session=True)
"""


@pytest.mark.long_wait
async def test_what_comes_soon_after_the_end_is_recorded_too(tmp_path: Path) -> None:
    file = tmp_path / "traces.json"
    ended = await run_spantree(
        "record", "-o", str(file), "--settle", "5", "--", sys.executable, "-c", OUTLIVES,
        OTEL_SERVICE_NAME="shop", LATE=SHOP.format(protocol="http"),
    )  # fmt: skip
    assert ended.status == 0
    assert len(traces_in(file)) == 1, ended.err


def test_a_signal_ends_the_wait_and_what_came_is_written(tmp_path: Path) -> None:
    file, lives = tmp_path / "traces.json", tmp_path / "lives"
    os.mkfifo(lives)
    command = shop(end=f"\nimport os\nos.open({str(lives)!r}, os.O_WRONLY)")  # open until the process has ended
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*PYTHON, "spantree", "record", "-o", str(file), "--settle", "30", "--", *command],
        env=environment(OTEL_SERVICE_NAME="shop"),
        stderr=subprocess.PIPE,
    )
    try:
        lives.read_text()  # until the command has ended
        for _ in range(10):  # a signal may come before its end is noticed
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=2)
                break
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert len(traces_in(file)) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-o", "/nowhere/x.json", "--", "true"], "cannot be written"),
        (["--settle", "-1", "--", "true"], "-1"),
        (["--expect", "nope", "--", "true"], "nope is not a file"),
        ([], "Missing argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
async def test_unusable_arguments_end_with_status_2_before_the_command_runs(arguments: list[str], says: str) -> None:
    ended = await run_spantree("record", *arguments)
    assert ended.status == 2
    assert says in ended.err


async def test_many_traces_are_summarised_in_part_and_written_in_whole(tmp_path: Path) -> None:
    many = SHOP.format(protocol="http").replace(
        "provider.shutdown()", "for n in range(30): tracer.start_span(str(n)).end()"
    )
    ended = await recorded(
        "-o", str(tmp_path / "t.json"), command=[sys.executable, "-c", f"{many}\nprovider.shutdown()"]
    )
    assert ended.err.splitlines()[-1] == "spantree: and 11 more traces"
    assert len(traces_in(tmp_path / "t.json")) == 31
