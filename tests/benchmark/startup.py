"""What the library adds to the start of Python, and to a pytest run that does not use it."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.benchmark.goal import Goal

__all__ = ["startup"]

ROUNDS = 7
COLLECT = ("-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:emulator")


def startup() -> Iterator[Goal]:
    with tempfile.TemporaryDirectory() as folder:
        names = "".join(f"def test_{number}(): pass\n" for number in range(1000))
        Path(folder, "test_many.py").write_text(names)
        nothing, imported, without, with_plugin = medians(
            folder, ("-c", ""), ("-c", "import spantree"), (*COLLECT, "-p", "no:spantree"), COLLECT
        )
    yield Goal("import spantree", imported - nothing, "s", 0.1)
    note = f"without the plugin: {without:.3f} s, with it: {with_plugin:.3f} s"
    yield Goal("pytest --collect-only, added", max(with_plugin - without, 0), "s", 0.05, note=note)


def medians(folder: str, *commands: tuple[str, ...]) -> list[float]:
    """Return the seconds that commands take: medians of rounds in which they take turns."""
    rounds = [[seconds(folder, command) for command in commands] for _ in range(ROUNDS)]
    return [median(column) for column in zip(*rounds, strict=True)]


def seconds(folder: str, command: tuple[str, ...]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *command], cwd=folder, check=True, capture_output=True)  # noqa: S603
    return time.perf_counter() - began
