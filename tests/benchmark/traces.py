"""How long work on large traces takes, and whether it grows in proportion to them."""

import gc
import json
import random
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from spantree import Span, SpanTree, otlp_json, spans_from_json, spans_from_protobuf, tree
from tests.benchmark.goal import Goal
from tests.support.spans import a_span, protobuf

SIZE, PART = 100_000, 10_000
SHAPES: dict[str, Callable[[int, random.Random], int]] = {
    "random": lambda number, rng: rng.randint(max(1, number - 50), number - 1),
    "deep": lambda number, _: number - 1,
    "wide": lambda _, __: 1,
}
"""The parent of a span, by number."""


def trace_of(size: int, shape: str) -> SpanTree:
    """A trace of five services."""
    rng = random.Random(size)
    parents = (0, *(SHAPES[shape](number, rng) for number in range(2, size + 1)))
    return SpanTree(
        a_span(number, parent, f"step {number % 7}", f"service-{number % 5}", end=2 * size)
        for number, parent in enumerate(parents, start=1)
    )


def query(trace: SpanTree) -> None:
    assert trace.all("service-3", name="step 2")
    assert sum(1 for _ in trace.walk()) == len(trace)
    assert sum(span.self_time for span in trace.spans) > 0


def flat(trace: SpanTree) -> list[Span]:
    """As many spans in a row: the text of a chain is as wide as it is long."""
    return [a_span(1), *(a_span(number, 1) for number in range(2, len(trace) + 1))]


def compare(trace: SpanTree) -> None:
    same = SpanTree(flat(trace))
    assert same == tree(str(same))


def compare_repeated(trace: SpanTree) -> None:
    assert SpanTree(flat(trace)) == tree("shop: work\n  shop: work +")


WORK: dict[str, Callable[[SpanTree], object]] = {
    "build the tree": lambda trace: SpanTree(trace.spans),
    "walk and query": query,
    "critical path": lambda trace: trace.critical_path(),
    "edges": lambda trace: trace.edges(),
    "check": lambda trace: trace.check(),
    "read and compare": compare,
    "compare `+`": compare_repeated,
    "JSON and back": lambda trace: spans_from_json(json.dumps(otlp_json(trace.spans))),
    "protobuf and back": lambda trace: spans_from_protobuf(protobuf(trace.spans)),
}


@dataclass(frozen=True)
class Measured:
    """CPU seconds for a part of the spans and for all, ten times as many."""

    work: str
    part: float
    whole: float

    @property
    def ratio(self) -> float:
        return self.whole / self.part

    def __str__(self) -> str:
        return f"{self.work:<18}{self.part * 1e3:7.0f} ms{self.whole * 1e3:7.0f} ms{self.ratio:8.1f}"


def measured(shape: str, works: Collection[str] = WORK.keys(), size: int = SIZE) -> Iterator[Measured]:
    part, whole = trace_of(size // 10, shape), trace_of(size, shape)
    for name in works:
        yield Measured(name, min(seconds(WORK[name], part) for _ in range(3)), seconds(WORK[name], whole))


def seconds(work: Callable[[SpanTree], object], trace: SpanTree) -> float:
    """CPU time, without the garbage collector: it would look at all that the rest of the process holds."""
    gc.collect()
    gc.disable()
    try:
        began = time.process_time()
        work(trace)
        return time.process_time() - began
    finally:
        gc.enable()


def goals() -> Iterator[Goal]:
    """Measure what should take less than a second, with ten times the time for ten times the spans."""
    small, large = trace_of(SIZE, "random"), trace_of(10 * SIZE, "random")
    for name in ("build the tree", "walk and query"):
        yield _goal(name, *(seconds(WORK[name], trace) for trace in (small, large)))
    same = [SpanTree(flat(trace)) for trace in (small, large)]
    expected = [tree(str(trace)) for trace in same]
    times = [seconds(lambda _, at=at: same[at] == expected[at], small) for at in (0, 1)]  # type: ignore[misc]
    yield _goal("compare with an equal tree", *times)


def _goal(name: str, small: float, large: float) -> Goal:
    return Goal(name, small, "s", 1, note=f"ten times the spans: {large / small:.1f} times as long")


def scaling() -> Iterator[str]:
    """Measure all work on all shapes, for a part of the spans and for all of them."""
    for shape in SHAPES:
        yield f"{shape + ' trace':<18}{PART // 1000:>5} 000{SIZE // 1000:>6} 000    ratio"
        yield from map(str, measured(shape))
