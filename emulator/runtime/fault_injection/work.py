"""Faults of simulated work: it fails, takes longer, never ends, or resets the connection to the caller."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from opentelemetry.trace import get_current_span

from emulator.faults import Effect, Fault
from emulator.instrumentation import Attributes
from emulator.runtime.errors import ApiError
from emulator.runtime.fault_injection.acting import wait_for_fault
from emulator.runtime.pacing import wait_for_duration

__all__ = ["ConnectionReset", "ServiceUnavailable", "work_with_fault"]


class ServiceUnavailable(ApiError):
    """The service cannot answer at the moment; try again later."""

    error_type = "emulator.ServiceUnavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__("The service is temporarily unavailable. Try again later.")


class ConnectionReset(ConnectionResetError):
    """The connection to the caller breaks in the middle of an answer."""

    error_type = "emulator.ConnectionReset"

    def __init__(self, what: str) -> None:
        super().__init__(f"the connection was reset: {what}")


async def work_with_fault(
    fault: Fault, work: str, fails: Callable[[], Exception] | None, about: Attributes | None
) -> None:
    """Simulate the named work with a fault: it takes longer, never ends, or fails after its duration.

    `fails` makes the error of work that fails. `about` has attributes for the event that marks slow work.
    """
    if fault.effect is Effect.SLOW:
        get_current_span().add_event(work, about or {})
        await wait_for_fault(fault)
    await wait_for_duration(work)
    if fault.effect is Effect.HANG:
        await asyncio.Event().wait()
    if fault.effect is Effect.REFUSE:
        raise ServiceUnavailable
    if fault.effect is Effect.RESET:
        raise ConnectionReset(work)
    if fault.effect is Effect.FAIL and fails is not None:
        raise fails()
