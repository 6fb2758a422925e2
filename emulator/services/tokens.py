"""Fernet tokens, as keystone issues them and every service can check them: all share the key.

Unlike keystone's, a token carries the names and roles of its owner, so that a service need not ask keystone.
"""

import base64
import hashlib
import time
from collections.abc import Callable

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from emulator.plumbing.errors import Unauthorized

__all__ = ["Identity", "Tokens"]

TTL_SECONDS = 3600.0  # stock clients renew a token that has less than 120 s left, so shorter ones cause storms


class Identity(msgspec.Struct, frozen=True):
    """Whom a token speaks for, and how long. Times are seconds since the epoch."""

    user_id: str
    user_name: str
    project_id: str
    project_name: str
    roles: tuple[str, ...]
    issued_at: float
    expires_at: float


class Tokens:
    """Seals identities into tokens and opens tokens again, with the key that follows from `secret`."""

    def __init__(self, secret: str, ttl: float = TTL_SECONDS, clock: Callable[[], float] = time.time) -> None:
        self.ttl = ttl
        self.clock = clock
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()))

    def seal(self, identity: Identity) -> str:
        """Return a token for `identity`."""
        return self._fernet.encrypt(msgspec.msgpack.encode(identity)).decode()

    def open(self, token: str) -> Identity:
        """Return whom `token` speaks for. Raises Unauthorized if it is missing, forged or expired."""
        try:
            identity = msgspec.msgpack.decode(self._fernet.decrypt(token.encode()), type=Identity)
        except (InvalidToken, UnicodeError, msgspec.DecodeError):
            raise Unauthorized from None
        if identity.expires_at <= self.clock():
            raise Unauthorized
        return identity
