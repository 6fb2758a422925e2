"""Finished spans of opentelemetry-sdk, as its in-memory exporter keeps them.

The SDK is not imported, and only public attributes of `ReadableSpan` are read: any version from 1.30 on will do.
"""

from collections.abc import Iterable
from typing import Any

from spantree.span import Event, Link, Span

__all__ = ["spans_from_sdk"]


def spans_from_sdk(spans: Iterable[Any]) -> list[Span]:
    """Convert finished `ReadableSpan`s."""
    return [_span(span) for span in spans]


def _span(span: Any) -> Span:  # noqa: ANN401 - a ReadableSpan of any version
    return Span(
        trace_id=f"{span.context.trace_id:032x}",
        span_id=f"{span.context.span_id:016x}",
        parent_id=f"{span.parent.span_id:016x}" if span.parent else "",
        name=span.name,
        kind=span.kind.name.lower(),
        start=span.start_time,
        end=span.end_time,
        attributes=dict(span.attributes or {}),
        resource=dict(span.resource.attributes),
        events=tuple(Event(event.name, event.timestamp, dict(event.attributes or {})) for event in span.events),
        links=tuple(
            Link(f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}", dict(link.attributes or {}))
            for link in span.links
        ),
        failed=span.status.status_code.name == "ERROR",
        message=span.status.description or "",
    )
