"""The compose files of `deploy/` as compose takes them: layers merged, variables at their defaults, commands parsed."""

import re
import shlex
from argparse import REMAINDER, ArgumentParser, Namespace
from functools import cache, reduce
from itertools import chain
from pathlib import Path

from emulator.services.registry import PORTS
from tests.support.manifests import Object, yaml

__all__ = [
    "COLLECTOR",
    "COMMANDS",
    "HEADERS",
    "OURS",
    "ROOT",
    "STACKS",
    "Files",
    "invoked",
    "ports",
    "services",
    "stack",
    "variables",
]

ROOT = Path(__file__).parents[2]
FILES = {str(file.relative_to(ROOT)): file.read_text() for file in sorted((ROOT / "deploy").glob("compose*.yaml"))}
HEADERS = {name: re.findall(r"^#   (docker compose .*)$", text, re.MULTILINE) for name, text in FILES.items()}
"""What each file's header tells people to type."""

README = re.findall(r"`(docker compose -f [^`]*)`", (ROOT / "deploy" / "README.md").read_text())
COMMANDS = [*chain(*HEADERS.values()), *README]

OURS = "openstack-boot-emulator"
COLLECTOR = (ROOT / "deploy" / "collector.yaml").read_text()
LISTENING = {
    "jaeger": {4317, 4318, 13133, 16686},
    "rabbitmq": {PORTS["broker"], 15672},
    "collector": {int(port) for port in re.findall(r"endpoint: \"0\.0\.0\.0:(\d+)\"", COLLECTOR)},
}

Files = tuple[str, ...]
STACKS: list[Files] = sorted({tuple(re.findall(r"-f (\S+)", command)) for command in COMMANDS})
"""Files that are used together."""


def invoked(command: str) -> Namespace:
    """Parse what a shell makes of a line; it says what is wrong and exits where compose would."""
    parser = ArgumentParser(prog="docker compose", allow_abbrev=False)
    parser.add_argument("-f", dest="files", action="append", required=True)
    subcommands = parser.add_subparsers(dest="subcommand", required=True)
    up, run, down = (subcommands.add_parser(name, allow_abbrev=False) for name in ("up", "run", "down"))
    for one, flags in ((up, ["--build"]), (run, ["--rm", "--no-deps"]), (down, ["--volumes", "--remove-orphans"])):
        for flag in flags:
            one.add_argument(flag, action="store_true")
    up.add_argument("--scale", action="append", default=[])
    up.add_argument("services", nargs="*")
    run.add_argument("service")
    run.add_argument("words", nargs=REMAINDER)
    return parser.parse_args(shlex.split(command, comments=True)[2:])


@cache
def stack(files: Files) -> Object:
    """What compose makes of some files, each a layer on those before."""
    return reduce(_merged, map(_read, files))


def services(files: Files, *commands: str) -> dict[str, Object]:
    """The services of a stack; with `commands`, those that run one of these commands of the emulator."""
    found: dict[str, Object] = stack(files)["services"]
    ours = {name: one for name, one in found.items() if one["image"] == OURS}
    return {name: one for name, one in ours.items() if one["command"][0] in commands} if commands else found


def variables(service: Object) -> dict[str, str]:
    """The variables of a service."""
    return {name: str(value) for name, value in service.get("environment", {}).items()}


def ports(name: str, service: Object) -> set[int]:
    """Where a service listens."""
    if service["image"] != OURS:
        return LISTENING[name]
    command, *words = service["command"]
    return {PORTS[words[0]]} if command == "serve" else set(PORTS.values()) if command == "up" else set()


def _read(file: str) -> Object:
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (ROOT / file).read_text())
    assert "$" not in text, f"a variable without a default in {file}"
    read: Object = yaml.load(text, yaml.CSafeLoader)
    for service in read["services"].values():
        if isinstance(needed := service.get("depends_on"), list):
            service["depends_on"] = {name: {"condition": "service_started"} for name in needed}
    return read


def _merged(one: Object, other: Object) -> Object:
    both = {key for key in one.keys() & other.keys() if isinstance(one[key], dict)}
    return {**one, **other, **{key: _merged(one[key], other[key]) for key in both}}
