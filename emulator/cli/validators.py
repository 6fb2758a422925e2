"""Checks of the emulator's own option values. General ones are in `spantree.cli.validators`."""

import re
from ipaddress import IPv6Address

import typer

__all__ = ["compute_host", "fault_name", "host", "key"]

LONGEST_HOST = 200
"""DNS allows 253, but the host is part of a queue's name, which AMQP 0-9-1 limits to 255 bytes (its type shortstr)."""


def key(value: str) -> str:
    """Refuse an empty key. The message does not repeat the value, which is a secret."""
    if not value:
        raise typer.BadParameter("the key is empty.")
    return value


def fault_name(name: str | None) -> str | None:
    """Refuse an unknown fault."""
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
