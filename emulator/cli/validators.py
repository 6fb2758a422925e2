"""What options refuse, in words that say why; typer puts the option's name before them."""

import re
from collections.abc import Callable
from ipaddress import IPv6Address
from math import isfinite
from urllib.parse import urlsplit

import typer

__all__ = ["compute_host", "fault", "finite", "host", "named", "printable", "secret", "url"]

LONGEST_HOST = 200
"""DNS allows 253; but queues and locks have names that begin with more, and in AMQP may have 255 bytes."""


def url(*schemes: str, passed_on: bool = False) -> Callable[[str | None], str | None]:
    """Make a check for URLs of these schemes, that are `passed_on` to whoever asks, with a path of theirs added."""

    def check(value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            whole = value.isprintable() and " " not in value  # or urlsplit takes the end of a line away
            named = bool((parts.hostname or "").encode("idna"))
            fits = whole and named and parts.scheme in schemes and parts.port != 0
        except ValueError:
            fits = False
        shown = "this" if "@" in value else repr(value)  # what is before an @ may be a password
        if not fits:
            raise typer.BadParameter(f"{shown} is not a URL such as {schemes[0]}://localhost.")
        if passed_on and ("@" in parts.netloc or set("?#") & set(value)):
            raise typer.BadParameter(f"{shown} is told to others: it may have no user, no query and no fragment.")
        return value

    return check


def finite(value: float | None) -> float | None:
    """Refuse what is no number to wait for."""
    if value is not None and not isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number.")
    return value


def printable(value: str) -> str:
    """Refuse an empty text, and one that cannot be printed."""
    if not value or not value.isprintable():
        raise typer.BadParameter(f"{value!r} is empty, or has characters that cannot be printed.")
    return value


def secret(value: str) -> str:
    """Refuse an empty secret, without a word of what it is."""
    if not value:
        raise typer.BadParameter("a key is empty.")
    return value


def named(value: str | None) -> str | None:
    """Refuse an empty name."""
    return value if value is None else printable(value)


def fault(name: str | None) -> str | None:
    """Refuse a fault that there is none of."""
    from emulator.faults import find_fault

    try:
        return None if name is None else find_fault(name).name
    except LookupError as error:
        raise typer.BadParameter(f"{error.args[0]} `emulator faults` lists them.") from error


def host(value: str | None) -> str | None:
    """Refuse what cannot be the host of a URL."""
    try:
        if value is not None and not re.fullmatch(r"[\w.-]+", value):
            IPv6Address(value)
    except ValueError as error:
        raise typer.BadParameter(f"{value!r} is no host name or IP address.") from error
    return value


def compute_host(value: str | None) -> str | None:
    """Refuse what cannot name a host, its queue and its lock."""
    if value and not re.fullmatch(rf"[\w.-]{{1,{LONGEST_HOST}}}", value, re.ASCII):
        raise typer.BadParameter(f"{value!r} is no host name of {LONGEST_HOST} characters at most.")
    return value
