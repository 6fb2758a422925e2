"""The header `traceparent` of W3C Trace Context, by which a test is the caller of what it tests."""

import re
import secrets
from typing import NamedTuple

__all__ = ["TraceParent", "new_traceparent", "read_traceparent"]

FORM = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})(?P<trace_id>[0-9a-f]{32})-(?!0{16})(?P<span_id>[0-9a-f]{16})-[0-9a-f]{2}"
)


class TraceParent(NamedTuple):
    """A span of the test that nobody exports. `str()` is the value of the header, with the sampled flag."""

    trace_id: str
    span_id: str

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"


def new_traceparent() -> TraceParent:
    """Return one with random ids."""
    return TraceParent(secrets.token_hex(16), secrets.token_hex(8))


def read_traceparent(header: str) -> TraceParent:
    """Read the value of a header. Raises ValueError."""
    found = FORM.fullmatch(header.strip().lower())
    if found is None:
        raise ValueError(f"traceparent is {header!r}; it must be like {new_traceparent()}, with ids that are not all 0")
    return TraceParent(found["trace_id"], found["span_id"])
