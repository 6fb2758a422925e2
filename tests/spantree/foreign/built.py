"""Systems that the tools of another language build: `.ci/foreign` does, and says in a variable where they are."""

import os
from pathlib import Path

import pytest

__all__ = ["built"]

BUILDS = Path(os.environ.get("EMULATOR_TEST_FOREIGN", os.devnull))


def built(name: str, tools: str) -> Path:
    """Return the folder with a built system; skip all tests of the module that asks if it was not built."""
    folder = BUILDS / name
    if not folder.is_dir():
        how = f"`bash .ci/foreign` builds and tests it where {tools} is installed"
        pytest.skip(f"{name} is not built: {how}", allow_module_level=True)
    return folder
