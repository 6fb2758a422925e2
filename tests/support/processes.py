"""The emulator as a user runs it: as processes."""

import asyncio
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest

PYTHON = (sys.executable, "-W", "error", "-m")
COMMAND = (*PYTHON, "emulator")
"""What is not closed or not awaited shows up on stderr."""

PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    status: int
    out: str
    err: str


NO_AUTHORITIES = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
"""Nobody is trusted who is not named: aiohttp reads all of this machine's certificates at import, for 55 ms a start."""


def environment(**more: str) -> dict[str, str]:
    settings = ("OTEL_", "OS_", "EMULATOR_", "SPANTREE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(settings)}
    return {**kept, **NO_AUTHORITIES, "PYTHONUNBUFFERED": "1", **more}


def free_port() -> int:
    """A port that is still free when its service comes to listen: the system gives those from 32,768 to connections."""
    while True:
        port = secrets.choice(range(10_000, 32_000))
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _has_ipv6() -> bool:
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6 loopback")


async def run(*arguments: str, wrapped: Sequence[str] = (), **env: str) -> Ended:
    """Run a command of the emulator to its end; `wrapped` in another one."""
    return await _run(*wrapped, *COMMAND, *arguments, **env)


async def run_spantree(*arguments: str, **env: str) -> Ended:
    """Run a command of spantree to its end."""
    return await _run(*PYTHON, "spantree", *arguments, **env)


async def _run(*command: str, **env: str) -> Ended:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment(**env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(errors="surrogateescape"), err.decode())


class Service:
    """A command that runs until it is stopped."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.out = ""

    async def says(self, words: str) -> None:
        """Wait until it says these words on stderr."""
        assert self._process.stderr is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert words in (await self._process.stderr.readline()).decode()

    async def until(self, words: str) -> str:
        """Read its output until a line with these words; return the line."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            while line := (await self._process.stdout.readline()).decode():
                self.out += line
                if words in line:
                    return line
        _, err = await self._process.communicate()
        raise AssertionError(f"it ended before it said {words!r}:\n{self.out}{err.decode()}")

    async def stop(self, by: signal.Signals = signal.SIGTERM) -> Ended:
        """Stop it as a user or an orchestrator does."""
        self._process.send_signal(by)
        return await self.ended()

    async def ended(self) -> Ended:
        """Wait until it has ended."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            out, err = await self._process.communicate()
        assert self._process.returncode is not None
        return Ended(self._process.returncode, self.out + out.decode(), err.decode())


@asynccontextmanager
async def started(*arguments: str, wrapped: Sequence[str] = (), **env: str) -> AsyncIterator[Service]:
    process = await asyncio.create_subprocess_exec(
        *wrapped,
        *COMMAND,
        *arguments,
        env=environment(**env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Service(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
