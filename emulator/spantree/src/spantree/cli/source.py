"""Where a command's traces come from: a file, standard input or a Jaeger."""

import sys
from dataclasses import dataclass
from pathlib import Path

from spantree import (
    JaegerUnavailable,
    MalformedJaeger,
    MalformedOtlp,
    Span,
    SpanTree,
    jaeger_spans,
    spans_from_jaeger_json,
    spans_from_json,
    trees,
)
from spantree.cli.errors import Unreadable

__all__ = ["Source"]

ANSWER_SECONDS = 10.0
"""How long a Jaeger may take to answer."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of OTLP JSON or Jaeger JSON, `-` for standard input, or the URL of a Jaeger; and a choice of its traces.

    `joined` makes linked traces one.
    """

    place: str
    trace_id: str | None = None
    service: str | None = None
    joined: bool = False

    def __str__(self) -> str:
        """Describe the chosen traces in the singular: `trace with a span of service shop in orders.json`."""
        choices = ((" with the id ", self.trace_id), (" with a span of service ", self.service))
        chosen = "".join(f"{label}{choice}" for label, choice in choices if choice)
        return f"trace{chosen} in {'standard input' if self.place == '-' else self.place}"

    @property
    def is_jaeger(self) -> bool:
        """Whether more traces may still arrive."""
        return self.place.startswith(("http://", "https://"))

    def require_traces(self) -> list[SpanTree]:
        """Return the chosen traces, at least one. Raises Unreadable."""
        traces = self.traces()
        if not traces:
            raise Unreadable(f"there is no {self}")
        return traces

    def traces(self, default_service: str | None = None, timeout: float = ANSWER_SECONDS) -> list[SpanTree]:
        """Return the chosen traces. Raises Unreadable.

        If no service was chosen, a Jaeger is asked for the traces of `default_service`. It must answer in `timeout`
        seconds.
        """
        found = trees(self._spans(self.service or default_service, timeout))
        if self.joined:
            found = [trace.joined() for trace in found if not any(span.linked for span in trace.roots)]
        return [
            trace
            for trace in found
            if (self.trace_id is None or trace.trace_id == self.trace_id)
            and (self.service is None or self.service in trace.services)
        ]

    def _spans(self, service: str | None, timeout: float) -> list[Span]:
        try:
            if self.is_jaeger:
                return jaeger_spans(self.place, trace_id=self.trace_id, service=service, timeout=timeout)
            return _parse(sys.stdin.buffer.read() if self.place == "-" else Path(self.place).read_bytes())
        except OSError as error:
            raise Unreadable(f"{self.place} cannot be read: {error.strerror or error}") from error
        except (MalformedJaeger, MalformedOtlp) as error:
            raise Unreadable(f"{self.place}: {error}") from error
        except JaegerUnavailable as error:
            raise Unreadable(str(error)) from error


def _parse(text: bytes) -> list[Span]:
    """Read OTLP JSON, or the JSON that Jaeger's UI downloads, in which an OTLP reader finds no spans."""
    spans = spans_from_json(text)
    if spans or b"resourceSpans" in text or b'"data"' not in text:
        return spans
    return spans_from_jaeger_json(text)
