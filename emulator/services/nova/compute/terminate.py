"""Destroys a server on a compute host, and releases its ports and claims."""

import logging

from aiohttp import web

from emulator.runtime.amqp_bus import Unroutable
from emulator.runtime.request_context import annotate
from emulator.runtime.simulated_work import simulated_work
from emulator.services.nova.compute.hypervisor import HYPERVISOR
from emulator.services.nova.compute.networking import release_ports
from emulator.services.nova.compute.session import open_session
from emulator.services.nova.compute.updates import send_update
from emulator.services.nova.messages import SCHEDULER_FANOUT, DeleteInstanceInfo, InstanceUpdate, TerminateInstance
from emulator.services.oslo.messaging import cast

__all__ = ["release", "release_claim", "terminate_instance"]

log = logging.getLogger(__name__)


async def terminate_instance(app: web.Application, call: TerminateInstance) -> None:
    """Interrupt any work on a server, destroy it and release its resources. Reports the result, or the failure."""
    annotate(server__id=call.server_id)
    try:
        await _destroy(app, call)
    except Exception as error:
        fault = f"Deletion of instance {call.server_id} aborted: {error}"
        await send_update(app, InstanceUpdate(call.server_id, "error", "deleting", fault=fault))
        raise
    await send_update(app, InstanceUpdate(call.server_id, "deleted"))


async def _destroy(app: web.Application, call: TerminateInstance) -> None:
    instances = app[HYPERVISOR].instances
    instance = instances.get(call.server_id)
    if instance is None:
        await release(app, call.server_id, call.kept_ports)
        return
    instance.interrupt()
    async with instance.lock:
        if call.server_id in instances:  # otherwise the interrupted build has released everything
            async with simulated_work("destroy"):
                instance.state = "deleted"
            await release(app, call.server_id, call.kept_ports)


async def release(app: web.Application, server_id: str, kept_ports: tuple[str, ...] = ()) -> None:
    """Release a server's claims, on this host and at the schedulers, and its ports.

    A server that this host does not know may have been built before nova-compute was restarted. Its ports are looked
    up in neutron all the same, and the `kept_ports` among them come from nova-api.
    """
    instance = app[HYPERVISOR].instances.pop(server_id, None)
    await release_claim(app, server_id)
    if instance is None:
        await release_ports(await open_session(app), server_id, kept_ports)
    elif instance.ports_requested:
        await release_ports(instance.session or await open_session(app), server_id, instance.request.kept_ports)


async def release_claim(app: web.Application, server_id: str) -> None:
    """Tell all schedulers that a server no longer uses resources of this host."""
    try:
        await cast(app, SCHEDULER_FANOUT, DeleteInstanceInfo(app[HYPERVISOR].host, server_id))
    except Unroutable:
        log.debug("no scheduler is running to release the claim of %s; the next resource report does it", server_id)
