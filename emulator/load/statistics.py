"""Counts of boots and a histogram of their durations, in constant memory."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import ceil, log
from typing import Any

from emulator.client import BootRequest, BootResult
from spantree.render import duration

__all__ = ["Tally"]

BUCKET_RATIO = 1.05
"""The ratio of the upper limits of two adjacent buckets. It makes quantiles accurate to 2.5 %."""
SHORTEST = 1e-6
QUANTILES = (0.5, 0.95)


@dataclass(slots=True)
class Tally:
    """Counts of boots: those that were started, those that were not, and how they ended."""

    begun: int = 0
    without_fault: int = 0
    """Boots that were started and carried no fault."""
    succeeded: int = 0
    """Boots without a fault that became ACTIVE."""
    skipped: int = 0
    """Boots that were not started because too many were in progress."""
    unfinished: int = 0
    """Boots that were still in progress at the end, and were cancelled."""
    failed: int = 0
    """Boots without a fault that failed."""
    first_failure: str = ""
    by_status: Counter[str] = field(default_factory=Counter)
    by_fault: Counter[str] = field(default_factory=Counter)
    buckets: Counter[int] = field(default_factory=Counter)
    """How many boots took at most `BUCKET_RATIO ** bucket` seconds, but too long for the bucket below."""

    def begin(self, request: BootRequest) -> None:
        """Count a boot that starts."""
        self.begun += 1
        self.without_fault += request.fault is None

    def count(self, result: BootResult, seconds: float) -> None:
        """Count a boot that ended `seconds` after it was due."""
        self.by_status[result.status] += 1
        if result.status != "REFUSED":  # refusals are fast, and would make the quantiles look too good
            self.buckets[ceil(log(max(seconds, SHORTEST), BUCKET_RATIO))] += 1
        if result.request.fault is not None:
            self.by_fault[result.request.fault.name] += 1
        elif result.succeeded:
            self.succeeded += 1
        else:
            self.failed += 1
            self.first_failure = self.first_failure or f"{result.request.name}, {result.status}: {result.fault}"

    def copy(self) -> "Tally":
        """Return an independent copy."""
        return replace(self, **{name: getattr(self, name).copy() for name in ("by_status", "by_fault", "buckets")})

    def since(self, before: "Tally") -> "Tally":
        """Return the difference to an earlier copy."""
        return Tally(
            begun=self.begun - before.begun,
            without_fault=self.without_fault - before.without_fault,
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
        """Return the seconds within which this share of the boots ended; None if no boot has ended."""
        enough, found = share * self.buckets.total(), 0
        for bucket in sorted(self.buckets):
            found += self.buckets[bucket]
            if found >= enough:
                return float(BUCKET_RATIO ** (bucket - 0.5))  # the geometric middle of the bucket
        return None

    def describe(self, after: float, seconds: float) -> str:
        """Return one line about a period of `seconds` that ended `after` the start, in seconds."""
        rate = self.begun / seconds if seconds else 0.0
        labels = {"ACTIVE": "ACTIVE", "ERROR": "ERROR", "REFUSED": "refused"}
        return "  ".join(
            (
                f"{after:6.0f} s",
                f"{rate:6.1f}/s",
                *(f"{self.by_status[status]:5} {label}" for status, label in labels.items()),
                f"{self.skipped:5} skipped",
                *(f"p{share * 100:.0f} {self._time(share):>7}" for share in QUANTILES),
            )
        )

    def summary(self, seconds: float) -> Iterator[str]:
        """Yield a few lines about all boots, which were started within `seconds`."""
        yield f"{self.describe(seconds, seconds)}  in total"
        if self.by_fault:
            faults = ", ".join(f"{name} {times}" for name, times in sorted(self.by_fault.items()))
            yield f"{self.by_fault.total()} carried a fault: {faults}"
        if self.unfinished:
            yield f"{self.unfinished} were still in progress and were cancelled"

    def problems(self, max_skipped: int | None = None) -> Iterator[str]:
        """Yield the reasons why the load failed, if it did. Boots with faults may fail.

        `max_skipped` boots may be skipped; None allows as many as were started.
        """
        if self.failed:
            yield f"{self.failed} failed without a fault; the first: {self.first_failure}"
        if self.without_fault and not self.succeeded:
            yield f"none of the {self.without_fault} without a fault became ACTIVE"
        if self.skipped > (self.begun if max_skipped is None else max_skipped):
            most = "most were" if max_skipped is None else f"more than --max-skipped {max_skipped} were"
            total = self.skipped + self.begun
            yield f"{most} skipped, {self.skipped} of {total}: the cloud cannot keep up with this rate"

    def as_json(self) -> dict[str, Any]:
        """Return the counts for programs. Quantiles are seconds; None if no boot has ended."""
        return {
            "started": self.begun,
            "without_fault": self.without_fault,
            "skipped": self.skipped,
            "unfinished": self.unfinished,
            "failed_without_fault": self.failed,
            "first_failure": self.first_failure,
            "by_status": dict(self.by_status),
            "by_fault": dict(self.by_fault),
            "seconds": {f"p{share * 100:.0f}": self.quantile(share) for share in QUANTILES},
        }

    def _time(self, share: float) -> str:
        seconds = self.quantile(share)
        return "-" if seconds is None else duration(round(seconds * 1e9))
