"""`convert`: write traces in another format."""

from pathlib import Path
from typing import Annotated

import typer

from spantree.cli.errors import exit_with
from spantree.cli.formats import FORMATS
from spantree.cli.options import Joined, Limit, Lookback, Service, SourceName, TraceId, option, output_file, seconds_of
from spantree.cli.output import write_traces
from spantree.cli.source import Source

__all__ = ["convert"]


def known_format(name: str) -> str:
    """Refuse the name of a format that does not exist."""
    if name not in FORMATS:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(FORMATS)}.")
    return name


ToFormat = Annotated[str, option("to", f"The format: {', '.join(FORMATS)}.", metavar="FORMAT", callback=known_format)]
Output = Annotated[Path | None, output_file("output", "Write to this file instead of standard output.", "-o")]


def convert(
    source: SourceName,
    to: ToFormat,
    output: Output = None,
    trace: TraceId = None,
    service: Service = None,
    limit: Limit = 1000,
    lookback: Lookback = "1h",
    *,
    joined: Joined = False,
) -> None:
    """Write traces in another format.

    Lists on standard error what the format cannot hold.
    """
    chosen = Source(source, trace, service, joined, limit, seconds_of(lookback))

    def write() -> int:
        write_traces(chosen.require_traces(), to, output)
        return 0

    exit_with(write)
