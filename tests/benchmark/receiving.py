"""How many spans a second the receiver takes, next to a sink that only reads bodies, and the memory that they take."""

import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from socket import socket
from statistics import median

from spantree import OtlpReceiver
from spantree.receiver import Batch
from spantree.receiver.batch import read_batch
from spantree.receiver.listener import Listener
from spantree.receiver.trace_store import TraceStore
from tests.benchmark.client import bodies
from tests.benchmark.goal import Goal

__all__ = ["bytes_at_rest", "receiving"]

BATCH = 512
"""The largest batch of the SDK's own exporter."""
ROUNDS = 5


def receiving() -> Iterator[Goal]:
    for name, batch, options, limit in (
        ("batches of 512", BATCH, (), 200_000),
        ("batches of 512, gzip", BATCH, ("gzip",), 200_000),
        ("one span a request", 1, (), 5_000),
    ):
        received, sunk = rates(batch, 200 if batch > 1 else 2000, *options)
        note = f"a sink: {sunk:,.0f}, {sunk / received:.1f} times as many"
        yield Goal(name, received, "spans/s", limit, at_least=True, note=note)
    yield Goal("a span at rest", bytes_at_rest(), "bytes", 400, note=f"{encoded_bytes():.0f} of them as it was sent")


def rates(batch: int, count: int, *options: str) -> tuple[float, float]:
    """Return spans a second of one core, of the receiver and of the sink: medians of rounds that take turns."""
    command = [sys.executable, "-m", "tests.benchmark.client", str(batch), *options]
    received, sunk = [], []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:  # noqa: S603
        for _ in range(ROUNDS + 1):
            with OtlpReceiver() as receiver:
                received.append(sent(client, int(receiver.endpoint.rpartition(":")[2]), count))
                assert len(receiver.traces) > 0
            with closing(Listener("127.0.0.1", 0, sink)) as listener:
                sunk.append(sent(client, listener.port, count))
        assert client.stdin is not None
        client.stdin.close()
    return tuple(batch * count / median(seconds[1:]) for seconds in (received, sunk))  # type: ignore[return-value] # two


def sent(client: subprocess.Popen[str], port: int, count: int) -> float:
    """Let the client send its requests; return the seconds of CPU time that this process needs for them, in all."""
    assert client.stdin is not None
    assert client.stdout is not None
    began = time.process_time()
    client.stdin.write(f"{port} {count}\n")
    client.stdin.flush()
    assert client.stdout.readline() == "sent\n"
    return time.process_time() - began


def sink(connection: socket) -> None:
    """Read requests and drop them."""
    with connection.makefile("rb") as stream:
        while headers := list(iter(stream.readline, b"\r\n")) if stream.peek(1) else []:
            [length] = [line for line in headers if line.startswith(b"Content-Length")]
            stream.read(int(length.partition(b":")[2]))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def bytes_at_rest(batches: int = 20) -> float:
    """Return the bytes of memory that a stored span takes as long as nobody asks for it."""
    sent_bodies = list(bodies(BATCH, batches))
    read(sent_bodies[0])  # imports protobuf
    store = TraceStore()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for body in sent_bodies:
            store.add(read(body))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / (BATCH * batches)


def read(body: bytes) -> Batch:
    return read_batch("traces", "application/x-protobuf", body)


def encoded_bytes() -> float:
    return len(next(bodies(BATCH, 1))) / BATCH
