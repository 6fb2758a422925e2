"""The results of checks, as data: what was checked, what was found, and what to do about it."""

from dataclasses import dataclass, replace
from enum import StrEnum

from emulator.doctor.redaction import redact

__all__ = ["CheckFailed", "CheckResult", "Level", "failure", "ok", "skipped", "warning"]


class Level(StrEnum):
    """How severe a result is. Only a failure keeps spans from showing up."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check. `message` and `remedy` are for users who know neither this program nor the SDK's code."""

    check: str
    level: Level
    message: str
    remedy: str = ""

    def redacted(self, secrets: frozenset[str]) -> "CheckResult":
        """Return the same result without these secrets."""
        return replace(self, message=redact(secrets, self.message), remedy=redact(secrets, self.remedy))


def ok(check: str, message: str) -> CheckResult:
    """Return a result: nothing is wrong."""
    return CheckResult(check, Level.OK, message)


def warning(check: str, message: str, remedy: str) -> CheckResult:
    """Return a result: something may be surprising, but loses no spans."""
    return CheckResult(check, Level.WARNING, message, remedy)


def failure(check: str, message: str, remedy: str) -> CheckResult:
    """Return a result: something keeps spans from showing up."""
    return CheckResult(check, Level.FAILURE, message, remedy)


def skipped(check: str, message: str) -> CheckResult:
    """Return a result: the check was not possible."""
    return CheckResult(check, Level.SKIPPED, message)


class CheckFailed(Exception):
    """A failure that makes the following checks pointless. `retryable` says whether another attempt may succeed."""

    def __init__(self, check: str, message: str, remedy: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.result = failure(check, message, remedy)
        self.retryable = retryable
