"""Which trace a caller waits for: by its id, or by its root."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spantree.queries import Criteria, describe_criteria, select
from spantree.span import Named, Span

__all__ = ["ANY_TRACE", "Selection"]


@dataclass(frozen=True, slots=True)
class Selection:
    """The id of a trace, and criteria for its root."""

    trace_id: str | None = None
    service: str | None = None
    criteria: Criteria = field(default_factory=Criteria)

    @property
    def by_root(self) -> bool:
        """Whether there are criteria for the root."""
        return self.service is not None or bool(self.criteria)

    def may_accept(self, tops: Iterable[Named]) -> bool:
        """Return whether one of these could be the root, by service and name. It costs little."""
        name = self.criteria.get("name")
        return not self.by_root or any(
            self.service in {None, top.service} and (not isinstance(name, str) or name == top.name) for top in tops
        )

    def accepts(self, tops: Iterable[Span]) -> bool:
        """Return whether one of these spans is the root."""
        return not self.by_root or bool(select(tops, self.service, **self.criteria))

    def __str__(self) -> str:
        values: Mapping[str, Any] = {"trace_id": self.trace_id, "service": self.service, **self.criteria}
        return describe_criteria(values)


ANY_TRACE = Selection()
