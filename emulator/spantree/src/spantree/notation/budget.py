"""What a span may take: a duration as in `<50ms`, or a share of the time of its top ancestor as in `<40%`."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from spantree.notation.mistake import Mistake

__all__ = ["COMPARISONS", "Budget", "duration_text", "percent_text", "read_budget"]

UNITS: Mapping[str, int] = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
"""Nanoseconds of each unit."""

COMPARISONS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

BUDGET = re.compile(r"(?P<operator>[<>]=?)(?P<amount>\d+(?:\.\d+)?)(?P<unit>ns|us|µs|μs|ms|s|%)")
NO_UNIT = re.compile(r"[<>]=?\d+(?:\.\d+)?")
OTHER_UNIT = re.compile(r"(?P<operator>[<>]=?)(?P<amount>\d+(?:\.\d+)?)(?:m|min|h)")


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit of a span's time. `unit` is `ns`, `us`, `ms`, `s`, or `%` of the duration of its top ancestor."""

    operator: str
    amount: Decimal
    unit: str

    @property
    def is_share(self) -> bool:
        """Whether it limits a share instead of a duration."""
        return self.unit == "%"

    @property
    def limit(self) -> Decimal:
        """The limit in nanoseconds, or in percent."""
        return self.amount * UNITS.get(self.unit, 1)

    def allows(self, value: Decimal) -> bool:
        """Return whether a value, in nanoseconds or in percent, is within the limit."""
        return COMPARISONS[self.operator](value, self.limit)

    def __str__(self) -> str:
        return f"{self.operator}{self.amount:f}{self.unit}"


def read_budget(text: str, column: int) -> Budget:
    """Read a budget. Raises Mistake."""
    found = BUDGET.fullmatch(text)
    if found is None:
        raise Mistake(column, _advice(text))
    unit = "us" if found["unit"] in {"µs", "μs"} else found["unit"]
    return Budget(found["operator"], Decimal(found["amount"]), unit)


def _advice(text: str) -> str:
    if text[0] in "≤≥":
        return f"write {'<' if text[0] == '≤' else '>'}={text[1:]}"
    if NO_UNIT.fullmatch(text):
        return f"{text} has no unit; write {text}ms, or ns, us, s, or % of the time of the span at the top"
    if other := OTHER_UNIT.fullmatch(text):
        return f"the units are ns, us, ms, s and %; write {other['operator']}{Decimal(other['amount']) * 60:f}s"
    return f"{text} is not a duration; write <50ms, <=2s, >1s, >=10us or <40%"


def duration_text(nanoseconds: Decimal, budget: Budget) -> str:
    """Return a duration that breaks a budget, in a unit to read, and with as many digits as show that it does."""
    unit = next((unit for unit in ("s", "ms", "us") if abs(nanoseconds) >= UNITS[unit]), "ns")
    return f"{_digits(nanoseconds, Decimal(UNITS[unit]), budget)} {unit}"


def percent_text(percent: Decimal, budget: Budget) -> str:
    """Return a share that breaks a budget, with as many digits as show that it does."""
    return f"{_digits(percent, Decimal(1), budget)} %"


def _digits(value: Decimal, unit: Decimal, budget: Budget) -> str:
    # 50.0004 ms must not be shown as 50 ms if the budget is <=50ms.
    for digits in (3, 6, 9):
        shown = Decimal(f"{value / unit:.{digits}g}")
        if not budget.allows(shown * unit):
            break
    text = f"{shown:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
