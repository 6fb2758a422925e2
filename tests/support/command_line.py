"""The emulator's commands, and what they take: for whoever checks files in which these are written."""

import os
from collections.abc import Mapping, Sequence

import pytest
from typer.main import get_command

from emulator.cli.app import app
from tests.support.processes import environment

__all__ = ["VARIABLES", "refusal"]

COMMANDS = get_command(app).commands  # type: ignore[attr-defined]  # what typer makes of several commands is a group
VARIABLES = {option.envvar for one in COMMANDS.values() for option in one.params if option.envvar}


def refusal(words: Sequence[str], variables: Mapping[str, str]) -> str:
    """Say why `emulator` would refuse these words with these variables; empty if it would not."""
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
