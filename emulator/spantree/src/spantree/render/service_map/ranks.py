"""From left to right: how far from those who call, and are not called, everything in a graph is. Circles are cut."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

__all__ = ["ranks"]

Pair: TypeAlias = tuple[str, str]


def ranks(nodes: Sequence[str], pairs: Iterable[Pair]) -> dict[str, int]:
    """Return a rank from 0 for each node, different for the nodes of a pair: the second has the higher one.

    Where pairs make circles this cannot hold for all; it holds for those that are met first, from the first nodes on.
    """
    forward = [(first, second) for first, second in pairs if first != second]
    order = {node: place for place, node in enumerate(_order(nodes, forward))}
    before: defaultdict[str, list[str]] = defaultdict(list)
    after: defaultdict[str, list[str]] = defaultdict(list)
    for pair in forward:
        first, second = sorted(pair, key=order.__getitem__)
        before[second].append(first)
        after[first].append(second)
    found: dict[str, int] = {}
    for node in order:
        found[node] = max((found[earlier] + 1 for earlier in before[node]), default=0)
    return _gathered(found, before, after)


def _gathered(
    found: Mapping[str, int], before: Mapping[str, Sequence[str]], after: Mapping[str, Sequence[str]]
) -> dict[str, int]:
    """Move what nothing leads to as near to what it leads to as may be."""
    return {
        node: min(found[later] for later in after[node]) - 1 if after[node] and not before[node] else rank
        for node, rank in found.items()
    }


def _order(nodes: Sequence[str], pairs: Iterable[Pair]) -> list[str]:
    """Return the nodes so that a pair stands in its order, but for one that closes a circle: depth first, reversed."""
    after: defaultdict[str, list[str]] = defaultdict(list)
    for first, second in pairs:
        after[first].append(second)
    called = {second for seconds in after.values() for second in seconds}
    seen: set[str] = set()
    done: list[str] = []
    for start in [*(node for node in nodes if node not in called), *nodes]:
        if start not in seen:
            done += _below(start, after, seen)
    return done[::-1]


def _below(start: str, after: Mapping[str, Sequence[str]], seen: set[str]) -> Iterator[str]:
    """Yield what has not been seen from here on, each after all that it leads to."""
    seen.add(start)
    waiting = [(start, iter(after[start]))]
    while waiting:
        node, rest = waiting[-1]
        following = next((each for each in rest if each not in seen), None)
        if following is None:
            waiting.pop()
            yield node
        else:
            seen.add(following)
            waiting.append((following, iter(after[following])))
