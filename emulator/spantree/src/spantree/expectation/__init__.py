"""Expected trees: parsed from text, compared with traces, and updated from traces."""

from spantree.expectation.diff import Difference
from spantree.expectation.expectation import Expectation, Mismatch, tree, updated_tree_files
from spantree.expectation.placeholders import NORMALISED, Placeholder
from spantree.expectation.writing import write_tree

__all__ = [
    "NORMALISED",
    "Difference",
    "Expectation",
    "Mismatch",
    "Placeholder",
    "tree",
    "updated_tree_files",
    "write_tree",
]
