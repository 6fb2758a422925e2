"""`emulator doctor`: find out why no trace shows up in Jaeger; prints a list for people, or JSON for programs."""

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
    from emulator.doctor import Finding

__all__ = ["doctor"]

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failure": ("✗", "red"), "skipped": ("·", "dim")}
"""How a finding of each level is marked."""
CHECK_WIDTH = 19
INTERRUPTED = 130


def doctor(
    context: typer.Context,
    otlp: OtlpUrl = None,
    jaeger_url: Annotated[
        str, option("jaeger-url", "The Jaeger to look for the span in.", callback=HTTP)
    ] = "http://localhost:16686",
    timeout: Annotated[
        float,
        option("timeout", "Seconds to wait for services that are starting, and for the span.", min=0, callback=finite),
    ] = 30.0,
    *,
    as_json: Annotated[bool, option("json", "Print the findings as JSON.")] = False,
    no_unicode: Ascii = False,
) -> None:
    """Find out why nothing shows up in Jaeger: send a span as all commands do, look for it, and check all in between.

    Exits with 0 if nothing is wrong, though there may be warnings, and with 1 if something is.
    """
    if no_unicode:
        ascii_only()
    from emulator.doctor import Case, Level, examine

    source = context.get_parameter_source("otlp")
    name = "--otlp" if source is not None and source.name == "COMMANDLINE" else "EMULATOR_OTLP"
    case = Case(os.environ, otlp, name, jaeger_url)
    found = examine(case, timeout, lambda reason: print(f"waiting: {reason}", file=sys.stderr, flush=True))
    with _exit_on_sigterm(), _silenced(logging.getLogger("opentelemetry")):
        findings = list(found) if as_json else list(_printed(found))
    failed = any(finding.level is Level.FAILURE for finding in findings)
    if as_json:
        _print_json(findings, ok=not failed)
    raise typer.Exit(int(failed))


def _print_json(findings: list["Finding"], *, ok: bool) -> None:
    from dataclasses import asdict

    utf8_only()
    print(json.dumps({"ok": ok, "findings": [asdict(finding) for finding in findings]}, indent=2))


def _printed(findings: Iterator["Finding"]) -> Iterator["Finding"]:
    """Print each finding as soon as it is there."""
    from rich.text import Text

    from spantree.render.terminal import printer

    console = printer()
    for finding in findings:
        mark, style = MARKS[finding.level]
        console.print(Text.assemble((mark, style), f" {finding.check:<{CHECK_WIDTH}} {finding.said}"), soft_wrap=True)
        if finding.remedy:
            console.print(Text(f"  {'':{CHECK_WIDTH}} → {finding.remedy}", style), soft_wrap=True)
        sys.stdout.flush()
        yield finding


@contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """The first process of a container ignores SIGTERM unless it has a handler."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _silenced(logger: logging.Logger) -> Iterator[None]:
    """Keep exporters from logging what the findings say better."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # gRPC's core writes to standard error without a logger
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
