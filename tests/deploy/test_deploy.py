"""The files of `deploy/` agree with each other, and what they name exists."""

import re
import shlex
from pathlib import Path

import pytest

from emulator import __version__
from emulator.faults import FAULTS
from tests.support.command_line import VARIABLES, refusal
from tests.support.containers import RABBITMQ

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
COMPOSE = sorted(DEPLOY.glob("compose*.yaml"))
TEXTS = {
    str(file.relative_to(ROOT)): file.read_text()
    for file in sorted(DEPLOY.rglob("*"))
    if file.suffix in {".yaml", ".md", ".py"} or file.name == "Dockerfile"
}
OURS = "openstack-boot-emulator"
COMMANDS = re.findall(r"^#   (docker (?:build|run) .*)$", "\n".join(TEXTS.values()), re.MULTILINE)


def images(text: str) -> set[str]:
    return set(re.findall(r"^\s*(?:- )?image: (\S+)$", text, re.MULTILINE))


def test_an_image_has_the_same_pinned_version_in_all_files() -> None:
    named = {image for text in TEXTS.values() for image in images(text)} - {OURS}
    versions: dict[str, set[str]] = {}
    for image in named:
        name, _, version = image.partition(":")
        versions.setdefault(name, set()).add(version)
    assert versions, "no image at all"
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}
    assert [image for image in named if not re.search(r":v?\d+\.\d+", image)] == []
    assert RABBITMQ in named


def test_our_image_has_this_version_and_a_pinned_base() -> None:
    assert re.findall(r"^ARG VERSION=(.*)$", DOCKERFILE, re.MULTILINE) == [__version__]
    assert len(re.findall(r"\d\.\d+-slim", DOCKERFILE)) == 1


def test_every_variable_is_one_that_a_command_reads() -> None:
    named = {name for text in TEXTS.values() for name in re.findall(r"\bEMULATOR_(?!TEST_)[A-Z_]+\b(?!\{)", text)}
    assert named - VARIABLES == set()


def test_every_fault_is_in_the_catalogue() -> None:
    named = {name for text in TEXTS.values() for name in re.findall(r"--fault[= ]([a-z_.]+)", text)}
    assert named
    assert named <= set(FAULTS)


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.name)
def test_a_compose_file_starts_with_its_command_and_jaegers_url(file: Path) -> None:
    header = file.read_text().split("\n\n", 1)[0]
    assert f"-f deploy/{file.name} up" in header
    assert "http://localhost:16686" in header


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_can_be_copied_as_written(command: str) -> None:
    """Commands of docker; those of docker compose are in `test_compose`."""
    _, subcommand, *words = shlex.split(command, comments=True)
    if subcommand == "build":
        assert (ROOT / words[words.index("-f") + 1]).is_file()
        assert words[-1] == "."
    else:
        [place] = [place for place, word in enumerate(words) if word.startswith(OURS)]
        assert refusal(words[place + 1 :] or ["up"], {}) == ""
