"""Copies everything that the installed packages need to run into their directory: Python, shared libraries, some files.

Runs in the base image when the emulator's image is built. Leaves out modules that the emulator never imports, and
records for scanners which Debian packages the files come from.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

STDLIB = Path(sysconfig.get_path("stdlib"))
UNUSED = (
    *("site-packages", "test", "tests", "idlelib", "lib2to3", "ensurepip", "distutils", "pydoc_data", "venv"),
    *("tkinter", "turtledemo", "sqlite3", "curses", "dbm", "config-*", "__pycache__"),
    *("_tkinter.*", "_sqlite3.*", "_curses*.so", "readline.*", "_dbm.*", "_gdbm.*", "nis.*", "_*test*.so", "xx*.so"),
)
OWNERS = ("base-files", "ca-certificates")
COPIED = ("/etc/os-release", "/etc/debian_version", "/etc/ssl/certs/ca-certificates.crt")
WRITTEN = {
    "etc/passwd": "root:x:0:0::/:\nemulator:x:10001:10001::/tmp:\n",
    "etc/group": "root:x:0:\nemulator:x:10001:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def gather(root: Path) -> None:
    """Copy everything that is missing into `root`, the root directory of the image."""
    shutil.copytree(STDLIB, root / inside(STDLIB), ignore=shutil.ignore_patterns(*UNUSED), dirs_exist_ok=True)
    interpreter = Path(sys.executable).resolve()
    copy(interpreter, root)
    for alias in ("python", "python3"):
        (root / inside(interpreter)).with_name(alias).symlink_to(interpreter.name)
    libraries = find_libraries(root)
    for file in (*libraries, *map(Path, COPIED)):
        copy(file, root)
    for package in (*find_packages(libraries), *OWNERS):
        describe(package, root)
    for name, text in WRITTEN.items():
        (root / name).write_text(text)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    index_libraries(root)


def find_libraries(root: Path) -> list[Path]:
    """Return the shared libraries that programs below `root` need, directly or not. Exits if one is missing."""
    programs = [
        file for file in root.rglob("*") if file.suffix == ".so" or (file.parent.name == "bin" and file.is_file())
    ]
    shown = run("ldd", *(file for file in programs if file.read_bytes()[:4] == b"\x7fELF"))
    if lacking := sorted(set(re.findall(r"(\S+) => not found", shown))):
        raise SystemExit(f"the base image lacks shared libraries: {', '.join(lacking)}")
    found = {Path(file) for file in re.findall(r"^\t(?:\S+ => )?(/\S+)", shown, re.MULTILINE)}
    return sorted(file for file in found if not file.is_relative_to(root))


def find_packages(files: list[Path]) -> list[str]:
    """Return the Debian packages of these files. Files below /usr/local belong to none."""
    packaged = [f"*/{file.name}" for file in files if not file.is_relative_to("/usr/local")]
    return sorted(set(re.findall(r"^(\S+): ", run("dpkg-query", "--search", *packaged), re.MULTILINE)))


def describe(package: str, root: Path) -> None:
    """Record a package under status.d, where scanners look in distroless images, and copy its licence."""
    name = package.partition(":")[0]
    place = root / "var/lib/dpkg/status.d" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(run("dpkg-query", "--status", package))
    copy(Path("/usr/share/doc", name, "copyright"), root)


def index_libraries(root: Path) -> None:
    """Write the cache of the dynamic loader, so that it finds libraries below /usr/local."""
    shutil.copy("/etc/ld.so.conf", root / "etc")
    shutil.copytree("/etc/ld.so.conf.d", root / "etc/ld.so.conf.d")
    run("ldconfig", "-X", "-r", root)


def copy(file: Path, root: Path) -> None:
    place = root / inside(file)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(file, place)


def inside(file: Path) -> Path:
    return file.relative_to("/")


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - ours


if __name__ == "__main__":
    gather(Path(sys.argv[1]))
