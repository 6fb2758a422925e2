"""When which servers are asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

from emulator.client import BootRequest
from emulator.faults import Fault
from emulator.runtime.seeded_random import SeededRandom

__all__ = ["Plan", "arrivals"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for: `rate` servers a second like `order`, each of which lives for `lifetime` seconds.

    `fault_share` of the boots carry one of `faults`.
    """

    request: BootRequest
    rate: float = 1.0
    lifetime: float = 5.0
    faults: tuple[Fault, ...] = ()
    fault_share: float = 0.0


def arrivals(plan: Plan, rng: SeededRandom) -> Iterator[tuple[float, BootRequest]]:
    """Yield orders without end, each with the second at which it is due; they are numbered.

    The gaps are exponential, those of users who do not know of one another. Boots that come evenly spaced hardly ever
    meet in a queue, and a real cloud's do.
    """
    draw, due = rng.draw("arrivals"), 0.0
    for number in count(1):
        due += draw.expovariate(plan.rate)
        struck, which = draw.random() < plan.fault_share, draw.random()
        fault = plan.faults[int(which * len(plan.faults))] if plan.faults and struck else None
        yield due, replace(plan.request, name=f"{plan.request.name}-{number}", fault=fault)
