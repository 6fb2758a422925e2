"""All that is known about a span, as lines of text: its times, attributes, events and links."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.cells import chop_cells
from rich.text import Text

from spantree import Span, escaped
from spantree.notation import write_value
from spantree.render import duration
from spantree.tail.kept_traces import KeptTraces
from spantree.tail.opened_trace import OpenedTrace

__all__ = ["span_details"]

LONGEST_VALUE = 8000
"""Characters that are shown of a value: an attribute may hold megabytes."""
INDENT = "  "
NARROWEST = 20
NANOSECONDS = 10**9


def span_details(opened: OpenedTrace, kept: KeptTraces, width: int) -> list[Text]:
    """Return the lines about the chosen span. Control characters are escaped, and long values are wrapped."""
    alike = len(opened.waterfall.spans(opened.cursor.row))
    lines = _lines(opened.span, opened.trace.start, alike, kept)
    return [line for text, style in lines for line in _wrapped(text, style, max(width, NARROWEST))]


def _lines(span: Span, trace_start: int, alike: int, kept: KeptTraces) -> Iterator[tuple[str, str]]:
    """Yield each line with its style. It may be too long, and may hold control characters."""
    yield f"{span.service}: {span.name}", "bold red" if span.failed else "bold"
    if alike > 1:
        yield f"the first of {alike} spans that look alike; in the waterfall, x shows each", "dim"
    if span.failed:
        yield " ".join(filter(None, ("failed", span.error_type, span.message))), "red"
    started = datetime.fromtimestamp(span.start // NANOSECONDS, UTC).astimezone()
    yield f"kind      {span.kind}", ""
    yield f"started   {started:%Y-%m-%d %H:%M:%S} + {span.start % NANOSECONDS / NANOSECONDS:.6f} s", ""
    yield f"in trace  after {duration(span.start - trace_start)}, for {duration(span.duration)}", ""
    yield f"ids       span {span.span_id}, parent {span.parent_id or 'none'}", ""
    yield from _pairs("Attributes", span.attributes)
    for event in span.events:
        yield from _pairs(f"Event {event.name} after {duration(event.time - span.start)}", event.attributes)
    for link in span.links:
        linked = kept.by_id[link.trace_id].spans.get(link.span_id) if link.trace_id in kept.by_id else None
        name = "a span that has not arrived" if linked is None else f"{linked.service}: {linked.name}"
        yield from _pairs(f"Link to {name}", {"trace": link.trace_id, "span": link.span_id, **link.attributes})
    yield from _pairs("Resource", span.resource)


def _pairs(heading: str, attributes: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "", ""
    yield heading, "bold"
    for key, value in attributes.items():
        text = write_value(value)
        more = f"… and {len(text) - LONGEST_VALUE} more characters" if len(text) > LONGEST_VALUE else ""
        first, *others = f"{key} = {text[:LONGEST_VALUE]}{more}".split("\n")
        yield INDENT + first, ""
        yield from ((2 * INDENT + line, "") for line in others)


def _wrapped(text: str, style: str, width: int) -> Iterator[Text]:
    """Wrap a text at any character: values such as ids and URLs have no words."""
    for part in chop_cells(escaped(text), width) or [""]:
        yield Text(part, style, no_wrap=True)
