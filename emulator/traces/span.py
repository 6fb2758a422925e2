"""A span as this library knows it, wherever it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["KINDS", "Event", "Link", "Span"]

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
"""Kinds of spans, by their numbers in OTLP."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened during a span. Time in nanoseconds since the epoch."""

    name: str
    time: int
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """A relation to another span, of this trace or another. Ids in hex."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """A finished span. Ids in lower-case hex, a root has the parent `""`; times in nanoseconds since the epoch."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    start: int
    end: int
    attributes: Mapping[str, Any] = field(default_factory=dict)
    resource: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    links: tuple[Link, ...] = ()
    failed: bool = False
    message: str = ""
    """The description of a failed span's status."""

    @property
    def service(self) -> str:
        """The `service.name` of the span's resource."""
        return str(self.resource.get("service.name", "unknown_service"))

    @property
    def error_type(self) -> str:
        """The `error.type` of a failed span, `""` of any other."""
        return str(self.attributes.get("error.type", "")) if self.failed else ""

    def __str__(self) -> str:
        return f"{self.service}: {self.name} ({self.kind})"
