"""Times in the formats of OpenStack's APIs, named after `oslo_utils.timeutils`."""

from datetime import UTC, datetime

from emulator.runtime.errors import BadRequest

__all__ = ["isotime", "isotime_without_zone", "parse_isotime"]


def isotime(time: datetime) -> str:
    """Format a time in UTC as most of the APIs do: `2026-11-24T16:50:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def isotime_without_zone(time: datetime) -> str:
    """Format a time in UTC to the microsecond, without a zone, as nova does for some of its database's columns."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.%f")


def parse_isotime(name: str, value: str) -> datetime:
    """Parse a query parameter in ISO 8601; a time without a zone is in UTC. Raises BadRequest."""
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        time = _parse_with_lost_plus(name, value)
    return time.astimezone(UTC) if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _parse_with_lost_plus(name: str, value: str) -> datetime:
    # A query that was not percent-encoded loses the plus sign of a time zone: "+" decodes to a space.
    try:
        return datetime.fromisoformat("+".join(value.rsplit(" ", 1)))
    except ValueError:
        raise BadRequest(f"Invalid input for query parameter {name}: {value!r} is not a time in ISO 8601.") from None
