"""Key pairs for SSH and WinRM. They belong to users, not to projects, and nova keeps the public key only."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

from emulator.runtime.errors import BadRequest, Conflict, Forbidden, NotFound

__all__ = ["KEYPAIRS", "InvalidKeypair", "Keypair", "KeypairNotFound", "Keypairs", "fingerprint"]


class KeypairNotFound(NotFound):
    """The user has no key pair of this name."""

    error_type = "nova.KeypairNotFound"

    def __init__(self, name: str, user_id: str) -> None:
        super().__init__(f"Keypair {name} not found for user {user_id}")


class KeyPairExists(Conflict):
    """The user already has a key pair of this name."""

    error_type = "nova.KeyPairExists"

    def __init__(self, name: str) -> None:
        super().__init__(f"Key pair '{name}' already exists.")


class KeypairLimitExceeded(Forbidden):
    """The user has as many key pairs as its quota allows."""

    error_type = "nova.KeypairLimitExceeded"

    def __init__(self) -> None:
        super().__init__("Quota exceeded, too many key pairs.")


class InvalidKeypair(BadRequest):
    """The public key cannot be decoded."""

    error_type = "nova.InvalidKeypair"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Keypair data is invalid: {reason}")


def fingerprint(public_key: str) -> str:
    """Return the MD5 of a public key in OpenSSH's format, as nova shows it. Raises InvalidKeypair."""
    parts = public_key.split(None, 2)
    try:
        blob = base64.b64decode(parts[1], validate=True)
    except (IndexError, ValueError, binascii.Error):
        raise InvalidKeypair("failed to generate fingerprint") from None
    if parts[0].encode() not in blob[:64]:  # RFC 4253, section 6.6: the blob starts with the key type
        raise InvalidKeypair("failed to generate fingerprint")
    return hashlib.md5(blob, usedforsecurity=False).digest().hex(":")


def x509_fingerprint(certificate: str) -> str:
    """Return the SHA-1 of a certificate in PEM, as nova shows it. Raises InvalidKeypair."""
    from cryptography import x509  # here, since it would slow down every start, and few users need it
    from cryptography.hazmat.primitives.hashes import SHA1

    try:
        return x509.load_pem_x509_certificate(certificate.encode()).fingerprint(SHA1()).hex(":")  # noqa: S303 - nova's
    except ValueError as error:
        raise InvalidKeypair(f"failed to generate X509 fingerprint. Error message: {error}") from None


FINGERPRINTS: Mapping[str, Callable[[str], str]] = {"ssh": fingerprint, "x509": x509_fingerprint}
"""How to get the fingerprint of a public key, by the type of the key pair."""


@dataclass(frozen=True, slots=True)
class Keypair:
    """A user's key pair, without the private key. The public key of type x509 is a certificate."""

    id: int
    name: str
    user_id: str
    public_key: str
    fingerprint: str
    kind: str = "ssh"
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


class Keypairs:
    """All key pairs, by user and name."""

    def __init__(self) -> None:
        self._keypairs: dict[tuple[str, str], Keypair] = {}
        self._last_id = 0

    def of_user(self, user_id: str) -> list[Keypair]:
        """Return a user's key pairs, sorted by name."""
        keypairs = [keypair for keypair in self._keypairs.values() if keypair.user_id == user_id]
        return sorted(keypairs, key=lambda keypair: keypair.name)

    def find(self, name: str, user_id: str) -> Keypair:
        """Return a user's key pair. Raises KeypairNotFound."""
        if (user_id, name) not in self._keypairs:
            raise KeypairNotFound(name, user_id)
        return self._keypairs[user_id, name]

    def check_new(self, name: str, user_id: str, limit: int) -> None:
        """Raise KeyPairExists or KeypairLimitExceeded if the user cannot add it. A limit of -1 means no limit."""
        if (user_id, name) in self._keypairs:
            raise KeyPairExists(name)
        if 0 <= limit <= len(self.of_user(user_id)):
            raise KeypairLimitExceeded

    def add(self, name: str, user_id: str, public_key: str, kind: str) -> Keypair:
        """Add a key pair. Raises InvalidKeypair."""
        self._last_id += 1
        keypair = Keypair(self._last_id, name, user_id, public_key, FINGERPRINTS[kind](public_key), kind)
        self._keypairs[user_id, name] = keypair
        return keypair

    def remove(self, keypair: Keypair) -> None:
        """Delete a key pair."""
        del self._keypairs[keypair.user_id, keypair.name]


KEYPAIRS = web.AppKey("keypairs", Keypairs)
