"""The faults that can ride with a request, as data: each named once, with its reference tree beside it."""

from difflib import get_close_matches
from importlib.resources import files

from emulator.faults.catalogue import FAULTS
from emulator.faults.fault import Effect, Fault

__all__ = ["FAULTS", "Effect", "Fault", "fault_tree", "find_fault"]


def find_fault(name: str) -> Fault:
    """Return the fault of that name. Raises LookupError, with the names that are like it."""
    if name not in FAULTS:
        alike = get_close_matches(name, FAULTS, n=3, cutoff=0.5) or FAULTS
        raise LookupError(f"there is no fault {name!r}; did you mean {', '.join(alike)}?")
    return FAULTS[name]


def fault_tree(name: str) -> str:
    """Return the tree that a boot with this fault leaves, in the form that `traces.tree` reads."""
    return files(__name__).joinpath(f"{name}.tree").read_text("utf-8")
