"""What `emulator check`, `convert` and `show` do with traces from a file or a Jaeger. No cloud is needed for that."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from emulator.faults import FAULTS, fault_tree
from emulator.reference import tree_names, tree_text
from spantree import (
    Expectation,
    JaegerUnavailable,
    MalformedJaeger,
    MalformedOtlp,
    Span,
    SpanTree,
    jaeger_spans,
    spans_from_jaeger_json,
    spans_from_json,
    tree,
    trees,
)
from spantree.cli.glyphs import utf8_only
from spantree.cli.junit import Case, write_junit
from spantree.render import duration, headline
from spantree.render.terminal import columns, printer, waterfall

__all__ = ["Source", "Unreadable", "check", "convert", "draw", "expectation", "show"]

CONTINUES_BY = ("openstack.osprofiler.base_id",)  # of our cloud: the program that runs the command is to pass it
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds between two looks at a Jaeger, which cannot tell us when a trace comes."""
SHORTEST_ANSWER, LONGEST_ANSWER = 1.0, 10.0
"""Seconds that a Jaeger has for an answer."""


class Unreadable(Exception):
    """Traces, or an expected tree, that cannot be read; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where traces are: a file of OTLP JSON or of Jaeger's, `-` for standard input, or the URL of a Jaeger; and which
    are meant.

    `joined` traces are taken as one where they follow from one another by links.
    """

    place: str
    trace_id: str | None = None
    service: str | None = None
    joined: bool = False

    def __str__(self) -> str:
        chosen = ((" with the id ", self.trace_id), (" of service ", self.service))
        return self.place + "".join(f"{words}{choice}" for words, choice in chosen if choice)

    @property
    def is_jaeger(self) -> bool:
        """Whether traces may still be coming in."""
        return self.place.startswith(("http://", "https://"))

    def some_traces(self) -> list[SpanTree]:
        """Return the traces that are meant, at least one. Raises Unreadable."""
        traces = self.traces()
        if not traces:
            raise Unreadable(f"there is no trace in {self}")
        return traces

    def traces(self, of_service: str | None = None, patience: float = LONGEST_ANSWER) -> list[SpanTree]:
        """Return the traces that are meant; of a Jaeger, where nothing else was said, those of this service.

        An answer may take `patience` seconds. Raises Unreadable.
        """
        service = self.service or of_service
        try:
            if self.is_jaeger:
                found = trees(jaeger_spans(self.place, trace_id=self.trace_id, service=service, timeout=patience))
            else:
                text = sys.stdin.buffer.read() if self.place == "-" else Path(self.place).read_bytes()
                found = trees(_spans_in(text))
        except OSError as error:
            raise Unreadable(f"{self.place} cannot be read: {error.strerror or error}") from error
        except (MalformedJaeger, MalformedOtlp) as error:
            raise Unreadable(f"{self.place}: {error}") from error
        except JaegerUnavailable as error:
            raise Unreadable(str(error)) from error
        if self.joined:
            found = [trace.joined() for trace in found if not any(span.linked for span in trace.roots)]
        return [
            trace
            for trace in found
            if (self.trace_id is None or trace.trace_id == self.trace_id)
            and (self.service is None or self.service in trace.services)
        ]


def _spans_in(text: bytes) -> list[Span]:
    """Read OTLP JSON, or the JSON that Jaeger's UI downloads, which as OTLP has no spans."""
    found = spans_from_json(text)
    if found or b"resourceSpans" in text or b'"data"' not in text:
        return found
    return spans_from_jaeger_json(text)


def expectation(name: str) -> Expectation:
    """Return the expected tree in the file of that name, the reference tree, or that of a fault. Raises Unreadable."""
    file = Path(name)
    try:
        if file.is_file():
            return tree(file)
        if name in tree_names():
            return tree(tree_text(name))
        if name in FAULTS:
            return tree(fault_tree(name))
    except (OSError, ValueError) as error:
        raise Unreadable(f"{name}: {error}") from error
    known = f"a reference tree ({', '.join(tree_names())}) nor a fault"
    raise Unreadable(f"{name} is neither a file nor {known}")


def show(source: Source, *, as_tree: bool, expand: bool) -> int:
    """Print the waterfalls of traces, or their trees. Return the exit status. Raises Unreadable if there are none."""
    traces = source.some_traces()
    if as_tree:
        utf8_only()
    console = printer()
    for number, trace in enumerate(traces):
        remark = "# " if as_tree else ""
        about = f"{remark}{headline(trace)} · {duration(trace.duration)}"
        console.print(Text(f"\n{about}\n" if number else f"{about}\n", "dim"))
        if as_tree:
            console.print(Text(trace.as_tree_text().rstrip("\n")), soft_wrap=True)
        else:
            console.print(waterfall(trace, columns(console), expand=expand), soft_wrap=True)
    return 0


def draw(source: Source, files: Mapping[str, Path]) -> int:
    """Draw traces to files, by their formats. Return the exit status. Raises Unreadable if there are none."""
    from spantree.cli.output import write_files  # late, as drawing takes much to import

    write_files(source.some_traces(), files)
    return 0


def convert(source: Source, to: str, file: Path | None) -> int:
    """Write traces in a format, to a file or to standard output; say on standard error what is lost by that.

    Return the exit status. Raises Unreadable if there are none.
    """
    from spantree.cli.output import write_traces

    write_traces(source.some_traces(), to, file)
    return 0


def check(
    source: Source,
    expected: Expectation | None,
    *,
    ignore: Sequence[str],
    seconds: float,
    one_is_enough: bool,
    junit: Path | None,
) -> int:
    """Compare traces with an expected tree, or look for what makes them unsound, but `ignore`. Return the exit status.

    A Jaeger is asked again until all is as expected or `seconds` are over.
    """
    console = Console(highlight=False, soft_wrap=True)
    judge = _sound(ignore) if expected is None else _compared(expected, colour=console.is_terminal)
    patience = seconds if source.is_jaeger else 0.0
    cases = _awaited(lambda left: _judged(source, expected, judge, left, one_is_enough=one_is_enough), patience)
    for case in cases:
        console.print(Text(str(case)))
        if case.failed:
            console.print(Text.from_ansi(f"{case.report}\n"))
    if junit is not None:
        _write(junit, cases)
    return 1 if any(case.failed for case in cases) else 0


def _awaited(judged: Callable[[float], list[Case]], seconds: float) -> list[Case]:
    """Judge until nothing fails, or no time is left; then what fails, fails."""
    until, pause = time.monotonic() + seconds, FIRST_PAUSE
    while True:
        left = until - time.monotonic()
        try:
            cases = judged(min(max(left, SHORTEST_ANSWER), LONGEST_ANSWER))
        except Unreadable:
            if left <= 0:
                raise
        else:
            if left <= 0 or not any(case.failed for case in cases):
                return cases
        time.sleep(min(pause, max(until - time.monotonic(), 0.0)))
        pause = min(2 * pause, LONGEST_PAUSE)


def _judged(
    source: Source, expected: Expectation | None, judge: Callable[[SpanTree], Case], left: float, *, one_is_enough: bool
) -> list[Case]:
    """Judge the traces that are meant: all that begin as expected, or the one that was named."""
    root = expected.roots[0] if expected is not None and expected.roots else None
    traces = source.traces(root[0] if root else None, left)
    alike = traces
    if expected is not None and source.trace_id is None:
        alike = [trace for trace in traces if _begins(trace, expected)]
    if not alike:
        there = "".join(f"\n  {span}" for span in dict.fromkeys(str(span) for trace in traces for span in trace.roots))
        begins = f" begins with {': '.join(root)}" if root else ""
        return [Case("such a trace", "there", f"no trace of {source}{begins}. Those are:{there or ' none'}")]
    cases = [judge(trace) for trace in alike]
    passed = [case for case in cases if not case.failed]
    return passed if one_is_enough and passed else cases


def _begins(trace: SpanTree, expected: Expectation) -> bool:
    """Whether a trace begins as expected; where several roots are, one that follows from another is a part of that."""
    follows = len(expected.roots) > 1 and any(span.linked for span in trace.roots)
    return not follows and any(expected.begins_like([span]) for span in trace.roots)


def _compared(expected: Expectation, *, colour: bool) -> Callable[[SpanTree], Case]:
    def judge(trace: SpanTree) -> Case:
        difference = trace.difference(expected)
        return Case(_subject(trace), "as expected", "" if difference is None else difference.render(colour=colour))

    return judge


def _sound(ignore: Sequence[str]) -> Callable[[SpanTree], Case]:
    def judge(trace: SpanTree) -> Case:
        return Case(
            _subject(trace),
            "sound",
            "\n".join(map(str, trace.check(ignore, continues_by=["openstack.osprofiler.base_id"]))),
        )

    return judge


def _subject(trace: SpanTree) -> str:
    return f"trace {trace.trace_id}, {len(trace)} span{'' if len(trace) == 1 else 's'},"


def _write(junit: Path, cases: Sequence[Case]) -> None:
    plain = [replace(case, report=Text.from_ansi(case.report).plain) for case in cases]
    try:
        write_junit(junit, "emulator check", plain)
    except OSError as error:
        raise Unreadable(f"{junit} cannot be written: {error.strerror}") from error
