"""Decides whether a request's fault acts on some work or span, and marks the span on which it acts."""

from opentelemetry.trace import get_current_span

from emulator.faults import Fault
from emulator.instrumentation import Attributes
from emulator.runtime.pacing import wait
from emulator.runtime.request_context import Duration, current_request

__all__ = ["FAULT_NAME", "apply_fault", "fault_at", "mark", "take_fault", "wait_for_fault"]

FAULT_NAME = "openstack.fault.name"
"""The attribute of the span on which a fault acted."""


def fault_at(at: str) -> Fault | None:
    """Return the request's fault if it acts `at` this work or span, else None."""
    request = current_request()
    fault = request.fault
    return fault if fault is not None and (fault.service, fault.at) == (request.service_context.service, at) else None


def take_fault(at: str) -> Fault | None:
    """Return the fault that acts here, if there is one. A fault that acts only `once` is then spent."""
    fault = fault_at(at)
    if fault is not None and fault.once:
        current_request().spend()
    return fault


def apply_fault(at: str) -> Fault | None:
    """Return the fault that acts here, if there is one, and put its name on the current span."""
    fault = take_fault(at)
    if fault is not None:
        get_current_span().set_attribute(FAULT_NAME, fault.name)
    return fault


def mark(fault: Fault | None) -> Attributes:
    """Return the attribute for the span on which the fault acts."""
    return {} if fault is None else {FAULT_NAME: fault.name}


async def wait_for_fault(fault: Fault) -> None:
    """Wait for the fault's delay, if it has one, scaled by the pace."""
    if fault.seconds is not None:
        await wait(fault.name, Duration(fault.seconds))
