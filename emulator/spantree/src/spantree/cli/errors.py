"""The errors that end a command with status 2, and the one place that prints them."""

import sys
from collections.abc import Callable
from typing import NoReturn

from spantree.cli.program import current

__all__ = ["Unreadable", "Unwritable", "exit_with"]

FAILED = 2


class Unreadable(Exception):
    """Traces, or an expected tree, that cannot be read; the message is for the user."""


class Unwritable(Exception):
    """A file that cannot be written; the message is for the user."""


def exit_with(command: Callable[[], int]) -> NoReturn:
    """Run a command and exit with the status that it returns, or with 2 and a message if a file cannot be used."""
    try:
        status = command()
    except (Unreadable, Unwritable) as error:
        print(f"{current().name}: {error}", file=sys.stderr)
        status = FAILED
    sys.exit(status)
