"""`emulator doctor` in this process, with what a developer would see."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager

from typer.testing import CliRunner, Result

from emulator.cli.app import app

Server = Callable[[], AbstractContextManager[int]]
"""What has a port while its block lasts."""

HTTP, GRPC = "http/protobuf", "grpc"


def doctor(*arguments: str, timeout: float = 0) -> Result:
    """Let it examine, and try each thing once unless there is time."""
    return CliRunner().invoke(app, ["doctor", "--timeout", str(timeout), *arguments])


def findings(result: Result) -> list[dict[str, str]]:
    """What `--json` printed."""
    found: list[dict[str, str]] = json.loads(result.stdout)["findings"]
    return found
