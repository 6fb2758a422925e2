"""What travels with a request in its headers, over HTTP and AMQP alike: trace context, and baggage with a fault in it.

What comes in is not trusted: baggage beyond its limit is dropped, and only faults that are known are carried on.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field

from opentelemetry import baggage, propagate
from opentelemetry.context import Context

from emulator.faults import Fault

__all__ = ["FAULT_MEMBER", "Carried", "carried_in", "carries_baggage", "put_into"]

FAULT_MEMBER = "emulator.fault"
"""The baggage member that names the fault."""

BAGGAGE_LIMIT_BYTES = 8192  # W3C Baggage, section 3.3.2: what must be passed on; more need not be
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Carried:
    """What headers carried. `context` is without the fault; `ignored` says what was not taken, and why."""

    context: Context = field(default_factory=Context)
    fault: Fault | None = None
    ignored: str = ""


def carried_in(headers: Mapping[str, str], known: Mapping[str, Fault]) -> Carried:
    """Read the headers of a request or a message; `known` are the faults that may act here."""
    context = propagate.extract(headers, context=Context())
    size = len(headers.get("baggage", ""))
    if size > BAGGAGE_LIMIT_BYTES:
        return Carried(baggage.clear(context), ignored=f"baggage of {size} bytes: {BAGGAGE_LIMIT_BYTES} are the limit")
    named = baggage.get_baggage(FAULT_MEMBER, context)
    if named is None:
        dropped = FAULT_MEMBER in headers.get("baggage", "") and carries_baggage()
        return Carried(context, ignored=f"{FAULT_MEMBER}: not among the members that can be read" if dropped else "")
    context = baggage.remove_baggage(FAULT_MEMBER, context)
    name = str(named).partition(";")[0].strip()
    if name in known:
        return Carried(context, known[name])
    shown = "".join(character for character in name[:LONGEST_NAME] if character.isprintable())
    why = "there is no such fault" if known else "faults are switched off"
    return Carried(context, ignored=f"{FAULT_MEMBER}={shown}: {why}")


def put_into(headers: MutableMapping[str, str], fault: Fault | None) -> None:
    """Add the current trace context and baggage, with the fault, to headers that go out."""
    context = None if fault is None else baggage.set_baggage(FAULT_MEMBER, fault.name)
    propagate.inject(headers, context=context)


def carries_baggage() -> bool:
    """Whether the propagators that `OTEL_PROPAGATORS` names take baggage along."""
    return "baggage" in propagate.get_global_textmap().fields
