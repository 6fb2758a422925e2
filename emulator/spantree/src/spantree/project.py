"""The project whose `pyproject.toml` configures checks: its section `[tool.spantree]`, as it is written there."""

from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["find_project", "project_file", "project_section"]

project_file: ContextVar[Path | None] = ContextVar("project_file", default=None)
"""The file to read, which need not exist; None for no configuration.

The pytest plugin sets it to that of pytest's root folder, and commands to the nearest one.
"""


def find_project(folder: Path) -> Path | None:
    """Return the nearest `pyproject.toml` with `[tool.spantree]`, in this folder or above. Raises ValueError."""
    for above in (folder, *folder.parents):
        file = above / "pyproject.toml"
        if file.is_file() and project_section(file) is not None:
            return file
    return None


def project_section(file: Path) -> dict[str, Any] | None:
    """Return the section `[tool.spantree]` of a file; None if there is none. Raises ValueError, with its name."""
    try:
        changed = file.stat().st_mtime_ns
    except OSError:
        return None
    return _section(file, changed)


@cache
def _section(file: Path, _changed: int) -> dict[str, Any] | None:
    import tomllib  # the pytest plugin imports this module in every run

    try:
        tool = tomllib.loads(file.read_text("utf-8")).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: is not TOML: {error}") from error
    except OSError as error:
        raise ValueError(f"{file}: cannot be read: {error.strerror}") from error
    section = tool.get("spantree") if isinstance(tool, dict) else None
    if section is not None and not isinstance(section, dict):
        raise ValueError(f"{file}: tool.spantree: is not a table")
    return section
