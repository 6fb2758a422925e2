"""Trees of spans as they should be: read from text, laid beside traces, and brought up to date."""

from emulator.traces.expectation.difference import Difference
from emulator.traces.expectation.expected import Expectation, Mismatch, tree, updating_trees
from emulator.traces.expectation.placeholders import NORMALISED, Placeholder
from emulator.traces.expectation.rewriting import written

__all__ = ["NORMALISED", "Difference", "Expectation", "Mismatch", "Placeholder", "tree", "updating_trees", "written"]
