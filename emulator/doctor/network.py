"""The way to a server, step by step: its name, its port, TLS. Each step says what is wrong there, and what to do."""

import errno
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator.doctor.endpoint import Place
from emulator.doctor.finding import Finding, Trouble, ok, warning
from emulator.doctor.patience import within

__all__ = ["IDENTITY", "connect", "connected", "handshake", "is_tls", "resolve", "trusting"]

EXPIRED = 10
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED; 9 is not yet valid, 18 to 21 no trust, 62 and 64 another name or address."""

NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}
OTHER_TLS = {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"}
"""OpenSSL's reasons: a server that does not speak TLS at all, and one that speaks other versions of it."""

IDENTITY = ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_KEY")
"""The variables that name the files by which a client shows who it is."""

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


def handshake(place: Place, seconds: float) -> Iterator[Finding]:
    """Begin TLS, if there is to be any, and check the certificate as the exporter does."""
    if not place.tls:
        return
    check = f"{place.role} TLS"
    try:
        with connected(place, seconds) as plain, trusting(place).wrap_socket(plain, server_hostname=place.host):
            yield ok(check, "the certificate is trusted")
    except ssl.SSLCertVerificationError as error:
        raise _untrusted(place, error) from error
    except ssl.SSLError as error:
        raise _failed(place, error) from error
    except TimeoutError as error:
        said = f"{place} takes connections and does not answer to TLS"
        raise Trouble(check, said, "make the URL http://, if it has no TLS", may_heal=True) from error
    except OSError as error:
        said = f"{place} hangs up instead of beginning TLS"
        raise Trouble(check, said, "make the URL http://, if it has no TLS", may_heal=True) from error


def trusting(place: Place, spoken: str = "") -> ssl.SSLContext:
    """Trust what clients of the place trust. Raises Trouble."""
    check, roots = f"{place.role} TLS", place.roots
    folder = roots if roots and Path(roots).is_dir() else None
    try:
        context = ssl.create_default_context(cafile=None if folder else roots, capath=folder)
    except (OSError, ValueError) as error:
        said = f"certificates to trust cannot be read: {_reason(error)}"
        raise Trouble(check, said, f"let {place.trust} name a file in PEM") from error
    try:
        if place.identity:
            context.load_cert_chain(*place.identity)
    except (OSError, ValueError) as error:
        said = f"the client's certificate cannot be used: {_reason(error)}"
        remedy = f"let {' and '.join(IDENTITY)} name files in PEM, of a certificate and its key"
        raise Trouble(check, said, remedy) from error
    context.hostname_checks_common_name = place.http2 or place.role != "collector"
    context.set_alpn_protocols([spoken or ("h2" if place.http2 else "http/1.1")])
    return context


def is_tls(place: Place, seconds: float) -> bool:
    """Whether a server speaks TLS, whatever its certificate may be."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with connected(place, seconds) as plain, context.wrap_socket(plain):
            return True
    except ssl.SSLError as error:
        return error.reason in OTHER_TLS
    except (OSError, Trouble):
        return False


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)


def _failed(place: Place, error: ssl.SSLError) -> Trouble:
    check = f"{place.role} TLS"
    if error.reason in NO_TLS:
        return Trouble(
            check, f"{place} does not speak TLS", "make the URL http://, or let the server have a certificate"
        )
    if error.reason in OTHER_TLS:
        said = f"{place} has no version of TLS that is taken here: {error.reason}"
        return Trouble(check, said, "let it speak TLS 1.2 or 1.3; without TLS whoever listens can read what is sent")
    return Trouble(check, f"TLS fails: {error.reason}", "look at the log of the server, and at how its TLS is set up")


def _untrusted(place: Place, error: ssl.SSLCertVerificationError) -> Trouble:
    check, trust = f"{place.role} TLS", f"let {place.trust} name the file of its authority"
    match error.verify_code:
        case 9 | 10:
            when = "has expired" if error.verify_code == EXPIRED else "is not valid yet"
            return Trouble(check, f"the certificate {when}", "renew it, and check the clocks of both sides")
        case 18 | 19 | 20 | 21:
            return Trouble(check, f"the certificate is not trusted: {error.verify_message}", trust)
        case 62 | 64:
            said = f"the certificate is for another name than {place.host}"
            return Trouble(check, said, "use the name in the certificate, or have one made with this as subjectAltName")
    return Trouble(check, f"the certificate is refused: {error.verify_message}", trust)
