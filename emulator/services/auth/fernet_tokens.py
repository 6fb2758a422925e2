"""Fernet tokens, which keystone issues and every service validates locally, since all share the key.

In OpenStack, keystonemiddleware validates a token by `GET /v3/auth/tokens` in each service. The tokens here carry the
names and roles of their owner instead: Figure 1.8 has no requests for validation.
"""

import base64
import hashlib
import time
from collections.abc import Callable, Mapping

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from emulator.runtime.errors import Unauthorized

__all__ = ["Identity", "Tokens"]

TTL_SECONDS = 3600.0
"""Keystone's default. Avoid less than 120 s: keystoneauth renews a token that expires sooner, with every request."""


class Identity(msgspec.Struct, frozen=True):
    """The owner of a token, its scope and its lifetime. Times are in seconds since the epoch.

    An unscoped token has no roles. Only a token that is scoped to a project is valid at other services than keystone;
    one with roles, but without a project and a domain, is scoped to the system.
    """

    user_id: str
    user_name: str
    project_id: str
    project_name: str
    roles: tuple[str, ...]
    issued_at: float
    expires_at: float
    audit_id: str = ""
    """The public id of the token, for messages and spans, in which the token itself must not appear."""
    parent_audit_id: str = ""
    """The audit id of the first token in the chain, if this one was issued in exchange for another."""
    methods: tuple[str, ...] = ("password",)
    """How its owner authenticated."""
    domain_id: str = ""
    """The domain that the token is scoped to, if any."""

    @property
    def is_scoped(self) -> bool:
        """Whether the token is scoped to a project, a domain or the system: only then it has roles."""
        return bool(self.roles)

    @property
    def is_admin(self) -> bool:
        """Whether its owner has the role `admin`."""
        return "admin" in self.roles

    @property
    def sees_all(self) -> bool:
        """Whether its owner sees the resources of all projects, as admins and services do."""
        return self.is_admin or "service" in self.roles


class Tokens:
    """Issues and validates tokens with a key derived from `secret`, and knows the revoked ones. `ttl` is in seconds."""

    def __init__(self, secret: str, ttl: float = TTL_SECONDS, clock: Callable[[], float] = time.time) -> None:
        self.ttl = ttl
        self.clock = clock
        self.revoked: dict[str, float] = {}
        """The audit ids of revoked tokens, and the times at which they would have expired."""
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()))

    def issue(self, identity: Identity) -> str:
        """Return a token for `identity`."""
        return self._fernet.encrypt(msgspec.msgpack.encode(identity)).decode()

    def validate_scoped(self, token: str) -> Identity:
        """Return the owner of a token that is scoped to a project. Raises Unauthorized, for an unscoped token too."""
        identity = self.validate(token)
        if not identity.project_id:
            raise Unauthorized
        return identity

    def validate(self, token: str) -> Identity:
        """Return the owner of a token. Raises Unauthorized if it is missing, forged, expired or revoked."""
        try:
            identity = msgspec.msgpack.decode(self._fernet.decrypt(token.encode()), type=Identity)
        except (InvalidToken, UnicodeError, msgspec.DecodeError):
            raise Unauthorized from None
        if identity.expires_at <= self.clock() or identity.audit_id in self.revoked:
            raise Unauthorized
        return identity

    def revoke(self, expiries: Mapping[str, float]) -> None:
        """Revoke tokens. `expiries` maps their audit ids to the times at which they would have expired."""
        self.revoked.update(expiries)

    def forget_expired(self) -> None:
        """Forget revoked tokens that have expired since. The time it takes grows with the number of revoked tokens."""
        now = self.clock()
        self.revoked = {audit_id: expiry for audit_id, expiry in self.revoked.items() if expiry > now}
