"""The reference as data: trees of spans, and what is on each kind of span."""

import tomllib
from importlib.resources import files
from typing import Any

__all__ = ["span_catalogue", "tree"]


def tree(name: str) -> str:
    """Return the reference tree of that name, `boot` for one, in the form that `traces.parse_tree` reads."""
    return files(__name__).joinpath(f"{name}.tree").read_text()


def span_catalogue() -> dict[str, Any]:
    """Return what every kind of span carries: see `spans.toml`."""
    return tomllib.loads(files(__name__).joinpath("spans.toml").read_text())
