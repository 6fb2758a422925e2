"""Logins: what a client answers to the broker's greeting, as PLAIN or as AMQPLAIN."""

import hmac
import struct
from collections.abc import Mapping

from pamqp import commands, decode

from emulator.broker.errors import CommandInvalid, LoginRefused
from emulator.broker.frames import UNREADABLE

__all__ = ["MECHANISMS", "check_login"]


def check_login(users: Mapping[str, str], method: commands.Connection.StartOk) -> None:
    """Make sure that the client is one of `users` (passwords by login). Raises LoginRefused and CommandInvalid."""
    if method.mechanism not in _READERS:
        raise CommandInvalid(f"unknown mechanism '{method.mechanism}', there are {MECHANISMS}")
    response: str | bytes = method.response or ""
    raw = response.encode() if isinstance(response, str) else response
    try:
        login, password = _READERS[method.mechanism](raw)
    except (*UNREADABLE, KeyError):
        login, password = "", ""
    known = users.get(login)
    if known is None or not hmac.compare_digest(known.encode(), password.encode()):
        raise LoginRefused(f"login was refused for user '{login}' using {method.mechanism}")


def _read_plain(raw: bytes) -> tuple[str, str]:
    """Read an identity that nobody uses, login and password, divided by zeros (RFC 4616)."""
    _, login, password = raw.decode().split("\0")
    return login, password


def _read_amqplain(raw: bytes) -> tuple[str, str]:
    """Read a field table that comes without its length."""
    _, table = decode.field_table(struct.pack(">I", len(raw)) + raw)
    return str(table["LOGIN"]), str(table["PASSWORD"])


_READERS = {"AMQPLAIN": _read_amqplain, "PLAIN": _read_plain}

MECHANISMS = " ".join(_READERS)
