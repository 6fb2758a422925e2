"""The emulator as a user runs it: as processes."""

import asyncio
import os
import secrets
import signal
import socket
import sys
from asyncio import StreamReader, StreamReaderProtocol
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest

from tests.support.forks import Fork, can_fork

PYTHON = (sys.executable, "-W", "error", "-m")
COMMAND = (*PYTHON, "emulator")
"""Warnings are errors, so that whatever is not closed or not awaited shows up on stderr."""

PATIENCE_SECONDS = 60

NO_AUTHORITIES = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
"""No certificates of this machine: aiohttp reads all of them at import, which takes 55 ms of every start."""


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    status: int
    out: str
    err: str


async def run(*arguments: str, wrapped: Sequence[str] = (), **env: str) -> Ended:
    """Run a command of the emulator to its end; `wrapped` in another one."""
    return await _communicate(await _start(arguments, wrapped, env))


async def run_spantree(*arguments: str, **env: str) -> Ended:
    """Run a command of spantree to its end."""
    return await _communicate(await _execute((*PYTHON, "spantree", *arguments), env))


@asynccontextmanager
async def started(*arguments: str, wrapped: Sequence[str] = (), **env: str) -> AsyncIterator["Service"]:
    """Start a command of the emulator, and kill it at the end of the block if it still runs."""
    process = await _start(arguments, wrapped, env)
    try:
        yield Service(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def environment(**more: str) -> dict[str, str]:
    """Return the environment for a command: this process's, without what changes how a command behaves."""
    settings = ("OTEL_", "OS_", "EMULATOR_", "SPANTREE_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(settings)}
    return {**kept, **NO_AUTHORITIES, "PYTHONUNBUFFERED": "1", **more}


def free_port() -> int:
    """Return a port that is free now, and below 32,768: the system gives those above to connections."""
    while True:
        port = secrets.choice(range(10_000, 32_000))
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _has_ipv6() -> bool:
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6 loopback")


class ForkedProcess:
    """A forked command, used like an `asyncio.subprocess.Process`."""

    def __init__(self, forked: Fork, stdout: StreamReader, stderr: StreamReader) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self._forked = forked
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(forked.sentinel, self._end)

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._forked.sentinel)
        self._ended.set()

    @property
    def returncode(self) -> int | None:
        """The exit status, or minus the signal that ended it; None while it runs."""
        return self._forked.poll() if self._ended.is_set() else None

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._forked.send_signal(number)

    def kill(self) -> None:
        """End it at once."""
        self._forked.kill()

    async def communicate(self) -> tuple[bytes, bytes]:
        """Wait until it has ended; return the rest of its output."""
        out, err = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self._ended.wait()
        return out, err


Process = asyncio.subprocess.Process | ForkedProcess


class Service:
    """A command that runs until it is stopped."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.out = ""

    async def says(self, words: str) -> str:
        """Wait for a line with these words on stderr; return it."""
        assert self._process.stderr is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            line = (await self._process.stderr.readline()).decode()
        assert words in line
        return line

    async def until(self, words: str) -> str:
        """Read its output until a line with these words; return the line."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            while line := (await self._process.stdout.readline()).decode():
                self.out += line
                if words in line:
                    return line
        _, err = await self._process.communicate()
        raise AssertionError(f"it ended before it printed {words!r}:\n{self.out}{err.decode()}")

    async def stop(self, by: signal.Signals = signal.SIGTERM) -> Ended:
        """Stop it as a user or an orchestrator does."""
        self._process.send_signal(by)
        return await self.ended()

    async def ended(self) -> Ended:
        """Wait until it has ended."""
        ended = await _communicate(self._process)
        return Ended(ended.status, self.out + ended.out, ended.err)


async def _start(arguments: Sequence[str], wrapped: Sequence[str], env: Mapping[str, str]) -> Process:
    """Start a command: as a fork if that makes no difference, else as a new process."""
    if wrapped or not can_fork(env):
        return await _execute((*wrapped, *COMMAND, *arguments), env)
    (out, its_out), (err, its_err) = os.pipe(), os.pipe()
    forked = Fork(arguments, environment(**env), its_out, its_err)
    os.close(its_out)
    os.close(its_err)
    return ForkedProcess(forked, await _reader(out), await _reader(err))


async def _execute(command: Sequence[str], env: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command, env=environment(**env), stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )


async def _reader(descriptor: int) -> StreamReader:
    reader = StreamReader()
    pipe = os.fdopen(descriptor, "rb")
    await asyncio.get_running_loop().connect_read_pipe(lambda: StreamReaderProtocol(reader), pipe)
    return reader


async def _communicate(process: Process) -> Ended:
    """Wait until a process has ended."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(errors="surrogateescape"), err.decode())
