"""Checks of option values. Each error message says what is wrong with the value; typer puts the option's name first."""

import re
from collections.abc import Callable
from ipaddress import IPv6Address
from math import isfinite
from urllib.parse import urlsplit

import typer

__all__ = ["compute_host", "fault_name", "finite", "host", "key", "named", "printable", "url"]

LONGEST_HOST = 200
"""DNS allows 253. AMQP limits the names of queues to 255 bytes (0-9-1, section 1.1: shortstr), and ours have prefixes."""


def url(*schemes: str, published: bool = False) -> Callable[[str | None], str | None]:
    """Return a check for URLs of these schemes. Those that are `published` in the catalog may hold no secrets."""

    def check(value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            clean = value.isprintable() and " " not in value  # urlsplit silently removes line ends
            has_host = bool((parts.hostname or "").encode("idna"))
            valid = clean and has_host and parts.scheme in schemes and parts.port != 0
        except ValueError:
            valid = False
        shown = "this" if "@" in value else repr(value)  # what precedes an @ may be a password
        if not valid:
            raise typer.BadParameter(f"{shown} is not a URL such as {schemes[0]}://localhost.")
        if published and ("@" in parts.netloc or set("?#") & set(value)):
            raise typer.BadParameter(f"{shown} is published in the catalog: leave out user, query and fragment.")
        return value

    return check


def finite(value: float | None) -> float | None:
    """Refuse NaN and infinity."""
    if value is not None and not isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number.")
    return value


def printable(value: str) -> str:
    """Refuse an empty text, and one with control characters."""
    if not value or not value.isprintable():
        raise typer.BadParameter(f"{value!r} is empty, or has characters that cannot be printed.")
    return value


def key(value: str) -> str:
    """Refuse an empty key. The message does not repeat the value, which is a secret."""
    if not value:
        raise typer.BadParameter("a key is empty.")
    return value


def named(value: str | None) -> str | None:
    """Refuse an empty name."""
    return value if value is None else printable(value)


def fault_name(name: str | None) -> str | None:
    """Refuse a name that no fault has."""
    from emulator.faults import find_fault

    try:
        return None if name is None else find_fault(name).name
    except LookupError as error:
        raise typer.BadParameter(f"{error.args[0]} `emulator faults` lists them.") from error


def host(value: str | None) -> str | None:
    """Refuse a value that cannot be the host of a URL."""
    try:
        if value is not None and not re.fullmatch(r"[\w.-]+", value):
            IPv6Address(value)
    except ValueError as error:
        raise typer.BadParameter(f"{value!r} is not a host name or an IP address.") from error
    return value


def compute_host(value: str | None) -> str | None:
    """Refuse a value that cannot be part of the name of a host's queue."""
    if value and not re.fullmatch(rf"[\w.-]{{1,{LONGEST_HOST}}}", value, re.ASCII):
        raise typer.BadParameter(f"{value!r} is not a host name of at most {LONGEST_HOST} characters.")
    return value
