"""A trace takes time in proportion to its size. `tests.benchmark` measures that for 100,000 spans; here are fewer."""

import pytest

from tests.benchmark import measured

SIZE = 30_000
SLACK = 4
"""How much more than ten times as long ten times as much may take: caches are small, the machine has other work.

If something took the square of it, that would be a hundred times.
"""


def test_a_trace_is_built_and_queried_in_linear_time(capsys: pytest.CaptureFixture[str]) -> None:
    lines = list(measured("random", ("build the tree", "walk and query", "edges"), SIZE))
    with capsys.disabled():
        print("\n" + "\n".join(map(str, lines)))  # noqa: T201 - the benchmark
    assert [str(line) for line in lines if line.ratio > SLACK * 10] == []
