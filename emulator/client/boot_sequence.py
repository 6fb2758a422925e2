"""The user's story over HTTP: log in, ask for a server, look until it is there. One trace, of `openstack-client`."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus

import aiohttp
import msgspec
from yarl import URL

from emulator.faults import Fault
from emulator.instrumentation import mark_failed, record_error
from emulator.runtime.export import Export
from emulator.runtime.http_client import HttpClient, UnexpectedAnswer
from emulator.runtime.request_context import ServiceContext, annotate, carrying_fault, request_scope
from emulator.runtime.seeded_random import SeededRandom
from emulator.runtime.spans import span
from emulator.services.auth import Access, log_in
from emulator.services.seed_data import resource_id
from spantree import visible

__all__ = [
    "SIDE_BY_SIDE",
    "BootRequest",
    "BootResult",
    "Credentials",
    "Watcher",
    "boot",
    "delete",
    "numbered",
    "servers_like",
    "user",
]

SERVICE = "openstack-client"
SIDE_BY_SIDE = 50
"""How many servers one process boots at once: more would wait for one another in it, and time out."""
POLL_SECONDS = 0.01
POLL_SECONDS_AT_PACE_1 = 0.2
PATIENCE = 0.2  # of the time that it has taken already, until the next look
LONGEST_POLL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who boots. `from_environment` reads the standard `OS_*` variables, and is admin without them."""

    auth_url: str
    username: str = "admin"
    password: str = field(default="secret", repr=False)
    project: str = "admin"
    interface: str = "public"
    """Which endpoints of the catalog are used; `internal` where the user is among the services."""

    @classmethod
    def from_environment(cls, auth_url: str, environment: Mapping[str, str] = os.environ) -> "Credentials":
        """Return who `OS_USERNAME`, `OS_PASSWORD` and `OS_PROJECT_NAME` name, to use the endpoints of `OS_INTERFACE`.

        The project of a user who is named alone is the one of the same name. An empty variable is none.
        """
        username = environment.get("OS_USERNAME") or "admin"
        return cls(
            auth_url,
            username,
            environment.get("OS_PASSWORD") or "secret",
            environment.get("OS_PROJECT_NAME") or username,
            (environment.get("OS_INTERFACE") or "public").removesuffix("URL"),  # publicURL is an old way to say it
        )

    async def log_in(self, http: HttpClient) -> Access:
        """Get a token, with the catalog. Raises what `login.log_in` raises."""
        return await log_in(
            http,
            self.auth_url,
            username=self.username,
            password=self.password,
            project=self.project,
            interface=self.interface,
        )


@dataclass(frozen=True, slots=True)
class BootRequest:
    """A server that is wanted. Image and network by name (of a fresh cloud) or id, the flavor by name."""

    name: str = "demo"
    image: str = "cirros"
    flavor: str = "m1.tiny"
    network: str = "private"
    fault: Fault | None = None
    """What is to go wrong; it rides with the request for the server, as baggage."""


def numbered(order: BootRequest, count: int) -> list[BootRequest]:
    """Return orders for so many servers like this one; several are called `name-1`, `name-2` …, as nova does it."""
    names = [order.name] if count == 1 else [f"{order.name}-{number + 1}" for number in range(count)]
    return [replace(order, name=name) for name in names]


@dataclass(frozen=True, slots=True)
class BootResult:
    """What came of an order. `status` is the server's last one, or REFUSED; `seconds` from the order to that status."""

    order: BootRequest
    trace_id: str
    request_id: str = ""
    """The same on every span of the boot, also where these are in other traces."""
    server_id: str = ""
    status: str = "BUILD"
    seconds: float = 0.0
    host: str = ""
    """Empty where the user is no admin: others are not told."""
    addresses: tuple[str, ...] = ()
    fault: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the server became ACTIVE."""
        return self.status == "ACTIVE"


Watcher = Callable[[BootRequest, str], None]
"""What is told of an order whenever the user sees a new state: nova's task state, and at last the status."""


class _Created(msgspec.Struct):
    id: str


class _CreatedAnswer(msgspec.Struct):
    server: _Created


class _Fault(msgspec.Struct):
    message: str


class _Address(msgspec.Struct):
    addr: str


class _Server(msgspec.Struct):
    status: str
    addresses: dict[str, list[_Address]]
    host: str | None = msgspec.field(name="OS-EXT-SRV-ATTR:host", default=None)
    task_state: str | None = msgspec.field(name="OS-EXT-STS:task_state", default=None)
    fault: _Fault | None = None


class _ServerAnswer(msgspec.Struct):
    server: _Server


class _Listed(msgspec.Struct):
    id: str
    task_state: str | None = msgspec.field(name="OS-EXT-STS:task_state", default=None)


class _ServersAnswer(msgspec.Struct):
    servers: list[_Listed]


def user(export: Export, seed: int | None, pace: float = 0.0, owner: str = SERVICE) -> ServiceContext:
    """Return who acts for the user, at a `pace`. Users of one `seed` differ by their `owner`."""
    rng = SeededRandom(seed, owner)
    return ServiceContext(SERVICE, export.tracer(SERVICE, rng), rng, pace)


def _nobody(order: BootRequest, state: str) -> None:
    """Nobody watches."""


async def boot(
    actor: ServiceContext, http: HttpClient, credentials: Credentials, order: BootRequest, tell: Watcher = _nobody
) -> BootResult:
    """Boot a server and wait until it is ACTIVE or in ERROR. What the cloud refuses has the status REFUSED.

    `tell` hears of every state that is seen on the way, and of the last one.
    """
    began = time.monotonic()
    with request_scope(actor) as scene, span("openstack server create") as root:
        booted = BootResult(order, f"{root.get_span_context().trace_id:032x}", scene.request_id)
        try:
            access = await credentials.log_in(http)
            servers_url = f"{access.url('compute')}/servers"
            booted = replace(booted, server_id=await _order(http, access.token, servers_url, order))
            booted = await _follow(http, access.token, servers_url, booted, actor.pace, tell)
        except UnexpectedAnswer as refusal:
            record_error(root, refusal)
            booted = replace(booted, status="REFUSED", fault=f"{refusal.message} (HTTP {refusal.status})")
        except (aiohttp.ClientError, TimeoutError, LookupError) as error:
            record_error(root, error)
            booted = replace(booted, status="REFUSED", fault=str(error) or "no answer in time")
        if booted.status == "ERROR":
            mark_failed(root, "ServerInError", booted.fault)
        tell(order, visible(booted.status))
        return _shown(replace(booted, seconds=time.monotonic() - began))


async def delete(actor: ServiceContext, http: HttpClient, credentials: Credentials, server_id: str) -> bool:
    """Ask for the end of a server, as a trace of its own. Return whether that was taken, or there is no such server.

    What went wrong is told on the first span of the trace alone.
    """
    with request_scope(actor), span("openstack server delete") as root:
        annotate(server__id=server_id)
        try:
            access = await credentials.log_in(http)
            url = f"{access.url('compute')}/servers/{server_id}"
            (await http.fetch("DELETE", url, token=access.token)).check()
        except UnexpectedAnswer as error:
            record_error(root, error)
            return error.status == HTTPStatus.NOT_FOUND
        except (aiohttp.ClientError, TimeoutError, LookupError) as error:
            record_error(root, error)
            return False
    return True


async def servers_like(actor: ServiceContext, http: HttpClient, credentials: Credentials, name: str) -> list[str]:
    """Return the ids of the servers in whose names `name` is found, as a trace of its own; `^` and `$` are the ends.

    Those that are being deleted are left out. Raises UnexpectedAnswer, aiohttp.ClientError, TimeoutError, LookupError.
    """
    with request_scope(actor), span("openstack server list"):
        access = await credentials.log_in(http)
        url = URL(f"{access.url('compute')}/servers/detail").with_query(name=name)
        found = (await http.fetch("GET", str(url), token=access.token)).read(_ServersAnswer).servers
        return [server.id for server in found if server.task_state != "deleting"]


async def _follow(
    http: HttpClient, token: str, servers_url: str, booted: BootResult, pace: float, tell: Watcher
) -> BootResult:
    """Look at the server of a boot until it is built, or in ERROR; return what came of it."""
    server = await _watch(
        http, token, f"{servers_url}/{booted.server_id}", pace, lambda state: tell(booted.order, state)
    )
    return replace(
        booted,
        status=server.status,
        host=server.host or "",
        addresses=tuple(address.addr for addresses in server.addresses.values() for address in addresses),
        fault=_name_what_was_asked(server.fault.message if server.fault else "", booted.order),
    )


async def _order(http: HttpClient, token: str, servers_url: str, order: BootRequest) -> str:
    server = {
        "name": order.name,
        "imageRef": resource_id("image", order.image),
        "flavorRef": order.flavor,
        "networks": [{"uuid": resource_id("network", order.network)}],
    }
    with carrying_fault(order.fault):
        answer = await http.fetch("POST", servers_url, body={"server": server}, token=token)
    server_id = answer.read(_CreatedAnswer).server.id
    annotate(server__id=server_id)
    return server_id


async def _watch(http: HttpClient, token: str, url: str, pace: float, tell: Callable[[str], None]) -> _Server:
    """Look at the server until its build has ended. nova-api sees to it that it does."""
    first, began, state = POLL_SECONDS + POLL_SECONDS_AT_PACE_1 * pace, time.monotonic(), None
    while True:
        server = (await http.fetch("GET", url, token=token)).read(_ServerAnswer).server
        if server.status != "BUILD":
            return server
        if server.task_state and server.task_state != state:
            state = server.task_state
            tell(visible(state))
        await asyncio.sleep(min(first + PATIENCE * (time.monotonic() - began), LONGEST_POLL_SECONDS))


def _shown(booted: BootResult) -> BootResult:
    """What a cloud says may be anything, and is to be printed."""
    return replace(
        booted,
        status=visible(booted.status),
        host=visible(booted.host),
        addresses=tuple(map(visible, booted.addresses)),
        fault=visible(booted.fault),
    )


def _name_what_was_asked(fault: str, order: BootRequest) -> str:
    """Put the names that the user gave beside the ids that the cloud speaks of."""
    for kind, name in (("image", order.image), ("network", order.network)):
        known = resource_id(kind, name)
        if known != name:
            fault = fault.replace(known, f"{name} ({known})")
    return fault
