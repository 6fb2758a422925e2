"""URLs: the hosts in them, and how they may be shown, without the users and passwords that they may hold."""

import re

__all__ = ["host_in_url", "reachable", "without_user"]

USER = re.compile(r"(?<=//)[^/?#]*@|(?<!\S)[^\s/?#]+@")
"""Also without a scheme before it, as gRPC has it."""
LOOPBACKS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not to bind
"""Where this machine reaches what listens everywhere."""


def reachable(address: str) -> str:
    """Return where this machine reaches what listens on an address."""
    return LOOPBACKS.get(address, address)


def host_in_url(address: str) -> str:
    """Return a host name or an address as URLs have it: brackets are around an IPv6 address."""
    return f"[{address}]" if ":" in address else address


def without_user(text: str) -> str:
    """Return a URL, or a text with URLs in it, without users and passwords."""
    return USER.sub("", text)
