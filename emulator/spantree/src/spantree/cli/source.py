"""Where a command's traces come from: a file, standard input or a Jaeger."""

import sys
from collections.abc import Sequence
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
from spantree.cli.program import current

__all__ = ["Source", "Traces"]

ANSWER_SECONDS = 10.0
"""How long a Jaeger may take to answer."""
REMEDY = "raise --limit, shorten --lookback, or choose a --service"


@dataclass(frozen=True, slots=True)
class Traces:
    """Traces that were read, and what the limits left out, one sentence each."""

    found: list[SpanTree]
    missing: Sequence[str] = ()

    def warn(self) -> None:
        """Say on standard error what is missing."""
        for sentence in self.missing:
            print(f"{current().name}: {sentence}; {REMEDY}", file=sys.stderr)


@dataclass(frozen=True, slots=True)
class Source:
    """A file of OTLP JSON or Jaeger JSON, `-` for standard input, or the URL of a Jaeger; and a choice of its traces.

    `joined` makes linked traces one. From a Jaeger, the latest `limit` traces of the last `lookback_seconds` are read.
    """

    place: str
    trace_id: str | None = None
    service: str | None = None
    joined: bool = False
    limit: int = 1000
    lookback_seconds: int = 3600

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
        """Return the chosen traces, at least one, and say on standard error what is missing. Raises Unreadable."""
        traces = self.read()
        traces.warn()
        if not traces.found:
            raise Unreadable(f"there is no {self}")
        return traces.found

    def read(
        self, default_service: str | None = None, timeout: float = ANSWER_SECONDS, *, linked: bool = False
    ) -> Traces:
        """Return the chosen traces. Raises Unreadable.

        If no service was chosen, a Jaeger is asked for the traces of `default_service`, and with `linked` for those
        that are linked with them, too. It must answer in `timeout` seconds.
        """
        missing: list[str] = []
        found = trees(self._spans(self.service or default_service, timeout, missing, linked=linked or self.joined))
        chosen = _joined(found) if self.joined else [(trace, [trace.trace_id]) for trace in found]
        return Traces(
            [
                trace
                for trace, ids in chosen
                if (self.trace_id is None or self.trace_id in ids)
                and (self.service is None or self.service in trace.services)
            ],
            missing,
        )

    def _spans(self, service: str | None, timeout: float, missing: list[str], *, linked: bool) -> list[Span]:
        try:
            if self.is_jaeger:
                return jaeger_spans(
                    self.place,
                    trace_id=self.trace_id,
                    service=service,
                    linked=linked,
                    limit=self.limit,
                    lookback_seconds=self.lookback_seconds,
                    timeout=timeout,
                    incomplete=missing.append,
                )
            return _parse(sys.stdin.buffer.read() if self.place == "-" else Path(self.place).read_bytes())
        except OSError as error:
            raise Unreadable(f"{self.place} cannot be read: {error.strerror or error}") from error
        except (MalformedJaeger, MalformedOtlp) as error:
            raise Unreadable(f"{self.place}: {error}") from error
        except JaegerUnavailable as error:
            raise Unreadable(str(error)) from error


def _joined(traces: Sequence[SpanTree]) -> list[tuple[SpanTree, Sequence[str]]]:
    """Join linked traces. Return each joined trace with the ids of the traces in it.

    Traces that link to no other one come first, so that each other trace is a part of those that it links to. Those
    that link to each other in a circle are parts of the earliest of them.
    """
    joined: list[tuple[SpanTree, Sequence[str]]] = []
    parts: set[str] = set()
    for trace in sorted(traces, key=lambda trace: any(span.linked for span in trace.roots)):
        is_linked = any(span.linked for span in trace.roots)
        if not is_linked or trace.trace_id not in parts:
            joined.append((trace.joined(), trace.all_trace_ids))
            parts.update(trace.all_trace_ids)
    return joined


def _parse(text: bytes) -> list[Span]:
    """Read OTLP JSON, or the JSON that Jaeger's UI downloads, in which an OTLP reader finds no spans."""
    spans = spans_from_json(text)
    if spans or b"resourceSpans" in text or b'"data"' not in text:
        return spans
    return spans_from_jaeger_json(text)
