"""Ranks of a directed graph's nodes, for its columns from left to right: every edge leads right, except in cycles."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

__all__ = ["ranks"]

Pair: TypeAlias = tuple[str, str]
"""An edge: its tail and its head."""


def ranks(nodes: Sequence[str], pairs: Iterable[Pair]) -> dict[str, int]:
    """Return a rank from 0 for each node: the longest way to it. The head of a pair has a higher rank than its tail.

    In a cycle this cannot hold for all pairs: the edge that closes the cycle in a depth-first search is reversed.
    """
    edges = [(tail, head) for tail, head in pairs if tail != head]
    # graphlib.TopologicalSorter would give an order, too, but it refuses cycles, and services do call in cycles
    order = {node: place for place, node in enumerate(_topological_order(nodes, edges))}
    before: defaultdict[str, list[str]] = defaultdict(list)
    after: defaultdict[str, list[str]] = defaultdict(list)
    for edge in edges:
        tail, head = sorted(edge, key=order.__getitem__)
        before[head].append(tail)
        after[tail].append(head)
    found: dict[str, int] = {}
    for node in order:
        found[node] = max((found[tail] + 1 for tail in before[node]), default=0)
    return _pull_right(found, before, after)


def _pull_right(
    found: Mapping[str, int], before: Mapping[str, Sequence[str]], after: Mapping[str, Sequence[str]]
) -> dict[str, int]:
    """Move nodes without incoming edges next to the first node that they lead to, which shortens edges."""
    return {
        node: min(found[head] for head in after[node]) - 1 if after[node] and not before[node] else rank
        for node, rank in found.items()
    }


def _topological_order(nodes: Sequence[str], edges: Iterable[Pair]) -> list[str]:
    """Return the nodes in depth-first post-order, reversed: tails before heads, except for edges that close a cycle."""
    after: defaultdict[str, list[str]] = defaultdict(list)
    for tail, head in edges:
        after[tail].append(head)
    heads = {head for each in after.values() for head in each}
    seen: set[str] = set()
    finished: list[str] = []
    for start in [*(node for node in nodes if node not in heads), *nodes]:
        if start not in seen:
            finished += _post_order(start, after, seen)
    return finished[::-1]


def _post_order(start: str, after: Mapping[str, Sequence[str]], seen: set[str]) -> Iterator[str]:
    """Yield the unseen nodes that can be reached, each after all that can be reached from it.

    A stack instead of recursion: a chain of services may be longer than Python's recursion limit.
    """
    seen.add(start)
    stack = [(start, iter(after[start]))]
    while stack:
        node, heads = stack[-1]
        following = next((head for head in heads if head not in seen), None)
        if following is None:
            stack.pop()
            yield node
        else:
            seen.add(following)
            stack.append((following, iter(after[following])))
