"""Starts the programs of foreign systems, which print where they listen, and sends them requests."""

import http.client
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import IO

from spantree import OtlpReceiver

__all__ = ["INSTRUMENTED", "only", "request", "started"]

INSTRUMENTED = (Path(sys.executable).with_name("opentelemetry-instrument"), sys.executable)
"""Python, instrumented without a change of the program."""
LEFT_OUT = ("OTEL_", "COV", "PYTHON", "SSL_CERT_")
"""Variables that would change what a program sends, or only cost its start time."""
ANNOUNCEMENT = "listening on "
START_SECONDS = 60.0


@contextmanager
def started(otlp: OtlpReceiver, service: str, *command: str | Path, **env: str) -> Iterator[str]:
    """Run a program that exports to a receiver, and kill it after the block. Yields the address that it prints."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(LEFT_OUT)}
    environment = {**inherited, **otlp.environment, "OTEL_SERVICE_NAME": service, **env}
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(  # noqa: S603 - the programs of this folder
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            yield _address(process) or _fail(service, errors)
        finally:
            process.kill()  # its spans have come; Celery, for one, would take seconds to end in its own way


def only(*libraries: str) -> dict[str, str]:
    """Return the variable that leaves the instrumentation of all other libraries alone, which takes time to load."""
    others = {entry.name for entry in entry_points(group="opentelemetry_instrumentor")} - set(libraries)
    return {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(sorted(others))}


def _address(process: "subprocess.Popen[str]") -> str | None:
    """Return the address that a program announces among its output; None if it ends or takes too long."""
    assert process.stdout is not None
    too_long = threading.Timer(START_SECONDS, process.kill)
    too_long.start()
    try:
        for line in process.stdout:
            if line.startswith(ANNOUNCEMENT):
                return line.removeprefix(ANNOUNCEMENT).strip()
    finally:
        too_long.cancel()
    return None


def _fail(service: str, errors: IO[str]) -> str:
    errors.seek(0)
    raise AssertionError(f"{service} did not start within {START_SECONDS:g} s:\n{errors.read()}")


def request(address: str, method: str, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Send a request that belongs to no trace, unless its headers say so; return the status and the body."""
    connection = http.client.HTTPConnection(address, timeout=START_SECONDS)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()
