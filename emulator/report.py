"""What `emulator boot` prints: what happened, the waterfall, and how to see the same in Jaeger."""

import logging
import os
import sys
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from rich.console import Console
from rich.text import Text

from emulator.client import Boot
from emulator.render import columns, duration, headline, step_number, waterfall
from emulator.traces import SpanTree, spans_from_sdk, trees

__all__ = ["print_boots"]

JAEGER_UI = "http://localhost:16686"
JAEGER = f"docker run --rm -p 16686:16686 -p 4318:4318 jaegertracing/jaeger:2.11.0   # then look at {JAEGER_UI}"
OTLP = "http://localhost:4318"

log = logging.getLogger(__name__)


def print_boots(boots: Sequence[Boot], spans: Sequence[ReadableSpan], sent_to: str | None, *, complete: bool) -> None:
    """Print the outcome of every boot, and the waterfall of one: of the first that failed, else of the slowest.

    Without `complete` the services were not in this process, so that their spans are not here.
    """
    console = Console(highlight=False, soft_wrap=True)
    with console.capture() as captured:
        _print(console, boots, spans, sent_to, complete=complete)
    try:
        sys.stdout.write(captured.get())
        sys.stdout.flush()
    except OSError as error:  # the boot is what it is, also where its report cannot be written
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # `emulator boot | head` has seen enough
            log.warning("the report could not be written: %s", error.strerror)


def _print(
    console: Console, boots: Sequence[Boot], spans: Sequence[ReadableSpan], sent_to: str | None, *, complete: bool
) -> None:
    for ended in boots:
        console.print(_outcome(ended))
    shown = min(boots, key=lambda ended: (ended.succeeded, -ended.seconds))
    tree = _tree_of(shown, spans)
    if tree is not None:
        console.print(_story(tree))
        about = headline(tree)
        console.print(Text(f"\n{about if len(boots) == 1 else f'{shown.order.name} · {about}'}\n", "dim"))
        console.print(waterfall(tree, columns(console)))
        if not complete:
            elsewhere = "this process saw only its own spans; those of the services went where their --otlp says"
            console.print(Text(f"\n{elsewhere}", "dim"))
        console.print(Text(f"\n{_hint(shown, sent_to, complete=complete)}", "dim"))
    else:
        console.print(
            Text("\nThere is no trace to show: the SDK is disabled, or its sampler dropped the spans.", "dim")
        )


def _outcome(ended: Boot) -> Text:
    took = duration(round(ended.seconds * 1e9))
    if ended.succeeded:
        return Text(
            f"✓ {ended.order.name} is ACTIVE on {ended.host}, {', '.join(ended.addresses)}, after {took}", "green"
        )
    if ended.status == "REFUSED":
        return Text(f"✗ {ended.order.name} was refused: {ended.fault}", "red")
    return Text(f"✗ {ended.order.name} is in {ended.status} after {took}: {ended.fault}", "red")


def _story(tree: SpanTree) -> Text:
    """What the services did, in a line for each choice and each exchange of Figure 1.8."""
    lines = Text()
    for span in tree.spans:
        took = duration(span.end - span.start)
        if span.name == "select_destinations":
            chosen = span.attributes.get("openstack.scheduler.host")
            outcome = f"chose {chosen}" if chosen else "found no host that can hold it"
            lines.append(f"\n  {'':6}  nova-scheduler {outcome}, {took}", "red" if span.failed else "")
        elif steps := step_number(span):
            asked = next((child.service for child in span.children), "nobody")
            status = span.attributes.get("http.response.status_code", span.error_type)
            lines.append(f"\n  {steps}  {span.service} asked {asked}: {status}, {took}", "red" if span.failed else "")
        elif span.name == "spawn":
            lines.append(f"\n  {'':6}  {span.service} spawned it, {took}", "red" if span.failed else "")
    return lines


def _tree_of(shown: Boot, spans: Sequence[ReadableSpan]) -> SpanTree | None:
    found = trees(spans_from_sdk(spans))
    return next((tree for tree in found if tree.trace_id == shown.trace_id), None)


def _hint(shown: Boot, sent_to: str | None, *, complete: bool) -> str:
    if sent_to is not None:
        return f"sent to {sent_to}; in Jaeger: {JAEGER_UI}/trace/{shown.trace_id}"
    commands = ("boot",) if complete else ("up", "boot")
    return f"To see it in Jaeger:\n  {JAEGER}" + "".join(f"\n  emulator {name} --otlp {OTLP}" for name in commands)
