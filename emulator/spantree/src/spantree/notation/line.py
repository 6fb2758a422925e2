"""A line of an expected tree, which describes one span."""

from dataclasses import dataclass, field

from spantree.notation.budget import Budget
from spantree.notation.condition import Condition
from spantree.notation.count import ONCE, Count
from spantree.notation.quoting import quoted_error, quoted_name, quoted_service

__all__ = ["KINDS", "Line"]

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
"""Kinds of spans; the index is the number of SpanKind in OTLP. An expected line may also have `any`."""


@dataclass(frozen=True, slots=True)
class Line:
    """A parsed line. `error` is None for a span that did not fail, `""` for any failure."""

    service: str
    name: str
    kind: str = "internal"
    error: str | None = None
    attributes: tuple[Condition, ...] = ()
    budgets: tuple[Budget, ...] = ()
    count: Count = ONCE
    comment: str = field(default="", compare=False)
    """The comment at the end of the line, with the space before it; `str()` leaves it out."""

    def __str__(self) -> str:
        parts = [f"{quoted_service(self.service)}: {quoted_name(self.name)}"]
        if self.kind != "internal":
            parts.append(f"({self.kind})")
        if self.error is not None:
            parts.append(f"!{quoted_error(self.error) if self.error else ''}")
        if self.attributes:
            parts.append(f"{{{', '.join(map(str, self.attributes))}}}")
        parts += map(str, self.budgets)
        if self.count != ONCE:
            parts.append(str(self.count))
        return " ".join(parts)
