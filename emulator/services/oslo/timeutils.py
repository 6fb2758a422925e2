"""How the APIs of OpenStack write and read moments."""

from datetime import UTC, datetime

from emulator.runtime.errors import BadRequest

__all__ = ["read_moment", "to_the_microsecond", "to_the_second"]


def to_the_second(moment: datetime) -> str:
    """Write a moment in UTC as most answers do: `2026-11-24T16:50:00Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def to_the_microsecond(moment: datetime) -> str:
    """Write a moment in UTC as nova does where it takes it from its database, without saying that it is UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")


def read_moment(name: str, said: str) -> datetime:
    """Read a moment in ISO 8601 from a query parameter; in UTC, where it says nothing else. Raises BadRequest."""
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        moment = _with_lost_plus(name, said)
    return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _with_lost_plus(name: str, said: str) -> datetime:
    """In a query that was not quoted the plus sign of a time zone arrives as a space."""
    try:
        return datetime.fromisoformat("+".join(said.rsplit(" ", 1)))
    except ValueError:
        raise BadRequest(f"Invalid input for query parameter {name}: {said!r} is not a time in ISO 8601.") from None
