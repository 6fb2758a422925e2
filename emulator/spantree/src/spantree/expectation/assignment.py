"""Assigns spans to lines in any order at the least total cost: a minimum-cost flow.

Equal lines and equal spans are one node each. Where the cost of a pair depends on little, such as service and kind, the
pairs go through a hub node, so that a thousand lines and a thousand spans do not make a million edges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

__all__ = ["Assigned", "Demand", "Supply", "assign"]

FAR = 1 << 60
"""More than any distance."""


class Supply(NamedTuple):
    """Spans that are alike: how many, the cost of each one that stays without a line, and the hubs that it may use."""

    number: int
    unused: int
    hubs: Mapping[int, int] = {}
    """The cost of each hub, by number."""


class Demand(NamedTuple):
    """Lines that are alike: how many spans they need and accept, and the cost of each one that is missing.

    `costs` has the cost of each supply that fits, by index; `hubs` the hubs through which others come.
    """

    least: int
    most: int
    missing: int
    costs: Mapping[int, int]
    hubs: Sequence[int] = ()


class Assigned(NamedTuple):
    """For each demand, the number of spans of each supply; the total cost; and what one more span costs a demand."""

    taken: list[dict[int, int]]
    cost: int
    prices: list[int]


@dataclass(slots=True)
class _Graph:
    """Edges in pairs: the edge `e ^ 1` takes the flow of `e` back."""

    edges: list[list[int]]
    to: list[int] = field(default_factory=list)
    room: list[int] = field(default_factory=list)
    cost: list[int] = field(default_factory=list)

    def add(self, start: int, end: int, room: int, cost: int) -> None:
        self.edges[start].append(len(self.to))
        self.edges[end].append(len(self.to) + 1)
        self.to += (end, start)
        self.room += (room, 0)
        self.cost += (cost, -cost)


def assign(supplies: Sequence[Supply], demands: Sequence[Demand]) -> Assigned:
    """Return the assignment of least cost. It is found in phases, each of which uses all shortest paths there are."""
    hubs = {hub: number for number, hub in enumerate(dict.fromkeys(hub for demand in demands for hub in demand.hubs))}
    first_hub, first_demand = len(supplies), len(supplies) + len(hubs)
    source, sink = first_demand + len(demands), first_demand + len(demands) + 1
    graph = _Graph([[] for _ in range(sink + 1)])
    total = sum(supply.number for supply in supplies)
    for number, supply in enumerate(supplies):
        graph.add(source, number, supply.number, 0)
        graph.add(number, sink, supply.number, supply.unused)
        for hub, cost in supply.hubs.items():
            if hub in hubs:
                graph.add(number, first_hub + hubs[hub], supply.number, cost)
    for number, demand in enumerate(demands, start=first_demand):
        for hub in demand.hubs:
            graph.add(first_hub + hubs[hub], number, total, 0)
        for index, cost in demand.costs.items():
            graph.add(index, number, supplies[index].number, cost)
        graph.add(number, sink, min(demand.least, total), -demand.missing)
        graph.add(number, sink, min(demand.most, total) - min(demand.least, total), 0)
    distances = _fill(graph, source, sink)
    taken = _taken(graph, first_hub, first_demand, source)
    cost = sum(demand.least * demand.missing for demand in demands)
    cost += sum(graph.cost[edge] * graph.room[edge ^ 1] for edge in range(0, len(graph.to), 2))
    return Assigned(taken, cost, [distances[sink] - distances[node] for node in range(first_demand, source)])


def _fill(graph: _Graph, source: int, sink: int) -> list[int]:
    """Send all flow along shortest paths; return the distances from the source in the end."""
    distances = _first_distances(graph, source, sink)
    while True:
        while _send(graph, distances, source, sink):
            pass
        more = _shortest(graph, distances, source)
        if more[sink] >= FAR:
            return distances
        distances = [distance + min(step, more[sink]) for distance, step in zip(distances, more, strict=True)]


def _first_distances(graph: _Graph, source: int, sink: int) -> list[int]:
    """Return the distances without any flow: from the source to supplies, hubs, demands and the sink, in this order."""
    distances = [FAR] * len(graph.edges)
    distances[source] = 0
    for node in (source, *range(source), sink):
        for edge in graph.edges[node]:
            if graph.room[edge] and distances[node] + graph.cost[edge] < distances[graph.to[edge]]:
                distances[graph.to[edge]] = distances[node] + graph.cost[edge]
    return [0 if distance == FAR else distance for distance in distances]


def _shortest(graph: _Graph, distances: Sequence[int], source: int) -> list[int]:
    """Return by how much each node is further away than its known distance (Dijkstra, with reduced costs)."""
    more = [FAR] * len(graph.edges)
    more[source] = 0
    frontier = [(0, source)]
    to, room, cost = graph.to, graph.room, graph.cost
    while frontier:
        far, node = heappop(frontier)
        if far > more[node]:
            continue
        base = far + distances[node]
        for edge in graph.edges[node]:
            if room[edge]:
                end = to[edge]
                if (reached := base + cost[edge] - distances[end]) < more[end]:
                    more[end] = reached
                    heappush(frontier, (reached, end))
    return more


def _send(graph: _Graph, distances: Sequence[int], source: int, sink: int) -> bool:
    """Send flow along edges of shortest paths, depth first, and visit no node twice without success."""
    edges, to, room, cost = graph.edges, graph.to, graph.room, graph.cost
    tried = [0] * len(edges)
    on_path, sent = {source}, False
    path: list[int] = []
    while True:
        node = to[path[-1]] if path else source
        if node == sink:
            amount = min(room[edge] for edge in path)
            for edge in path:
                room[edge] -= amount
                room[edge ^ 1] += amount
            full = next(number for number, edge in enumerate(path) if not room[edge])
            on_path -= {to[edge] for edge in path[full:]}
            del path[full:]
            sent = True
            continue
        while tried[node] < len(edges[node]):
            edge = edges[node][tried[node]]
            end = to[edge]
            if room[edge] and end not in on_path and distances[node] + cost[edge] == distances[end]:
                path.append(edge)
                on_path.add(end)
                break
            tried[node] += 1
        else:
            if not path:
                return sent
            on_path.discard(node)
            path.pop()
            tried[to[path[-1]] if path else source] += 1


def _taken(graph: _Graph, first_hub: int, first_demand: int, source: int) -> list[dict[int, int]]:
    """Return what each demand takes from each supply, directly or through hubs."""
    taken: list[dict[int, int]] = [{} for _ in range(first_demand, source)]
    at_hub: list[list[list[int]]] = [[] for _ in range(first_hub, first_demand)]
    for node in range(first_demand):
        for edge in graph.edges[node]:
            end, amount = graph.to[edge], graph.room[edge ^ 1]
            if edge % 2 or not amount:
                continue
            if node >= first_hub:
                waiting = at_hub[node - first_hub]
                while amount:
                    part = min(amount, waiting[-1][1])
                    _count(taken[end - first_demand], waiting[-1][0], part)
                    amount -= part
                    waiting[-1][1] -= part
                    if not waiting[-1][1]:
                        waiting.pop()
            elif end < first_demand:
                at_hub[end - first_hub].append([node, amount])
            elif end < source:
                _count(taken[end - first_demand], node, amount)
    return taken


def _count(taken: dict[int, int], supply: int, amount: int) -> None:
    taken[supply] = taken.get(supply, 0) + amount
