"""`emulator doctor`, run in this process."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from urllib.request import build_opener, install_opener

from typer.testing import CliRunner, Result

from emulator.cli.app import app

Server = Callable[[], AbstractContextManager[int]]
"""Starts a server; its block yields the port."""

HTTP, GRPC = "http/protobuf", "grpc"
SILENCE_SECONDS = 0.5
"""How long to wait for servers that never answer."""


def doctor(*arguments: str, timeout: float = 0) -> Result:
    """Run it; without a timeout it tries everything once."""
    install_opener(build_opener())  # urllib keeps the proxies that it finds at its first request
    return CliRunner().invoke(app, ["doctor", "--timeout", str(timeout), *arguments])


def findings(result: Result) -> list[dict[str, str]]:
    """Return the results that `--json` printed."""
    found: list[dict[str, str]] = json.loads(result.stdout)["findings"]
    return found
