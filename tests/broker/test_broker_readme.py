"""The broker's README: its example is a test that passes."""

import re
from pathlib import Path

import pytest

import emulator.broker

README = (Path(emulator.broker.__file__).parent / "README.md").read_text()


def test_the_example_passes(pytester: pytest.Pytester) -> None:
    [example] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    pytester.makepyfile(example)
    arguments = ("-p", "no:cacheprovider", "-n", "0", "-o", "asyncio_mode=auto")
    pytester.runpytest_subprocess(*arguments).assert_outcomes(passed=1)
