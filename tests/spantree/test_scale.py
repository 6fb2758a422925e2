"""Work on a trace takes time in proportion to its size. `tests.benchmark` measures more, on larger traces."""

import pytest

from tests.benchmark import measured

SIZE = 8_000
SLACK = 4
"""Tolerance: ten times the spans may take forty times as long, since caches are small and the machine is busy.

Quadratic work would take a hundred times as long.
"""


def test_a_trace_is_built_and_queried_in_linear_time(capsys: pytest.CaptureFixture[str]) -> None:
    lines = list(measured("random", ("build the tree", "walk and query", "edges"), SIZE))
    with capsys.disabled():
        print("\n" + "\n".join(map(str, lines)))  # noqa: T201 - the measured times
    assert [str(line) for line in lines if line.ratio > SLACK * 10] == []
