"""The connection to a server: looks up its name and connects to its port."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from emulator.doctor.check_result import CheckFailed, CheckResult, ok, warning
from emulator.doctor.endpoint import Target
from emulator.doctor.retry import with_timeout

__all__ = ["connect", "connected", "resolve"]

Address = tuple[socket.AddressFamily, tuple[str, int]]


def resolve(target: Target, seconds: float) -> Iterator[CheckResult]:
    """Look up the host name."""
    addresses = [address for _, (address, _) in _addresses(target, seconds)]
    if target.host not in addresses:
        yield ok(f"{target.role} name", f"{target.host} resolves to {' and '.join(addresses)}")


def _addresses(target: Target, seconds: float) -> list[Address]:
    check, host = f"{target.role} name", target.host
    in_compose = "names of compose and Kubernetes services are known only inside their network"
    try:  # getaddrinfo has no timeout parameter, and resolv.conf may let it take minutes
        found = with_timeout(seconds, lambda: socket.getaddrinfo(host, target.port, type=socket.SOCK_STREAM))
    except socket.gaierror as error:
        remedy = f"check the spelling; {in_compose}: from outside use localhost and the published port"
        raise CheckFailed(check, f"there is no host {host} ({error.strerror})", remedy, retryable=True) from error
    except UnicodeError as error:
        raise CheckFailed(check, f"{host} is not a valid host name", "check the spelling") from error
    except TimeoutError as error:
        message = f"no name server answered for {host} within {seconds:.1f} s"
        raise CheckFailed(check, message, "check /etc/resolv.conf, or use an address", retryable=True) from error
    return list(dict.fromkeys((family, (str(address[0]), int(address[1]))) for family, _, _, _, address in found))


def connect(target: Target, seconds: float) -> Iterator[CheckResult]:
    """Connect to each address until one accepts, as clients do."""
    check, refused = f"{target.role} port", list[str]()
    with connected(target, seconds, refused) as connection:
        address = connection.getpeername()[0]
    if refused:
        message = f"{target.host} resolves to {' and '.join(refused)} first, where nothing answers, then to {address}"
        yield warning(check, message, f"use {address} instead: some clients try only the first address")
    else:
        yield ok(check, f"{address} accepts connections on {target.port}")


@contextmanager
def connected(target: Target, seconds: float, refused: list[str] | None = None) -> Iterator[socket.socket]:
    """Yield a connection; addresses that do not accept one are appended to `refused`. Raises CheckFailed."""
    addresses, errors = _addresses(target, seconds), list[OSError]()
    for family, address in addresses:
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(seconds / len(addresses))  # all addresses together take no longer than `seconds`
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
    raise _unreachable(target, [address[0] for _, address in addresses], errors)


def _unreachable(target: Target, addresses: list[str], errors: list[OSError]) -> CheckFailed:
    check, where = f"{target.role} port", f"{target} ({', '.join(addresses)})"
    if any(isinstance(error, TimeoutError) for error in errors):
        remedy = "look for a firewall or a network policy in between, or for an outdated address"
        return CheckFailed(check, f"{where} does not answer: something drops the packets", remedy, retryable=True)
    if any(error.errno == errno.ECONNREFUSED for error in errors):
        return CheckFailed(check, f"nothing listens on {where}", _how_to_start(target), retryable=True)
    reason = errors[0].strerror or str(errors[0])
    return CheckFailed(
        check, f"{where} cannot be reached: {reason}", "check the address and the network", retryable=True
    )


def _how_to_start(target: Target) -> str:
    if target.port in {80, 443}:
        return "add the port to the URL: 4318 is OTLP over HTTP, 4317 OTLP over gRPC, 16686 Jaeger's UI"
    own = "; in a container localhost is the container itself" if target.host == "localhost" else ""
    return f"start it, publish its port (docker run -p {target.port}:{target.port}), or correct the port{own}"
