"""The emulator in containers: a network of podman, from which OTLP reaches a receiver on this machine's loopback."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

from spantree import OtlpReceiver
from tests.support.processes import PATIENCE_SECONDS, Ended

__all__ = ["GUARDED", "IMAGE", "RABBITMQ", "Network", "a_network", "podman"]

IMAGE = os.environ.get("EMULATOR_TEST_IMAGE", "")
RABBITMQ = "rabbitmq:4.2-management"
GUARDED = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges")
"""No file can be written."""


async def podman(*arguments: str) -> Ended:
    """Run podman and wait until it ends."""
    process = await asyncio.create_subprocess_exec(
        "podman",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


@dataclass(frozen=True, slots=True)
class Network:
    """Containers that reach each other by name, and our receiver as `jaeger`."""

    name: str
    options: tuple[str, ...]

    async def run(self, *arguments: str, name: str, **environment: str) -> Ended:
        """Run a container of the image until it ends."""
        return await podman("run", *self._options(name, environment), *GUARDED, IMAGE, *arguments)

    async def start(self, *arguments: str, name: str, **environment: str) -> None:
        """Start a container of the image."""
        await self.start_other(*GUARDED, IMAGE, *arguments, name=name, **environment)

    async def start_other(self, *arguments: str, name: str, **environment: str) -> None:
        """Start a container of another image."""
        started = await podman("run", "--detach", *self._options(name, environment), *arguments)
        assert started.status == 0, started.err

    async def healthy(self, *names: str) -> None:
        """Wait until these are healthy, by their health checks."""
        waited = await asyncio.gather(*map(self._await_health, names))
        ill = {name: ended.out + ended.err for name, ended in zip(names, waited, strict=True) if ended.status}
        assert not ill, ill
        checked = await asyncio.gather(*(podman("healthcheck", "run", self._full(name)) for name in names))
        assert not any(ended.status for ended in checked), checked

    async def _await_health(self, name: str) -> Ended:
        return await podman("exec", self._full(name), "emulator", "health", "--wait=45")

    async def stop(self, *names: str, seconds: int = 10) -> dict[str, int]:
        """Stop containers with SIGTERM; return their exit statuses, 137 for one that had to be killed."""
        stopped = [podman("stop", "--time", str(seconds), self._full(name)) for name in names]
        for ended in await asyncio.gather(*stopped):
            assert ended.status == 0, ended.err
        return {name: int(await self.inspect(name, "{{.State.ExitCode}}")) for name in names}

    async def inspect(self, name: str, template: str) -> str:
        return (await podman("inspect", "--format", template, self._full(name))).out.strip()

    async def written(self, name: str) -> list[str]:
        """Files that a container has changed, except those in /etc that the engine mounts."""
        return [line for line in (await podman("diff", self._full(name))).out.splitlines() if line != "C /etc"]

    def _options(self, name: str, environment: dict[str, str]) -> list[str]:
        variables = [f"--env={key}={value}" for key, value in environment.items()]
        return [
            f"--name={self._full(name)}",
            f"--hostname={name}",
            f"--network-alias={name}",
            *self.options,
            *variables,
        ]

    def _full(self, name: str) -> str:
        return f"{self.name}-{name}"


@asynccontextmanager
async def a_network(otlp: OtlpReceiver) -> AsyncIterator[Network]:
    """Create a network. Its containers are removed at the end of the block."""
    name = f"emulator-{uuid4().hex[:8]}"
    created = await podman("network", "create", name)
    assert created.status == 0, created.err
    gateway = (await podman("network", "inspect", "--format", "{{(index .Subnets 0).Gateway}}", name)).out.strip()
    async with relay(int(otlp.endpoint.rsplit(":", 1)[1])) as port:
        exporting = f"--env=OTEL_EXPORTER_OTLP_ENDPOINT=http://jaeger:{port}"
        try:
            yield Network(name, (f"--network={name}", f"--label={name}", f"--add-host=jaeger:{gateway}", exporting))
        finally:
            left = (await podman("ps", "--all", "--quiet", f"--filter=label={name}")).out.split()
            await podman("rm", "--force", "--volumes", "--time=0", *left)
            await podman("network", "rm", "--force", name)


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[int]:
    """Forward connections to a port on any address to `port` on loopback. Ends when all connections are closed."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65_536):
                writer.write(chunk)
                await writer.drain()
        writer.close()

    async def hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    async with asyncio.TaskGroup() as connections:

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connections.create_task(hand_on(reader, writer))

        async with await asyncio.start_server(accept, "0.0.0.0", 0) as server:  # noqa: S104 - containers are to reach it
            yield server.sockets[0].getsockname()[1]
