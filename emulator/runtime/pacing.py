"""How long simulated work takes: a random duration, scaled by the service's pace."""

import asyncio
from math import log

from opentelemetry.trace import get_current_span

from emulator.runtime.request_context import Duration, current_request

__all__ = ["wait", "wait_for_duration"]


async def wait_for_duration(work: str, times: float = 1.0) -> None:
    """Wait `times` the duration of the named work. Does not wait at `pace` 0, or for work that has no duration."""
    duration = current_request().service_context.durations.get(work)
    if duration is not None:
        await wait(work, duration, times)


async def wait(name: str, duration: Duration, times: float = 1.0) -> None:
    """Wait `times` a random value of the duration, drawn by the name. Does not wait at `pace` 0."""
    service_context = current_request().service_context
    if service_context.pace <= 0:
        return
    rng = service_context.rng.draw("duration", name, get_current_span().get_span_context().span_id)
    # The median of a log-normal distribution is e to the power of its first parameter.
    await asyncio.sleep(times * service_context.pace * rng.lognormvariate(log(duration.median), duration.sigma))
