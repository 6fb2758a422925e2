"""How fast the span-tree library is, as ratios of one run: `uv run python -m tests.benchmark`."""

from tests.benchmark.traces import measured

__all__ = ["measured"]
