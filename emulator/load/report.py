"""The report at the end of a load: what happened to boots and spans, and whether that is within the limits."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from emulator.load.statistics import Tally
from emulator.runtime.export import Delivery

__all__ = ["Limits", "LoadReport"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many boots may be skipped (None: as many as were started), and how many spans may be lost."""

    skipped: int | None = None
    lost: int = 0


@dataclass(frozen=True, slots=True)
class LoadReport:
    """All boots of a load that lasted `seconds`. `spans` are those of this process; the services count their own.

    `left_over` says why servers are left on the cloud, if some are.
    """

    tally: Tally
    seconds: float
    spans: Delivery
    limits: Limits = Limits()
    left_over: str = ""

    def problems(self) -> Iterator[str]:
        """Yield the reasons why the load failed, if it did."""
        yield from self.tally.problems(self.limits.skipped)
        if self.spans.lost > self.limits.lost:
            yield f"{self._lost()}, more than --max-lost {self.limits.lost}: {self.spans.reason}"
        if self.left_over:
            yield self.left_over

    def lines(self) -> Iterator[str]:
        """Yield the report for people."""
        yield from self.tally.summary(self.seconds)
        if 0 < self.spans.lost <= self.limits.lost:
            yield f"{self._lost()}: {self.spans.reason}"
        yield from self.problems()

    def _lost(self) -> str:
        return f"{self.spans.lost} of {self.spans.ended} spans of this process were lost"

    def as_json(self) -> dict[str, Any]:
        """Return the report for programs."""
        problems = list(self.problems())
        return {
            "ok": not problems,
            "problems": problems,
            "seconds": round(self.seconds, 3),
            "boots": self.tally.as_json(),
            "spans": asdict(self.spans),
        }
