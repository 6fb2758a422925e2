"""The results of checks, as data: what was checked, what was found, and what to do about it."""

from dataclasses import dataclass, replace
from enum import StrEnum

from emulator.doctor.redaction import redact

__all__ = ["CheckFailed", "CheckResult", "Level", "failure", "ok", "skipped", "warning"]


class Level(StrEnum):
    """How bad a result is. Only a failure keeps spans from being seen."""

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
    """Nothing is wrong."""
    return CheckResult(check, Level.OK, message)


def warning(check: str, message: str, remedy: str) -> CheckResult:
    """Something may surprise, but no span gets lost by it."""
    return CheckResult(check, Level.WARNING, message, remedy)


def failure(check: str, message: str, remedy: str) -> CheckResult:
    """Something keeps spans from being seen."""
    return CheckResult(check, Level.FAILURE, message, remedy)


def skipped(check: str, message: str) -> CheckResult:
    """The check was not possible."""
    return CheckResult(check, Level.SKIPPED, message)


class CheckFailed(Exception):
    """A failure that makes the following checks pointless. `retryable` says whether another attempt may succeed."""

    def __init__(self, check: str, message: str, remedy: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.result = failure(check, message, remedy)
        self.retryable = retryable
