"""Authentication, on both sides: tokens and their revocation for services, a keystone session for their clients."""

from emulator.services.auth.fernet_tokens import Identity, Tokens
from emulator.services.auth.revocation import publish_revocation, repeat_revocations, with_revocation
from emulator.services.auth.session import Access, Session, log_in

__all__ = [
    "Access",
    "Identity",
    "Session",
    "Tokens",
    "log_in",
    "publish_revocation",
    "repeat_revocations",
    "with_revocation",
]
