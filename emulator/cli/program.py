"""What spantree's commands get from the emulator: the prefix `EMULATOR_`, named trees, and OpenStack's vocabulary."""

from typing import TYPE_CHECKING

from spantree.cli.program import NamedTrees, Program

if TYPE_CHECKING:  # the renderers take longer to import than `--help` runs
    from pathlib import Path

    from spantree.render import Vocabulary

__all__ = ["EMULATOR"]


def _names() -> list[str]:
    from emulator.faults import FAULTS
    from emulator.reference import tree_names

    return [*tree_names(), *FAULTS]


def _text(name: str) -> str:
    """Return a reference tree or a fault's tree by name. Raises LookupError if there is none."""
    from emulator.faults import fault_tree, find_fault
    from emulator.reference import tree_names, tree_text

    return tree_text(name) if name in tree_names() else fault_tree(find_fault(name).name)


def _vocabulary() -> "Vocabulary":
    from emulator.openstack_vocabulary import OPENSTACK

    return OPENSTACK


def _registry() -> "list[Path]":
    from emulator.reference import registry_folder

    return [registry_folder()]


EMULATOR = Program(
    "emulator",
    "EMULATOR",
    trees=NamedTrees(_names, _text),
    tree_help="a *.tree file; boot or boot-link, the reference traces; or the name of a fault",
    vocabulary=_vocabulary,
    continues_by=("openstack.osprofiler.base_id",),
    registry=_registry,
)
