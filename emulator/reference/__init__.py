"""The reference as data: trees of spans, and what is on each kind of span."""

import tomllib
from importlib.resources import files
from typing import Any

__all__ = ["span_catalogue", "tree_names", "tree_text"]


def tree_names() -> list[str]:
    """Return the names of the reference trees, `boot` for one."""
    return sorted(file.name.removesuffix(".tree") for file in files(__name__).iterdir() if file.name.endswith(".tree"))


def tree_text(name: str) -> str:
    """Return the reference tree of that name, in the form that `traces.tree` reads."""
    return files(__name__).joinpath(f"{name}.tree").read_text()


def span_catalogue() -> dict[str, Any]:
    """Return what every kind of span carries: see `spans.toml`."""
    return tomllib.loads(files(__name__).joinpath("spans.toml").read_text())
