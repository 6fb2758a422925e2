"""The reference as data: the span trees of a boot, the attributes of each kind of span, and the registry of our own."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

__all__ = ["registry_folder", "span_catalogue", "tree_names", "tree_text"]


def tree_names() -> list[str]:
    """Return the names of the reference trees, such as `boot`."""
    return sorted(file.name.removesuffix(".tree") for file in files(__name__).iterdir() if file.name.endswith(".tree"))


def tree_text(name: str) -> str:
    """Return the reference tree of that name, in the notation that `spantree.tree` reads."""
    return files(__name__).joinpath(f"{name}.tree").read_text()


def registry_folder() -> Path:
    """Return the folder of our own attributes, in the YAML of OpenTelemetry's Weaver: `SpanTree.check` reads it."""
    return Path(__file__).with_name("registry")


def span_catalogue() -> dict[str, Any]:
    """Return the attributes of every kind of span, by level: see `spans.toml`."""
    return tomllib.loads(files(__name__).joinpath("spans.toml").read_text())
