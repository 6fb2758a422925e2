"""What `emulator doctor` does: print what is found, as it is found, for people as a list and for programs as JSON."""

import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rich.text import Text

from emulator.doctor import CheckResult, Level, Setup, diagnose
from spantree.cli.glyphs import utf8_only
from spantree.render.terminal import printer

__all__ = ["doctor"]

MARKS = {
    Level.OK: ("✓", "green"),
    Level.WARNING: ("!", "yellow"),
    Level.FAILURE: ("✗", "red"),
    Level.SKIPPED: ("·", "dim"),
}
CHECK_WIDTH = 19
INTERRUPTED = 130


def doctor(setup: Setup, seconds: float, *, as_json: bool) -> int:
    """Examine, and print. Return the exit status: 0 unless something is wrong."""
    found = diagnose(setup, seconds, lambda reason: print(f"waiting: {reason}", file=sys.stderr, flush=True))
    with _ended_by_sigterm(), _unheard(logging.getLogger("opentelemetry")):
        findings = list(found) if as_json else list(_printed(found))
    wrong = any(finding.level is Level.FAILURE for finding in findings)
    if as_json:
        utf8_only()
        print(json.dumps({"ok": not wrong, "findings": [asdict(finding) for finding in findings]}, indent=2))
    return int(wrong)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """The first process of a container is not ended by it otherwise."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _unheard(logger: logging.Logger) -> Iterator[None]:
    """What exporters have to say is found, and told in better words."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its core has no logger, and writes to standard error
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _printed(findings: Iterator[CheckResult]) -> Iterator[CheckResult]:
    console = printer()
    for finding in findings:
        mark, style = MARKS[finding.level]
        line = f" {finding.check:<{CHECK_WIDTH}} {finding.message}"
        console.print(Text.assemble((mark, style), line), soft_wrap=True)
        if finding.remedy:
            console.print(Text(f"  {'':{CHECK_WIDTH}} → {finding.remedy}", style), soft_wrap=True)
        sys.stdout.flush()
        yield finding
