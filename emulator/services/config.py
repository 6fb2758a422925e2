"""The configuration from which each service is built, by its function `service(config)`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emulator.services.auth import Tokens

__all__ = ["ServiceConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """The configuration of one service; times are in seconds.

    `endpoints` maps service names to the base URLs of their APIs, as the other services reach them.
    """

    tokens: Tokens
    endpoints: Mapping[str, str]
    build_seconds: float
    """How long nova-api lets a server build before it goes to ERROR."""
    revocation_seconds: float
    """How often keystone repeats which tokens are revoked."""
    public_host: str | None = None
    """The host in the catalog's public URLs; None keeps the one in `endpoints`."""
    host: str = ""
<<<<<<< HEAD
    """The compute host, for a service that runs on each."""
    hosts: Sequence[str] = ()
    """All compute hosts of a cloud that starts as a whole; none if the service starts alone."""
=======
    """The name of the compute host, for a service that runs on every one of them."""
>>>>>>> main
