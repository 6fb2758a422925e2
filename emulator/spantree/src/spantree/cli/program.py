"""The program that the commands run in: its name, its environment variables, its named trees and its vocabulary.

The script `spantree` runs them as they are. Another program calls `use` first, before it imports a command: options
name their environment variables when they are imported.
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the renderers take longer to import than `--help` runs
    from spantree.render import Vocabulary

__all__ = ["SPANTREE", "NamedTrees", "Program", "current", "use"]


def _no_tree(name: str) -> str:
    raise LookupError(name)


@dataclass(frozen=True, slots=True)
class NamedTrees:
    """Expected trees that have a name, which is given where a file could be.

    `names` returns their names, for messages; `text` returns the text of one, and raises LookupError if there is
    none. Both are called when a command needs them.
    """

    names: Callable[[], Sequence[str]] = tuple
    text: Callable[[str], str] = _no_tree


def _plain() -> "Vocabulary":
    from spantree.render import PLAIN

    return PLAIN


@dataclass(frozen=True, slots=True)
class Program:
    """A program that offers the commands.

    Its `name` begins its error messages and its `prefix` begins its environment variables: `--timeout` reads
    `<prefix>_TIMEOUT`. `vocabulary` returns the one that pictures are drawn with; it is called when it is needed.
    """

    name: str
    prefix: str
    trees: NamedTrees = NamedTrees()
    tree_help: str = "a *.tree file"
    """What `--expect` takes, in its help text."""
    vocabulary: "Callable[[], Vocabulary]" = _plain
    continues_by: Sequence[str] = ()
    """The attributes by which an uninstrumented client joins its requests into one trace: see `SpanTree.check`."""


SPANTREE = Program("spantree", "SPANTREE")

_current = ContextVar("program", default=SPANTREE)


def use(program: Program) -> None:
    """Make this the program that the commands run in."""
    _current.set(program)


def current() -> Program:
    """Return the program that the commands run in."""
    return _current.get()
