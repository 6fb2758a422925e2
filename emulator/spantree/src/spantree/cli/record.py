"""`record`: run any command with an OTLP endpoint of its own, and keep the traces that it sends."""

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from spantree import Expectation, Span, SpanTree, trees
from spantree.cli.check import annotate, expected_tree, has_root_of, is_expected, print_cases
from spantree.cli.child_process import run_command
from spantree.cli.errors import exit_with
from spantree.cli.junit import Case
from spantree.cli.options import Html, named_files, option, output_file
from spantree.cli.output import write_files
from spantree.cli.program import current
from spantree.cli.validators import finite
from spantree.receiver import OtlpServer, exporter_environment
from spantree.render import duration, headline

__all__ = ["record"]

MOST_SETTLE_SECONDS = 30.0
"""How long a command's own children, which may outlive it, can keep us waiting by what they send."""
MOST_SUMMARIES = 20

Words = Annotated[
    list[str],
    typer.Argument(metavar="-- CMD [ARGS]...", help="The command to run, and its arguments.", show_default=False),
]
Output = Annotated[Path | None, output_file("output", "Write the traces to this file, as OTLP JSON.", "-o")]
Expect = Annotated[
    str | None,
    option(
        "expect", f"Compare the traces with this expected tree: {current().tree_help}. Exits with 1 if one differs."
    ),
]
Settle = Annotated[
    float,
    option(
        "settle",
        "After the command has ended, wait until nothing has arrived for this many seconds; 30 seconds at most.",
        min=0,
        max=MOST_SETTLE_SECONDS,
        callback=finite,
    ),
]


def record(
    words: Words,
    output: Output = None,
    html: Html = None,
    expect: Expect = None,
    settle: Settle = 0.5,
) -> None:
    """Run any command, in any language, and record the traces that it sends over OTLP.

    The command gets the environment variables that make an OpenTelemetry SDK export its spans here, over HTTP or gRPC.
    It keeps its input, output and signals. Prints a line for each trace on standard error.

    Exits with the command's status: 127 if there is no such command, 128+n if signal n has ended it. With --expect, a
    command that succeeds, and whose traces are not as expected, exits with 1.
    """
    files = named_files({"otlp-json": output, "html": html})
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # grpcio would write its log between the command's lines

    def run() -> int:
        expected = None if expect is None else expected_tree(expect)
        recorder = _Recorder()
        with OtlpServer(lambda batch: recorder.add(batch.spans())) as server:
            environment = {**os.environ, **exporter_environment(f"http://127.0.0.1:{server.port}")}
            status = run_command(words, environment, _say, partial(recorder.settle, settle))
        traces = trees(recorder.spans)
        _summarise(traces)
        # Without traces only JSON, so that the spans of an earlier run are not taken for this one's.
        written = files if traces else {key: file for key, file in files.items() if key == "otlp-json"}
        if written:
            write_files(traces, written)
        fits = expected is None or _are_expected(traces, expected)
        return status or int(not fits)

    exit_with(run)


class _Recorder:
    """Keeps the spans of all requests, which come from several threads."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._arrived = monotonic()

    def add(self, spans: list[Span]) -> None:
        self.spans.extend(spans)  # from a list, this is atomic
        self._arrived = monotonic()

    def settle(self, silence: float, is_interrupted: Callable[[float], bool]) -> None:
        """Wait until nothing has arrived for so many seconds; less if `is_interrupted`, which waits, returns True."""
        ended = monotonic()
        while True:
            remaining = min(max(self._arrived, ended) + silence, ended + MOST_SETTLE_SECONDS) - monotonic()
            if remaining <= 0 or is_interrupted(remaining):
                return


def _summarise(traces: Sequence[SpanTree]) -> None:
    for trace in traces[:MOST_SUMMARIES]:
        failed = sum(span.failed for span in trace.spans)
        failures = f" · {failed} failed" if failed else ""
        _say(f"{headline(trace)}{failures} · {duration(trace.duration)} · {trace.roots[0]}")
    if len(traces) > MOST_SUMMARIES:
        _say(f"and {len(traces) - MOST_SUMMARIES} more traces")
    if not traces:
        _say(
            "no span arrived. Does the command use an OpenTelemetry SDK that reads OTEL_EXPORTER_OTLP_ENDPOINT, and "
            "does it flush its spans before it ends?"
        )


def _are_expected(traces: Sequence[SpanTree], expected: Expectation) -> bool:
    """Compare each trace that has an expected root, print the results on standard error, and return whether all fit."""
    candidates = [trace for trace in traces if has_root_of(expected, trace)]
    cases = [is_expected(expected)(trace) for trace in candidates]
    if not cases:
        begin = ": ".join(expected.roots[0]) if expected.roots else "any root"
        cases = [Case("the expected trace", "there", f"no trace that was sent begins with {begin}")]
    print_cases(cases, error=True)
    annotate(cases, expected, error=True)
    return not any(case.failed for case in cases)


def _say(message: str) -> None:
    print(f"{current().name}: {message}", file=sys.stderr, flush=True)
