"""What `emulator boot` prints: what happened, the waterfall, and how to see the same in Jaeger."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from opentelemetry.sdk.trace import ReadableSpan
from rich.console import Console
from rich.text import Text

from emulator.client.boot_sequence import BootResult
from emulator.faults import Fault
from emulator.openstack_vocabulary import OPENSTACK
from spantree import Span, SpanTree, join_linked, spans_from_sdk, tree, trees
from spantree.render import duration, headline, step_label
from spantree.render.terminal import columns, printer, waterfall

__all__ = ["NOTHING", "Detail", "boot_traces", "in_jaeger", "print_boots", "trace_shown", "write"]

JAEGER_UI = "http://localhost:16686"
JAEGER = f"docker run --rm -p 16686:16686 -p 4318:4318 jaegertracing/jaeger:2.13.0   # then look at {JAEGER_UI}"
OTLP = "http://localhost:4318"
CULPRIT, SEEN = "◄ culprit", "◄ seen here"
ASKED = {"(1)(2)": "keystone", "(3)(4)": "neutron-server", "(5)(6)": "glance-api"}
"""Whom nova-compute asks at each step of Figure 1.8, also where that left no span."""
NOTHING = "There is no trace to show: the SDK is disabled, or its sampler dropped the spans."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Detail:
    """How much is printed: of `quiet` ones the outcomes alone, of `expand`ed waterfalls a line for every span."""

    quiet: bool = False
    expand: bool = False


def print_boots(
    boots: Sequence[BootResult], spans: Sequence[ReadableSpan], sent_to: str | None, detail: Detail, *, complete: bool
) -> None:
    """Print the outcome of every boot, and the waterfall of one: of the first that failed, else of the slowest.

    Without `complete` the services were not in this process, so that their spans are not here.
    """
    console = printer()
    with console.capture() as captured:
        for ended in boots:
            console.print(_outcome(ended))
        if not detail.quiet:
            _print_trace(console, boots, spans, sent_to, expand=detail.expand, complete=complete)
    write(captured.get())


def write(report: str) -> bool:
    """Print a report. Return whether somebody still reads: `emulator boot | head` has seen enough."""
    try:
        sys.stdout.write(report)
        sys.stdout.flush()
    except OSError as error:  # the boot is what it is, also where its report cannot be written
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return False
        log.warning("the report could not be written: %s", error.strerror)
    return True


def boot_traces(boots: Sequence[BootResult], spans: Sequence[ReadableSpan]) -> list[SpanTree]:
    """Return the traces of all boots, those that follow by links in them."""
    ours = _by_request(spans)
    return [trace for ended in boots for trace in _traces_of(ended, ours)[0]]


def trace_shown(boots: Sequence[BootResult], spans: Sequence[ReadableSpan]) -> SpanTree | None:
    """Return the trace whose waterfall is printed, if there is one."""
    return next(iter(_traces_of(_shown(boots), _by_request(spans))[0]), None)


def _shown(boots: Sequence[BootResult]) -> BootResult:
    failed = next((ended for ended in boots if not ended.succeeded), None)
    return failed or max(boots, key=lambda ended: ended.seconds)


def _print_trace(
    console: Console,
    boots: Sequence[BootResult],
    spans: Sequence[ReadableSpan],
    sent_to: str | None,
    *,
    expand: bool,
    complete: bool,
) -> None:
    shown = _shown(boots)
    traces, joined = _traces_of(shown, _by_request(spans))
    if not traces:
        console.print(Text(f"\n{NOTHING}", "dim"))
        return
    console.print(_story([span for trace in traces for span in trace.spans]))
    culprits, mark = _culprits(shown.order.fault, traces), _mark(shown.order.fault)
    if shown.order.fault is not None:
        as_told = bool(culprits) and shown.status == shown.order.fault.status
        console.print(_truth(shown.order.fault, acted=as_told if complete else None))
    for number, trace in enumerate(traces):
        about = headline(trace) if len(boots) == 1 else f"{shown.order.name} · {headline(trace)}"
        lost = "of the same request, and nothing leads here: " if number else ""
        console.print(Text(f"\n{lost}{about}\n", "dim"))
        console.print(
            waterfall(trace, columns(console), lambda span: _label(span, culprits, mark), expand=expand), soft_wrap=True
        )
    for remark in _remarks(joined, complete=complete):
        console.print(Text(f"\n{remark}", "dim"))
    console.print(Text(f"\n{_hint(shown, sent_to, complete=complete)}", "dim"), soft_wrap=True)  # it is to be copied


def _remarks(joined: int, *, complete: bool) -> Iterator[str]:
    if joined:
        yield f"joined to it: {joined} that follow by links, each below the span that it links to"
    if not complete:
        yield "this process saw only its own spans; those of the services went where their --otlp says"


def _by_request(spans: Sequence[ReadableSpan]) -> Mapping[str, list[ReadableSpan]]:
    found: dict[str, list[ReadableSpan]] = {}
    for span in spans:
        found.setdefault(str((span.attributes or {}).get("openstack.request.id")), []).append(span)
    return found


def _traces_of(shown: BootResult, spans: Mapping[str, list[ReadableSpan]]) -> tuple[list[SpanTree], int]:
    """The trace of a boot with those that follow by links, how many these are, and others of its request, if any."""
    found = trees(spans_from_sdk(spans.get(shown.request_id, [])))
    own = next((trace for trace in found if trace.trace_id == shown.trace_id), None)
    if own is None:
        return [], 0
    traces = join_linked(own, found)
    return traces, len(found) - len(traces)


def _truth(fault: Fault, *, acted: bool | None) -> Text:
    """Say in a sentence what happened and where to look. What other services did is not known: `acted` is None."""
    said = f"{fault.happened}; look at {fault.look_for}."
    if acted is None:
        said = f"if the services there let faults in, {said}"
    elif not acted:
        said = "something else came in between, and it did not act as it is described."
    return Text.assemble(("\n⚑ ", "bold red"), (fault.name, "bold"), f": {said}")


def _culprits(fault: Fault | None, traces: Sequence[SpanTree]) -> set[str]:
    """The spans on which a fault acted; where these are not in the trace, those that show it."""
    if fault is None:
        return set()
    all_spans = [span for trace in traces for span in trace.spans]
    acted = {span.span_id for span in all_spans if span.attributes.get("openstack.fault.name") == fault.name}
    shows = tree(f"{fault.evidence}\n  ...")
    return acted or {span.span_id for span in all_spans if shows.cost([span]) == 0}


def _mark(fault: Fault | None) -> str:
    """What stands beside a culprit, or beside the span that shows it."""
    return SEEN if fault is not None and fault.seen_at else CULPRIT


def _label(span: Span, culprits: set[str], mark: str) -> str:
    return " ".join(filter(None, (step_label(span, OPENSTACK), mark if span.span_id in culprits else "")))


def _outcome(ended: BootResult) -> Text:
    took = duration(round(ended.seconds * 1e9))
    if ended.succeeded:
        where = f" on {ended.host}" if ended.host else ""  # which only admins are told
        return Text(f"✓ {ended.order.name} is ACTIVE{where}, {', '.join(ended.addresses)}, after {took}", "green")
    if ended.status == "REFUSED":
        return Text(f"✗ {ended.order.name} was refused: {ended.fault}", "red")
    return Text(f"✗ {ended.order.name} is in {ended.status} after {took}: {ended.fault}", "red")


def _story(spans: Sequence[Span]) -> Text:
    """What the services did, in a line for each choice and each exchange of Figure 1.8."""
    lines = Text()
    for span in spans:
        took = duration(span.end - span.start)
        if span.name == "select_destinations":
            chosen = span.attributes.get("openstack.scheduler.host")
            outcome = f"chose {chosen}" if chosen else "found no host"
            lines.append(f"\n  {'':6}  nova-scheduler {outcome}, {took}", "red" if span.failed else "")
        elif steps := step_label(span, OPENSTACK):
            answer = ", then ".join(
                dict.fromkeys(filter(None, (str(span.status or ""), span.error_type.split(".")[-1])))
            )
            asked = ASKED.get(steps, "somebody")
            lines.append(f"\n  {steps}  {span.service} asked {asked}: {answer}, {took}", "red" if span.failed else "")
        elif span.name == "spawn":
            ended = span.parent is not None and span.parent.error_type.endswith("Interrupted")
            what = "could not spawn" if span.failed else "was still spawning" if ended else "spawned"
            lines.append(f"\n  {'':6}  {span.service} {what} it, {took}", "red" if span.failed or ended else "")
    return lines


def in_jaeger(trace_id: str, sent_to: str) -> str:
    """Tell where a trace went, and how to see it there."""
    return f"sent to {sent_to}; in Jaeger: {JAEGER_UI}/trace/{trace_id}"


def _hint(shown: BootResult, sent_to: str | None, *, complete: bool) -> str:
    if sent_to is not None:
        return in_jaeger(shown.trace_id, sent_to)
    again = "boot" if shown.order.fault is None else f"boot --fault {shown.order.fault.name}"
    commands = (again,) if complete else ("up", again)
    return f"To see it in Jaeger:\n  {JAEGER}" + "".join(
        f"\n  emulator {command} --otlp {OTLP}" for command in commands
    )
