"""Prints all measurements, those with a goal first."""

import sys
from collections.abc import Iterable, Iterator

from tests.benchmark.receiving import receiving
from tests.benchmark.startup import startup
from tests.benchmark.traces import goals, scaling


def rows() -> Iterator[str]:
    yield from titled("receiving spans of the SDK, over HTTP", receiving())
    yield from titled("a trace of 100,000 spans, and of ten times as many", goals())
    yield from titled("starting", startup())
    yield from scaling()


def titled(title: str, lines: Iterable[object]) -> Iterator[str]:
    yield title
    yield from (f"  {line}" for line in lines)
    yield ""


for row in rows():
    sys.stdout.write(f"{row}\n")
    sys.stdout.flush()
