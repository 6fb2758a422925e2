"""The emulator's commands and their options, for tests of files in which commands are written."""

import os
from collections.abc import Mapping, Sequence

import pytest
from typer.main import get_command

from emulator.cli.app import app
from spantree.cli.lazy import LazyCommand
from tests.support.processes import environment

__all__ = ["VARIABLES", "refusal"]

COMMANDS: dict[str, LazyCommand] = get_command(app).commands  # type: ignore[attr-defined] # typer makes it a group
VARIABLES = {option.envvar for command in COMMANDS.values() for option in command.load().params if option.envvar}
"""Every environment variable that an option reads."""


def refusal(words: Sequence[str], variables: Mapping[str, str]) -> str:
    """Return why `emulator` would refuse these words with these variables; empty if it would not."""
    command, *rest = words
    if command not in COMMANDS:
        return f"There is no command {command}."
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", environment(**variables))
        try:
            COMMANDS[command].make_context(command, rest)
        except Exception as error:  # noqa: BLE001 - typer has a click of its own, and does not export its errors
            return f"{command}: {error}"
    return ""
