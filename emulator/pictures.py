"""Pictures of a trace in files, as the options of `boot` and `show` name them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.render.sequence import mermaid, sequence, sequence_svg
from emulator.traces import SpanTree

__all__ = ["Pictures", "worth_drawing", "write_pictures"]


@dataclass(frozen=True, slots=True)
class Pictures:
    """The files that pictures go to, None where one is not wanted."""

    mermaid: Path | None = None
    svg: Path | None = None

    @property
    def wanted(self) -> bool:
        """Whether there is anything to draw."""
        return self.mermaid is not None or self.svg is not None


def worth_drawing(traces: Sequence[SpanTree]) -> SpanTree:
    """Return the first trace in which something failed, else the longest."""
    failed = (trace for trace in traces if any(span.failed for span in trace.spans))
    return next(failed, None) or max(traces, key=lambda trace: trace.duration)


def write_pictures(pictures: Pictures, trace: SpanTree) -> None:
    """Draw a trace into the files that are wanted. Raises OSError."""
    diagram = sequence(trace)
    for file, draw in ((pictures.mermaid, mermaid), (pictures.svg, sequence_svg)):
        if file is not None:
            file.write_text(draw(diagram), encoding="utf-8")
