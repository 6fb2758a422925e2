"""The broker's README: its example is a test that passes."""

import re
from pathlib import Path
from typing import Any

import emulator.broker

README = (Path(emulator.broker.__file__).parent / "README.md").read_text()


async def test_the_example_passes() -> None:
    [example] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(example, namespace)  # noqa: S102 - our own README
    await namespace["test_my_consumer"]()
