"""The options of the commands that read traces, and the files that all commands write traces to."""

import re
from pathlib import Path
from typing import Annotated

import typer

from emulator.cli.options import HTTP, option
from emulator.cli.validators import finite, named

__all__ = [
    "AsFindings",
    "AsTree",
    "Ascii",
    "Everything",
    "Expect",
    "Html",
    "Ignore",
    "Joined",
    "Junit",
    "MapFile",
    "Mermaid",
    "OfService",
    "OneIsEnough",
    "OtlpJson",
    "Output",
    "Patience",
    "QueriedJaeger",
    "SourceName",
    "Svg",
    "Timeout",
    "ToFormat",
    "TraceId",
]

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def writable(file: Path | None) -> Path | None:
    """Refuse a file that cannot be written before anything has begun; pipes and devices are left alone."""
    if file is None:
        return None
    try:
        was_there = file.exists()
        if not was_there or file.is_file():
            file.open("a").close()
        if not was_there:
            file.resolve().unlink()  # an empty file would be taken for what is to come
    except OSError as error:
        raise typer.BadParameter(f"{str(file)!r} cannot be written: {error.strerror}.") from error
    return file


def rules(names: list[str] | None) -> list[str] | None:
    """Refuse rules that there are none of."""
    from spantree import RULES

    for name in names or ():
        if name not in RULES:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(RULES)}.")
    return names


def trace_id(value: str | None) -> str | None:
    """Refuse what is no trace id. osprofiler shows the same as a UUID."""
    if value is None:
        return None
    digits = value.lower()
    if UUID.fullmatch(digits):
        digits = digits.replace("-", "")
    if not re.fullmatch(r"[0-9a-f]{1,32}", digits):
        raise typer.BadParameter(f"{value!r} is not up to 32 hex digits.")
    return digits.zfill(32)


def known_format(name: str) -> str:
    """Refuse a format that there is none of."""
    from spantree.cli.formats import FORMATS

    if name not in FORMATS:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(FORMATS)}.")
    return name


SourceName = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A file of OTLP JSON or of Jaeger's JSON, - for standard input, or a Jaeger: http://localhost:16686.",
    ),
]
TraceId = Annotated[str | None, option("trace", "Only the trace with this id.", callback=trace_id)]
OfService = Annotated[str | None, option("service", "Only traces in which this service took part.", callback=named)]
Joined = Annotated[bool, option("joined", "Take traces that follow from others by links as one, each below its link.")]
Timeout = Annotated[
    float, option("timeout", "Seconds to wait for a Jaeger, and for traces to be whole.", min=0, callback=finite)
]
Patience = Annotated[
    float, option("timeout", "Seconds to wait for what is coming up, and for the span.", min=0, callback=finite)
]
QueriedJaeger = Annotated[str, option("jaeger-url", "The Jaeger to look for the span in.", callback=HTTP)]
AsFindings = Annotated[bool, option("json", "Print what is found as JSON.")]
Expect = Annotated[
    str | None, option("expect", "The expected tree: a *.tree file, or boot, the reference trace of this emulator.")
]
Ignore = Annotated[
    list[str] | None,
    option("ignore", "Without --expect: a rule that does not matter. May be given more than once.", callback=rules),
]
OneIsEnough = Annotated[bool, option("any", "One trace that is as expected is enough; others may differ.")]
Junit = Annotated[
    Path | None, option("junit", "Write the outcome to this file, as JUnit XML.", dir_okay=False, callback=writable)
]
AsTree = Annotated[bool, option("tree", "Print trees as text, to begin a *.tree file with.")]
Everything = Annotated[bool, option("expand", "Draw a line for every span, also for those that are like the last.")]
Ascii = Annotated[bool, option("no-unicode", "Draw in ASCII, as is done by itself where a terminal has no Unicode.")]
OtlpJson = Annotated[
    Path | None,
    option("otlp-json", "Write what was exported to this file, as OTLP JSON.", dir_okay=False, callback=writable),
]
Html = Annotated[
    Path | None,
    option(
        "html",
        "Draw waterfalls to look into, as one HTML file that needs no network.",
        dir_okay=False,
        callback=writable,
    ),
]
Mermaid = Annotated[
    Path | None,
    option("mermaid", "Draw the trace as a sequence diagram, in Mermaid's text.", dir_okay=False, callback=writable),
]
Svg = Annotated[
    Path | None, option("svg", "Draw the trace as a sequence diagram, in SVG.", dir_okay=False, callback=writable)
]
MapFile = Annotated[
    Path | None,
    option("map", "Draw all traces as one map of services, in SVG.", dir_okay=False, callback=writable),
]
ToFormat = Annotated[
    str,
    option(
        "to",
        "The format: otlp-json, jaeger-json, perfetto, tree, html, mermaid, svg or map.",
        metavar="FORMAT",
        callback=known_format,
    ),
]
Output = Annotated[
    Path | None,
    option("output", "Write to this file, not to standard output.", "-o", dir_okay=False, callback=writable),
]
