"""The live view of traces, as its user has it: at a terminal with a keyboard, and in a pipe."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as OverGrpc
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from spantree import Span
from tests.support.processes import COMMAND, PATIENCE_SECONDS, Service, environment, run, run_spantree, started
from tests.support.spans import a_span, protobuf
from tests.support.terminal import Terminal, terminal

ENDPOINT = re.compile(r"http://127\.0\.0\.1:(\d+)")
TAIL = ("tail", "--otlp-port", "0")
ORDER = [
    a_span(1, name="order", service="shop", end=200_000_000),
    a_span(2, 1, "pay", "bank", end=150_000_000, failed=True, attributes={"error.type": "card.Declined"}),
]
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7])m")


def send(port: int, spans: list[Span]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/v1/traces", protobuf(spans), {"Content-Type": "application/x-protobuf"})
    assert connection.getresponse().status == 200
    connection.close()


def port_in(text: str) -> int:
    found = ENDPOINT.search(text)
    assert found is not None, text
    return int(found[1])


@contextmanager
def tailing(*options: str, **env: str) -> Iterator[tuple[Terminal, int]]:
    """Run `tail` at a terminal of 80x24 with a keyboard, and yield it with the port it listens on."""
    with terminal(*TAIL, *options, width=80, height=24, keyboard=True, env=env) as tail:
        yield tail, port_in("\n".join(tail.shows("OTEL_EXPORTER_OTLP_ENDPOINT=")))


def test_a_trace_that_arrives_is_listed_opened_and_looked_into() -> None:
    with tailing() as (tail, port):
        send(port, ORDER)
        lines = tail.shows("shop")
        assert lines[0] == "emulator tail · 1 trace · 1 with errors"
        assert re.match(r"> \d\d:\d\d:\d\d ✗ shop +order +2 +200 ms$", lines[2])
        tail.type("\r")
        assert "█" in "".join(tail.shows("pay !Declined"))
        tail.type("n\r")
        assert "  error.type = card.Declined" in tail.shows("bank: pay")
        tail.type("\x1b")
        tail.shows("pay !Declined")
        send(port, [a_span(3, 1, "ship", "depot")])
        tail.shows("ship")
        tail.type("\x1b")
        tail.type("/depot")
        tail.shows("1 shown")
        tail.type("x")
        tail.shows("0 shown")
        tail.type("\rq")
        assert tail.ended() == 0
        assert tail.is_clean


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=str)
def test_a_signal_leaves_a_clean_terminal(number: int, status: int) -> None:
    with tailing() as (tail, port):
        assert "\x1b[?1049h" in tail.written
        send(port, ORDER)
        tail.shows("shop")
        tail.signal(number)
        assert tail.ended() == status
        assert tail.is_clean
        assert "Traceback" not in tail.written


FAILING = """
import sys
from spantree.tail import live_view
from emulator.__main__ import main
live_view.with_key = lambda state, key: 1 / 0
sys.argv = ["emulator", "tail", "--otlp-port", "0"]
main()
"""


def test_an_error_of_the_view_leaves_a_clean_terminal_and_is_shown() -> None:
    with terminal("-c", FAILING, command=[sys.executable], keyboard=True) as tail:
        tail.until("q quit")
        tail.type("x")
        assert tail.ended() == 1
        assert tail.is_clean
        after = tail.written.rpartition("\x1b[?1049l")[2]
        assert "ZeroDivisionError" in after


def test_ctrl_z_gives_the_terminal_back_until_it_is_continued() -> None:
    with tailing() as (tail, port):
        send(port, ORDER)
        tail.shows("shop")
        tail.signal(signal.SIGTSTP)
        tail.until_stopped()
        tail.until("\x1b[?1049l")
        assert tail.is_clean
        tail.signal(signal.SIGCONT)
        tail.type("\r")
        tail.shows("pay !Declined")
        tail.type("q")
        assert tail.ended() == 0
        assert tail.is_clean


WITHOUT_GRPC = """
import sys
from emulator.__main__ import main
sys.modules["grpc"] = None
sys.argv = ["emulator", "tail", "--otlp-port", "0"]
main()
"""


def test_a_missing_extra_is_named_on_the_screen_and_http_goes_on() -> None:
    with terminal("-c", WITHOUT_GRPC, command=[sys.executable], keyboard=True, width=120) as tail:
        port = port_in("\n".join(tail.shows("OTEL_EXPORTER_OTLP_ENDPOINT=", 120, 30)))
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            assert "pip install 'spantree[grpc]'" in tail.shows("needs the extra `grpc`", 120, 30)[-1]
        send(port, ORDER)
        tail.shows("✗ shop", 120, 30)


def test_the_view_is_drawn_anew_when_the_terminal_changes_its_size() -> None:
    with tailing() as (tail, port):
        send(port, [a_span(1, name="a long name " * 9, service="shop")])
        tail.shows("shop")
        tail.resize(120, 10)
        lines = tail.shows("a long name a long name a long name a long name", 120, 10)
        assert len(lines) == 10
        assert lines[-1].endswith("q quit")
        tail.type("\r")
        tail.resize(30, 6)
        assert tail.shows("> shop", 30, 6)


@pytest.mark.parametrize(("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)], ids=str)
def test_the_view_has_colours_unless_the_user_refuses_them(env: dict[str, str], *, coloured: bool) -> None:
    with tailing(**env) as (tail, port):
        send(port, ORDER)
        tail.shows("✗ shop")
        tail.type("\r")
        tail.shows("> shop")
        assert bool(COLOUR.search(tail.written)) == coloured


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_the_view_is_ascii_where_the_terminal_has_no_unicode(encoding: str) -> None:
    with tailing(PYTHONIOENCODING=encoding) as (tail, port):
        send(port, [a_span(1, name="日本語", service="shop"), *ORDER[1:]])
        tail.shows("x shop")
        tail.type("\r")
        assert "#####" in "".join(tail.shows("> shop"))
        assert "??????" in "".join(tail.shows("> shop"))
        assert tail.written.replace("·", "").isascii() or encoding == "latin-1"


def test_a_flood_of_spans_leaves_the_keyboard_alive_and_the_screen_calm() -> None:
    stop = threading.Event()
    with tailing("--limit", "50") as (tail, port):

        def flood() -> None:
            number = 1
            while not stop.is_set():
                send(port, [a_span(1, trace_id=f"{each:032x}") for each in range(number, number + 1000)])
                number += 1000

        sender = threading.Thread(target=flood)
        sender.start()
        try:
            began = monotonic()
            tail.shows("older dropped")
            for _ in range(3):
                tail.type("e")
                tail.shows("errors only · ")
                tail.type("e")
                tail.shows("50 traces · ")
            elapsed = monotonic() - began
        finally:
            stop.set()
            sender.join()
        assert tail.written.count("older dropped") <= 10 * elapsed + 12
        tail.type("q")
        assert tail.ended() == 0


async def test_a_pipe_gets_one_line_for_each_trace_over_http_and_grpc() -> None:
    async with started(*TAIL) as tail:
        port = await listening(tail)
        send(port, ORDER)
        line = await tail.until("order")
        assert re.fullmatch(
            r"\d\d:\d\d:\d\d ✗ +200 ms shop: order · 2 spans · 2 services · trace [0-9a-f]{32}"
            r" · error in bank: pay !Declined\n",
            line,
        )
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(OverGrpc(endpoint=f"127.0.0.1:{port}", insecure=True)))
        provider.get_tracer("test").start_span("over grpc").end()
        provider.shutdown()
        assert "✓" in await tail.until("over grpc")
        ended = await tail.stop()
    assert (ended.status, ended.err) == (143, "")
    assert len(ended.out.splitlines()) == 2


async def listening(tail: Service) -> int:
    """Return the port that it says it listens on."""
    return port_in(await tail.says("receiving OTLP at"))


async def test_json_lines_tell_of_updates_and_of_incomplete_traces() -> None:
    async with started(*TAIL, "--json") as tail:
        port = await listening(tail)
        send(port, ORDER[:1])
        first = json.loads(await tail.until("order"))
        assert (first["spans"], first["errors"], first["complete"], first["update"]) == (1, 0, True, False)
        send(port, ORDER[1:])
        again = json.loads(await tail.until("order"))
        assert (again["spans"], again["errors"], again["update"]) == (2, 1, True)
        assert again["culprit"] == {"service": "bank", "name": "pay", "error_type": "card.Declined"}
        send(port, [a_span(7, 6, "orphan", trace_id="ab" * 16)])
        ended = await tail.stop(signal.SIGINT)
    last = json.loads(ended.out.splitlines()[-1])
    assert (ended.status, last["name"], last["complete"]) == (130, "orphan", False)


@pytest.mark.parametrize("sends", [False, True], ids=["idle", "with traces"])
def test_a_pipe_that_nobody_reads_ends_it_without_a_traceback(*, sends: bool) -> None:
    command = [*COMMAND, *TAIL]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as tail:  # noqa: S603
        assert tail.stdout is not None
        assert tail.stderr is not None
        port = port_in(tail.stderr.readline().decode())
        if sends:
            send(port, ORDER)
        tail.stdout.close()
        assert tail.wait(PATIENCE_SECONDS) == 0
        assert tail.stderr.read() == b""


async def test_a_port_in_use_is_named_with_what_to_do() -> None:
    async with started(*TAIL) as tail:
        port = await listening(tail)
        refused = await run("tail", "--otlp-port", str(port))
        await tail.stop()
    assert (refused.status, refused.out) == (2, "")
    assert refused.err.startswith(f"emulator: port {port} of 127.0.0.1 is in use; ")
    assert "--otlp-port" in refused.err


@pytest.mark.parametrize("bind", ["192.0.2.1", "no.such.host.invalid", "é" * 64])
async def test_an_address_of_another_machine_is_refused(bind: str) -> None:
    refused = await run_spantree("tail", "--bind", bind, "--otlp-port", "0")
    assert refused.status == 2
    assert refused.err.startswith(f"spantree: port 0 of {bind} cannot be used: ")


async def test_the_limit_drops_the_oldest_after_printing_them() -> None:
    async with started("tail", EMULATOR_OTLP_PORT="0", EMULATOR_LIMIT="1", EMULATOR_JSON="1") as tail:
        port = await listening(tail)
        send(port, [a_span(1, name=f"order {number}", trace_id=f"{number:032x}") for number in (1, 2, 3)])
        await tail.until("order 3")
        ended = await tail.stop()
    assert [json.loads(line)["name"] for line in ended.out.splitlines()] == ["order 1", "order 2", "order 3"]
