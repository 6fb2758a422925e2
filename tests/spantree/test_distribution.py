"""The library as another team installs it: its own wheel in a new environment, with an older SDK and no emulator."""

import ast
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest

import spantree
from tests.spantree.test_readme import TESTS, write_examples

PROJECT = Path(spantree.__path__[0]).parents[1]
GRPC_WITHOUT_THE_EXTRA = """
import threading
from socket import create_connection
from spantree import OtlpReceiver

reported = threading.Event()
threading.excepthook = lambda failure: (print(failure.exc_value), reported.set())
with OtlpReceiver() as receiver:
    with create_connection(("127.0.0.1", int(receiver.endpoint.rpartition(":")[2]))) as connection:
        connection.sendall(b"PRI * HTTP/2.0")
        assert reported.wait(30)
"""
OLDEST_SDK = ("opentelemetry-sdk==1.30.0", "opentelemetry-exporter-otlp-proto-http==1.30.0")
UV = shutil.which("uv")


THIRD_PARTY = {
    "formats": {"google.protobuf", "opentelemetry.proto"},
    "in_process": {"opentelemetry"},
    "receiver/grpc_handler.py": {"grpc"},
    "lint/registry_yaml.py": {"yaml"},
    "pytest_plugin.py": {"pytest"},
    "reports": {"pytest", "pytest_html"},
    "cli": {"rich", "typer"},
    "render/terminal": {"rich"},
    "tail": {"rich"},
}
"""What may be imported beside the standard library, and where."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment, made and filled by uv, which is faster, or else by pip."""

    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def create(self) -> None:
        done(UV, "venv", "--python", sys.executable, self.folder) if UV else done(
            sys.executable, "-m", "venv", self.folder
        )

    def pip(self, command: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        if UV:
            return ended(UV, "pip", command, "--python", self.python, *arguments)
        return ended(self.python, "-m", "pip", command, *arguments)

    def run(self, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        return ended(self.python, *arguments, cwd=cwd)


def ended(*command: object, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON", "COV_"))}
    return subprocess.run(  # noqa: S603 - our own commands
        [str(word) for word in command], cwd=cwd, env={**clean, **env}, check=False, capture_output=True, text=True
    )


def done(*command: object) -> str:
    result = ended(*command)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def build(folder: Path) -> Path:
    """Build the wheel, or skip the test where the package index, which has the build backend, cannot be reached."""
    command = ("build", "--wheel", "--out-dir") if UV else ("-m", "pip", "wheel", "--no-deps", "--wheel-dir")
    built = ended(UV or sys.executable, *command, folder, PROJECT)
    if built.returncode and "hatchling" in built.stderr:
        skip_offline(built)
    assert built.returncode == 0, built.stderr
    [wheel] = folder.glob("spantree-*.whl")
    return wheel


def skip_offline(result: subprocess.CompletedProcess[str]) -> None:
    last = next(iter(reversed(result.stderr.strip().splitlines())), "no message")
    pytest.skip(f"the package index cannot be reached: {last.strip()}")


def test_a_foreign_service_is_tested_with_the_wheel_and_an_older_sdk(tmp_path: Path) -> None:
    theirs = Environment(tmp_path / "venv")
    theirs.create()
    installed = theirs.pip("install", *OLDEST_SDK, "pytest")
    if installed.returncode:
        skip_offline(installed)
    wheel = build(tmp_path)
    with ZipFile(wheel) as archive:
        folders = {name.split("/")[0] for name in archive.namelist()}
    assert folders == {"spantree", wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"}

    # The SDK has brought what the library depends on, so no index is needed.
    offline = "--offline" if UV else "--no-index"
    assert theirs.pip("install", offline, wheel).returncode == 0
    checked = theirs.pip("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr

    write_examples(tmp_path)
    tested = theirs.run("-W", "error", "-m", "pytest", "-p", "no:cacheprovider", cwd=tmp_path)
    assert f"{TESTS} passed" in tested.stdout, tested.stdout + tested.stderr
    code = "import sys, spantree; assert spantree.tree; assert 'opentelemetry' not in sys.modules; import emulator"
    assert "No module named 'emulator'" in theirs.run("-c", code, cwd=tmp_path).stderr
    assert "pip install 'spantree[cli]'" in theirs.run("-m", "spantree", cwd=tmp_path).stderr
    assert "pip install 'spantree[grpc]'" in theirs.run("-c", GRPC_WITHOUT_THE_EXTRA, cwd=tmp_path).stdout


def test_the_wheel_beside_the_whole_repository_loads_the_plugin_once(tmp_path: Path) -> None:
    both = tmp_path / "both"
    wheel = build(tmp_path)
    with ZipFile(wheel) as archive:
        archive.extractall(both)
    (tmp_path / "test_it.py").write_text("def test_it(otlp, openstack_cloud_settings): assert otlp.endpoint")
    command = ("-m", "pytest", "-p", "no:cacheprovider", "-q", tmp_path)
    tested = ended(sys.executable, *command, cwd=tmp_path, PYTHONPATH=str(both))
    assert "1 passed" in tested.stdout, tested.stdout + tested.stderr


def imports(file: Path) -> set[str]:
    """Return the modules that a file imports anywhere, the standard library's and our own left out."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return {name for name in found if name.split(".")[0] not in {*sys.stdlib_module_names, "spantree"}}


def test_third_party_packages_are_imported_only_where_they_may_be() -> None:
    source = PROJECT / "src" / "spantree"
    for file in source.rglob("*.py"):
        place = file.relative_to(source).as_posix()
        allowed = [name for start, names in THIRD_PARTY.items() if place.startswith(start) for name in names]
        wrong = {name for name in imports(file) if not name.startswith(tuple(allowed))}
        assert wrong == set(), place
