"""Bounds for CPU time, which measuring coverage multiplies."""

import sys

__all__ = ["cpu_seconds"]


def cpu_seconds(bound: float) -> float:
    """Return a bound for CPU time; a larger one while coverage is measured."""
    return bound if sys.gettrace() is None else 6 * bound
