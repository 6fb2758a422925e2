"""What a compute host tells every scheduler of itself, again and again: what it has, and that it is there."""

import asyncio

from aiohttp import web

from emulator.runtime.amqp_connection import BusUnavailable
from emulator.runtime.request_context import request_scope
from emulator.runtime.service import SERVICE_CONTEXT
from emulator.services.nova.compute.hypervisor import HYPERVISOR
from emulator.services.nova.messages import SCHEDULER_FANOUT, UpdateServiceCapabilities
from emulator.services.oslo.messaging import cast

__all__ = ["keep_reporting", "report_capacity", "report_leaving"]

REPORT_SECONDS = 10.0
RETRY_REPORT_SECONDS = 1.0  # while no scheduler listens yet


async def report_capacity(app: web.Application) -> None:
    """Tell every scheduler what this host has. A report is a trace of its own."""
    hypervisor = app[HYPERVISOR]
    instances = {server_id: instance.size for server_id, instance in hypervisor.instances.items()}
    report = UpdateServiceCapabilities(hypervisor.host, hypervisor.total, instances, not hypervisor.leaving)
    with request_scope(app[SERVICE_CONTEXT]):
        try:
            await cast(app, SCHEDULER_FANOUT, report)
            hypervisor.heard = True
        except BusUnavailable:  # no scheduler is up, or no broker: the next report comes soon
            hypervisor.heard = False


async def keep_reporting(app: web.Application) -> None:
    """Report every REPORT_SECONDS, and sooner where nobody has heard the last one."""
    while True:
        await asyncio.sleep(REPORT_SECONDS if app[HYPERVISOR].heard else RETRY_REPORT_SECONDS)
        await report_capacity(app)


async def report_leaving(app: web.Application) -> None:
    """Tell every scheduler to choose this host no more. What is on its way here already waits for it to come back."""
    app[HYPERVISOR].leaving = True
    await report_capacity(app)
