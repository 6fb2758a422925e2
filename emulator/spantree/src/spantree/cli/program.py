"""The program that the commands run in: its name, its environment variables, and the trees that it has names for.

The script `spantree` runs them as they are. Another program calls `use` first, before it imports a command: options
name their environment variables when they are imported.
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Program:
    """A program that offers the commands.

    Its `name` begins its error messages and its `prefix` begins its environment variables: `--timeout` reads
    `<prefix>_TIMEOUT`.
    """

    name: str
    prefix: str
    trees: NamedTrees = NamedTrees()
    tree_help: str = "a *.tree file"
    """What `--expect` takes, in its help text."""


SPANTREE = Program("spantree", "SPANTREE")

_current = ContextVar("program", default=SPANTREE)


def use(program: Program) -> None:
    """Make this the program that the commands run in."""
    _current.set(program)


def current() -> Program:
    """Return the program that the commands run in."""
    return _current.get()
