"""What came of many boots, in a space that does not grow with their number."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import ceil, log

from emulator.client import BootRequest, BootResult
from spantree.render import duration

__all__ = ["Tally"]

FINENESS = 1.05
"""How much longer the times of a bucket may be than those of the one below: a quantile is right within 2.5 %."""
SHORTEST = 1e-6


@dataclass(slots=True)
class Tally:
    """Counts boots: those that were begun, those that were not, and what became of those that ended."""

    begun: int = 0
    sound: int = 0
    """They were begun, and carried no fault."""
    succeeded: int = 0
    """They carried no fault, and became ACTIVE."""
    skipped: int = 0
    """There were too many under way."""
    unfinished: int = 0
    """They were given up at the end."""
    failed: int = 0
    """They failed, and carried no fault."""
    first_failure: str = ""
    by_status: Counter[str] = field(default_factory=Counter)
    by_fault: Counter[str] = field(default_factory=Counter)
    buckets: Counter[int] = field(default_factory=Counter)
    """How many took `FINENESS ** bucket` seconds at most, and more than those in the bucket below."""

    def begin(self, order: BootRequest) -> None:
        """Count a boot that begins."""
        self.begun += 1
        self.sound += order.fault is None

    def count(self, booted: BootResult, seconds: float) -> None:
        """Count a boot that ended `seconds` after it was due."""
        self.by_status[booted.status] += 1
        if booted.status != "REFUSED":
            self.buckets[ceil(log(max(seconds, SHORTEST), FINENESS))] += 1
        if booted.request.fault is not None:
            self.by_fault[booted.request.fault.name] += 1
        elif booted.succeeded:
            self.succeeded += 1
        else:
            self.failed += 1
            self.first_failure = self.first_failure or f"{booted.request.name}, {booted.status}: {booted.fault}"

    def copy(self) -> "Tally":
        """Return what was counted so far."""
        return replace(self, **{name: getattr(self, name).copy() for name in ("by_status", "by_fault", "buckets")})

    def since(self, before: "Tally") -> "Tally":
        """Return what was counted since a copy was made."""
        return Tally(
            begun=self.begun - before.begun,
            sound=self.sound - before.sound,
            succeeded=self.succeeded - before.succeeded,
            skipped=self.skipped - before.skipped,
            unfinished=self.unfinished - before.unfinished,
            failed=self.failed - before.failed,
            first_failure=self.first_failure,
            by_status=self.by_status - before.by_status,
            by_fault=self.by_fault - before.by_fault,
            buckets=self.buckets - before.buckets,
        )

    def quantile(self, share: float) -> float | None:
        """Return the seconds within which this share of the boots ended; None where none did."""
        wanted, found = share * self.buckets.total(), 0
        for bucket in sorted(self.buckets):
            found += self.buckets[bucket]
            if found >= wanted:
                return float(FINENESS ** (bucket - 0.5))
        return None

    def describe(self, after: float, seconds: float) -> str:
        """Word in a line what was counted in so many seconds, `after` so many in all."""
        rate = self.begun / seconds if seconds else 0.0
        ended = {"ACTIVE": "ACTIVE", "ERROR": "ERROR", "REFUSED": "refused"}
        return "  ".join(
            (
                f"{after:6.0f} s",
                f"{rate:6.1f}/s",
                *(f"{self.by_status[status]:5} {word}" for status, word in ended.items()),
                f"{self.skipped:5} skipped",
                *(f"p{share * 100:.0f} {self._time(share):>7}" for share in (0.5, 0.95)),
            )
        )

    def summary(self, seconds: float) -> Iterator[str]:
        """Word in a few lines what was counted in all, in so many seconds."""
        yield f"{self.describe(seconds, seconds)}  in all"
        if self.by_fault:
            carried = ", ".join(f"{name} {times}" for name, times in sorted(self.by_fault.items()))
            yield f"{self.by_fault.total()} carried a fault: {carried}"
        if self.unfinished:
            yield f"{self.unfinished} were still under way, and were given up"
        yield from self.troubles()

    def troubles(self) -> Iterator[str]:
        """Word why this is no success, if it is none. Faults do what they are for, and a few skips are no failure."""
        if self.failed:
            yield f"{self.failed} failed without a fault; the first, {self.first_failure}"
        if self.sound and not self.succeeded:
            yield f"none became ACTIVE, of {self.sound} without a fault"
        if self.skipped > self.begun:
            yield f"most were skipped, {self.skipped} of {self.skipped + self.begun}: the cloud is slower than the rate"

    def _time(self, share: float) -> str:
        seconds = self.quantile(share)
        return "-" if seconds is None else duration(round(seconds * 1e9))
