"""An open loop: servers are requested when they are due, however slow the cloud is, and boots are timed from then."""

import asyncio
from collections.abc import Callable
from itertools import count
from math import inf

from emulator.load.arrivals import Plan, arrivals
from emulator.load.statistics import Tally
from emulator.load.tenant import Tenant
from emulator.runtime.tasks import SharedTimeout, Tasks, task_group, unless

__all__ = ["run_load"]

Report = Callable[[str], object]
"""Called with one line about the boots of the last period."""


async def run_load(
    tenant: Tenant,
    plan: Plan,
    stopping: asyncio.Event,
    report: Report,
    *,
    seconds: float = inf,
    every: float = 10.0,
    stop_timeout: SharedTimeout,
) -> float:
    """Boot servers on the tenant's cloud for `seconds` or until `stopping` is set. Return how many seconds that took.

    `report` is called every `every` seconds. Boots that the cloud refuses are counted and do not end the load. At the
    end, boots in progress may finish and servers are deleted within half of `stop_timeout`; the other half is for
    deleting what is left over.
    """
    began = _now()
    async with task_group() as tasks:
        reports = tasks.start(_report(tenant.tally, report, every))
        await unless(stopping, _boot_servers(tenant, plan, tasks, seconds))
        lasted = _now() - began
        reports.cancel()
        tenant.stopping.set()
        await tasks.finish(stop_timeout.left() / 2)
    return lasted


async def _boot_servers(tenant: Tenant, plan: Plan, tasks: Tasks, seconds: float) -> None:
    began = _now()
    for due, request in arrivals(plan, tenant.service_context.rng):
        await _sleep_until(began + min(due, seconds))
        if due >= seconds:
            return
        if tenant.full:
            tenant.tally.skipped += 1
        else:
            tasks.start(tenant.boot_and_delete(request, began + due, plan.lifetime))


async def _report(tally: Tally, report: Report, every: float) -> None:
    began, before = _now(), tally.copy()
    for period in count(1):
        await _sleep_until(began + period * every)
        recent, before = tally.since(before), tally.copy()
        report(recent.describe(period * every, every))


async def _sleep_until(time: float) -> None:
    await asyncio.sleep(max(0.0, time - _now()))


def _now() -> float:
    return asyncio.get_running_loop().time()
