"""What users do with a server that is there: `POST /servers/{id}/action`.

nova-api checks whether the server is in a state for it, and tells the server's host. The rest happens on the bus.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from emulator.runtime.amqp_connection import BusUnavailable
from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY, read_json
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.nova.api.lifecycle import set_deadline
from emulator.services.nova.api.policy import not_authorized
from emulator.services.nova.api.servers.console_output import CONSOLE_ACTIONS
from emulator.services.nova.api.servers.views import delete_server, find_server
from emulator.services.nova.messages import (
    PauseInstance,
    RebootInstance,
    ResumeInstance,
    StartInstance,
    StopInstance,
    SuspendInstance,
    UnpauseInstance,
    compute,
)
from emulator.services.nova.objects.instance_action import INSTANCE_ACTIONS
from emulator.services.nova.objects.server import Server
from emulator.services.nova.objects.states import InstanceInvalidState, InstanceNotReady
from emulator.services.oslo.messaging import Call, cast

__all__ = ["ACTION_ROUTES"]

ServerAction = Callable[[web.Request, Server], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a server's state: what is done meanwhile, in which states it may begin, and what the host is told."""

    action: str
    task_state: str
    vm_states: frozenset[str]
    message: Callable[[str], Call]
    task_states: frozenset[str | None] = frozenset({None})

    def check(self, server: Server) -> None:
        """Raise InstanceInvalidState or InstanceNotReady where it may not begin."""
        if server.vm_state not in self.vm_states:
            raise InstanceInvalidState(self.action, server.id, "vm_state", server.vm_state)
        if server.task_state not in self.task_states:
            raise InstanceInvalidState(self.action, server.id, "task_state", server.task_state)
        if server.launched_at is None:
            raise InstanceInvalidState(self.action, server.id)
        if server.host is None:
            raise InstanceNotReady(server.id)


ACTIVE = frozenset({"active"})

CHANGES: Mapping[str, Change] = {
    "os-stop": Change("stop", "powering-off", frozenset({"active", "error"}), StopInstance),
    "os-start": Change("start", "powering-on", frozenset({"stopped"}), StartInstance),
    "pause": Change("pause", "pausing", ACTIVE, PauseInstance),
    "unpause": Change("unpause", "unpausing", frozenset({"paused"}), UnpauseInstance),
    "suspend": Change("suspend", "suspending", ACTIVE, SuspendInstance),
    "resume": Change("resume", "resuming", frozenset({"suspended"}), ResumeInstance),
}

REBOOTS: Mapping[str, Change] = {
    "SOFT": Change("reboot", "rebooting", ACTIVE, lambda server_id: RebootInstance(server_id, "SOFT")),
    "HARD": Change(
        "reboot",
        "rebooting_hard",
        frozenset({"active", "stopped", "paused", "suspended", "error"}),
        lambda server_id: RebootInstance(server_id, "HARD"),
        frozenset(
            {
                *(None, "rebooting", "reboot_started", "rebooting_hard", "reboot_started_hard"),
                *("resuming", "unpausing", "suspending"),
            }
        ),
    ),
}


async def act(request: web.Request) -> web.Response:
    """Do with a server what the one key of the body names."""
    body = await read_json(request, dict[str, msgspec.Raw])
    server = find_server(request)  # not before the body is there: who sends it slowly may find the server gone
    if len(body) != 1:
        raise BadRequest("Malformed request body: it names not one action.")
    [name] = body
    if name not in ACTIONS:
        raise BadRequest(f"There is no such action: {name}")
    return await ACTIONS[name](request, server)


async def change(request: web.Request, server: Server, wanted: Change) -> web.Response:
    """Begin to change a server's state. Where its host cannot be told, all is as before."""
    app, owner = request.app, request[IDENTITY]
    server.check_lock(owner)
    wanted.check(server)
    before = server.task_state, server.current_action
    action = app[INSTANCE_ACTIONS].start(server.id, wanted.action, owner.project_id, owner.user_id)
    server.cancel_deadline()
    server.task_state, server.current_action = wanted.task_state, action
    set_deadline(app, server)
    try:
        await cast(app, compute(str(server.host)), wanted.message(server.id))
    except BusUnavailable:
        app[INSTANCE_ACTIONS].withdraw(action)
        server.cancel_deadline()
        server.task_state, server.current_action = before
        raise
    return web.Response(status=HTTPStatus.ACCEPTED)


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """No arguments: an empty object is as good as null."""


def changing(name: str, wanted: Change) -> ServerAction:
    """Return what begins a change that needs no arguments; `name` is the action's."""
    body = msgspec.defstruct("ChangeBody", [("nothing", Nothing | None, msgspec.field(name=name))])

    async def begin(request: web.Request, server: Server) -> web.Response:
        await read_json(request, body)
        return await change(request, server, wanted)

    return begin


class Reboot(msgspec.Struct):
    """The arguments of `reboot`."""

    type: Literal["SOFT", "HARD", "soft", "hard", "Soft", "Hard"]


class RebootBody(msgspec.Struct):
    """The body of the action `reboot`."""

    reboot: Reboot


async def reboot(request: web.Request, server: Server) -> web.Response:
    """Let a server boot again: `SOFT` asks its operating system, `HARD` does not."""
    wanted = (await read_json(request, RebootBody)).reboot
    return await change(request, server, REBOOTS[wanted.type.upper()])


class Lock(msgspec.Struct):
    """The arguments of `lock`."""

    locked_reason: Annotated[str, msgspec.Meta(max_length=255)] | None = None


class LockBody(msgspec.Struct):
    """The body of the action `lock`."""

    lock: Lock | None


async def lock(request: web.Request, server: Server) -> web.Response:
    """Lock a server: then only admins may do something with it. Its project does not replace a lock that it has."""
    wanted, locker = (await read_json(request, LockBody)).lock, server.lock_role(request[IDENTITY])
    if not server.locked or locker == "admin":
        _done(request, server, "lock")
        server.locked_by, server.locked_reason = locker, None if wanted is None else wanted.locked_reason
    return web.Response(status=HTTPStatus.ACCEPTED)


async def unlock(request: web.Request, server: Server) -> web.Response:
    """Let a server be changed by its project again. What an admin has locked, an admin unlocks."""
    user: Identity = request[IDENTITY]
    if server.locked_by not in {None, server.lock_role(user)} and not user.is_admin:
        raise not_authorized("os-lock-server:unlock:unlock_override")
    _done(request, server, "unlock")
    server.locked_by, server.locked_reason = None, None
    return web.Response(status=HTTPStatus.ACCEPTED)


def _done(request: web.Request, server: Server, action: str) -> None:
    """Write down what nova-api does by itself."""
    user: Identity = request[IDENTITY]
    done = request.app[INSTANCE_ACTIONS].start(server.id, action, user.project_id, user.user_id)
    done.finish_event(done.open_event(None))
    done.finished = True


async def force_delete(request: web.Request, _: Server) -> web.Response:
    """Delete a server; there is no recycle bin here which it would have to be taken out of."""
    await delete_server(request)
    return web.Response(status=HTTPStatus.ACCEPTED)


ACTIONS: Mapping[str, ServerAction] = {
    **{name: changing(name, wanted) for name, wanted in CHANGES.items()},
    "reboot": reboot,
    "lock": lock,
    "unlock": unlock,
    "forceDelete": force_delete,
    **CONSOLE_ACTIONS,
}

ACTION_ROUTES = (web.post("/v2.1/servers/{server_id}/action", act),)
