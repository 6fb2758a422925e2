"""What the headers of requests and messages carry besides OpenTelemetry's context: a fault, and osprofiler's trace.

A fault is a baggage member. Incoming headers are not trusted: only known faults and signed traces are carried on.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace

from opentelemetry import baggage, propagate
from opentelemetry.context import Context
from opentelemetry.trace import get_current_span

from emulator.faults import Fault
from emulator.instrumentation import BAGGAGE_LIMIT_BYTES, extract
from emulator.runtime.osprofiler import Profiled, Untrusted, profiled_in

__all__ = ["FAULT_MEMBER", "Carried", "carried_in", "carries_baggage", "put_into"]

FAULT_MEMBER = "emulator.fault"
"""The baggage member that names the fault."""

LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Carried:
    """What headers carried. `context` does not include the fault.

    `ignored` says which part of the baggage was ignored, `untrusted` why osprofiler's headers were.
    """

    context: Context = field(default_factory=Context)
    fault: Fault | None = None
    profiled: Profiled | None = None
    ignored: str = ""
    untrusted: str = ""


def carried_in(headers: Mapping[str, str], known: Mapping[str, Fault], keys: Sequence[str] = ()) -> Carried:
    """Read the headers of a request or a message.

    `known` are the faults that may act here, `keys` the HMAC keys of osprofiler's traces. Such a trace is continued
    only if the headers have no traceparent.
    """
    carried = _fault_in(headers, extract(headers), known)
    try:
        profiled = profiled_in(headers, keys)
    except Untrusted as why:
        return replace(carried, untrusted=str(why))
    if profiled is None:
        return carried
    named = get_current_span(carried.context).get_span_context().is_valid
    return replace(carried, context=carried.context if named else profiled.below(carried.context), profiled=profiled)


def _fault_in(headers: Mapping[str, str], context: Context, known: Mapping[str, Fault]) -> Carried:
    """Remove the fault from the baggage, and return both."""
    size = len(headers.get("baggage", ""))
    if size > BAGGAGE_LIMIT_BYTES:
        return Carried(context, ignored=f"baggage of {size} bytes: {BAGGAGE_LIMIT_BYTES} are the limit")
    named = baggage.get_baggage(FAULT_MEMBER, context)
    if named is None:
        dropped = FAULT_MEMBER in headers.get("baggage", "") and carries_baggage()
        return Carried(context, ignored=f"{FAULT_MEMBER}: not among the members that can be read" if dropped else "")
    context = baggage.remove_baggage(FAULT_MEMBER, context)
    name = str(named).partition(";")[0].strip()  # what follows a semicolon are properties of the member
    if name in known:
        return Carried(context, known[name])
    shown = "".join(character for character in name[:LONGEST_NAME] if character.isprintable())
    why = "there is no such fault" if known else "faults are switched off"
    return Carried(context, ignored=f"{FAULT_MEMBER}={shown}: {why}")


def put_into(headers: MutableMapping[str, str], fault: Fault | None, profiled: Profiled | None) -> None:
    """Add trace context, baggage with the fault, and osprofiler's original headers to outgoing headers."""
    context = None if fault is None else baggage.set_baggage(FAULT_MEMBER, fault.name)
    propagate.inject(headers, context=context)
    if profiled is not None:
        headers.update(profiled.headers)


def carries_baggage() -> bool:
    """Whether one of the propagators in `OTEL_PROPAGATORS` carries baggage."""
    return "baggage" in propagate.get_global_textmap().fields
