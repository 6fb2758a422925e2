"""Checks of option values. Each returns the value, or raises an error whose message says what is wrong with it.

Typer prints the name of the option before the message.
"""

from collections.abc import Callable
from math import isfinite
from pathlib import Path
from urllib.parse import urlsplit

import typer

__all__ = ["finite", "named", "printable", "url", "writable"]


def url(*schemes: str, passed_on: bool = False) -> Callable[[str | None], str | None]:
    """Make a check for URLs of these schemes.

    One that is `passed_on` is given to clients, which append a path; so it may have no user, query or fragment.
    """

    def check(value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            whole = value.isprintable() and " " not in value  # urlsplit would strip line ends
            has_host = bool((parts.hostname or "").encode("idna"))
            valid = whole and has_host and parts.scheme in schemes and parts.port != 0
        except ValueError:
            valid = False
        shown = "this" if "@" in value else repr(value)  # there may be a password before the @
        if not valid:
            raise typer.BadParameter(f"{shown} is not a URL such as {schemes[0]}://localhost.")
        if passed_on and ("@" in parts.netloc or set("?#") & set(value)):
            raise typer.BadParameter(f"{shown} is given to clients: it may have no user, no query and no fragment.")
        return value

    return check


def finite(value: float | None) -> float | None:
    """Refuse infinity and NaN."""
    if value is not None and not isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number.")
    return value


def printable(value: str) -> str:
    """Refuse an empty text, and one with characters that cannot be printed."""
    if not value or not value.isprintable():
        raise typer.BadParameter(f"{value!r} is empty, or has characters that cannot be printed.")
    return value


def named(value: str | None) -> str | None:
    """Refuse an empty or unprintable name; None is allowed."""
    return value if value is None else printable(value)


def writable(file: Path | None) -> Path | None:
    """Refuse a file that cannot be written, before the command starts its work. Pipes and devices are not opened."""
    if file is None:
        return None
    try:
        existed = file.exists()
        if not existed or file.is_file():
            file.open("a").close()
        if not existed:
            file.resolve().unlink()  # an empty file would look like a result
    except OSError as error:
        raise typer.BadParameter(f"{str(file)!r} cannot be written: {error.strerror}.") from error
    return file
