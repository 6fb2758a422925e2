"""Fixtures: a running emulator, the receiver of its spans, and users who run stock clients as processes."""

import asyncio
import faulthandler
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from spantree import OtlpReceiver, Span, SpanTree
from tests.conftest import eventually
from tests.support.processes import COMMAND, Ended, environment

BIN = Path(sys.executable).parent
KEY = "SECRET_KEY"
"""The key that osprofiler's headers are signed with."""
PATIENCE_SECONDS = 120
POLL_SECONDS = 0.05
SETTLES = re.compile("(ack|nack|reject) ")


@dataclass(frozen=True)
class Up:
    """A running emulator: the URLs of its APIs by service name, and the receiver of its spans."""

    endpoints: Mapping[str, str]
    clouds_yaml: str
    spans: OtlpReceiver

    async def trace(self, trace_id: str) -> SpanTree:
        """Wait for a complete trace, and return it. Each process exports its own spans, at its own time."""

        async def read() -> list[SpanTree]:
            found = self.spans.find(trace_id)
            return [found] if found is not None and is_complete(found) else []

        return (await eventually(read, pause=POLL_SECONDS))[0]

    async def traces(self, service: str, count: int) -> Sequence[SpanTree]:
        """Wait for `count` complete traces that a client of this name has started, and return them."""

        async def read() -> list[SpanTree]:
            return [trace for trace in self.spans.traces if trace.spans[0].service == service]

        return await eventually(read, lambda found: len(found) >= count and all(map(is_complete, found)), POLL_SECONDS)

    async def spans_where(self, accept: Callable[[Span], bool]) -> Sequence[Span]:
        """Wait for spans, of any trace, that are accepted, and return them."""

        async def read() -> list[Span]:
            return [span for trace in self.spans.traces for span in trace.spans if accept(span)]

        return await eventually(read, pause=POLL_SECONDS)


def is_complete(trace: SpanTree) -> bool:
    """Whether every client and producer span has a child, the span of the other side."""
    sent = (span for span in trace.spans if span.kind in {"client", "producer"} and not SETTLES.match(span.name))
    return all(span.children or span.failed for span in sent)


@pytest.fixture(scope="session")
def up() -> Iterator[Up]:
    """One emulator for all tests of this process."""
    with OtlpReceiver() as receiver:
        env = environment(**receiver.environment, EMULATOR_OSPROFILER_HMAC_KEY=f"another {KEY}")
        command = [*COMMAND, "up", "--pace", "0", "--port-base", "0"]
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
            assert process.stdout is not None
            printed = "".join(_until(process.stdout, "    identity_api_version: 3\n"))
            endpoints = re.findall(r"^  (\S+) +(http://\S+)$", printed, re.MULTILINE)
            yield Up(dict(endpoints), printed[printed.index("clouds:\n") :], receiver)
            process.terminate()
            process.communicate()
        assert process.returncode == 0


def _until(lines: Iterable[str], last: str) -> Iterator[str]:
    for line in lines:
        yield line
        if line == last:
            return


@dataclass(frozen=True)
class User:
    """A user who runs stock clients, with the variables `OS_*` and any `more`."""

    up: Up
    name: str
    more: Mapping[str, str] = field(default_factory=dict)

    def with_variables(self, **more: str) -> "User":
        """Return the user with more variables."""
        return replace(self, more={**self.more, **more})

    @property
    def variables(self) -> dict[str, str]:
        """The variables that an openrc file sets."""
        return {
            "OS_AUTH_URL": f"{self.up.endpoints['keystone']}/v3",
            "OS_USERNAME": self.name,
            "OS_PASSWORD": "secret",
            "OS_PROJECT_NAME": self.name,
            "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_DOMAIN_NAME": "Default",
            "OS_IDENTITY_API_VERSION": "3",
        }

    async def __call__(self, command: str) -> Ended:
        """Run an `openstack` command that must succeed."""
        ended = await self.run(command)
        assert ended.status == 0, f"openstack {command}: {ended.err}{ended.out}"
        return ended

    async def json(self, command: str) -> Any:
        """Run an `openstack` command that must succeed, and return its JSON output."""
        return json.loads((await self(f"{command} -f json")).out)

    async def refused(self, command: str) -> str:
        """Run an `openstack` command that must fail with status 1, and return its stderr."""
        ended = await self.run(command)
        assert (ended.status, ended.out) == (1, ""), f"openstack {command}: {ended}"
        return ended.err

    async def run(self, command: str) -> Ended:
        """Run an `openstack` command, whatever its status."""
        return await ended(str(BIN / "openstack"), *shlex.split(command), **{**self.variables, **self.more})

    async def sdk(self, script: str, *wrapped: str) -> Any:
        """Run a script that has a connection `conn`, and return the JSON value that it assigns to `result`."""
        whole = f"import json, openstack\nconn = openstack.connect()\n{dedent(script)}\nprint(json.dumps(result))\n"
        done = await ended(*wrapped, sys.executable, "-c", whole, **{**self.variables, **self.more})
        assert done.status == 0, done.err
        return json.loads(done.out)


async def ended(*command: str, **variables: str) -> Ended:
    """Run a command to its end, with these variables and without the developer's."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment(XDG_CONFIG_HOME=os.devnull, COLUMNS="200", **variables),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:  # cancelled, because a command that ran beside it has failed
            process.kill()
            await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


@pytest.fixture(autouse=True)
def no_deadline() -> None:
    """Let tests run for long on a busy machine: clients are slow to start, and each has its own deadline."""
    faulthandler.cancel_dump_traceback_later()  # of `faulthandler_timeout`, which ends the process and orphans `up`


@pytest.fixture
def admin(up: Up) -> User:
    """A user with the role `admin`."""
    return User(up, "admin")


@pytest.fixture
def demo(up: Up) -> User:
    """A member of one project."""
    return User(up, "demo")


@pytest.fixture
def alt_demo(up: Up) -> User:
    """A member of another project."""
    return User(up, "alt_demo")
