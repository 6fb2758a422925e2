"""A look at a server's console over HTTP: its log, which nova-api asks the server's host for. There is no screen."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from emulator.runtime.errors import BadRequest, NotFound
from emulator.runtime.http_server import json_response, read_json
from emulator.services.nova.api.lifecycle import BUILD_LIMIT
from emulator.services.nova.api.servers.views import find_server
from emulator.services.nova.messages import ConsoleOutput, GetConsoleOutput, compute
from emulator.services.nova.objects.server import Server
from emulator.services.nova.objects.states import InstanceNotReady
from emulator.services.oslo.messaging import call

__all__ = ["CONSOLE_ACTIONS", "CONSOLE_ROUTES"]

REPLY_SECONDS = 5.0

SCREENS: Mapping[str, str] = {
    "os-getVNCConsole": "novnc",
    "os-getSPICEConsole": "spice-html5",
    "os-getRDPConsole": "rdp-html5",
    "os-getSerialConsole": "serial",
    "os-getMKSConsole": "webmks",
}
"""What asks for a look at a screen, and what the screen is called."""


class ConsoleTypeUnavailable(BadRequest):
    """Guests of this cloud have no screen that could be shown."""

    error_type = "nova.ConsoleTypeUnavailable"

    def __init__(self, console_type: str) -> None:
        super().__init__(f"Unavailable console type {console_type}.")


class ConsoleNotAvailable(NotFound):
    """The host does not know what the guest has written."""

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

    wanted: GetOutput | None = msgspec.field(name="os-getConsoleOutput")


async def get_console_output(request: web.Request, server: Server) -> web.Response:
    """Answer the last `length` lines that a server has written to its console; all for none, or -1."""
    wanted = (await read_json(request, GetOutputBody)).wanted
    length = -1 if wanted is None or wanted.length is None else int(wanted.length)
    if server.host is None or server.launched_at is None:
        raise InstanceNotReady(server.id)
    message = GetConsoleOutput(server.id, None if length < 0 else length)
    seconds = min(REPLY_SECONDS, request.app[BUILD_LIMIT])
    reply = await call(request.app, compute(server.host), message, ConsoleOutput, seconds)
    if reply.output is None:
        raise ConsoleNotAvailable
    return json_response({"output": reply.output})


class Screen(msgspec.Struct):
    """The arguments of what asks for a look at a screen."""

    type: str | None = None


def unavailable(action: str, console_type: str) -> Callable[[web.Request, Server], Awaitable[web.Response]]:
    """Return what refuses a look at a screen; `console_type` is what it is called where the body does not say."""
    body = msgspec.defstruct("ScreenBody", [("wanted", Screen | None, msgspec.field(name=action))])

    async def refuse(request: web.Request, server: Server) -> web.Response:
        del server
        wanted: Screen | None
        [wanted] = msgspec.structs.astuple(await read_json(request, body))
        raise ConsoleTypeUnavailable((wanted and wanted.type) or console_type)

    return refuse


class RemoteConsole(msgspec.Struct):
    """The arguments of a remote console."""

    protocol: Literal["vnc", "spice", "rdp", "serial", "mks"]
    type: str


class CreateRemoteConsole(msgspec.Struct):
    """The body of `POST /servers/{id}/remote-consoles`."""

    remote_console: RemoteConsole


async def create_remote_console(request: web.Request) -> web.Response:
    """Refuse a look at a screen."""
    wanted = (await read_json(request, CreateRemoteConsole)).remote_console
    find_server(request)
    raise ConsoleTypeUnavailable(wanted.type)


CONSOLE_ACTIONS: Mapping[str, Callable[[web.Request, Server], Awaitable[web.Response]]] = {
    "os-getConsoleOutput": get_console_output,
    **{action: unavailable(action, console_type) for action, console_type in SCREENS.items()},
}

CONSOLE_ROUTES = (web.post("/v2.1/servers/{server_id}/remote-consoles", create_remote_console),)
