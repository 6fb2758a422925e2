"""The errors that end a command with status 2, and the one place that prints them."""

import errno
import sys
from collections.abc import Callable
from typing import NoReturn

from spantree.cli.program import current

__all__ = ["CannotListen", "Unreadable", "Unwritable", "exit_with"]

FAILED = 2


class Unreadable(Exception):
    """Traces, or an expected tree, that cannot be read; the message is for the user."""


class Unwritable(Exception):
    """A file that cannot be written; the message is for the user."""


class CannotListen(Exception):
    """A port that is in use, or an address that is not this machine's."""

    def __init__(self, address: str, port: int, error: OSError) -> None:
        place = f"port {port} of {address}"
        hint = "a Jaeger or a collector may run there: stop it, or choose other ports with --otlp-port"
        reason = f"is in use; {hint}" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        super().__init__(f"{place} {reason}")


def exit_with(command: Callable[[], int]) -> NoReturn:
    """Run a command and exit with the status that it returns, or with 2 and a message if a file or port is unusable."""
    try:
        status = command()
    except (CannotListen, Unreadable, Unwritable) as error:
        print(f"{current().name}: {error}", file=sys.stderr)
        status = FAILED
    sys.exit(status)
