"""`async with step("spawn"):` the only place where an internal span and its pretended duration meet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import log

from opentelemetry.trace import Span, get_current_span

from emulator.plumbing.scene import current_scene
from emulator.plumbing.telemetry import span

__all__ = ["pretend", "step"]


@asynccontextmanager
async def step(name: str) -> AsyncIterator[Span]:
    """Do a named piece of work under an internal span of that name, lasting at least its pretended duration."""
    with span(name) as begun:
        await pretend(name)
        yield begun


async def pretend(name: str) -> None:
    """Take the pretended duration of the named work, on the current span. Nothing at `pace` 0."""
    actor = current_scene().actor
    duration = actor.durations.get(name)
    if duration is None or actor.pace <= 0:
        return
    chance = actor.chance.draw("duration", name, get_current_span().get_span_context().span_id)
    await asyncio.sleep(actor.pace * chance.lognormvariate(log(duration.median), duration.sigma))
