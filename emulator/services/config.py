"""What a service is built from. Each service's `service(config)` reads what it needs of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emulator.services.auth import Tokens

__all__ = ["ServiceConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """The configuration of one service; times are in seconds.

    `endpoints` has the base URLs of the APIs by service name, as services reach them.
    """

    tokens: Tokens
    endpoints: Mapping[str, str]
    build_seconds: float
    """How long nova-api lets a server build before it goes to ERROR."""
    revocation_seconds: float
    """How often keystone repeats which tokens are revoked."""
    public_host: str | None = None
    """The host in the catalog's public URLs; None leaves the one of `endpoints`."""
    host: str = ""
    """The compute host, for a service that runs on each."""
    hosts: Sequence[str] = ()
    """All compute hosts of a cloud that starts as a whole; none if the service starts alone."""
