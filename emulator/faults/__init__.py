"""The faults that a request can carry, as data. Each has an entry in the catalogue and a reference tree beside it."""

from difflib import get_close_matches
from importlib.resources import files

from emulator.faults.catalogue import FAULTS
from emulator.faults.fault import Effect, Fault

__all__ = ["FAULTS", "Effect", "Fault", "fault_tree", "find_fault"]


def find_fault(name: str) -> Fault:
    """Return the fault of that name. Raises LookupError, which suggests similar names."""
    if name not in FAULTS:
        alike = get_close_matches(name, FAULTS, n=3, cutoff=0.5) or FAULTS
        raise LookupError(f"there is no fault {name!r}; did you mean {', '.join(alike)}?")
    return FAULTS[name]


def fault_tree(name: str) -> str:
    """Return the tree of a boot with this fault, as text for `spantree.tree`."""
    return files(__name__).joinpath(f"{name}.tree").read_text("utf-8")
