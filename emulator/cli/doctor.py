"""`emulator doctor`: find out why nothing shows up in Jaeger. Prints a list for people, or JSON for programs."""

import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.options import HTTP, OtlpUrl
from spantree.cli.glyphs import ascii_only, utf8_only
from spantree.cli.options import Ascii, option
from spantree.cli.validators import finite

if TYPE_CHECKING:  # importing it takes longer than printing the help text
    from emulator.doctor import CheckResult

__all__ = ["doctor"]

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failure": ("✗", "red"), "skipped": ("·", "dim")}
"""How a result of each level is marked."""
CHECK_WIDTH = 19
INTERRUPTED = 130


def doctor(
    context: typer.Context,
    otlp: OtlpUrl = None,
    jaeger_url: Annotated[
        str, option("jaeger-url", "The URL of Jaeger's UI, where the span is looked up.", callback=HTTP)
    ] = "http://localhost:16686",
    timeout: Annotated[
        float,
        option("timeout", "Seconds to wait for servers to start and for the span to arrive.", min=0, callback=finite),
    ] = 30.0,
    *,
    as_json: Annotated[bool, option("json", "Print the findings as JSON.")] = False,
    no_unicode: Ascii = False,
) -> None:
    """Find out why nothing shows up in Jaeger: send a span as every command does, look it up, and check each step.

    Exits with 1 if a check fails, else with 0. Warnings do not change the exit status.
    """
    if no_unicode:
        ascii_only()
    from emulator.doctor import Level, Setup, diagnose

    # Remedies name the setting that has to be changed, which may be the option or its variable.
    source = context.get_parameter_source("otlp")
    name = "--otlp" if source is not None and source.name == "COMMANDLINE" else "EMULATOR_OTLP"
    setup = Setup(os.environ, otlp, name, jaeger_url)
    found = diagnose(setup, timeout, lambda reason: print(f"waiting: {reason}", file=sys.stderr, flush=True))
    with _exit_on_sigterm(), _silenced(logging.getLogger("opentelemetry")):
        results = list(found) if as_json else list(_printed(found))
    failed = any(result.level is Level.FAILURE for result in results)
    if as_json:
        _print_json(results, ok=not failed)
    raise typer.Exit(int(failed))


def _print_json(results: list["CheckResult"], *, ok: bool) -> None:
    from dataclasses import asdict

    utf8_only()
    print(json.dumps({"ok": ok, "findings": [asdict(result) for result in results]}, indent=2))


def _printed(results: Iterator["CheckResult"]) -> Iterator["CheckResult"]:
    """Print each result as soon as it is available."""
    from rich.text import Text

    from spantree.render.terminal import printer

    console = printer()
    for result in results:
        mark, style = MARKS[result.level]
        console.print(Text.assemble((mark, style), f" {result.check:<{CHECK_WIDTH}} {result.message}"), soft_wrap=True)
        if result.remedy:
            console.print(Text(f"  {'':{CHECK_WIDTH}} → {result.remedy}", style), soft_wrap=True)
        sys.stdout.flush()  # a pipe is buffered, and the next check may take seconds
        yield result


@contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """Exit on SIGTERM while the block lasts, with the same status as on Ctrl-C."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _silenced(logger: logging.Logger) -> Iterator[None]:
    """Silence the exporters' log: the results report the same errors, with a remedy."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # gRPC's core writes to stderr by itself, not through `logging`
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
