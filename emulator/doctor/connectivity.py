"""The way to a server: its name, and its port. Each step says what is wrong there, and what to do."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from emulator.doctor.endpoint import Place
from emulator.doctor.finding import Finding, Trouble, ok, warning
from emulator.doctor.retry import within

__all__ = ["connect", "connected", "resolve"]

Address = tuple[socket.AddressFamily, tuple[str, int]]


def resolve(place: Place, seconds: float) -> Iterator[Finding]:
    """Look up the name of the host."""
    addresses = _addresses(place, seconds)
    if place.host not in {address for _, (address, _) in addresses}:
        yield ok(f"{place.role} name", f"{place.host} is {' and '.join(address for _, (address, _) in addresses)}")


def _addresses(place: Place, seconds: float) -> list[Address]:
    check, host = f"{place.role} name", place.host
    in_compose = "a name of a compose or Kubernetes service is known within its network alone"
    try:
        found = within(seconds, lambda: socket.getaddrinfo(host, place.port, type=socket.SOCK_STREAM))
    except socket.gaierror as error:
        remedy = f"check the spelling; {in_compose}: from outside use localhost and the published port"
        raise Trouble(check, f"there is no host {host} ({error.strerror})", remedy, may_heal=True) from error
    except UnicodeError as error:
        raise Trouble(check, f"{host} cannot be the name of a host", "check the spelling") from error
    except TimeoutError as error:
        said = f"no name server told about {host} within {seconds:.1f} s"
        raise Trouble(check, said, "check /etc/resolv.conf, or use an address", may_heal=True) from error
    return list(dict.fromkeys((family, (str(address[0]), int(address[1]))) for family, _, _, _, address in found))


def connect(place: Place, seconds: float) -> Iterator[Finding]:
    """Connect to each address until one takes it, as clients do."""
    check, refused = f"{place.role} port", list[str]()
    with connected(place, seconds, refused) as connection:
        address = connection.getpeername()[0]
    if refused:
        said = f"{place.host} is {' and '.join(refused)} first, where nothing answers, and then {address}"
        yield warning(check, said, f"write {address} instead, for clients that try one address only")
    else:
        yield ok(check, f"{address} takes connections on {place.port}")


@contextmanager
def connected(place: Place, seconds: float, refused: list[str] | None = None) -> Iterator[socket.socket]:
    """A connection, and in `refused` the addresses that did not take it. Raises Trouble."""
    addresses, errors = _addresses(place, seconds), list[OSError]()
    for family, address in addresses:
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(seconds / len(addresses))
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            errors.append(error)
            if refused is not None:
                refused.append(address[0])
            continue
        connection.settimeout(seconds)
        with connection:
            yield connection
        return
    raise _unreachable(place, [address[0] for _, address in addresses], errors)


def _unreachable(place: Place, addresses: list[str], errors: list[OSError]) -> Trouble:
    check, where = f"{place.role} port", f"{place} ({', '.join(addresses)})"
    if any(isinstance(error, TimeoutError) for error in errors):
        remedy = "look for a firewall or a network policy between here and there, or for an address that is out of date"
        return Trouble(check, f"{where} does not answer: something swallows packets", remedy, may_heal=True)
    if any(error.errno == errno.ECONNREFUSED for error in errors):
        return Trouble(check, f"nothing listens on {where}", _start(place), may_heal=True)
    reason = errors[0].strerror or str(errors[0])
    return Trouble(check, f"{where} cannot be reached: {reason}", "check the address and the network", may_heal=True)


def _start(place: Place) -> str:
    if place.port in {80, 443}:
        return "say the port in the URL: 4318 is OTLP over HTTP, 4317 over gRPC, 16686 Jaeger's UI"
    own = "; in a container localhost is the container itself" if place.host == "localhost" else ""
    return f"start it, publish its port (docker run -p {place.port}:{place.port}), or correct the port{own}"
