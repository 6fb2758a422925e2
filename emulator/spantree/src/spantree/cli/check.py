"""`check`: compare traces with an expected tree, or look for what makes them unsound."""

import sys
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from spantree import RULES, Expectation, Finding, SpanTree, tree
from spantree.backoff import pauses
from spantree.cli.errors import Unreadable, Unwritable, exit_with
from spantree.cli.glyphs import ascii_only
from spantree.cli.junit import Case, kind_of, write_junit
from spantree.cli.options import (
    Ascii,
    Joined,
    Limit,
    Lookback,
    Service,
    SourceName,
    TraceId,
    option,
    output_file,
    seconds_of,
)
from spantree.cli.program import current
from spantree.cli.soundness import Rules, subject
from spantree.cli.source import ANSWER_SECONDS, Source, Traces
from spantree.cli.validators import finite
from spantree.github import error_annotation, is_github_actions, repository_path
from spantree.lint import Severity

__all__ = ["annotate", "check", "expected_tree", "has_root_of", "is_expected", "print_cases"]

ANNOTATED_LINES = 12
"""The start of a report: GitHub shows an annotation beside the code. The whole is in the output."""
SHORTEST_ANSWER_SECONDS = 5.0
"""How long a Jaeger may take to answer when the time for the check is almost up."""


def known_rules(entries: list[str] | None) -> list[str] | None:
    """Refuse what names a rule that does not exist."""
    for entry in entries or ():
        if entry.partition(":")[0] not in {*RULES, "*"}:
            raise typer.BadParameter(f"{entry!r} is none of {', '.join(RULES)}.")
    return entries


Expect = Annotated[str | None, option("expect", f"The expected tree: {current().tree_help}.")]
Ignore = Annotated[
    list[str] | None,
    option(
        "ignore",
        "Without --expect: a rule to skip, everywhere or as rule:service or rule:service:span, where * stands for any "
        f"text. May be repeated; replaces what pyproject.toml ignores. Rules: {', '.join(RULES)}.",
        callback=known_rules,
    ),
]
FailOn = Annotated[
    Severity | None,
    option(
        "fail-on", "Without --expect: exit with 1 for findings of this severity or a worse one.", show_default="error"
    ),
]
Registry = Annotated[
    list[Path] | None,
    option(
        "registry",
        "Without --expect: a file or folder with your own attributes, in the YAML of OpenTelemetry's Weaver. May be "
        "repeated.",
        exists=True,
    ),
]
NPlusOne = Annotated[
    int | None,
    option(
        "n-plus-one",
        "Without --expect: how many equal queries in a row are too many.",
        min=2,
        show_default="5",
    ),
]
OneIsEnough = Annotated[bool, option("any", "One trace as expected is enough; others may differ.")]
AllowLimit = Annotated[
    bool,
    option("allow-limit", "At a Jaeger with more traces than --limit: do not fail, although the rest is not checked."),
]
Junit = Annotated[Path | None, output_file("junit", "Write the result to this file, as JUnit XML.")]
Timeout = Annotated[
    float, option("timeout", "Seconds to wait for a Jaeger, and for its traces to be complete.", min=0, callback=finite)
]


def check(
    source: SourceName,
    expect: Expect = None,
    ignore: Ignore = None,
    fail_on: FailOn = None,
    registry: Registry = None,
    n_plus_one: NPlusOne = None,
    trace: TraceId = None,
    service: Service = None,
    limit: Limit = 1000,
    lookback: Lookback = "1h",
    timeout: Timeout = 30.0,
    junit: Junit = None,
    *,
    allow_limit: AllowLimit = False,
    one_is_enough: OneIsEnough = False,
    joined: Joined = False,
    no_unicode: Ascii = False,
) -> None:
    """Compare traces with an expected tree; without one, check that they are sound.

    Compares every trace that has the expected root. Exits with 0 if all are as expected, with 1 if any differs, none is
    found, or a Jaeger has more of them than --limit, and with 2 if the traces or the expected tree cannot be read.

    Without a tree, it prints what it finds, as errors, warnings and advice. Errors fail the check, and with --fail-on
    warnings or advice, too. [tool.spantree] in the nearest pyproject.toml may set ignore, fail-on, registry and
    n-plus-one.
    """
    if no_unicode:
        ascii_only()
    chosen = Source(source, trace, service, joined, limit, seconds_of(lookback))

    def run() -> int:
        expected = None if expect is None else expected_tree(expect)
        rules = Rules(ignore, fail_on, registry, n_plus_one)
        judge = rules.judge if expected is None else is_expected(expected)
        verdict = _retry(
            lambda seconds: _judge_traces(chosen, expected, judge, seconds, one_is_enough=one_is_enough),
            timeout if chosen.is_jaeger else 0.0,
        )
        verdict.traces.warn()
        cases = verdict.cases
        if not allow_limit and not (one_is_enough and verdict.passed):
            cases += [Case("the set of traces", "complete", sentence) for sentence in verdict.traces.missing]
        print_cases(cases)
        if expected is None:
            _print_findings(rules.remarks(verdict.traces.found))
        annotate(cases, expected)
        if junit is not None:
            _write_junit(junit, cases)
        return int(any(case.failed for case in cases))

    exit_with(lambda: copy_context().run(run))  # the configuration is of this run alone


def expected_tree(name: str) -> Expectation:
    """Return the expected tree in the file of this name, or the program's tree of this name. Raises Unreadable."""
    file, named = Path(name), current().trees
    try:
        return tree(file) if file.is_file() else tree(named.text(name))
    except LookupError as error:
        known = ", ".join(named.names())
        raise Unreadable(f"{name} is not a file" + (f", and not one of {known}" if known else "")) from error
    except OSError as error:
        raise Unreadable(f"{name} cannot be read: {error.strerror}") from error
    except ValueError as error:  # its message names the file or the tree
        raise Unreadable(str(error)) from error


def is_expected(expected: Expectation) -> Callable[[SpanTree], Case]:
    """Return a function that compares a trace with an expected tree."""
    colour = _console().is_terminal

    def judge(trace: SpanTree) -> Case:
        difference = trace.difference(expected)
        report = "" if difference is None else difference.render(colour=colour)
        return Case(subject(trace), "as expected", report, kind_of(trace))

    return judge


@dataclass(frozen=True, slots=True)
class Verdict:
    """The results for the traces that were judged, and what was read."""

    cases: list[Case]
    traces: Traces

    @property
    def passed(self) -> bool:
        """Whether no case failed."""
        return not any(case.failed for case in self.cases)


def _retry(attempt: Callable[[float], Verdict], seconds: float) -> Verdict:
    """Repeat `attempt` until no case fails or the time is up. Its argument is the seconds that an answer may take."""
    deadline, verdict = monotonic() + seconds, None
    for pause in pauses(seconds):
        try:
            verdict = attempt(min(max(deadline - monotonic(), SHORTEST_ANSWER_SECONDS), ANSWER_SECONDS))
        except Unreadable:
            pass  # the Jaeger may still be starting; the last attempt lets the error through
        else:
            if verdict.passed:
                return verdict
        sleep(min(pause, max(deadline - monotonic(), 0.0)))  # the answer itself may have used up the time
    try:
        return attempt(SHORTEST_ANSWER_SECONDS)
    except Unreadable:
        if verdict is None:
            raise
        return verdict  # a large answer may take longer than this


def _judge_traces(
    source: Source,
    expected: Expectation | None,
    judge: Callable[[SpanTree], Case],
    seconds: float,
    *,
    one_is_enough: bool,
) -> Verdict:
    """Judge every trace that has the expected root, or the trace that was chosen by its id."""
    root = expected.roots[0] if expected is not None and expected.roots else None
    traces = source.read(root[0] if root else None, seconds, linked=expected is not None and len(expected.roots) > 1)
    candidates = traces.found
    if expected is not None and source.trace_id is None:
        candidates = [trace for trace in traces.found if has_root_of(expected, trace)]
    if not candidates:
        return Verdict([_missing(source, root, traces.found)], traces)
    cases = [judge(trace) for trace in candidates]
    passed = [case for case in cases if not case.failed]
    return Verdict(passed if one_is_enough and passed else cases, traces)


def _missing(source: Source, root: tuple[str, str] | None, found: Sequence[SpanTree]) -> Case:
    """Return the failure of a check that has no trace to judge, with the roots of the traces that were found."""
    begins = f" that begins with {': '.join(root)}" if root else ""
    roots = dict.fromkeys(str(span) for trace in found for span in trace.roots)
    others = ". The traces found begin with:" + "".join(f"\n  {span}" for span in roots) if roots else ""
    return Case("the expected trace" if root else "a trace to check", "there", f"there is no {source}{begins}{others}")


def has_root_of(expected: Expectation, trace: SpanTree) -> bool:
    """Return whether a trace has an expected root.

    If several are expected, a trace that links to another one is compared as a part of that one.
    """
    is_linked_part = len(expected.roots) > 1 and any(span.linked for span in trace.roots)
    return not is_linked_part and any(expected.begins_like([span]) for span in trace.roots)


def print_cases(cases: Sequence[Case], *, error: bool = False) -> None:
    """Print a line for each result, and the report of each failure."""
    console = _console(error=error)
    for case in cases:
        console.print(Text(str(case)))
        if case.failed:
            console.print(Text.from_ansi(f"{case.report}\n"))


def annotate(cases: Sequence[Case], expected: Expectation | None, *, error: bool = False) -> None:
    """In GitHub Actions, let failures be shown, beside the expected tree if that is a file."""
    if not is_github_actions():
        return
    file = None if expected is None or expected.path is None else repository_path(expected.path)
    for case in cases:
        if case.failed:
            lines = Text.from_ansi(case.report).plain.splitlines()
            shown = error_annotation(str(case), "\n".join(lines[:ANNOTATED_LINES]), file, 1 if file else None)
            print(shown, file=sys.stderr if error else sys.stdout)


def _print_findings(findings: Sequence[Finding]) -> None:
    console = _console()
    for finding in findings:
        console.print(Text(str(finding)))


def _console(*, error: bool = False) -> Console:
    return Console(highlight=False, soft_wrap=True, stderr=error)


def _write_junit(file: Path, cases: Sequence[Case]) -> None:
    plain = [replace(case, report=Text.from_ansi(case.report).plain) for case in cases]
    try:
        write_junit(file, f"{current().name} check", plain)
    except OSError as error:
        raise Unwritable(f"{file} cannot be written: {error.strerror}") from error
