"""A server's console log, for which nova-api calls the server's host. Remote consoles are not available."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from emulator.runtime.errors import BadRequest, NotFound
from emulator.runtime.http_server import json_response, read_json
from emulator.services.nova.api.lifecycle import BUILD_SECONDS
from emulator.services.nova.api.servers.views import find_server
from emulator.services.nova.messages import ConsoleOutput, GetConsoleOutput, compute
from emulator.services.nova.objects.server import Server
from emulator.services.nova.objects.states import InstanceNotReady
from emulator.services.oslo.messaging import call

__all__ = ["CONSOLE_ACTIONS", "CONSOLE_ROUTES"]

REPLY_SECONDS = 5.0

REMOTE_CONSOLES: Mapping[str, str] = {
    "os-getVNCConsole": "novnc",
    "os-getSPICEConsole": "spice-html5",
    "os-getRDPConsole": "rdp-html5",
    "os-getSerialConsole": "serial",
    "os-getMKSConsole": "webmks",
}
"""The actions that open a remote console, and their default console types."""


class ConsoleTypeUnavailable(BadRequest):
    """The emulator's servers have no remote console."""

    error_type = "nova.ConsoleTypeUnavailable"

    def __init__(self, console_type: str) -> None:
        super().__init__(f"Unavailable console type {console_type}.")


class ConsoleNotAvailable(NotFound):
    """The host does not have the server's console log."""

    error_type = "nova.ConsoleNotAvailable"

    def __init__(self) -> None:
        super().__init__("Unable to get console")


class GetOutput(msgspec.Struct):
    """The arguments of `os-getConsoleOutput`."""

    length: Annotated[int, msgspec.Meta(ge=-1)] | Annotated[str, msgspec.Meta(pattern=r"^(-1|[0-9]{1,9})$")] | None = (
        None
    )


class GetOutputBody(msgspec.Struct):
    """The body of the action `os-getConsoleOutput`."""

    arguments: GetOutput | None = msgspec.field(name="os-getConsoleOutput")


async def get_console_output(request: web.Request, server: Server) -> web.Response:
    """Return the last `length` lines of a server's console log, or all of them for -1 or without a length."""
    arguments = (await read_json(request, GetOutputBody)).arguments
    length = -1 if arguments is None or arguments.length is None else int(arguments.length)
    if server.host is None or server.launched_at is None:
        raise InstanceNotReady(server.id)
    message = GetConsoleOutput(server.id, None if length < 0 else length)
    seconds = min(REPLY_SECONDS, request.app[BUILD_SECONDS])
    reply = await call(request.app, compute(server.host), message, ConsoleOutput, seconds)
    if reply.output is None:
        raise ConsoleNotAvailable
    return json_response({"output": reply.output})


class ConsoleArguments(msgspec.Struct):
    """The arguments of an action that opens a remote console."""

    type: str | None = None


def unavailable_console(action: str, console_type: str) -> Callable[[web.Request, Server], Awaitable[web.Response]]:
    """Return the handler that refuses to open a remote console. `console_type` is the default of the body's type."""
    body = msgspec.defstruct("ConsoleBody", [("arguments", ConsoleArguments | None, msgspec.field(name=action))])

    async def refuse(request: web.Request, server: Server) -> web.Response:
        del server
        arguments: ConsoleArguments | None
        [arguments] = msgspec.structs.astuple(await read_json(request, body))
        raise ConsoleTypeUnavailable((arguments and arguments.type) or console_type)

    return refuse


class RemoteConsole(msgspec.Struct):
    """The remote console to create."""

    protocol: Literal["vnc", "spice", "rdp", "serial", "mks"]
    type: str


class CreateRemoteConsole(msgspec.Struct):
    """The body of `POST /servers/{id}/remote-consoles`."""

    remote_console: RemoteConsole


async def create_remote_console(request: web.Request) -> web.Response:
    """Refuse to create a remote console."""
    console = (await read_json(request, CreateRemoteConsole)).remote_console
    find_server(request)
    raise ConsoleTypeUnavailable(console.type)


CONSOLE_ACTIONS: Mapping[str, Callable[[web.Request, Server], Awaitable[web.Response]]] = {
    "os-getConsoleOutput": get_console_output,
    **{action: unavailable_console(action, console_type) for action, console_type in REMOTE_CONSOLES.items()},
}

CONSOLE_ROUTES = (web.post("/v2.1/servers/{server_id}/remote-consoles", create_remote_console),)
