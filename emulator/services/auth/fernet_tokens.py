"""Fernet tokens, as keystone issues them and every service can check them: all share the key.

Unlike keystone's, a token carries the names and roles of its owner, so that a service need not ask keystone.
"""

import base64
import hashlib
import time
from collections.abc import Callable, Mapping

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from emulator.runtime.errors import Unauthorized

__all__ = ["Identity", "Tokens"]

TTL_SECONDS = 3600.0  # stock clients renew a token that has less than 120 s left, so shorter ones cause storms


class Identity(msgspec.Struct, frozen=True):
    """Whom a token speaks for, and how long. Times are seconds since the epoch.

    Without a project it is good for keystone alone, and its owner has no role.
    """

    user_id: str
    user_name: str
    project_id: str
    project_name: str
    roles: tuple[str, ...]
    issued_at: float
    expires_at: float
    audit_id: str = ""
    """What the token is called where it must not be told itself."""
    parent_audit_id: str = ""
    """The audit id of the token that it was made from, the first one where there are several."""
    methods: tuple[str, ...] = ("password",)
    """How its owner proved who it is."""

    @property
    def is_admin(self) -> bool:
        """Whether the whole cloud is its owner's."""
        return "admin" in self.roles

    @property
    def sees_all(self) -> bool:
        """Whether it sees what belongs to any project: admins and services do."""
        return self.is_admin or "service" in self.roles


class Tokens:
    """Seals identities into tokens and opens tokens again, with the key that follows from `secret`."""

    def __init__(self, secret: str, ttl: float = TTL_SECONDS, clock: Callable[[], float] = time.time) -> None:
        self.ttl = ttl
        self.clock = clock
        self.revoked: dict[str, float] = {}
        """When tokens that hold no more would have expired, by their audit ids."""
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()))

    def seal(self, identity: Identity) -> str:
        """Return a token for `identity`."""
        return self._fernet.encrypt(msgspec.msgpack.encode(identity)).decode()

    def open(self, token: str) -> Identity:
        """Return whom `token` speaks for in a project. Raises Unauthorized, for a token of no project too."""
        identity = self.read(token)
        if not identity.project_id:
            raise Unauthorized
        return identity

    def read(self, token: str) -> Identity:
        """Return whom `token` speaks for. Raises Unauthorized if it is missing, forged, expired or revoked."""
        try:
            identity = msgspec.msgpack.decode(self._fernet.decrypt(token.encode()), type=Identity)
        except (InvalidToken, UnicodeError, msgspec.DecodeError):
            raise Unauthorized from None
        if identity.expires_at <= self.clock() or identity.audit_id in self.revoked:
            raise Unauthorized
        return identity

    def revoke(self, until: Mapping[str, float]) -> None:
        """Let tokens hold no more: `until` says when they would have expired, by their audit ids."""
        self.revoked.update(until)

    def forget_expired(self) -> None:
        """Forget those revoked that would have expired by now. Looks at all of them, so it is for now and then."""
        self.revoked = self.in_effect()

    def in_effect(self) -> dict[str, float]:
        """Return those revoked that would not have expired by now."""
        now = self.clock()
        return {audit_id: expires for audit_id, expires in self.revoked.items() if expires > now}
