"""Checks whether services are healthy, as an orchestrator does: inside their container, every few seconds.

Imports the standard library only, so `python -m emulator.healthcheck` starts in a fraction of the command's time.
"""

import http.client
import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

from emulator.services.registry import PORTS
from emulator.urls import host_in_url, reachable, without_user

__all__ = ["Health", "UnknownTarget", "check", "health"]

ANSWER_SECONDS = 3.0
PAUSE_SECONDS = 0.1
AMQP_HEADER = b"AMQP\x00\x00\x09\x01"
METHOD_FRAME = b"\x01"


class UnknownTarget(ValueError):
    """What is neither a service nor a URL."""

    def __init__(self, target: str) -> None:
        services = ", ".join(PORTS)
        super().__init__(f"{target!r} is no URL such as http://localhost:8774/healthcheck, and none of {services}")


@dataclass(frozen=True, slots=True)
class Health:
    """Of what was asked: whether it is healthy, and what it said."""

    target: str
    ok: bool
    said: str


def check(targets: Sequence[str], patience: float = 0.0) -> int:
    """Print how services are, by name or URL, or all that listen here. Return 0 if all are healthy, and there are any.

    Tries again for `patience` seconds until they are. Raises UnknownTarget.
    """
    urls = [_url(target) for target in targets]
    deadline = time.monotonic() + patience
    while True:
        healths = [health(url) for url in urls] or _healths_here(os.environ)
        healthy = bool(healths) and all(found.ok for found in healths)
        if healthy or time.monotonic() >= deadline:
            break
        time.sleep(PAUSE_SECONDS)
    for found in healths or [Health("here", ok=False, said="nothing listens on any of our ports")]:
        print(f"{found.target}: {found.said}", file=sys.stdout if found.ok else sys.stderr)
    return 0 if healthy else 1


def health(url: str) -> Health:
    """Ask the service at an `http://` or `amqp://` URL how it is."""
    parts = urlsplit(url)
    try:
        ok, said = _ask_broker(parts) if parts.scheme == "amqp" else _ask(parts)
    except (OSError, http.client.HTTPException) as error:
        ok, said = False, str(error) or type(error).__name__
    return Health(without_user(url), ok, "".join(character if character.isprintable() else "?" for character in said))


def _url(target: str) -> str:
    """Where to ask a service of a name; a URL is that already."""
    if target in PORTS:
        return _url_here(target, "127.0.0.1", PORTS[target])
    try:
        parts = urlsplit(target)
        host = (parts.hostname or "").encode("idna")
        known = parts.scheme in {"http", "amqp"} and host and parts.port != 0 and target.isascii()
    except ValueError:
        known = False
    if not known:
        raise UnknownTarget(target)
    return target


def _url_here(service: str, address: str, port: int) -> str:
    place = f"{host_in_url(address)}:{port}"
    match service:
        case "broker":
            return f"amqp://{place}/"
        case "console":
            return f"http://{place}/"
        case _:
            return f"http://{place}/healthcheck"


def _healths_here(environment: Mapping[str, str]) -> list[Health]:
    """Ask all that listen where services do, which the variables of `serve` and `up` may have moved."""
    address = reachable(environment.get("EMULATOR_BIND", ""))
    port = environment.get("EMULATOR_PORT", "")
    if port.isdecimal():
        return [_health_of_the_one(address, int(port))] if _listens(address, int(port)) else []
    ports = _ports(environment)
    return [health(_url_here(name, address, port)) for name, port in ports.items() if _listens(address, port)]


def _health_of_the_one(address: str, port: int) -> Health:
    """Ask a service of which it is not known whether it is a broker: it is one if it does not answer as the others."""
    found = health(_url_here("a service", address, port))
    as_broker = found if found.ok else health(_url_here("broker", address, port))
    return as_broker if as_broker.ok else found


def _ports(environment: Mapping[str, str]) -> Mapping[str, int]:
    base = environment.get("EMULATOR_PORT_BASE", "")
    if base.isdecimal():
        return {name: int(base) + number for number, name in enumerate(PORTS)}
    return PORTS


def _listens(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), ANSWER_SECONDS):
            return True
    except (OSError, OverflowError, UnicodeError):
        return False


def _ask(url: SplitResult) -> tuple[bool, str]:
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", f"{url.path or '/'}{'?' if url.query else ''}{url.query}")
        answer = connection.getresponse()
        body = answer.read(1024).decode(errors="replace")
    finally:
        connection.close()
    said = f"{answer.status} {answer.reason} {body if answer.getheader('Content-Type') == 'application/json' else ''}"
    return answer.status == HTTPStatus.OK, said.strip()


def _ask_broker(url: SplitResult) -> tuple[bool, str]:
    """A broker answers the header of its protocol with a method, and that of another one with a header of its own."""
    with socket.create_connection((url.hostname, url.port or PORTS["broker"]), ANSWER_SECONDS) as connection:
        connection.sendall(AMQP_HEADER)
        greets = connection.recv(1) == METHOD_FRAME
    return greets, "it speaks AMQP 0-9-1" if greets else "it does not speak AMQP 0-9-1"


def main() -> int:
    """Check what the command line names."""
    try:
        return check(sys.argv[1:])
    except UnknownTarget as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
