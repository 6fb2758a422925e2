"""The filter of the list: which traces have a text in a name, a service or an attribute."""

from collections.abc import Iterator, Mapping
from typing import Any

from spantree import Span
from spantree.notation import write_value
from spantree.tail.received_trace import ReceivedTrace

__all__ = ["has_text"]


def has_text(trace: ReceivedTrace, text: str) -> bool:
    """Return whether a span of a trace has this text, in upper or lower case.

    It may be in the trace id, the service, the name, the message of an error, the name of an event, or an attribute of
    a span, event or resource as `key=value`.
    """
    wanted = text.casefold()
    return not wanted or any(wanted in part.casefold() for span in trace.spans.values() for part in _texts(span))


def _texts(span: Span) -> Iterator[str]:
    yield from (span.name, span.service, span.message, span.trace_id)
    yield from _pairs(span.attributes)
    yield from _pairs(span.resource)
    for event in span.events:
        yield event.name
        yield from _pairs(event.attributes)


def _pairs(attributes: Mapping[str, Any]) -> Iterator[str]:
    return (f"{key}={write_value(value)}" for key, value in attributes.items())
