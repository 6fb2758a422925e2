"""Hosts in URLs, and URLs without user and password, which are safe to print."""

import re

__all__ = ["host_in_url", "reachable", "without_user"]

USER = re.compile(r"(?<=//)[^/?#]*@|(?<!\S)[^\s/?#]+@")
"""Also in URLs without a scheme, which gRPC accepts."""
LOOPBACKS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing binds to it
"""For a server that listens on all addresses, the one by which this machine reaches it."""


def reachable(address: str) -> str:
    """Return the address by which this machine reaches a server that listens on `address`."""
    return LOOPBACKS.get(address, address)


def host_in_url(address: str) -> str:
    """Return a host name or address as it is written in URLs, IPv6 addresses in brackets (RFC 3986, section 3.2.2)."""
    return f"[{address}]" if ":" in address else address


def without_user(text: str) -> str:
    """Remove users and passwords from the URLs in a text."""
    return USER.sub("", text)
