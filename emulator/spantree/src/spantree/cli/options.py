"""The options that several commands share, and `option`, which makes one. Other options are beside their command."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from spantree.cli.program import current
from spantree.cli.validators import named, writable

__all__ = [
    "Ascii",
    "Expand",
    "Html",
    "Joined",
    "Limit",
    "Lookback",
    "MapFile",
    "Mermaid",
    "OtlpJson",
    "Service",
    "SourceName",
    "Svg",
    "TraceId",
    "named_files",
    "option",
    "output_file",
    "seconds_of",
]

LENGTH_OF_TIME = re.compile(r"([0-9]{1,9})([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def option(name: str, text: str, *short: str, **more: Any) -> Any:  # noqa: ANN401 - typer's own type
    """Make the option `--name`, which also reads the environment variable `<PREFIX>_NAME` of the current program."""
    variable = f"{current().prefix}_{name.upper().replace('-', '_')}"
    return typer.Option(f"--{name}", *short, envvar=variable, help=text, **more)


def output_file(name: str, text: str, *short: str) -> Any:  # noqa: ANN401 - typer's own type
    """Make an option for a file to write, which is checked before the command starts."""
    return option(name, text, *short, dir_okay=False, callback=writable)


def trace_id(value: str | None) -> str | None:
    """Normalise a trace id to 32 lower-case hex digits. Accepts a UUID as well, as some tools show trace ids."""
    if value is None:
        return None
    digits = value.lower()
    if UUID.fullmatch(digits):
        digits = digits.replace("-", "")
    if not re.fullmatch(r"[0-9a-f]{1,32}", digits):
        raise typer.BadParameter(f"{value!r} is not a trace id: up to 32 hex digits, or a UUID.")
    return digits.zfill(32)


def seconds_of(lookback: str) -> int:
    """Return the seconds of a time such as 90s, 15m, 1h or 2d. Raises typer.BadParameter."""
    written = LENGTH_OF_TIME.fullmatch(lookback)
    if written is None or not int(written[1]):
        raise typer.BadParameter(f"{lookback!r} is not a length of time such as 90s, 15m, 1h or 2d.")
    return int(written[1]) * SECONDS[written[2]]


def length_of_time(value: str) -> str:
    """Refuse what is no length of time."""
    seconds_of(value)
    return value


def named_files(files: Mapping[str, Path | None]) -> dict[str, Path]:
    """Return the files that were given, by format. Options are named after formats; no two may name the same file."""
    given: dict[str, Path] = {}
    for name, file in files.items():
        if file is None:
            continue
        if file in given.values():
            raise typer.BadParameter(f"--{name} and another option name the same file, {file}.")
        given[name] = file
    return given


SourceName = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A file of OTLP JSON or Jaeger JSON, - for standard input, or a Jaeger: http://localhost:16686.",
    ),
]
TraceId = Annotated[str | None, option("trace", "Only the trace with this id.", callback=trace_id)]
Service = Annotated[str | None, option("service", "Only traces with spans of this service.", callback=named)]
Limit = Annotated[
    int,
    option(
        "limit",
        "At a Jaeger: read at most this many traces, the latest ones. Says on standard error if there are more.",
        min=1,
        max=1_000_000,
    ),
]
Lookback = Annotated[
    str,
    option(
        "lookback",
        "At a Jaeger: read the traces of this time until now, such as 90s, 15m, 1h or 2d.",
        metavar="TIME",
        callback=length_of_time,
    ),
]
Joined = Annotated[
    bool,
    option("joined", "Join linked traces: put each below the span that it links to. At a Jaeger, they are looked up."),
]
Expand = Annotated[bool, option("expand", "Draw a line for every span; do not fold repeated spans into one.")]
Ascii = Annotated[bool, option("no-unicode", "Print ASCII only. This is automatic if the terminal has no Unicode.")]
OtlpJson = Annotated[Path | None, output_file("otlp-json", "Write the exported spans to this file, as OTLP JSON.")]
Html = Annotated[
    Path | None, output_file("html", "Draw interactive waterfalls into this file: one HTML page that loads nothing.")
]
Mermaid = Annotated[Path | None, output_file("mermaid", "Draw the trace as a sequence diagram, as Mermaid text.")]
Svg = Annotated[Path | None, output_file("svg", "Draw the trace as a sequence diagram, as SVG.")]
MapFile = Annotated[Path | None, output_file("map", "Draw all traces as one service map, as SVG.")]
