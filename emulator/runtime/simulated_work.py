"""`async with simulated_work("spawn"):` combines an internal span, its simulated duration and a fault.

Nothing else does. Services define how their work can fail, and never check whether there is a fault.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from opentelemetry.trace import Span

from emulator.instrumentation import Attributes
from emulator.runtime.fault_injection import apply_fault
from emulator.runtime.fault_injection.work import work_with_fault
from emulator.runtime.pacing import wait_for_duration
from emulator.runtime.spans import span

__all__ = ["simulated_delay", "simulated_work", "value_or_fault", "wait_for_duration"]

T = TypeVar("T")


@asynccontextmanager
async def simulated_work(name: str, fails: Callable[[], Exception] | None = None) -> AsyncIterator[Span]:
    """Do a named piece of work under an internal span of that name, lasting at least its simulated duration.

    `fails` makes the error that is raised if a fault makes the work fail.
    """
    with span(name) as begun:
        await simulated_delay(name, fails)
        yield begun


async def simulated_delay(
    work: str, fails: Callable[[], Exception] | None = None, about: Attributes | None = None
) -> None:
    """Wait for the simulated duration of the named work, on the current span. A fault may make it longer, or fail.

    `about` has attributes for the event that marks slow work.
    """
    fault = apply_fault(work)
    if fault is None:
        await wait_for_duration(work)
    else:
        await work_with_fault(fault, work, fails, about)


def value_or_fault(what: str, right: T, wrong: Callable[[], T]) -> T:
    """Return `right`, or `wrong()` if a fault acts on this value."""
    return right if apply_fault(what) is None else wrong()
