"""A measurement with its goal."""

from dataclasses import dataclass

__all__ = ["Goal"]


@dataclass(frozen=True)
class Goal:
    """What was measured, and the limit that it should keep. `note` compares it with something else in the same run."""

    name: str
    value: float
    unit: str
    limit: float
    at_least: bool = False
    note: str = ""

    @property
    def met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        digits = 0 if self.value >= 10 else 3
        sign = "at least" if self.at_least else "at most"
        value, limit = f"{self.value:,.{digits}f} {self.unit}", f"{sign} {self.limit:,g} {self.unit}"
        return f"{'ok  ' if self.met else 'MISS'} {self.name:<30}{value:>18}   goal: {limit:<28}{self.note}".rstrip()
