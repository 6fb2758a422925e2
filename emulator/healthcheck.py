"""The health check that an orchestrator runs inside a service's container every few seconds.

Imports only the standard library, so that `python -m emulator.healthcheck` starts much faster than `emulator health`.
"""

import http.client
import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from urllib.parse import SplitResult, urlsplit

from emulator.services.registry import BROKER, CONSOLE, PORTS
from emulator.urls import host_in_url, reachable, without_user
from spantree.backoff import pauses

__all__ = ["Health", "UnknownTarget", "check", "health"]

ANSWER_SECONDS = 3.0  # less than the 5 s after which deploy/Dockerfile's HEALTHCHECK gives up
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
METHOD_FRAME = b"\x01"


class UnknownTarget(ValueError):
    """The target is neither a service nor a URL."""

    def __init__(self, target: str) -> None:
        super().__init__(
            f"{target!r} is neither a URL such as http://localhost:8774/healthcheck nor one of {', '.join(PORTS)}"
        )


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a target is healthy, and what it answered, or why it did not."""

    target: str
    ok: bool
    message: str


def check(targets: Sequence[str], patience: float = 0.0) -> int:
    """Print the health of the targets (service names or URLs), or of all services that listen on this machine.

    Retries for `patience` seconds until all are healthy. Returns 0 if there is at least one and all are healthy, else
    1. Raises UnknownTarget.
    """
    urls = [_url(target) for target in targets]
    for pause in chain(pauses(patience, longest=0.5), [None]):  # None: the last attempt has no pause after it
        healths = [health(url) for url in urls] or _healths_here(os.environ)
        healthy = bool(healths) and all(found.ok for found in healths)
        if healthy or pause is None:
            break
        time.sleep(pause)
    for found in healths or [
        Health("this machine", ok=False, message="no service listens on any of the emulator's ports")
    ]:
        print(f"{found.target}: {found.message}", file=sys.stdout if found.ok else sys.stderr)
    return 0 if healthy else 1


def health(url: str) -> Health:
    """Check the service at an `http://` or `amqp://` URL."""
    parts = urlsplit(url)
    try:
        ok, message = _check_broker(parts) if parts.scheme == "amqp" else _check_http(parts)
    except (OSError, http.client.HTTPException) as error:
        ok, message = False, str(error) or type(error).__name__
    # Any server may have answered, so control characters must not reach the terminal.
    printable = "".join(character if character.isprintable() else "?" for character in message)
    return Health(without_user(url), ok, printable)


def _url(target: str) -> str:
    """Return the URL to check for the name of a service; a URL is returned unchanged."""
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
    if service == BROKER:
        return f"amqp://{place}/"
    return f"http://{place}/" if service == CONSOLE else f"http://{place}/healthcheck"


def _healths_here(environment: Mapping[str, str]) -> list[Health]:
    """Check everything that listens on the ports that `serve` and `up` take from their variables."""
    address = reachable(environment.get("EMULATOR_BIND", ""))
    port = environment.get("EMULATOR_PORT", "")
    if port.isdecimal():
        return [_health_of_the_one(address, int(port))] if _listens(address, int(port)) else []
    ports = _ports(environment)
    return [health(_url_here(name, address, port)) for name, port in ports.items() if _listens(address, port)]


def _health_of_the_one(address: str, port: int) -> Health:
    """Check the only service here. If it does not speak HTTP, it may be the broker."""
    found = health(_url_here("a service", address, port))
    as_broker = found if found.ok else health(_url_here(BROKER, address, port))
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


def _check_http(url: SplitResult) -> tuple[bool, str]:
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", f"{url.path or '/'}{'?' if url.query else ''}{url.query}")
        answer = connection.getresponse()
        body = answer.read(1024).decode(errors="replace")
    finally:
        connection.close()
    shown = body if answer.getheader("Content-Type") == "application/json" else ""
    return answer.status == HTTPStatus.OK, f"{answer.status} {answer.reason} {shown}".strip()


def _check_broker(url: SplitResult) -> tuple[bool, str]:
    """Check that a server answers AMQP's protocol header with a method frame.

    One that speaks another version answers with its own header: AMQP 0-9-1, section 4.2.2.
    """
    with socket.create_connection((url.hostname, url.port or PORTS[BROKER]), ANSWER_SECONDS) as connection:
        connection.sendall(PROTOCOL_HEADER)
        is_broker = connection.recv(1) == METHOD_FRAME
    return is_broker, "it speaks AMQP 0-9-1" if is_broker else "it does not speak AMQP 0-9-1"


def main() -> int:
    """Check the targets on the command line."""
    try:
        return check(sys.argv[1:])
    except UnknownTarget as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
