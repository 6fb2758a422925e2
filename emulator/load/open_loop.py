"""An open loop: when a server is asked for does not depend on how fast the cloud answers. Its boot counts from then."""

import asyncio
from collections.abc import Callable
from itertools import count
from math import inf

from emulator.load.arrivals import Plan, arrivals
from emulator.load.statistics import Tally
from emulator.load.tenant import Tenant
from emulator.runtime.tasks import SharedTimeout, Tasks, task_group, unless

__all__ = ["load"]

Tell = Callable[[str], object]
"""What is told, in a line, of the boots of the last period."""


async def load(
    tenant: Tenant,
    plan: Plan,
    stopping: asyncio.Event,
    tell: Tell,
    *,
    seconds: float = inf,
    every: float = 10.0,
    patience: SharedTimeout,
) -> float:
    """Put load on the cloud of a tenant for `seconds`, or until it is `stopping`; return how long that was.

    `tell` hears of every period of `every` seconds. What the cloud refuses is counted, and is no reason to end. Then
    servers are deleted, and what is under way may end, in half of the `patience`: the rest is for what is left.
    """
    began = _now()
    async with task_group() as tasks:
        telling = tasks.start(_tell(tenant.tally, tell, every))
        await unless(stopping, _ask(tenant, plan, tasks, seconds))
        lasted = _now() - began
        telling.cancel()
        tenant.leaving.set()
        await tasks.finish(patience.left() / 2)
    return lasted


async def _ask(tenant: Tenant, plan: Plan, tasks: Tasks, seconds: float) -> None:
    began = _now()
    for after, order in arrivals(plan, tenant.service_context.rng):
        await _sleep_until(began + min(after, seconds))
        if after >= seconds:
            return
        if tenant.full:
            tenant.tally.skipped += 1
        else:
            tasks.start(tenant.keep(order, began + after, plan.lifetime))


async def _tell(tally: Tally, tell: Tell, every: float) -> None:
    began, before = _now(), tally.copy()
    for period in count(1):
        await _sleep_until(began + period * every)
        lately, before = tally.since(before), tally.copy()
        tell(lately.describe(period * every, every))


async def _sleep_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - _now()))


def _now() -> float:
    return asyncio.get_running_loop().time()
