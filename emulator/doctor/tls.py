"""TLS on the way to a server: begun, and its certificates looked at, as the exporter does it."""

import ssl
from collections.abc import Iterator
from pathlib import Path

from emulator.doctor.connectivity import connected
from emulator.doctor.endpoint import Place
from emulator.doctor.finding import Finding, Trouble, ok

__all__ = ["IDENTITY", "handshake", "is_tls", "trusting"]

EXPIRED = 10
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED; 9 is not yet valid, 18 to 21 no trust, 62 and 64 another name or address."""

NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}
OTHER_TLS = {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"}
"""OpenSSL's reasons: a server that does not speak TLS at all, and one that speaks other versions of it."""

IDENTITY = ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_KEY")
"""The variables that name the files by which a client shows who it is."""


def handshake(place: Place, seconds: float) -> Iterator[Finding]:
    """Begin TLS, if there is to be any, and check the certificate as the exporter does."""
    if not place.tls:
        return
    check = f"{place.role} TLS"
    try:
        with connected(place, seconds) as plain, trusting(place).wrap_socket(plain, server_hostname=place.host):
            yield ok(check, "the certificate is trusted")
    except OSError as error:
        raise _failed(place, error) from error


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
        return error.reason in OTHER_TLS or "_ALERT_" in error.reason
    except (OSError, Trouble):
        return False


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)


def _failed(place: Place, error: OSError) -> Trouble:
    check, if_plain = f"{place.role} TLS", "make the URL http://, if it has no TLS"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(place, error)
    if isinstance(error, TimeoutError):
        return Trouble(check, f"{place} takes connections and does not answer to TLS", if_plain, may_heal=True)
    if isinstance(error, ssl.SSLEOFError) or not isinstance(error, ssl.SSLError):
        return Trouble(check, f"{place} hangs up instead of beginning TLS", if_plain, may_heal=True)
    if error.reason in NO_TLS:
        remedy = "make the URL http://, or let the server have a certificate"
        return Trouble(check, f"{place} does not speak TLS", remedy)
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
