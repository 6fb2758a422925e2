"""Trees of spans as they should be: read from text, laid beside traces, and brought up to date."""

from spantree.expectation.diff import Difference
from spantree.expectation.expectation import Expectation, Mismatch, tree, updated_tree_files
from spantree.expectation.placeholders import NORMALISED, Placeholder
from spantree.expectation.update import written

__all__ = [
    "NORMALISED",
    "Difference",
    "Expectation",
    "Mismatch",
    "Placeholder",
    "tree",
    "updated_tree_files",
    "written",
]
