"""The notation of a span as a line of text: `service: name (kind) !error {attributes} <duration> ×count`."""

from spantree.notation.budget import Budget, duration_text, percent_text
from spantree.notation.condition import Condition
from spantree.notation.count import ONCE, Count
from spantree.notation.line import KINDS, Line
from spantree.notation.mistake import Mistake
from spantree.notation.quoting import escaped, write_value
from spantree.notation.reader import read_line

__all__ = [
    "KINDS",
    "ONCE",
    "Budget",
    "Condition",
    "Count",
    "Line",
    "Mistake",
    "duration_text",
    "escaped",
    "percent_text",
    "read_line",
    "write_value",
]
