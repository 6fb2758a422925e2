"""Checks whether a trace can be trusted: what is lost, impossible, mislabelled or outdated in it, and how to fix that.

A rule is a function that yields `(span, problem, remedy)`, and a row in `rules.py`. Rules look at each span and its
closest relatives only, so a check takes time in proportion to the number of spans.
"""

from spantree.lint.rules import RULES, Finding, check

__all__ = ["RULES", "Finding", "check"]
