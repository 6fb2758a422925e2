"""A trace as one line, for people and `grep`, or as JSON for programs."""

import json
from datetime import UTC, datetime

from spantree import escaped
from spantree.render import duration, failure, title
from spantree.tail.frame import clock, count, mark
from spantree.tail.received_trace import ReceivedTrace

__all__ = ["json_line", "text_line"]

MILLISECOND = 10**6


def text_line(trace: ReceivedTrace, *, update: bool) -> str:
    """Return a line that says what a trace is, how long it took, and where an error began."""
    culprit, root = trace.culprit, trace.root
    parts = [
        f"{clock(trace.start)} {mark(trace)} {duration(trace.duration):>8} {escaped(root.service)}: {title(root)}",
        count(len(trace.spans), "span"),
        count(len(trace.services), "service"),
        f"trace {trace.trace_id}",
        "" if trace.complete else "incomplete",
        "" if culprit is None else f"error in {escaped(culprit.service)}: {title(culprit)} {failure(culprit)}".rstrip(),
        "more spans of a trace above" if update else "",
    ]
    return " · ".join(filter(None, parts))


def json_line(trace: ReceivedTrace, *, update: bool) -> str:
    """Return a JSON object. `update` says that the trace was printed before, with fewer spans."""
    culprit = trace.culprit
    return json.dumps(
        {
            "time": datetime.fromtimestamp(trace.start // MILLISECOND / 1000, UTC).isoformat(timespec="milliseconds"),
            "trace_id": trace.trace_id,
            "service": trace.root.service,
            "name": trace.root.name,
            "duration_ms": trace.duration / MILLISECOND,
            "spans": len(trace.spans),
            "services": trace.services,
            "errors": trace.errors,
            "complete": trace.complete,
            "culprit": culprit
            and {"service": culprit.service, "name": culprit.name, "error_type": culprit.error_type or None},
            "update": update,
        }
    )
