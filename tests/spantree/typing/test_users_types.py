"""Users' tests are clean under mypy and pyright, in their strict modes, with the package as it is installed."""

import ast
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import spantree

SAMPLE = Path(__file__).with_name("users_tests.py")
STRICT = {"typeCheckingMode": "strict", "include": ["test_users.py"]}
"""Of pyright; basedpyright's own rules, beyond those, are not asked for."""


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder of another project, with the tests."""
    (tmp_path / "test_users.py").write_text(SAMPLE.read_text("utf-8"), "utf-8")
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(STRICT))
    return tmp_path


def check(theirs: Path, *command: str) -> str:
    """Run a type checker; return what it says if it finds anything."""
    ended = subprocess.run(  # noqa: S603 - a checker
        [sys.executable, "-m", *command], cwd=theirs, check=False, capture_output=True, text=True, timeout=120
    )
    return f"{ended.stdout}{ended.stderr}" if ended.returncode else ""


CHECKERS = {
    "mypy": ("mypy", "--strict", "--cache-dir=cache", "test_users.py"),
    "pyright": ("basedpyright", "--pythonpath", sys.executable),
}


@pytest.mark.parametrize("checker", CHECKERS)
def test_users_tests_are_clean(theirs: Path, checker: str) -> None:
    if find_spec(CHECKERS[checker][0]) is None:
        pytest.skip(f"{CHECKERS[checker][0]} is not installed")
    assert check(theirs, *CHECKERS[checker]) == ""


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_wrong_use_is_found(theirs: Path, checker: str) -> None:
    if find_spec(CHECKERS[checker][0]) is None:
        pytest.skip(f"{CHECKERS[checker][0]} is not installed")
    wrong = (
        "\n\ndef test_wrong(otlp: OtlpReceiver) -> None:\n    otlp.trace().spans\n    otlp.trace().wait().on('shop')\n"
    )
    file = theirs / "test_users.py"
    file.write_text(file.read_text("utf-8") + wrong, "utf-8")
    said = check(theirs, *CHECKERS[checker])
    assert 'attribute "on"' in said
    assert 'attribute "spans"' in said, "a forgotten wait() or await"


def test_the_sample_uses_every_public_name() -> None:
    imported = {
        alias.name
        for node in ast.walk(ast.parse(SAMPLE.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "spantree"
        for alias in node.names
    }
    assert imported == set(spantree.__all__)
