"""The resource reports of a compute host, which tell all schedulers its capacity and its servers at an interval."""

import asyncio
import logging

from aiohttp import web

from emulator.runtime.amqp_session import BusUnavailable
from emulator.runtime.heartbeats import heartbeat
from emulator.runtime.request_context import request_scope
from emulator.runtime.service import SERVICE_CONTEXT
from emulator.services.nova.compute.hypervisor import HYPERVISOR
from emulator.services.nova.messages import SCHEDULER_FANOUT, UpdateServiceCapabilities
from emulator.services.oslo.messaging import cast

__all__ = ["keep_reporting", "report_resources", "report_shutdown"]

REPORT_SECONDS = 10.0  # nova's `[DEFAULT] report_interval`
RETRY_SECONDS = 1.0  # while no scheduler receives the reports

log = logging.getLogger(__name__)


async def report_resources(app: web.Application) -> None:
    """Send a report to all schedulers, in a trace of its own, which is a heartbeat's.

    The first of several failures in a row is logged, since there may be no span to show it.
    """
    hypervisor = app[HYPERVISOR]
    instances = {server_id: instance.size for server_id, instance in hypervisor.instances.items()}
    report = UpdateServiceCapabilities(hypervisor.host, hypervisor.total, instances, not hypervisor.shutting_down)
    with request_scope(app[SERVICE_CONTEXT]), heartbeat():
        try:
            await cast(app, SCHEDULER_FANOUT, report)
            hypervisor.last_report_delivered = True
        except BusUnavailable as error:  # no scheduler or no broker is running; the next report follows soon
            if hypervisor.last_report_delivered and not hypervisor.shutting_down:
                log.warning("no scheduler has received the report of %s, so it is repeated: %s", hypervisor.host, error)
            hypervisor.last_report_delivered = False


async def keep_reporting(app: web.Application) -> None:
    """Report every REPORT_SECONDS, or after RETRY_SECONDS if the last report was not delivered."""
    while True:
        await asyncio.sleep(REPORT_SECONDS if app[HYPERVISOR].last_report_delivered else RETRY_SECONDS)
        await report_resources(app)


async def report_shutdown(app: web.Application) -> None:
    """Tell all schedulers to stop choosing this host. Builds that are in its queue already wait until it is back."""
    app[HYPERVISOR].shutting_down = True
    await report_resources(app)
