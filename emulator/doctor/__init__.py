"""Finds out why no spans show up in Jaeger, by performing every step from the settings to the query."""

from emulator.doctor.check_result import CheckResult, Level
from emulator.doctor.diagnosis import Setup, diagnose

__all__ = ["CheckResult", "Level", "Setup", "diagnose"]
