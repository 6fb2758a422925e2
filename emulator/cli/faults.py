"""`emulator faults`: list the faults that can be injected. Prints a table for people, or JSON for programs."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from spantree.cli.glyphs import ascii_only
from spantree.cli.options import Ascii, option

if TYPE_CHECKING:  # importing these takes longer than printing the help text
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from emulator.faults import Fault

__all__ = ["faults"]

NARROW = 60
"""Columns. A narrower terminal gets a list: a table would not fit."""


def faults(
    *,
    as_json: Annotated[bool, option("json", "Print the ground truth about each fault, as JSON.")] = False,
    no_unicode: Ascii = False,
) -> None:
    """List the faults that can be injected, and what each one teaches."""
    if no_unicode:
        ascii_only()
    from emulator.faults import FAULTS

    if as_json:
        print(json.dumps({"faults": [_ground_truth(fault) for fault in FAULTS.values()]}, indent=2))
    else:
        _print_table(list(FAULTS.values()))


def _print_table(all_faults: list["Fault"]) -> None:
    from spantree.render.terminal import columns, printer

    console = printer()
    console.width = columns(console)
    rows = _list(all_faults) if console.width < NARROW else [_table(all_faults)]
    console.print(*rows, sep="\n", soft_wrap=False)
    console.print("\nTry one: emulator boot --fault glance.image_missing", style="dim")


def _table(all_faults: list["Fault"]) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("fault", no_wrap=True)
    table.add_column("server")
    table.add_column("what it teaches")
    for fault in all_faults:
        table.add_row(fault.name, _status(fault), fault.lesson)
    return table


def _list(all_faults: list["Fault"]) -> Iterator["RenderableType"]:
    from rich.padding import Padding
    from rich.text import Text

    for fault in all_faults:
        yield Text.assemble(fault.name, "  ", _status(fault))
        yield Padding(fault.lesson, (0, 0, 0, 2))


def _status(fault: "Fault") -> "Text":
    from rich.text import Text

    return Text(fault.status, "green" if fault.status == "ACTIVE" else "red")


def _ground_truth(fault: "Fault") -> dict[str, Any]:
    """Return the facts by which to grade a program that looks for the fault in a trace."""
    from emulator.faults import fault_tree
    from emulator.runtime.propagation import FAULT_MEMBER

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
