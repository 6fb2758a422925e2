"""A diagram that nobody would read to its end is cut: its begin, its end and what failed stay."""

from collections.abc import Sequence

from spantree.render.sequence.diagram import Bar, Item, Message, Note

__all__ = ["cut"]


def cut(items: Sequence[Item], most: int) -> list[Item]:
    """Return about `most` of the items, and in place of the others a note that says how many there were."""
    rows = [item for item in items if not isinstance(item, Bar)]
    if len(rows) <= most:
        return list(items)
    kept = _chosen(rows, most)
    shown: list[Item] = []
    missing = 0
    for item in items:
        if item.span_id in kept:
            if missing and not isinstance(item, Bar):
                shown.append(_gap(missing, item.key))
                missing = 0
            shown.append(item)
        elif not isinstance(item, Bar):
            missing += _weight(item)
    return [*shown, _gap(missing, "end")] if missing else shown


def _chosen(rows: Sequence[Message | Note], most: int) -> set[str]:
    """Choose spans: a fifth for what failed first, a fifth for the end, the rest for the begin."""
    fifth = max(1, most // 5)
    troubles = [row for row in rows if _is_trouble(row)][:fifth]
    chosen: dict[str, None] = {}
    for row in [*troubles, *rows[-fifth:], *rows[: max(1, most - 2 * fifth)]]:
        chosen[row.span_id] = None
    return set(chosen)


def _weight(row: Message | Note) -> int:
    """How much a row stands for: a gap for all that is missing there already."""
    return row.left_out or 1 if isinstance(row, Note) else 1


def _is_trouble(row: Message | Note) -> bool:
    return row.failed if isinstance(row, Message) else row.tone in {"error", "fault"}


def _gap(missing: int, where: str) -> Note:
    words = f"{missing:,} more step{'' if missing == 1 else 's'} left out"
    return Note(f"gap:{where}", f"gap:{where}", None, words, tone="gap", left_out=missing)
