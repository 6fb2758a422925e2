"""The reference as data: the span trees of a boot, and the attributes of each kind of span."""

import tomllib
from importlib.resources import files
from typing import Any

__all__ = ["span_catalogue", "tree_names", "tree_text"]


def tree_names() -> list[str]:
    """Return the names of the reference trees, such as `boot`."""
    return sorted(file.name.removesuffix(".tree") for file in files(__name__).iterdir() if file.name.endswith(".tree"))


def tree_text(name: str) -> str:
    """Return the reference tree of that name, in the notation that `spantree.tree` reads."""
    return files(__name__).joinpath(f"{name}.tree").read_text()


def span_catalogue() -> dict[str, Any]:
    """Return the attributes of every kind of span, by level: see `spans.toml`."""
    return tomllib.loads(files(__name__).joinpath("spans.toml").read_text())
