"""Boot a server over HTTP as a user does: log in, POST /servers, poll until it is ACTIVE. One trace per boot.

Also deletes and lists servers. Knows the cloud only by the URL of its keystone.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

import aiohttp
import msgspec

from emulator.client.boot_request import BootRequest, server_name
from emulator.client.credentials import Credentials
from emulator.instrumentation import mark_failed, record_error
from emulator.instrumentation.url_template import TemplatedUrl
from emulator.runtime.export import Export
from emulator.runtime.http_client import HttpClient, UnexpectedAnswer
from emulator.runtime.request_context import ServiceContext, annotate, carrying_fault, request_scope
from emulator.runtime.seeded_random import SeededRandom
from emulator.runtime.spans import span
from emulator.services.auth import Access
from emulator.services.seed_data import resource_id
from spantree import escaped

__all__ = [
    "MAX_CONCURRENT_BOOTS",
    "OUTCOMES",
    "SERVICE",
    "BootResult",
    "OnProgress",
    "boot",
    "delete",
    "find_servers",
    "new_context",
]

SERVICE = "openstack-client"
"""The client's `service.name`."""
MAX_CONCURRENT_BOOTS = 50
"""How many servers one process boots at the same time. More would compete for its CPU and time out."""
POLL_SECONDS = 0.01
POLL_SECONDS_AT_PACE_1 = 0.2
POLL_GROWTH = 0.2
"""Each pause between polls grows by this share of the boot's duration so far, so that slow boots have few polls."""
LONGEST_POLL_SECONDS = 2.0


OUTCOMES = ("ACTIVE", "ERROR", "refused", "timeout", "unreachable", "cancelled", "other")
"""The values of `openstack.boot.outcome`, on the root span of a boot.

ACTIVE and ERROR are the server's status. `refused`: the cloud answered with an error, or its catalog has no nova.
`timeout`: it did not answer in time. `unreachable`: there was no connection, or it broke. `cancelled`: the user did not
wait for the end. `other`: the server has another status.
"""


@dataclass(frozen=True, slots=True)
class BootResult:
    """The outcome of a request. `status` is the server's last status, or REFUSED if there is no server.

    `seconds` is the time from the request until that status was seen.
    """

    request: BootRequest
    trace_id: str
    request_id: str = ""
    """The same on every span of the boot, even if its spans are in several traces."""
    server_id: str = ""
    status: str = "BUILD"
    seconds: float = 0.0
    host: str = ""
    """Empty unless the user is an administrator: nova hides the host from other users."""
    addresses: tuple[str, ...] = ()
    fault: str = ""
    """Why the server is in ERROR, or why the request was refused."""

    @property
    def succeeded(self) -> bool:
        """Whether the server became ACTIVE."""
        return self.status == "ACTIVE"


OnProgress = Callable[[BootRequest, str], None]
"""Called with every new state of a server: nova's task state while it builds, its status at the end."""


# Only the fields that the client reads: msgspec ignores all others.


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


def new_context(export: Export, seed: int | None, pace: float = 0.0, owner: str = SERVICE) -> ServiceContext:
    """Return the context in which the client makes its spans. With a `seed`, each `owner` draws its own random ids."""
    rng = SeededRandom(seed, owner)
    return ServiceContext(SERVICE, export.tracer(SERVICE, rng), rng, pace)


def _ignore_progress(request: BootRequest, state: str) -> None:
    """The default for `on_progress`."""


async def boot(
    context: ServiceContext,
    http: HttpClient,
    credentials: Credentials,
    request: BootRequest,
    on_progress: OnProgress = _ignore_progress,
) -> BootResult:
    """Boot a server and wait until it is ACTIVE or in ERROR. The status is REFUSED if the cloud refuses the request.

    Failures of the cloud are not raised: `BootResult.fault` has the reason.
    """
    began = time.monotonic()
    with request_scope(context) as scope, span("openstack server create", attributes=request.attributes) as root:
        result = BootResult(request, f"{root.get_span_context().trace_id:032x}", scope.request_id)
        outcome = "other"
        try:
            access = await credentials.log_in(http)
            server_id = await _create(http, access, request)
            result = replace(result, server_id=server_id)
            result = await _wait_until_built(http, access, result, context.pace, on_progress)
            outcome = result.status if result.status in {"ACTIVE", "ERROR"} else "other"
        except UnexpectedAnswer as refusal:
            record_error(root, refusal)
            outcome, fault = "refused", f"{refusal.message} (HTTP {refusal.status})"
            result = replace(result, status="REFUSED", fault=fault)
        except (aiohttp.ClientError, TimeoutError, LookupError) as error:
            record_error(root, error)
            outcome = _outcome_without_answer(error)
            result = replace(result, status="REFUSED", fault=str(error) or "no answer in time")
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            root.set_attribute("openstack.boot.outcome", outcome)
        if result.status == "ERROR":
            mark_failed(root, "ServerInError", result.fault)
        on_progress(request, escaped(result.status))
        return _printable(replace(result, seconds=time.monotonic() - began))


async def delete(
    context: ServiceContext, http: HttpClient, credentials: Credentials, server_id: str, name: str | None = None
) -> bool:
    """Delete a server, in a trace of its own. Return True if the cloud accepted this, or has no such server.

    The root span has the server's name, if that is known. An error is recorded on it and not raised.
    """
    named = {} if name is None else server_name(name)
    with request_scope(context), span("openstack server delete", attributes=named) as root:
        annotate(server__id=server_id)
        try:
            access = await credentials.log_in(http)
            (await http.fetch("DELETE", _server_url(access, server_id), token=access.token)).check()
        except UnexpectedAnswer as error:
            record_error(root, error)
            return error.status == HTTPStatus.NOT_FOUND  # it is already gone
        except (aiohttp.ClientError, TimeoutError, LookupError) as error:
            record_error(root, error)
            return False
    return True


async def find_servers(context: ServiceContext, http: HttpClient, credentials: Credentials, name: str) -> list[str]:
    """Return the ids of the servers whose name matches a regular expression, in a trace of its own.

    Servers that are being deleted are left out.
    Raises UnexpectedAnswer, aiohttp.ClientError, TimeoutError and LookupError.
    """
    with request_scope(context), span("openstack server list"):
        access = await credentials.log_in(http)
        url = TemplatedUrl(access.url("compute"), "/servers/detail", query={"name": name})
        found = (await http.fetch("GET", url, token=access.token)).read(_ServersAnswer).servers
        return [server.id for server in found if server.task_state != "deleting"]


def _outcome_without_answer(error: Exception) -> str:
    """Return the outcome of a boot that no answer ends. Some errors of aiohttp are timeouts as well."""
    if isinstance(error, TimeoutError):
        return "timeout"
    return "unreachable" if isinstance(error, aiohttp.ClientError) else "refused"


async def _create(http: HttpClient, access: Access, request: BootRequest) -> str:
    """POST the request and return the server's id."""
    # The ids of seed data are derived from their names, so that a boot needs no requests to look them up.
    server = {
        "name": request.name,
        "imageRef": resource_id("image", request.image),
        "flavorRef": request.flavor,
        "networks": [{"uuid": resource_id("network", request.network)}],
    }
    with carrying_fault(request.fault):  # only this request: the fault must not act on the login or on polls
        url = TemplatedUrl(access.url("compute"), "/servers")
        answer = await http.fetch("POST", url, body={"server": server}, token=access.token)
    server_id = answer.read(_CreatedAnswer).server.id
    annotate(server__id=server_id)
    return server_id


async def _wait_until_built(
    http: HttpClient, access: Access, result: BootResult, pace: float, on_progress: OnProgress
) -> BootResult:
    """Poll the server until it is ACTIVE or in ERROR, and add its state to the result."""
    url = _server_url(access, result.server_id)
    server = await _poll(http, access.token, url, pace, lambda state: on_progress(result.request, state))
    return replace(
        result,
        status=server.status,
        host=server.host or "",
        addresses=tuple(address.addr for addresses in server.addresses.values() for address in addresses),
        fault=_with_requested_names(server.fault.message if server.fault else "", result.request),
    )


async def _poll(
    http: HttpClient, token: str, url: TemplatedUrl, pace: float, on_state: Callable[[str], None]
) -> _Server:
    """GET the server until its status is no longer BUILD. Has no timeout: nova-api limits how long a build takes."""
    first, began, state = POLL_SECONDS + POLL_SECONDS_AT_PACE_1 * pace, time.monotonic(), None
    while True:
        server = (await http.fetch("GET", url, token=token)).read(_ServerAnswer).server
        if server.status != "BUILD":
            return server
        if server.task_state and server.task_state != state:
            state = server.task_state
            on_state(escaped(state))
        await asyncio.sleep(min(first + POLL_GROWTH * (time.monotonic() - began), LONGEST_POLL_SECONDS))


def _server_url(access: Access, server_id: str) -> TemplatedUrl:
    return TemplatedUrl(access.url("compute"), "/servers/{server_id}", {"server_id": server_id})


def _printable(result: BootResult) -> BootResult:
    """Escape control characters: a cloud may send anything, and the result is printed on terminals."""
    return replace(
        result,
        status=escaped(result.status),
        host=escaped(result.host),
        addresses=tuple(map(escaped, result.addresses)),
        fault=escaped(result.fault),
    )


def _with_requested_names(message: str, request: BootRequest) -> str:
    """Insert the names that the user requested before the ids in the cloud's message."""
    for kind, name in (("image", request.image), ("network", request.network)):
        known = resource_id(kind, name)
        if known != name:
            message = message.replace(known, f"{name} ({known})")
    return message
