"""SASL authentication: reads a client's response to `connection.start` as PLAIN or AMQPLAIN and checks the password."""

import hmac
import struct
from collections.abc import Mapping

from pamqp import commands, decode

from emulator.broker.errors import AuthenticationFailed, CommandInvalid
from emulator.broker.frames import DECODE_ERRORS

__all__ = ["MECHANISMS", "authenticate"]


def authenticate(users: Mapping[str, str], method: commands.Connection.StartOk) -> None:
    """Check user and password against `users`, which maps user names to passwords.

    Raises AuthenticationFailed, and CommandInvalid for an unknown mechanism.
    """
    if method.mechanism not in _DECODERS:
        raise CommandInvalid(f"unknown mechanism '{method.mechanism}', supported are {MECHANISMS}")
    response: str | bytes = method.response or ""
    raw = response.encode() if isinstance(response, str) else response
    try:
        user, password = _DECODERS[method.mechanism](raw)
    except (*DECODE_ERRORS, KeyError):
        user, password = "", ""
    expected = users.get(user)
    # compare_digest takes the same time for any wrong password, so timing does not help to guess it.
    if expected is None or not hmac.compare_digest(expected.encode(), password.encode()):
        raise AuthenticationFailed(f"login was refused for user '{user}' using {method.mechanism}")


def _decode_plain(raw: bytes) -> tuple[str, str]:
    """Read an authorization identity (unused), user and password, separated by zero bytes (RFC 4616)."""
    _, user, password = raw.decode().split("\0")
    return user, password


def _decode_amqplain(raw: bytes) -> tuple[str, str]:
    """Read a field table without its length prefix: a mechanism of RabbitMQ's, from before AMQP used SASL."""
    _, table = decode.field_table(struct.pack(">I", len(raw)) + raw)
    return str(table["LOGIN"]), str(table["PASSWORD"])


_DECODERS = {"AMQPLAIN": _decode_amqplain, "PLAIN": _decode_plain}

MECHANISMS = " ".join(_DECODERS)
