"""The command line for traces from anywhere, ours or not: words to calls, as `cli` has them for clouds."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import typer

from emulator.cli.options import AsJson, Otlp
from spantree.cli.glyphs import ascii_only
from spantree.cli.trace_options import (
    Ascii,
    AsFindings,
    AsTree,
    Everything,
    Expect,
    Html,
    Ignore,
    Joined,
    Junit,
    MapFile,
    Mermaid,
    OfService,
    OneIsEnough,
    Output,
    Patience,
    QueriedJaeger,
    SourceName,
    Svg,
    Timeout,
    ToFormat,
    TraceId,
)

__all__ = ["check", "convert", "doctor", "faults", "given", "show"]


def check(
    source: SourceName,
    expect: Expect = None,
    ignore: Ignore = None,
    trace: TraceId = None,
    service: OfService = None,
    timeout: Timeout = 30.0,
    junit: Junit = None,
    *,
    one_is_enough: OneIsEnough = False,
    joined: Joined = False,
    no_unicode: Ascii = False,
) -> None:
    """Compare exported traces with an expected tree; without one, look for what makes them unsound.

    Exits with 0 if all traces that begin as expected are as expected, 1 if not, 2 if that cannot be said.
    """
    if no_unicode:
        ascii_only()
    from spantree.cli import trace_commands

    def checked() -> int:
        return trace_commands.check(
            trace_commands.Source(source, trace, service, joined),
            None if expect is None else trace_commands.expectation(expect),
            ignore=ignore or [],
            seconds=timeout,
            one_is_enough=one_is_enough,
            junit=junit,
        )

    _exit(checked)


def convert(
    source: SourceName,
    to: ToFormat,
    output: Output = None,
    trace: TraceId = None,
    service: OfService = None,
    *,
    joined: Joined = False,
) -> None:
    """Write exported traces in a format that others read. What it has no place for is said on standard error."""
    from spantree.cli import trace_commands

    _exit(lambda: trace_commands.convert(trace_commands.Source(source, trace, service, joined), to, output))


def doctor(
    context: typer.Context,
    otlp: Otlp = None,
    jaeger_url: QueriedJaeger = "http://localhost:16686",
    timeout: Patience = 30.0,
    *,
    as_json: AsFindings = False,
    no_unicode: Ascii = False,
) -> None:
    """Say why nothing shows up in Jaeger: send a span as all commands do, look for it there, and check all between.

    Exits with 0 if nothing is wrong, though there may be warnings, and with 1 if something is.
    """
    if no_unicode:
        ascii_only()
    from emulator.cli import doctor_commands
    from emulator.doctor import Setup

    source = context.get_parameter_source("otlp")
    name = "--otlp" if source is not None and source.name == "COMMANDLINE" else "EMULATOR_OTLP"
    raise typer.Exit(doctor_commands.doctor(Setup(os.environ, otlp, name, jaeger_url), timeout, as_json=as_json))


def faults(*, as_json: AsJson = False, no_unicode: Ascii = False) -> None:
    """List the faults that can ride with a request, and what each of them teaches."""
    if no_unicode:
        ascii_only()
    from emulator.cli import fault_commands

    raise typer.Exit(fault_commands.faults(as_json=as_json))


def show(
    source: SourceName,
    trace: TraceId = None,
    service: OfService = None,
    html: Html = None,
    mermaid: Mermaid = None,
    svg: Svg = None,
    map_file: MapFile = None,
    *,
    tree: AsTree = False,
    joined: Joined = False,
    expand: Everything = False,
    no_unicode: Ascii = False,
) -> None:
    """Print the waterfalls of exported traces, ours or not; or draw them to files, where these are named."""
    if no_unicode:
        ascii_only()
    from spantree.cli import trace_commands

    chosen = trace_commands.Source(source, trace, service, joined)
    files = given({"html": html, "mermaid": mermaid, "svg": svg, "map": map_file})
    if files and (tree or expand):
        raise typer.BadParameter("--tree and --expand are about what is printed, and files are drawn instead.")
    if files:
        _exit(lambda: trace_commands.draw(chosen, files))
    _exit(lambda: trace_commands.show(chosen, as_tree=tree, expand=expand))


def given(files: Mapping[str, Path | None]) -> dict[str, Path]:
    """Return the files that were named, by their formats, which their options are called by. No two may be the same."""
    named: dict[str, Path] = {}
    for name, file in files.items():
        if file is not None and file in named.values():
            raise typer.BadParameter(f"--{name} and another option name the same file, {file}.")
        if file is not None:
            named[name] = file
    return named


def _exit(command: Callable[[], int]) -> NoReturn:
    """End with a command's status; with 2, and the reason, if it has nothing to work on."""
    from spantree.cli.trace_commands import Unreadable
    from spantree.cli.unwritable import Unwritable

    try:
        status = command()
    except (Unreadable, Unwritable) as error:
        typer.echo(f"emulator: {error}", err=True)
        status = 2
    raise typer.Exit(status)
