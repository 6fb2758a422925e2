"""`show`: print the waterfalls of traces, print them as trees, or draw them into files."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from spantree import SpanTree
from spantree.cli.errors import exit_with
from spantree.cli.glyphs import ascii_only, utf8_only
from spantree.cli.options import (
    Ascii,
    Expand,
    Html,
    Joined,
    Limit,
    Lookback,
    MapFile,
    Mermaid,
    Service,
    SourceName,
    Svg,
    TraceId,
    named_files,
    option,
    seconds_of,
)
from spantree.cli.output import write_files
from spantree.cli.program import current
from spantree.cli.source import Source
from spantree.render import duration, headline
from spantree.render.terminal import columns, printer, waterfall

__all__ = ["show"]

AsTree = Annotated[bool, option("tree", "Print each trace as an expected tree, to start a *.tree file with.")]


def show(
    source: SourceName,
    trace: TraceId = None,
    service: Service = None,
    limit: Limit = 1000,
    lookback: Lookback = "1h",
    html: Html = None,
    mermaid: Mermaid = None,
    svg: Svg = None,
    map_file: MapFile = None,
    *,
    tree: AsTree = False,
    joined: Joined = False,
    expand: Expand = False,
    no_unicode: Ascii = False,
) -> None:
    """Print the waterfalls of traces, or draw them into files."""
    if no_unicode:
        ascii_only()
    files = named_files({"html": html, "mermaid": mermaid, "svg": svg, "map": map_file})
    if files and (tree or expand):
        raise typer.BadParameter(
            "--tree and --expand change what is printed, so they do not go with an option that draws into a file."
        )
    chosen = Source(source, trace, service, joined, limit, seconds_of(lookback))

    def run() -> int:
        traces = chosen.require_traces()
        if files:
            write_files(traces, files)
        elif tree:
            _print_trees(traces)
        else:
            _print_waterfalls(traces, expand=expand)
        return 0

    exit_with(run)


def _print_waterfalls(traces: Sequence[SpanTree], *, expand: bool) -> None:
    console = printer()
    for number, trace in enumerate(traces):
        console.print(Text(f"{_gap(number)}{_title(trace)}\n", "dim"))
        drawn = waterfall(trace, columns(console), expand=expand, vocabulary=current().vocabulary())
        console.print(drawn, soft_wrap=True)


def _print_trees(traces: Sequence[SpanTree]) -> None:
    utf8_only()  # a *.tree file is UTF-8, whatever the terminal is
    console = printer()
    for number, trace in enumerate(traces):
        console.print(Text(f"{_gap(number)}# {_title(trace)}\n", "dim"))
        console.print(Text(trace.as_tree_text().rstrip("\n")), soft_wrap=True)


def _gap(number: int) -> str:
    return "\n" if number else ""


def _title(trace: SpanTree) -> str:
    return f"{headline(trace)} · {duration(trace.duration)}"
