"""Why nothing shows up in Jaeger: every step on the way there, looked at by going it."""

from emulator.doctor.diagnosis import Case, examine
from emulator.doctor.finding import Finding, Level

__all__ = ["Case", "Finding", "Level", "examine"]
