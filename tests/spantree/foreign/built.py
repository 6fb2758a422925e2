"""Systems that another language's tools build: `.ci/foreign` does, and says in a variable where they are."""

import os
from pathlib import Path

import pytest

__all__ = ["BUILDS", "needs_build"]

BUILDS = Path(os.environ.get("EMULATOR_TEST_FOREIGN", os.devnull))


def needs_build(name: str, tools: str) -> pytest.MarkDecorator:
    """Skip tests of a system that has not been built."""
    reason = f"{name} is not built: `bash .ci/foreign` builds and tests it where {tools} is installed"
    return pytest.mark.skipif(not (BUILDS / name).is_dir(), reason=reason)
