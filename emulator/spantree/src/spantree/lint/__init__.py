"""Checks whether a trace can be trusted: what is lost, impossible, mislabelled or outdated in it, and how to fix that.

A rule is a function that yields `(span, problem, remedy)`, and a row in `rules.py`, which says how severe it is. Rules
look at each span and its closest relatives only, so a check takes time in proportion to the number of spans.
"""

from spantree.lint.configuration import Configuration, configuration
from spantree.lint.findings import SEVERITIES, Finding, Severity, merged
from spantree.lint.registry_yaml import MalformedRegistry
from spantree.lint.rules import RULES, check

__all__ = [
    "RULES",
    "SEVERITIES",
    "Configuration",
    "Finding",
    "MalformedRegistry",
    "Severity",
    "check",
    "configuration",
    "merged",
]
