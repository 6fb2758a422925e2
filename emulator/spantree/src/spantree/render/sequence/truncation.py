"""Shortens a diagram that is too long to read: its start, its end and its first errors stay."""

from collections.abc import Sequence

from spantree.render.sequence.diagram import Activation, DiagramItem, Message, Note

__all__ = ["truncate"]


def truncate(items: Sequence[DiagramItem], most: int) -> list[DiagramItem]:
    """Return about `most` of the items. Notes take the place of the others and say how many there were."""
    rows = [item for item in items if not isinstance(item, Activation)]
    if len(rows) <= most:
        return list(items)
    kept = _spans_to_keep(rows, most)
    shown: list[DiagramItem] = []
    missing = 0
    for item in items:
        if item.span_id in kept:
            # an activation belongs to the message before it, so no gap goes between them
            if missing and not isinstance(item, Activation):
                shown.append(_gap(missing, item.key))
                missing = 0
            shown.append(item)
        elif not isinstance(item, Activation):
            missing += _represented(item)
    return [*shown, _gap(missing, "end")] if missing else shown


def _spans_to_keep(rows: Sequence[Message | Note], most: int) -> set[str]:
    """Return the spans to keep, by id: a fifth for the first errors, a fifth for the end, the rest for the start."""
    fifth = max(1, most // 5)
    errors = [row for row in rows if _is_error(row)][:fifth]
    return {row.span_id for row in (*errors, *rows[-fifth:], *rows[: max(1, most - 2 * fifth)])}


def _represented(row: Message | Note) -> int:
    """Return how many rows a row stands for: a gap from an earlier truncation stands for all that it replaced."""
    return row.left_out or 1 if isinstance(row, Note) else 1


def _is_error(row: Message | Note) -> bool:
    return row.failed if isinstance(row, Message) else row.tone in {"error", "fault"}


def _gap(missing: int, where: str) -> Note:
    label = f"{missing:,} more step{'' if missing == 1 else 's'} left out"
    return Note(f"gap:{where}", f"gap:{where}", None, label, tone="gap", left_out=missing)
