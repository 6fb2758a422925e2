"""What the doctor finds, as data: what was looked at, how it is, and what to do about it."""

from dataclasses import dataclass, replace
from enum import StrEnum

from emulator.doctor.redaction import without

__all__ = ["Finding", "Level", "Trouble", "failure", "ok", "skipped", "warning"]


class Level(StrEnum):
    """How bad it is. Only a failure keeps spans from being seen."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check came to. `said` and `remedy` are for the user, who knows neither this program nor the SDK's code."""

    check: str
    level: Level
    said: str
    remedy: str = ""

    def without(self, secrets: frozenset[str]) -> "Finding":
        """Return the same, telling no secrets."""
        return replace(self, said=without(secrets, self.said), remedy=without(secrets, self.remedy))


def ok(check: str, said: str) -> Finding:
    """All is well."""
    return Finding(check, Level.OK, said)


def warning(check: str, said: str, remedy: str) -> Finding:
    """Something that explains surprises, but not missing spans."""
    return Finding(check, Level.WARNING, said, remedy)


def failure(check: str, said: str, remedy: str) -> Finding:
    """Something that keeps spans from being seen."""
    return Finding(check, Level.FAILURE, said, remedy)


def skipped(check: str, said: str) -> Finding:
    """Something that could not be looked at, as an earlier check failed."""
    return Finding(check, Level.SKIPPED, said)


class Trouble(Exception):
    """A failure behind which there is nothing to look at. `may_heal` says whether it is worth a second try."""

    def __init__(self, check: str, said: str, remedy: str, *, may_heal: bool = False) -> None:
        super().__init__(said)
        self.finding = failure(check, said, remedy)
        self.may_heal = may_heal
