"""Aligns a trace that fits its tree line by line, as most do, without a search."""

from collections.abc import Mapping, Sequence

from spantree.expectation.comparison import Alignment, Row, compare
from spantree.expectation.parser import AnyOrder, Level
from spantree.expectation.placeholders import Placeholder
from spantree.span import Span

__all__ = ["align_in_step"]


def align_in_step(level: Level, spans: Sequence[Span], placeholders: Mapping[str, Placeholder]) -> Alignment | None:
    """Return the alignment of a trace whose spans fit the lines one by one; None at the first that does not."""
    levels, firsts = [(level, spans)], list[int]()
    for lines, siblings in levels:  # it grows: the levels below these spans stand in a row
        firsts.append(len(levels))
        if lines.rest or len(lines.items) != len(siblings):
            return None
        for line, span in zip(lines.items, siblings, strict=True):
            if (
                isinstance(line, AnyOrder)
                or not line.least == line.most == 1
                or compare(line, span, placeholders) != ()
            ):
                return None
            levels.append((line.below, span.children))
    done: dict[int, Alignment] = {}
    for number in range(len(levels) - 1, -1, -1):  # from the bottom up
        lines, siblings = levels[number]
        pairs = enumerate(zip(lines.spans(), siblings, strict=True))
        rows = (Row(line, span, place, (), done.pop(firsts[number] + place)) for place, (line, span) in pairs)
        done[number] = Alignment(lines, tuple(rows), 0)
    return done[0]
