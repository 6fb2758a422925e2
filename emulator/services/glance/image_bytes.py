"""The data of images: generated from a name for the seed data, or uploaded by users."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

__all__ = ["CHUNK_BYTES", "Contents", "Digests", "Hashing", "generated", "uploaded"]

CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Digests:
    """Digests of an image's data, in hex. The MD5 is the `checksum` in glance's API."""

    md5: str
    sha512: str


class Hashing:
    """Computes the digests of data that arrives in pieces."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha512 = hashlib.sha512()

    def update(self, piece: bytes) -> None:
        """Add a piece."""
        self._md5.update(piece)
        self._sha512.update(piece)

    def digests(self) -> Digests:
        """Return the digests of all pieces so far."""
        return Digests(self._md5.hexdigest(), self._sha512.hexdigest())


@dataclass(frozen=True, slots=True)
class Contents:
    """The data of an image: `size` bytes, which `chunks()` yields CHUNK_BYTES at a time."""

    size: int
    chunks: Callable[[], Iterable[bytes]]
    digests: Callable[[], Digests]
    in_memory: bool = False
    """Whether it counts against the storage quota."""


def uploaded(data: bytearray, digests: Digests) -> Contents:
    """Return the contents of an image that a user uploaded."""

    def chunks() -> Iterator[bytes]:
        for begin in range(0, len(data), CHUNK_BYTES):
            yield bytes(data[begin : begin + CHUNK_BYTES])

    return Contents(len(data), chunks, lambda: digests, in_memory=True)


def generated(name: str, size: int) -> Contents:
    """Return contents that are generated from a name and take no memory. They are hashed on first use."""

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
