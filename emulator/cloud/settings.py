"""The settings of a cloud. The command line builds them; nothing here reads the environment."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from emulator.runtime.amqp_connection import PATIENCE_SECONDS, BusSettings, QueueType
from emulator.runtime.request_context import MessagingContext

__all__ = ["BUILD_SECONDS", "COMPUTES", "Settings"]

COMPUTES = 3
"""How many compute hosts a cloud has by default: as many as nova tries for one server (its `max_attempts`)."""

BUILD_SECONDS = 60.0
REVOCATION_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a cloud; times are in seconds."""

    pace: float = 1.0
    """Scales every simulated duration; 0 is as fast as the code runs."""
    seed: int | None = None
    """Makes random ids, addresses and durations repeatable."""
    build_seconds: float = BUILD_SECONDS
    """How long a server may build before it goes to ERROR."""
    bus_patience: float = PATIENCE_SECONDS
    """How long to wait for an unreachable bus before giving up."""
    queue_type: QueueType = QueueType.CLASSIC
    address: str = "127.0.0.1"
    """The address that services bind to."""
    public_host: str = "127.0.0.1"
    """The host of the URLs by which clients reach them."""
    token_secret: str = ""
    """The secret that all services share to encrypt and decrypt tokens; if empty, a random one."""
    faults: bool = True
    """Whether faults in the baggage of requests act."""
    profiler_keys: Sequence[str] = field(default=(), repr=False)
    """The HMAC keys with which osprofiler's headers may be signed."""
    messaging_context: MessagingContext = MessagingContext.BOTH
    revocation_seconds: float = REVOCATION_SECONDS
    """How often keystone announces all revoked tokens again, for services that were restarted."""

    def bus(self, amqp_url: str) -> BusSettings:
        """Return how to connect to the bus at a URL."""
        return BusSettings(amqp_url, self.bus_patience, self.queue_type)
