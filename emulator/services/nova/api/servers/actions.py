"""`POST /servers/{id}/action`: stop, start, reboot, pause, suspend, lock and more.

nova-api checks that the server's state allows the action and casts it to the server's host, which reports the result.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from emulator.runtime.amqp_session import BusUnavailable
from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY, read_json
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.nova.api.lifecycle import set_deadline
from emulator.services.nova.api.policy import not_authorized
from emulator.services.nova.api.servers.console_output import CONSOLE_ACTIONS
from emulator.services.nova.api.servers.security_groups import SECURITY_GROUP_ACTIONS
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
class StateChange:
    """An action that changes a server's state: its task state, the states that allow it, and its RPC message.

    The states are those of nova's `check_instance_state` decorators in `nova/compute/api.py`.
    """

    action: str
    task_state: str
    vm_states: frozenset[str]
    message: Callable[[str], Call]
    task_states: frozenset[str | None] = frozenset({None})

    def check(self, server: Server) -> None:
        """Raise InstanceInvalidState or InstanceNotReady unless the server's state allows the action."""
        if server.vm_state not in self.vm_states:
            raise InstanceInvalidState(self.action, server.id, "vm_state", server.vm_state)
        if server.task_state not in self.task_states:
            raise InstanceInvalidState(self.action, server.id, "task_state", server.task_state)
        if server.launched_at is None:
            raise InstanceInvalidState(self.action, server.id)
        if server.host is None:
            raise InstanceNotReady(server.id)


ACTIVE = frozenset({"active"})

CHANGES: Mapping[str, StateChange] = {
    "os-stop": StateChange("stop", "powering-off", frozenset({"active", "error"}), StopInstance),
    "os-start": StateChange("start", "powering-on", frozenset({"stopped"}), StartInstance),
    "pause": StateChange("pause", "pausing", ACTIVE, PauseInstance),
    "unpause": StateChange("unpause", "unpausing", frozenset({"paused"}), UnpauseInstance),
    "suspend": StateChange("suspend", "suspending", ACTIVE, SuspendInstance),
    "resume": StateChange("resume", "resuming", frozenset({"suspended"}), ResumeInstance),
}

REBOOTS: Mapping[str, StateChange] = {
    "SOFT": StateChange("reboot", "rebooting", ACTIVE, lambda server_id: RebootInstance(server_id, "SOFT")),
    "HARD": StateChange(
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


async def run_action(request: web.Request) -> web.Response:
    """Run the action that is named by the only key of the body."""
    body = await read_json(request, dict[str, msgspec.Raw])
    server = find_server(request)  # after the body is read: the server may be gone by then
    if len(body) != 1:
        raise BadRequest("Malformed request body: it must name exactly one action.")
    [name] = body
    if name not in ACTIONS:
        raise BadRequest(f"There is no such action: {name}")
    return await ACTIONS[name](request, server)


async def start_change(request: web.Request, server: Server, change: StateChange) -> web.Response:
    """Cast a state change to the server's host. Raises BusUnavailable, and then restores the server's record."""
    app, user = request.app, request[IDENTITY]
    server.check_lock(user)
    change.check(server)
    # Recorded before the cast, since the host may report the result before the cast returns.
    before = server.task_state, server.current_action
    action = app[INSTANCE_ACTIONS].start(server.id, change.action, user.project_id, user.user_id)
    server.cancel_deadline()
    server.task_state, server.current_action = change.task_state, action
    set_deadline(app, server)
    try:
        await cast(app, compute(str(server.host)), change.message(server.id))
    except BusUnavailable:
        app[INSTANCE_ACTIONS].withdraw(action)
        server.cancel_deadline()
        server.task_state, server.current_action = before
        raise
    return web.Response(status=HTTPStatus.ACCEPTED)


class NoArguments(msgspec.Struct, forbid_unknown_fields=True):
    """The arguments of an action without any: an empty object, or null."""


def change_handler(name: str, change: StateChange) -> ServerAction:
    """Return the handler for a state change without arguments. `name` is the action's key in the body."""
    body = msgspec.defstruct("ChangeBody", [("arguments", NoArguments | None, msgspec.field(name=name))])

    async def handle(request: web.Request, server: Server) -> web.Response:
        await read_json(request, body)
        return await start_change(request, server, change)

    return handle


class Reboot(msgspec.Struct):
    """The arguments of `reboot`."""

    type: Literal["SOFT", "HARD", "soft", "hard", "Soft", "Hard"]


class RebootBody(msgspec.Struct):
    """The body of the action `reboot`."""

    reboot: Reboot


async def reboot(request: web.Request, server: Server) -> web.Response:
    """Reboot a server: `SOFT` through its operating system, `HARD` by a power cycle."""
    arguments = (await read_json(request, RebootBody)).reboot
    return await start_change(request, server, REBOOTS[arguments.type.upper()])


class Lock(msgspec.Struct):
    """The arguments of `lock`."""

    locked_reason: Annotated[str, msgspec.Meta(max_length=255)] | None = None


class LockBody(msgspec.Struct):
    """The body of the action `lock`."""

    lock: Lock | None


async def lock(request: web.Request, server: Server) -> web.Response:
    """Lock a server, so that only admins may change it. An owner cannot replace an existing lock."""
    arguments, role = (await read_json(request, LockBody)).lock, server.lock_role(request[IDENTITY])
    if not server.locked or role == "admin":
        _record(request, server, "lock")
        server.locked_by, server.locked_reason = role, None if arguments is None else arguments.locked_reason
    return web.Response(status=HTTPStatus.ACCEPTED)


async def unlock(request: web.Request, server: Server) -> web.Response:
    """Unlock a server. Only admins can remove an admin's lock."""
    user: Identity = request[IDENTITY]
    if server.locked_by not in {None, server.lock_role(user)} and not user.is_admin:
        raise not_authorized("os-lock-server:unlock:unlock_override")
    _record(request, server, "unlock")
    server.locked_by, server.locked_reason = None, None
    return web.Response(status=HTTPStatus.ACCEPTED)


class ResetState(msgspec.Struct, forbid_unknown_fields=True):
    """The arguments of `os-resetState`."""

    state: Literal["active", "error"]


class ResetStateBody(msgspec.Struct):
    """The body of the action `os-resetState`."""

    reset: ResetState = msgspec.field(name="os-resetState")


async def reset_state(request: web.Request, server: Server) -> web.Response:
    """Change what is recorded about a server's state, whatever its host does. For admins."""
    state = (await read_json(request, ResetStateBody)).reset.state
    if not request[IDENTITY].is_admin:
        raise not_authorized("os-admin-actions:reset_state")
    _record(request, server, "resetState", with_event=False)
    server.vm_state = state
    if server.task_state != "deleting":  # its end would no longer be expected
        server.task_state = None
        server.end_action()
    return web.Response(status=HTTPStatus.ACCEPTED)


def _record(request: web.Request, server: Server, action: str, *, with_event: bool = True) -> None:
    """Record an action that nova-api has done itself."""
    user: Identity = request[IDENTITY]
    recorded = request.app[INSTANCE_ACTIONS].start(server.id, action, user.project_id, user.user_id)
    if with_event:
        recorded.finish_event(recorded.open_event(None))
    recorded.finished = True


async def force_delete(request: web.Request, _: Server) -> web.Response:
    """Delete a server. Without deferred deletion (nova's `reclaim_instance_interval`) this is an ordinary deletion."""
    await delete_server(request)
    return web.Response(status=HTTPStatus.ACCEPTED)


ACTIONS: Mapping[str, ServerAction] = {
    **{name: change_handler(name, change) for name, change in CHANGES.items()},
    "reboot": reboot,
    "lock": lock,
    "unlock": unlock,
    "forceDelete": force_delete,
    "os-resetState": reset_state,
    **CONSOLE_ACTIONS,
    **SECURITY_GROUP_ACTIONS,
}

ACTION_ROUTES = (web.post("/v2.1/servers/{server_id}/action", run_action),)
