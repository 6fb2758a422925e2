"""nova-compute's updates to nova-api. Real nova-compute saves the instance by calls to nova-conductor instead."""

import msgspec
from aiohttp import web

from emulator.services.nova.compute.hypervisor import HYPERVISOR, Instance
from emulator.services.nova.messages import API, InstanceUpdate
from emulator.services.oslo.messaging import cast

__all__ = ["send_built", "send_update"]


async def send_update(app: web.Application, update: InstanceUpdate) -> None:
    """Send a server's new state, with this host's name added."""
    await cast(app, API, msgspec.structs.replace(update, host=app[HYPERVISOR].host))


async def send_built(app: web.Application, instance: Instance) -> None:
    """Send the state and addresses of a server that is built."""
    update = InstanceUpdate(
        instance.request.server_id, instance.state, addresses=instance.addresses, interfaces=instance.interfaces
    )
    await send_update(app, update)
