"""The command in a process that is forked from one with all imports done: a real process, at a third of the price.

Whatever is decided while Python starts or a module is imported is decided before the fork. `can_fork` says which
environment variables that excludes.
"""

import gc
import multiprocessing
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

__all__ = ["Fork", "can_fork"]

READ_LATE = ("OTEL_EXPORTER_OTLP_", "OTEL_BSP_", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER")
"""Variables of the SDK that it does not read at import."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.support.preloaded"])


def can_fork(environment: Mapping[str, str]) -> bool:
    """Whether a process with these additional variables may be a fork."""
    return not any(
        name.startswith(("PYTHON", "SSL_")) or (name.startswith("OTEL_") and not name.startswith(READ_LATE))
        for name in environment
    )


class Fork:
    """A running command; used like a `subprocess.Popen`. The caller closes the descriptors `out` and `err`."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], out: int, err: int) -> None:
        streams = Connection(os.dup(out)), Connection(os.dup(err))  # a descriptor can be passed on inside of one
        target = (arguments, dict(environment), str(Path.cwd()), *streams)
        self._process = _context.Process(target=_run, args=target)
        self._process.start()
        for stream in streams:
            stream.close()

    @property
    def sentinel(self) -> int:
        """A descriptor that is readable once the command has ended."""
        return self._process.sentinel

    def poll(self) -> int | None:
        """Return the exit status, or minus the signal that ended it; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; return the exit status."""
        self._process.join(timeout)
        status = self._process.exitcode
        assert status is not None, f"it has not ended after {timeout} s"
        return status

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()


def _run(
    arguments: Sequence[str], environment: Mapping[str, str], directory: str, out: Connection, err: Connection
) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    out.close()
    err.close()
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(write_through=True)
    sys.argv[:] = ["emulator", *arguments]
    warnings.simplefilter("error")
    from emulator.__main__ import main

    try:
        main()
    finally:
        gc.collect()  # what was not closed, or not awaited, shows up on stderr, as it would when Python ends
