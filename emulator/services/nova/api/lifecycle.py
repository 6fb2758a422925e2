"""What becomes of the servers that nova-api was asked for: builds that are ordered, reported on, overdue or ended."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Literal

from aiohttp import web

from emulator.runtime.amqp_bus import Unroutable
from emulator.runtime.amqp_connection import BusUnavailable
from emulator.runtime.request_context import annotate, current_request
from emulator.runtime.service import TASKS
from emulator.runtime.simulated_work import simulated_work
from emulator.runtime.spans import failed_with
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
from emulator.services.nova.objects.instance_action import INSTANCE_ACTIONS
from emulator.services.nova.objects.server import SERVERS, Server
from emulator.services.oslo.messaging import SERVER_ID, MalformedMessage, UnknownMethod, cast, read_call

__all__ = [
    "BUILD_LIMIT",
    "handle_dead_letter",
    "instance_update",
    "network_changed",
    "remove_server",
    "schedule_build",
    "set_deadline",
    "terminate",
]

BUILD_LIMIT = web.AppKey("build_limit", float)
GIVEN_UP: Mapping[str, str] = {"create": "Build", "delete": "Deletion"}
"""What is wrong with a server for good if it does not come to an end, and what that is called."""

log = logging.getLogger(__name__)


async def schedule_build(
    app: web.Application, server: Server, networks: list[RequestedNetwork] | Literal["auto"], host: str | None = None
) -> None:
    """Hand a server to the scheduler, which is to take `host` if one is named. Raises BusUnavailable."""
    annotate(server__id=server.id)
    size = Size(server.flavor.ram_mb, server.flavor.vcpus, server.flavor.disk_gb)
    server.current_action = app[INSTANCE_ACTIONS].start(server.id, "create", server.project_id, server.user_id)
    set_deadline(app, server)
    request = BuildRequest(server.id, server.project_id, server.name, server.image_id, networks, size, host)
    server.kept_ports = request.kept_ports
    await cast(app, SCHEDULER, SelectDestinations(request))


def set_deadline(app: web.Application, server: Server) -> None:
    """Give what was begun with a server `BUILD_LIMIT` seconds to end."""
    server.deadline = app[TASKS].start(_expire(app, server))


async def _expire(app: web.Application, server: Server) -> None:
    """A boot never stays in BUILD: after the deadline the server is in ERROR, and its host is told to clean up.

    The same goes for all else that is done with a server.
    """
    seconds = app[BUILD_LIMIT]
    await asyncio.sleep(seconds)
    annotate(server__id=server.id)
    fault, clean_up = await _give_up(app, server, f"it was still {server.task_state} after {seconds:g} s.")
    async with simulated_work("deadline") as passed:
        failed_with(passed, "TimeoutError", fault)
        if clean_up:
            await _clean_up(app, server)


async def _give_up(app: web.Application, server: Server, why: str) -> tuple[str, bool]:
    """Wait no more for the end of what is being done with a server; return words for it, and if there is to clean up.

    One that does not get built, or deleted, goes to ERROR. One that is built stays as it is.
    """
    doing = server.current_action
    if doing is None:
        return why, False
    fault = f"{GIVEN_UP.get(doing.action, doing.action.capitalize())} of instance {server.id} aborted: {why}"
    if doing.action in GIVEN_UP:
        update = InstanceUpdate(server.id, "error", "deleting" if doing.action == "delete" else None, fault=fault)
    else:
        update = InstanceUpdate(server.id, None, action=doing.action, fault=fault)
    await _take_over(app, update, doing.request_id)
    return fault, doing.action in GIVEN_UP


async def _clean_up(app: web.Application, server: Server) -> None:
    """See to it that a build which nobody waits for any more leaves nothing behind."""
    if server.host is not None:
        await _end(app, server.id, server.host, server.kept_ports)
        return
    try:
        await cast(app, SCHEDULER_FANOUT, DeleteInstanceInfo(None, server.id))
    except BusUnavailable as away:  # a host that has it after all says so, and is told then
        log.warning("no scheduler could be told that %s is gone: %s", server.id, away)


async def _end(app: web.Application, server_id: str, host: str, kept_ports: tuple[str, ...] = ()) -> None:
    """Tell a host, once, to end a build that nobody waits for any more."""
    ended = app[SERVERS].terminated_builds
    if (server_id, host) in ended:
        return
    ended.add((server_id, host))
    try:
        await terminate(app, server_id, host, kept_ports)
    except BusUnavailable as away:  # what the host says of the server next is answered with its end
        ended.discard((server_id, host))
        log.warning("%s could not be told to clean up after %s: %s", host, server_id, away)


async def instance_update(app: web.Application, update: InstanceUpdate) -> None:
    """Take over what scheduler and compute hosts say of a server.

    News of a build that nobody waits for any more (deleted, or past its deadline) are answered with its end. While a
    server is being deleted, only that it is gone counts, or that this failed.
    """
    annotate(server__id=update.server_id)
    await _take_over(app, update, current_request().request_id)


async def _take_over(app: web.Application, update: InstanceUpdate, request_id: str) -> None:
    server = app[SERVERS].get(update.server_id)
    app[INSTANCE_ACTIONS].apply_update(update, request_id)
    if update.vm_state == "deleted":
        app[SERVERS].terminated_builds.discard((update.server_id, update.host or ""))
        if server is not None and server.task_state == "deleting":
            remove_server(app, server)
    elif update.action is not None:
        if server is not None:
            server.apply_action_update(update, request_id)
    elif server is not None and server.task_state == update.task_state == "deleting":
        server.apply_build_update(InstanceUpdate(server.id, vm_state="error", fault=update.fault))
    elif server is None or server.vm_state == "error":
        if update.host is not None and update.vm_state != "error":
            await _end(app, update.server_id, update.host)
    elif server.task_state == "deleting":
        server.host = update.host or server.host
    elif server.launched_at is None:
        server.apply_build_update(update)


async def network_changed(app: web.Application, change: NetworkChanged) -> None:
    """Record which floating IPs lead to a server. Ignored if the server is gone."""
    annotate(server__id=change.server_id)
    server = app[SERVERS].get(change.server_id)
    if server is not None:
        server.floating = change.floating


def remove_server(app: web.Application, server: Server) -> None:
    """A server is gone. What was done with it can be looked up for some time."""
    app[SERVERS].remove(server)
    app[INSTANCE_ACTIONS].server_deleted(server.id)


async def handle_dead_letter(app: web.Application, body: bytes, headers: Mapping[str, str]) -> None:
    """Look into a message that its consumer rejected.

    Most consumers say themselves what became of the server. What one could not even read left a server waiting: that
    is given up.
    """
    try:
        read_call(body, MESSAGES)
    except (MalformedMessage, UnknownMethod) as error:
        unreadable = f"a message that it depended on could not be decoded: {error}"
    else:
        return
    server = app[SERVERS].get(headers.get(SERVER_ID, ""))
    if server is not None and server.current_action is not None:
        annotate(server__id=server.id)
        _, clean_up = await _give_up(app, server, unreadable)
        if clean_up:
            await _clean_up(app, server)


async def terminate(app: web.Application, server_id: str, host: str, kept_ports: tuple[str, ...] = ()) -> bool:
    """Tell a host to destroy a server; return whether there is somebody to tell."""
    try:
        await cast(app, compute(host), TerminateInstance(server_id, kept_ports))
    except Unroutable:
        return False
    return True
