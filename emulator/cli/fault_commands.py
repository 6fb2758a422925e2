"""What `emulator faults` does: print what can go wrong, for people as a table and for programs as JSON."""

import json
from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from emulator.faults import FAULTS, Fault, fault_tree
from emulator.runtime.propagation import FAULT_MEMBER
from spantree.render.terminal import columns, printer

__all__ = ["faults"]

NARROW = 60
"""Below this many columns there is no room for a table."""


def faults(*, as_json: bool) -> int:
    """Print all faults, with the ground truth about each as JSON. Return the exit status."""
    if as_json:
        print(json.dumps({"faults": [_truth(fault) for fault in FAULTS.values()]}, indent=2))
        return 0
    console = printer()
    console.width = columns(console)
    console.print(*_list() if console.width < NARROW else [_table()], sep="\n", soft_wrap=False)
    console.print("\nTry one: emulator boot --fault glance.image_missing", style="dim")
    return 0


def _table() -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("fault", no_wrap=True)
    table.add_column("server")
    table.add_column("what it teaches")
    for fault in FAULTS.values():
        table.add_row(fault.name, _status(fault), fault.lesson)
    return table


def _list() -> Iterator[RenderableType]:
    for fault in FAULTS.values():
        yield Text.assemble(fault.name, "  ", _status(fault))
        yield Padding(fault.lesson, (0, 0, 0, 2))


def _status(fault: Fault) -> Text:
    return Text(fault.status, "green" if fault.status == "ACTIVE" else "red")


def _truth(fault: Fault) -> dict[str, Any]:
    return {
        "name": fault.name,
        "baggage": f"{FAULT_MEMBER}={fault.name}",
        "teaches": fault.lesson,
        "happened": fault.happened,
        "culprit": {"service": fault.service, "span": fault.culprit, "in_trace": not fault.seen_at},
        "evidence": fault.evidence,
        "symptom": {"server_status": fault.status, "seen_by_user": fault.symptom},
        "look_for": fault.look_for,
        "found_by_check": fault.found_by or None,
        "tree": fault_tree(fault.name),
    }
