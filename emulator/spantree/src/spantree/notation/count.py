"""How many spans a line stands for: `+`, `*`, `?`, `×3`, `×2..5`, `×2..`."""

import re
from dataclasses import dataclass

from spantree.notation.mistake import Mistake

__all__ = ["ONCE", "Count", "read_count"]

COUNT = re.compile(r"[×x](?P<least>\d+)(?P<range>\.\.(?P<most>\d+)?)?")
ATTEMPT = re.compile(r"[×x]\s*(?P<least>\d+)\s*(?:-|,|\.+|…)\s*(?P<most>\d*)")

LARGEST = 10_000
"""The largest number of spans that a line may need: each that is missing is a row of its own in the difference."""


@dataclass(frozen=True, slots=True)
class Count:
    """A smallest and a largest number of spans; `most` is None for any number."""

    least: int = 1
    most: int | None = 1

    def __contains__(self, number: int) -> bool:
        return self.least <= number and (self.most is None or number <= self.most)

    def __str__(self) -> str:
        if mark := MARKS.get(self):
            return mark
        if self.least == self.most:
            return "" if self.least == 1 else f"×{self.least}"
        return f"×{self.least}..{'' if self.most is None else self.most}"


ONCE = Count()
MARKS = {Count(1, None): "+", Count(0, None): "*", Count(0, 1): "?"}
COUNTS = {mark: count for count, mark in MARKS.items()}


def read_count(text: str, column: int) -> Count:
    """Read a count. Raises Mistake, whose column is relative to `column`."""
    if text in COUNTS:
        return COUNTS[text]
    found = COUNT.fullmatch(text)
    if found is None:
        raise Mistake(column, _advice(text))
    least, most = _number(found["least"]), None if found["range"] else _number(found["least"])
    if found["most"]:
        most = _number(found["most"])
    if least > LARGEST:
        raise Mistake(column, f"{text} is too many; a line can ask for at most {LARGEST:,} spans, or for ×{LARGEST}..")
    if most == 0:
        raise Mistake(column, f"{text} would stand for no span; what must not occur is a line below `never:`")
    if most is not None and most < least:
        raise Mistake(column, f"{text} counts down; write ×{most}..{least}")
    return Count(least, most)


def _number(digits: str) -> int:
    """Read a number; a very long one, which Python may refuse, as a large one."""
    return int(digits) if len(digits) < 20 else 10**20  # noqa: PLR2004 - any larger than LARGEST would do


def _advice(text: str) -> str:
    if attempt := ATTEMPT.fullmatch(text):
        return f"{text} is not a count; write ×{attempt['least']}..{attempt['most']}"
    if re.fullmatch(r"[×x]\.\.\d+", text):
        return f"a count begins with its least number; write ×1{text[1:]} or ×0{text[1:]}"
    return f"{text} is not a count; write ×3, ×2..5 or ×2.., or + for one or more"
