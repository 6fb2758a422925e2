"""A trace as a waterfall in the terminal: a line a span, with its bar on the time axis."""

from collections.abc import Callable

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from emulator.render.paths import request_path
from emulator.traces import Span, SpanTree, visible

__all__ = ["columns", "duration", "headline", "step_number", "waterfall"]

PALETTE = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_magenta", "bright_green")
STEP = "openstack.boot.step"
SMALLEST_BAR = 16
LARGEST_NAME = 54
GAP = 2
PIPED_WIDTH = 120


def step_number(span: Span) -> str:
    """Return the steps of Figure 1.8 that a span stands for, `(1)(2)` for one; "" for most."""
    steps = visible(str(span.attributes.get(STEP, "")))
    return "".join(f"({number})" for number in steps.split(",") if number)


def waterfall(tree: SpanTree, width: int = 120, label: Callable[[Span], str] = step_number) -> Text:
    """Draw a trace, `width` columns wide: service, name, `label`, bar and duration of every span; errors in red.

    `label` is by default the step of Figure 1.8 that a span stands for.
    """
    rows = list(tree.walk())
    begin, end = min(span.start for _, span in rows), max(span.end for _, span in rows)
    services = max(cell_len(visible(span.service)) for _, span in rows)
    names = max(cell_len("  " * depth + _title(span)) for depth, span in rows)
    labels = max((cell_len(label(span)) for _, span in rows), default=0)
    fixed = services + labels + len("1000.0 ms") + 4 * GAP
    name_width = max(min(names, LARGEST_NAME, width - fixed - SMALLEST_BAR), 12)
    bar_width = max(width - fixed - name_width, SMALLEST_BAR)
    colours = {service: PALETTE[number % len(PALETTE)] for number, service in enumerate(tree.services)}

    picture = Text(no_wrap=True)
    picture.append(" " * (services + name_width + labels + 3 * GAP))
    picture.append(_axis(end - begin, bar_width), "dim")
    for depth, span in rows:
        colour = "red" if span.failed else colours[span.service]
        before, bar = _bar(span, begin, end, bar_width)
        picture.append("\n")
        picture.append(set_cell_size(visible(span.service), services + GAP), colours[span.service])
        picture.append(_fit("  " * depth + _title(span), name_width) + " " * GAP, "red" if span.failed else "")
        picture.append(set_cell_size(label(span), labels + GAP), "bold")
        picture.append(" " * before)
        picture.append(bar, colour)
        picture.append(" " * (bar_width - before - cell_len(bar) + GAP))
        picture.append(duration(span.end - span.start).rjust(9), "red" if span.failed else "dim")
    return picture


def headline(tree: SpanTree) -> str:
    """Say in a line what a trace is: its id, and how many spans and services it has."""
    return f"trace {tree.trace_id} · {_count(len(tree), 'span')} · {_count(len(tree.services), 'service')}"


def columns(console: Console) -> int:
    """Return how wide pictures are: as the terminal, but not narrow where there is none."""
    return console.width if console.is_terminal else max(console.width, PIPED_WIDTH)


def duration(nanoseconds: int) -> str:
    """Word a duration: `0.4 ms`, `37 ms`, `2.13 s`."""
    milliseconds = nanoseconds / 1e6
    if milliseconds < 10:  # noqa: PLR2004 - one digit more where it matters
        return f"{milliseconds:.1f} ms"
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.2f} s"  # noqa: PLR2004


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _title(span: Span) -> str:
    """A client span is called by its method alone: show whom it asks for what."""
    path = request_path(span) if span.kind == "client" else ""
    status = span.attributes.get("http.response.status_code") if span.kind == "client" else None
    failure = f" !{span.error_type.rpartition('.')[2]}" if span.failed and str(status) != span.error_type else ""
    return visible(" ".join(str(part) for part in (span.name, path, status) if part) + failure)


def _bar(span: Span, begin: int, end: int, width: int) -> tuple[int, str]:
    scale = width / max(end - begin, 1)
    before = min(int((span.start - begin) * scale), width - 1)
    length = max(1, min(round((span.end - span.start) * scale), width - before))
    return before, "█" * length if (span.end - span.start) * scale >= 1 else "▏"


def _axis(span: int, width: int) -> str:
    left, right = "0 ms", duration(span)
    return left + right.rjust(width - len(left))


def _fit(text: str, width: int) -> str:
    return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"
