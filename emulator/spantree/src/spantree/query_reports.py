"""Explains why a comparison of selected spans, or of their durations, does not hold."""

from spantree.durations import Duration
from spantree.spans import Spans

__all__ = ["explain_query"]

REVERSED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "=="}


def explain_query(operator: str, left: object, right: object) -> list[str] | None:
    """Return the lines to show for a comparison that does not hold; None if it is none of spans or durations."""
    if operator not in REVERSED:
        return None
    if isinstance(right, Spans | Duration) and not _is_asked(left):
        operator, left, right = REVERSED[operator], right, left
    if isinstance(left, Duration) and left.spans and isinstance(right, int | float):
        return left.explain(operator, right)
    return left.explain(right) if isinstance(left, Spans) and operator == "==" else None


def _is_asked(value: object) -> bool:
    return isinstance(value, Spans) or (isinstance(value, Duration) and bool(value.spans))
