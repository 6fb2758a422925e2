"""Words for what is wrong at each line of a report, and what to write in the expected tree to allow it."""

from collections import Counter
from itertools import groupby

from spantree.expectation.report_tree import (
    DIFFERENT,
    FITS,
    MISSING,
    MOVED,
    TOP,
    UNEXPECTED,
    Node,
    walk_nodes,
)
from spantree.failure_reason import failure_reason

__all__ = ["add_reasons"]


def add_reasons(top: Node) -> None:
    """Set the reason of each node that differs. Advice is given once in a report."""
    advised: set[str] = set()
    for node in (top, *walk_nodes(top.below)):
        if node.reason.startswith("out of order") and "order" not in advised:
            advised.add("order")
            node.reason += "; `in any order:` would allow it"
        if node.reasons and node.kind in {DIFFERENT, MOVED}:
            node.reason = "; ".join(filter(None, [node.reason, *(reason.text for reason in node.reasons)]))
        if node.kind in {TOP, FITS, DIFFERENT, MOVED}:
            _explain_missing(node)
            _explain_unexpected(node, advised)
            _say_once(node)
    for node in walk_nodes(top.below):
        if node.kind == UNEXPECTED and node.span is not None and node.span.failed:
            failure = failure_reason(node.span)
            if failure and failure != node.span.error_type:
                node.reason = "; ".join(filter(None, [node.reason, f"it failed: {failure}"]))


def _explain_missing(above: Node) -> None:
    total = Counter(id(node.expected) for node in above.below)
    found = Counter(id(node.expected) for node in above.below if node.span is not None)
    for node in above.below:
        if node.kind == MISSING and not node.reason:
            one, several = id(node.expected), total[id(node.expected)] > 1
            reasons = "; ".join(reason.text for reason in node.reasons)
            node.reason = reasons or (f"missing: {found[one]} of {total[one]} found" if several else "missing")


def _explain_unexpected(above: Node, advised: set[str]) -> None:
    extra = [node for node in above.below if node.kind == UNEXPECTED and not node.reason]
    if not extra:
        return
    level = above.level
    if above.kind in {FITS, DIFFERENT, MOVED} and level is not None and not (level.items or level.rest):
        advice = "" if "children" in advised else "; add `...` below it to allow them"
        advised.add("children")
        above.reason = "; ".join(filter(None, [above.reason, f"has children{advice}"]))
        return
    all_found = Counter(map(_title, above.below))
    as_expected = Counter(_title(node) for node in above.below if node.kind != UNEXPECTED)
    some_missing = any(node.kind == MISSING for node in above.below)
    for node in extra:
        expected, found = as_expected[_title(node)], all_found[_title(node)]
        node.reason = "; ".join(reason.text for reason in node.reasons) or "not expected"
        if expected:
            node.reason = f"not expected: {expected} expected, {found} found; `+` would allow any number"
        elif "extra" not in advised and not some_missing:
            advised.add("extra")
            node.reason += "; `...` here would allow others"


def _title(node: Node) -> tuple[str, str]:
    span = node.span if node.kind in {FITS, DIFFERENT, UNEXPECTED} else None
    return ("", "") if span is None else (span.service, span.name)


def _say_once(above: Node) -> None:
    """Say only once why several lines in a row moved, are missing, or are not expected: their marks say it again."""
    for (kind, reason), run in groupby(above.below, key=lambda node: (node.kind, node.reason)):
        nodes = list(run)
        if kind == MOVED and len(nodes) > 1 and reason.startswith("moved"):
            nodes[0].reason = f"these {len(nodes)} {reason}"
        if (kind == MOVED and reason.startswith("moved")) or reason in {"missing", "not expected"}:
            for node in nodes[1:]:
                node.reason = ""
