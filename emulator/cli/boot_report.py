"""What `emulator boot` prints: the outcome, what each service did, the waterfall, and how to see it in Jaeger."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from opentelemetry.sdk.trace import ReadableSpan
from rich.console import Console
from rich.text import Text

from emulator.client import BootResult
from emulator.faults import Fault
from emulator.jaeger import FAULT, IMAGE, STEP, page_finding, trace_link, trace_page
from emulator.openstack_vocabulary import OPENSTACK
from spantree import Span, SpanTree, join_linked, spans_from_sdk, tree, trees
from spantree.render import duration, headline, step_label
from spantree.render.terminal import columns, printer, waterfall

__all__ = ["NO_TRACE", "Detail", "boot_traces", "jaeger_hint", "print_boots", "trace_shown", "write"]

JAEGER_UI = "http://localhost:16686"
JAEGER = f"docker run --rm -p 16686:16686 -p 4318:4318 {IMAGE}   # then look at {JAEGER_UI}"
OTLP = "http://localhost:4318"
CULPRIT, SEEN = "◄ culprit", "◄ seen here"
STEP_SERVERS = {"(1)(2)": "keystone", "(3)(4)": "neutron-server", "(5)(6)": "glance-api"}
"""The service that nova-compute calls at each step of Figure 1.8. Not read from the trace: it may lack that span."""
NO_TRACE = "There is no trace to show: the SDK is disabled, or its sampler dropped the spans."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Detail:
    """How much to print: `quiet` prints only the outcomes, `expand` one line for every span of a waterfall."""

    quiet: bool = False
    expand: bool = False


def print_boots(
    results: Sequence[BootResult], spans: Sequence[ReadableSpan], sent_to: str | None, detail: Detail, *, complete: bool
) -> None:
    """Print the outcome of every boot, and one waterfall: that of the first failed boot, or else of the slowest.

    `complete` is False if the services ran in other processes, so that their spans are not among `spans`.
    """
    console = printer()
    # Captured, so that a closed pipe is noticed in one place, `write`.
    with console.capture() as captured:
        for result in results:
            console.print(_outcome(result))
        if not detail.quiet:
            _print_trace(console, results, spans, sent_to, expand=detail.expand, complete=complete)
    write(captured.get())


def write(report: str) -> bool:
    """Print a report. Return False if the reader has closed the pipe, as `head` does in `emulator boot | head`."""
    try:
        sys.stdout.write(report)
        sys.stdout.flush()
    except OSError as error:  # not raised: the exit status is about the boot, whether or not its report was read
        # Python flushes stdout again at exit, and would print the error then:
        # https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return False
        log.warning("the report could not be written: %s", error.strerror)
    return True


def boot_traces(results: Sequence[BootResult], spans: Sequence[ReadableSpan]) -> list[SpanTree]:
    """Return the traces of all boots, each joined with the traces that link to it."""
    by_request = _by_request(spans)
    return [trace for result in results for trace in _traces_of(result, by_request)[0]]


def trace_shown(results: Sequence[BootResult], spans: Sequence[ReadableSpan]) -> SpanTree | None:
    """Return the trace whose waterfall is printed, if there is one."""
    return next(iter(_traces_of(_result_shown(results), _by_request(spans))[0]), None)


def _result_shown(results: Sequence[BootResult]) -> BootResult:
    failed = next((result for result in results if not result.succeeded), None)
    return failed or max(results, key=lambda result: result.seconds)


def _print_trace(
    console: Console,
    results: Sequence[BootResult],
    spans: Sequence[ReadableSpan],
    sent_to: str | None,
    *,
    expand: bool,
    complete: bool,
) -> None:
    shown = _result_shown(results)
    fault = shown.request.fault
    by_request = _by_request(spans)
    traces, joined = _traces_of(shown, by_request)
    if not traces:
        console.print(Text(f"\n{NO_TRACE}", "dim"))
        return
    console.print(_steps([span for trace in traces for span in trace.spans]))
    culprits, mark = _culprits(fault, traces), SEEN if fault is not None and fault.seen_at else CULPRIT
    if fault is not None:
        acted = bool(culprits) and shown.status == fault.status
        console.print(_explanation(fault, acted=acted if complete else None))
    for number, trace in enumerate(traces):
        about = headline(trace) if len(results) == 1 else f"{shown.request.name} · {headline(trace)}"
        detached = "same request, but not linked to this trace: " if number else ""
        console.print(Text(f"\n{detached}{about}\n", "dim"))
        console.print(
            waterfall(trace, columns(console), lambda span: _label(span, culprits, mark), expand=expand), soft_wrap=True
        )
    for remark in _remarks(joined, complete=complete):
        console.print(Text(f"\n{remark}", "dim"))
    # Commands to copy must not be wrapped.
    own = by_request.get(shown.request_id, [])
    console.print(Text(f"\n{_hint(shown, own, sent_to, complete=complete)}", "dim"), soft_wrap=True)


def _remarks(joined: int, *, complete: bool) -> Iterator[str]:
    if joined:
        yield f"includes {joined} linked traces, each shown below the span that it links to"
    if not complete:
        yield "only this process's spans are shown; the services send theirs to the endpoint of their own --otlp"


def _by_request(spans: Sequence[ReadableSpan]) -> Mapping[str, list[ReadableSpan]]:
    found: dict[str, list[ReadableSpan]] = {}
    for span in spans:
        found.setdefault(str((span.attributes or {}).get("openstack.request.id")), []).append(span)
    return found


def _traces_of(result: BootResult, spans: Mapping[str, list[ReadableSpan]]) -> tuple[list[SpanTree], int]:
    """Return the trace of a boot, joined with those that link to it, then its request's other traces.

    The second value is how many were joined.
    """
    found = trees(spans_from_sdk(spans.get(result.request_id, [])))
    own = next((trace for trace in found if trace.trace_id == result.trace_id), None)
    if own is None:
        return [], 0
    traces = join_linked(own, found)
    return traces, len(found) - len(traces)


def _explanation(fault: Fault, *, acted: bool | None) -> Text:
    """Return a sentence about what happened and where to look. `acted` is None if the services' spans are elsewhere."""
    text = f"{fault.happened}; look at {fault.look_for}."
    if acted is None:
        text = f"if the services accept faults, {text}"
    elif not acted:
        text = "something else went wrong first, so the fault did not act as described."
    return Text.assemble(("\n⚑ ", "bold red"), (fault.name, "bold"), f": {text}")


def _culprits(fault: Fault | None, traces: Sequence[SpanTree]) -> set[str]:
    """Return the ids of the spans on which the fault acted, or else of the spans that show it."""
    if fault is None:
        return set()
    all_spans = [span for trace in traces for span in trace.spans]
    acted = {span.span_id for span in all_spans if span.attributes.get("openstack.fault.name") == fault.name}
    evidence = tree(f"{fault.evidence}\n  ...")
    return acted or {span.span_id for span in all_spans if evidence.cost([span]) == 0}


def _label(span: Span, culprits: set[str], mark: str) -> str:
    return " ".join(filter(None, (step_label(span, OPENSTACK), mark if span.span_id in culprits else "")))


def _outcome(result: BootResult) -> Text:
    took, name = duration(round(result.seconds * 1e9)), result.request.name
    if result.succeeded:
        where = f" on {result.host}" if result.host else ""  # nova shows the host to administrators only
        return Text(f"✓ {name} is ACTIVE{where}, {', '.join(result.addresses)}, after {took}", "green")
    if result.status == "REFUSED":
        return Text(f"✗ {name} was refused: {result.fault}", "red")
    return Text(f"✗ {name} is in {result.status} after {took}: {result.fault}", "red")


def _steps(spans: Sequence[Span]) -> Text:
    """Return what the services did: a line for each choice of a host, step of Figure 1.8, and spawn."""
    lines = Text()
    for span in spans:
        took = duration(span.end - span.start)
        if span.name == "select_destinations":
            chosen = span.attributes.get("openstack.scheduler.host")
            outcome = f"chose {chosen}" if chosen else "found no host"
            lines.append(f"\n  {'':6}  nova-scheduler {outcome}, {took}", "red" if span.failed else "")
        elif steps := step_label(span, OPENSTACK):
            error = span.error_type.split(".")[-1]  # BuildAborted, not nova.BuildAborted
            answer = ", then ".join(dict.fromkeys(filter(None, (str(span.status or ""), error))))
            server = STEP_SERVERS.get(steps, "another service")
            lines.append(f"\n  {steps}  {span.service} asked {server}: {answer}, {took}", "red" if span.failed else "")
        elif span.name == "spawn":
            interrupted = span.parent is not None and span.parent.error_type.endswith("Interrupted")
            what = "could not spawn" if span.failed else "was still spawning" if interrupted else "spawned"
            lines.append(f"\n  {'':6}  {span.service} {what} it, {took}", "red" if span.failed or interrupted else "")
    return lines


def jaeger_hint(page: str, sent_to: str) -> str:
    """Say where a trace was sent, and on which page of Jaeger it is."""
    return f"sent to {sent_to}; in Jaeger: {trace_link(JAEGER_UI, page)}"


def _hint(shown: BootResult, spans: Sequence[ReadableSpan], sent_to: str | None, *, complete: bool) -> str:
    if sent_to is not None:
        return jaeger_hint(trace_page(shown.trace_id, spans) if complete else _expected_page(shown), sent_to)
    again = "boot" if shown.request.fault is None else f"boot --fault {shown.request.fault.name}"
    commands = (again,) if complete else ("up", again)
    return f"To see it in Jaeger:\n  {JAEGER}" + "".join(
        f"\n  emulator {command} --otlp {OTLP}" for command in commands
    )


def _expected_page(shown: BootResult) -> str:
    """Return the page of a boot whose services ran elsewhere: their spans should be in Jaeger, but are not known."""
    fault = shown.request.fault
    if fault is not None and not fault.seen_at and not shown.succeeded:
        return page_finding(shown.trace_id, FAULT)
    return page_finding(shown.trace_id, STEP if shown.succeeded else None)
