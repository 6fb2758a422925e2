"""The life cycle of a server in nova-api: schedules its build, applies updates from the bus, aborts what hangs."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Literal

from aiohttp import web

from emulator.instrumentation import mark_failed
from emulator.runtime.amqp_bus import Unroutable
from emulator.runtime.amqp_session import BusUnavailable
from emulator.runtime.request_context import annotate, current_request
from emulator.runtime.service import TASKS
from emulator.runtime.simulated_work import simulated_work
from emulator.services.notifications import NetworkChanged
from emulator.services.nova.messages import (
    MESSAGES,
    SCHEDULER,
    SCHEDULER_FANOUT,
    BuildRequest,
    DeleteInstanceInfo,
    InstanceUpdate,
    RequestedNetwork,
    SelectDestinations,
    Size,
    TerminateInstance,
    compute,
)
from emulator.services.nova.objects import INSTANCE_ACTIONS, SERVERS, Server
from emulator.services.oslo.messaging import SERVER_ID, MalformedMessage, UnknownMethod, cast, read_call

__all__ = [
    "BUILD_SECONDS",
    "handle_dead_letter",
    "instance_update",
    "network_changed",
    "remove_server",
    "schedule_build",
    "set_deadline",
    "terminate",
]

BUILD_SECONDS = web.AppKey("build_seconds", float)
"""How long an action may take, in seconds: nova's `instance_build_timeout`, here for the other actions as well."""

FATAL_ACTIONS: Mapping[str, str] = {"create": "Build", "delete": "Deletion"}
"""The actions whose failure puts a server into ERROR, and their names in its fault."""

log = logging.getLogger(__name__)


async def schedule_build(
    app: web.Application,
    server: Server,
    networks: list[RequestedNetwork] | Literal["auto"],
    security_groups: tuple[str, ...] = (),
    host: str | None = None,
) -> None:
    """Ask the scheduler for a build, on `host` if one is requested. Raises BusUnavailable."""
    annotate(server__id=server.id)
    size = Size(server.flavor.ram_mb, server.flavor.vcpus, server.flavor.disk_gb)
    server.current_action = app[INSTANCE_ACTIONS].start(server.id, "create", server.project_id, server.user_id)
    set_deadline(app, server)
    request = BuildRequest(
        server.id, server.project_id, server.name, server.image_id, networks, size, host, security_groups
    )
    server.kept_ports = request.kept_ports
    await cast(app, SCHEDULER, SelectDestinations(request))


async def terminate(app: web.Application, server_id: str, host: str, kept_ports: tuple[str, ...] = ()) -> bool:
    """Tell a host to destroy a server. Returns False if that host has no queue. Raises BusUnavailable."""
    try:
        await cast(app, compute(host), TerminateInstance(server_id, kept_ports))
    except Unroutable:
        return False
    return True


def remove_server(app: web.Application, server: Server) -> None:
    """Remove a deleted server's record. Its instance actions are kept for some time."""
    app[SERVERS].remove(server)
    app[INSTANCE_ACTIONS].server_deleted(server.id)


async def instance_update(app: web.Application, update: InstanceUpdate) -> None:
    """Record what the scheduler or a compute host reports about a server.

    If a host reports a build that nova-api has given up (the server was deleted, or its deadline passed), the host is
    told to terminate it. While a server is being deleted, only the end of the deletion matters.
    """
    annotate(server__id=update.server_id)
    await _apply_update(app, update, current_request().request_id)


async def _apply_update(app: web.Application, update: InstanceUpdate, request_id: str) -> None:
    server = app[SERVERS].get(update.server_id)
    app[INSTANCE_ACTIONS].apply_update(update, request_id)
    if update.vm_state == "deleted":
        app[SERVERS].terminated_builds.discard((update.server_id, update.host or ""))
        if server is not None and server.task_state == "deleting":
            remove_server(app, server)
    elif update.action is not None:  # an action on a server that is built
        if server is not None:
            server.apply_action_update(update, request_id)
    elif server is not None and server.task_state == update.task_state == "deleting":  # the deletion has failed
        server.apply_build_update(InstanceUpdate(server.id, vm_state="error", fault=update.fault))
    elif server is None or server.vm_state == "error":  # the build was given up
        if update.host is not None and update.vm_state != "error":
            await _terminate_once(app, update.server_id, update.host)
    elif server.task_state == "deleting":  # an update of the build, which the deletion interrupts
        server.host = update.host or server.host
    elif server.launched_at is None:  # otherwise the update is late: the server was built before
        server.apply_build_update(update)


async def network_changed(app: web.Application, change: NetworkChanged) -> None:
    """Record the floating IPs and security groups of a server. Ignored if the server is gone."""
    annotate(server__id=change.server_id)
    server = app[SERVERS].get(change.server_id)
    if server is not None:
        server.floating, server.group_names = change.floating, change.security_groups


def set_deadline(app: web.Application, server: Server) -> None:
    """Give the server's current action BUILD_SECONDS to end."""
    server.deadline = app[TASKS].start(_expire(app, server))


async def _expire(app: web.Application, server: Server) -> None:
    """Wait for the deadline, then abort the current action, so that no server stays in BUILD for ever."""
    seconds = app[BUILD_SECONDS]
    await asyncio.sleep(seconds)
    annotate(server__id=server.id)
    fault, fatal = await _abort(app, server, f"it was still {server.task_state} after {seconds:g} s.")
    async with simulated_work("deadline") as span:
        mark_failed(span, "TimeoutError", fault)
        if fatal:
            await _clean_up(app, server)


async def _abort(app: web.Application, server: Server, reason: str) -> tuple[str, bool]:
    """Abort the server's current action. Returns the fault, and whether the server needs to be cleaned up.

    After a failed build or deletion the server is in ERROR; after any other action it keeps its state.
    """
    action = server.current_action
    if action is None:
        return reason, False
    fatal = action.action in FATAL_ACTIONS
    fault = f"{FATAL_ACTIONS.get(action.action, action.action.capitalize())} of instance {server.id} aborted: {reason}"
    if fatal:
        update = InstanceUpdate(server.id, "error", "deleting" if action.action == "delete" else None, fault=fault)
    else:
        update = InstanceUpdate(server.id, None, action=action.action, fault=fault)
    await _apply_update(app, update, action.request_id)
    return fault, fatal


async def _clean_up(app: web.Application, server: Server) -> None:
    """Release the resources of a build or deletion that was aborted."""
    if server.host is not None:
        await _terminate_once(app, server.id, server.host, server.kept_ports)
        return
    try:
        await cast(app, SCHEDULER_FANOUT, DeleteInstanceInfo(None, server.id))
    except BusUnavailable as error:  # if a host has the server after all, its next update ends it
        log.warning("cannot tell the schedulers that %s is gone: %s", server.id, error)


async def _terminate_once(app: web.Application, server_id: str, host: str, kept_ports: tuple[str, ...] = ()) -> None:
    """Tell a host to terminate a build that was given up, once, and not in answer to each of its updates."""
    terminated = app[SERVERS].terminated_builds
    if (server_id, host) in terminated:
        return
    terminated.add((server_id, host))
    try:
        await terminate(app, server_id, host, kept_ports)
    except BusUnavailable as error:  # the host's next update leads to another attempt
        terminated.discard((server_id, host))
        log.warning("cannot tell %s to clean up after %s: %s", host, server_id, error)


async def handle_dead_letter(app: web.Application, body: bytes, headers: Mapping[str, str]) -> None:
    """Abort the current action of a server if a message about it could not be decoded.

    Nothing is done about other rejected messages, since the consumer that failed has sent an update itself. The id of
    the server comes from a header, since the body cannot be decoded.
    """
    try:
        read_call(body, MESSAGES)
    except (MalformedMessage, UnknownMethod) as error:
        reason = f"a message that it depended on could not be decoded: {error}"
    else:
        return
    server = app[SERVERS].get(headers.get(SERVER_ID, ""))
    if server is not None and server.current_action is not None:
        annotate(server__id=server.id)
        _, fatal = await _abort(app, server, reason)
        if fatal:
            await _clean_up(app, server)
