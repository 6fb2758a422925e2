"""The program that the commands run in: its name, its environment variables, its named trees and its vocabulary.

The script `spantree` runs them as they are. Another program calls `use` first, before it imports a command: options
name their environment variables when they are imported.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the renderers take longer to import than `--help` runs
    from spantree.render import Vocabulary

__all__ = ["SPANTREE", "NamedTrees", "Program", "current", "use"]


def _no_tree(name: str) -> str:
    raise LookupError(name)


@dataclass(frozen=True, slots=True)
class NamedTrees:
    """Expected trees that a program has by name. `--expect` takes such a name in place of a file.

    `names` returns the names, for messages; `text` returns the text of a tree, and raises LookupError for an unknown
    name. Both are called only when a command needs them.
    """

    names: Callable[[], Sequence[str]] = tuple
    text: Callable[[str], str] = _no_tree


def _plain() -> "Vocabulary":
    from spantree.render import PLAIN

    return PLAIN


@dataclass(frozen=True, slots=True)
class Program:
    """A program that offers the commands.

    Error messages begin with `name`, and environment variables with `prefix`: `--timeout` reads `<prefix>_TIMEOUT`.
    `vocabulary` returns the vocabulary to draw pictures with; it is called only when one is drawn.
    """

    name: str
    prefix: str
    trees: NamedTrees = NamedTrees()
    tree_help: str = "a *.tree file"
    """What `--expect` takes, in its help text."""
    vocabulary: "Callable[[], Vocabulary]" = _plain
    continues_by: Sequence[str] = ()
    """The attributes by which an uninstrumented client joins its requests into one trace: see `SpanTree.check`."""
    registry: Callable[[], Sequence[Path]] = tuple
    """Returns the registries of the program's own attributes, which `check` knows besides those of the project."""


SPANTREE = Program("spantree", "SPANTREE")

_program = SPANTREE
"""A module global rather than a ContextVar: a program is the same in every thread and task of its process."""


def use(program: Program) -> None:
    """Make this the program that the commands run in."""
    global _program  # noqa: PLW0603 - set once, before any command is imported
    _program = program


def current() -> Program:
    """Return the program that the commands run in."""
    return _program
