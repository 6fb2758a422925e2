"""`async with step("spawn"):` the only place where an internal span, its pretended duration and a fault meet.

Code says what failing means for its work, `fails=` an error or `wrong=` a value, and never asks if there is a fault.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from math import log
from typing import TypeVar

from opentelemetry.trace import Span, get_current_span

from emulator.faults import Effect
from emulator.runtime.errors import ApiError
from emulator.runtime.request_context import apply_fault, current_request
from emulator.runtime.spans import AttributeValue, event, span

__all__ = [
    "ConnectionReset",
    "ServiceUnavailable",
    "simulated_delay",
    "simulated_work",
    "value_or_fault",
    "wait_for_duration",
]

T = TypeVar("T")


class ServiceUnavailable(ApiError):
    """The service cannot answer now; try again later."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__("The service is temporarily unavailable. Try again later.")


class ConnectionReset(ConnectionResetError):
    """The connection to the caller breaks in the middle of an answer."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the connection was reset: {what}")


@asynccontextmanager
async def simulated_work(name: str, fails: Callable[[], Exception] | None = None) -> AsyncIterator[Span]:
    """Do a named piece of work under an internal span of that name, lasting at least its pretended duration.

    `fails` makes the error with which a fault lets the work fail.
    """
    with span(name) as begun:
        await simulated_delay(name, fails)
        yield begun


async def simulated_delay(
    work: str, fails: Callable[[], Exception] | None = None, about: dict[str, AttributeValue] | None = None
) -> None:
    """Take the pretended duration of the named work, on the current span; a fault may let it take longer, or fail.

    `about` is what an event says of the work where that takes longer.
    """
    fault = apply_fault(work)
    if fault is None:
        await wait_for_duration(work)
        return
    if fault.effect is Effect.SLOW:
        event(get_current_span(), work, about or {})
        await wait_for_duration(fault.name)
    await wait_for_duration(work)
    if fault.effect is Effect.HANG:
        await asyncio.Event().wait()
    if fault.effect is Effect.REFUSE:
        raise ServiceUnavailable
    if fault.effect is Effect.RESET:
        raise ConnectionReset(work)
    if fault.effect is Effect.FAIL and fails is not None:
        raise fails()


def value_or_fault(what: str, right: T, wrong: Callable[[], T]) -> T:
    """Return a value, `right` unless a fault makes it `wrong`."""
    return right if apply_fault(what) is None else wrong()


async def wait_for_duration(work: str, times: float = 1.0) -> None:
    """Wait for the duration of the named work, so many times. Nothing at `pace` 0."""
    service_context = current_request().service_context
    duration = service_context.durations.get(work)
    if duration is None or service_context.pace <= 0:
        return
    rng = service_context.rng.draw("duration", work, get_current_span().get_span_context().span_id)
    await asyncio.sleep(times * service_context.pace * rng.lognormvariate(log(duration.median), duration.sigma))
