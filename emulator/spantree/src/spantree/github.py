"""Annotations for GitHub Actions: lines of a job's output that GitHub shows beside the code."""

import os
from pathlib import Path

__all__ = ["error_annotation", "is_github_actions", "repository_path"]

LONGEST_MESSAGE = 4000
"""GitHub cuts longer texts anyway, and a person reads the first lines."""


def is_github_actions() -> bool:
    """Return whether this process runs in a job of GitHub Actions."""
    # https://docs.github.com/en/actions/reference/workflows-and-actions/variables: always "true" there
    return os.environ.get("GITHUB_ACTIONS") == "true"


def error_annotation(title: str, message: str, file: str | None = None, line: int | None = None) -> str:
    """Return the workflow command that shows an error at a line of a file of the repository, or for the whole job.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message
    """
    properties = {"file": file, "line": line, "title": title}
    given = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items() if value is not None)
    return f"::error {given}::{_data(_cut(message))}"


def repository_path(file: Path) -> str | None:
    """Return the path of a file from the root of the job's repository, for an annotation; None if it is outside."""
    root = Path(os.environ.get("GITHUB_WORKSPACE", ".")).resolve()
    resolved = file.resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else None


def _cut(message: str) -> str:
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]} …"


def _data(text: str) -> str:
    # Its documentation does not say how to escape; GitHub's own client is the reference:
    # https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
