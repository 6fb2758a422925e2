"""How a project wants its traces checked: what `[tool.spantree]` in its `pyproject.toml` says."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spantree.lint.findings import Severity, severity_of
from spantree.lint.ignoring import parse_ignored
from spantree.project import project_file, project_section

__all__ = ["Configuration", "at_least_two", "configuration"]


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of a project, or the defaults. `registry` are files and folders, relative to the project's."""

    ignore: tuple[str, ...] = ()
    fail_on: Severity = "error"
    registry: tuple[Path, ...] = ()
    n_plus_one: int = 5


def configuration(rules: Collection[str]) -> Configuration:
    """Return the configuration of the current project. Raises ValueError, which names the file and the key."""
    __tracebackhide__ = True
    file = project_file.get()
    section = None if file is None else project_section(file)
    if file is None or section is None:
        return Configuration()
    read: dict[str, Callable[[Any], Any]] = {
        "ignore": lambda value: _ignore(value, rules),
        "fail-on": lambda value: severity_of(str(value)),
        "registry": lambda value: tuple(_existing(file.parent / path) for path in _texts(value)),
        "n-plus-one": at_least_two,
    }
    found = {}
    for key, value in section.items():
        if key not in read:
            from difflib import get_close_matches

            similar = get_close_matches(key.replace("_", "-"), read, 1)
            hint = f"did you mean {similar[0]}?" if similar else f"the keys are {', '.join(read)}"
            raise ValueError(f"{file}: tool.spantree.{key}: there is no such key; {hint}")
        try:
            found[key.replace("-", "_")] = read[key](value)
        except ValueError as error:
            raise ValueError(f"{file}: tool.spantree.{key}: {error}") from error
    return Configuration(**found)


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ValueError(f"{value!r} is not a list of texts")


def _ignore(value: object, rules: Collection[str]) -> tuple[str, ...]:
    entries = _texts(value)
    parse_ignored(entries, rules)
    return entries


def _existing(path: Path) -> Path:
    if not path.exists():
        raise ValueError(f"there is no file or folder {path}")
    return path


def at_least_two(value: object) -> int:
    """Return the number of calls that is too many. Raises ValueError if it is none."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 1:
        return value
    raise ValueError(f"{value!r} is not a number above 1")
