"""Finds out why no spans show up in Jaeger: checks every step on the way there by doing it."""

from emulator.doctor.check_result import CheckResult, Level
from emulator.doctor.diagnosis import Setup, diagnose

__all__ = ["CheckResult", "Level", "Setup", "diagnose"]
