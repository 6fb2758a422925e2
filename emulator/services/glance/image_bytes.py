"""The bytes of images: pretended ones, made from a name, and those that somebody uploaded."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

__all__ = ["CHUNK_BYTES", "Contents", "Digests", "Hashing", "pretended", "uploaded"]

CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Digests:
    """What tells whether bytes came whole, in hex: the MD5 is what glance calls an image's checksum."""

    md5: str
    sha512: str


class Hashing:
    """Digests of bytes that come piece by piece."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha512 = hashlib.sha512()

    def update(self, piece: bytes) -> None:
        """Take in a piece."""
        self._md5.update(piece)
        self._sha512.update(piece)

    def digests(self) -> Digests:
        """Return the digests of all pieces so far."""
        return Digests(self._md5.hexdigest(), self._sha512.hexdigest())


@dataclass(frozen=True, slots=True)
class Contents:
    """`size` bytes: `chunks()` yields them, CHUNK_BYTES at a time."""

    size: int
    chunks: Callable[[], Iterable[bytes]]
    digests: Callable[[], Digests]
    in_memory: bool = False
    """Whether they take room."""


def uploaded(data: bytearray, digests: Digests) -> Contents:
    """Return contents that somebody sent."""

    def chunks() -> Iterator[bytes]:
        for begin in range(0, len(data), CHUNK_BYTES):
            yield bytes(data[begin : begin + CHUNK_BYTES])

    return Contents(len(data), chunks, lambda: digests, in_memory=True)


def pretended(name: str, size: int) -> Contents:
    """Return contents made from a name. They are hashed when somebody first wants to know."""

    @cache
    def pattern() -> bytes:
        return hashlib.shake_128(name.encode()).digest(CHUNK_BYTES)

    def chunks() -> Iterator[bytes]:
        for begin in range(0, size, CHUNK_BYTES):
            yield pattern()[: min(CHUNK_BYTES, size - begin)]

    @cache
    def digests() -> Digests:
        hashing = Hashing()
        for chunk in chunks():
            hashing.update(chunk)
        return hashing.digests()

    return Contents(size, chunks, digests)
