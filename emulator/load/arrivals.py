"""When servers are requested, and which of the requests carry a fault."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

from emulator.client import BootRequest
from emulator.faults import Fault
from emulator.runtime.seeded_random import SeededRandom

__all__ = ["Plan", "arrivals"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Boot `rate` servers a second like `request`, and delete each `lifetime` seconds after it became ACTIVE.

    `fault_share` of the boots carry one of `faults`.
    """

    request: BootRequest
    rate: float = 1.0
    lifetime: float = 5.0
    faults: tuple[Fault, ...] = ()
    fault_share: float = 0.0


def arrivals(plan: Plan, rng: SeededRandom) -> Iterator[tuple[float, BootRequest]]:
    """Yield numbered requests without end, each with the second at which it is due.

    The gaps between them are exponentially distributed, like those of independent users. Evenly spaced requests would
    hardly ever queue up behind one another, as they do in a real cloud.
    """
    draw, due = rng.draw("arrivals"), 0.0
    for number in count(1):
        due += draw.expovariate(plan.rate)
        # Both numbers are drawn for every request, so that faults do not change when the later ones are due.
        with_fault, which = draw.random() < plan.fault_share, draw.random()
        fault = plan.faults[int(which * len(plan.faults))] if plan.faults and with_fault else None
        yield due, replace(plan.request, name=f"{plan.request.name}-{number}", fault=fault)
