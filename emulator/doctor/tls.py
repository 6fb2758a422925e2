"""TLS with a server: does the handshake and checks the certificates as the exporter does."""

import ssl
from collections.abc import Iterator
from pathlib import Path

from emulator.doctor.check_result import CheckFailed, CheckResult, ok
from emulator.doctor.connectivity import connected
from emulator.doctor.endpoint import Target

__all__ = ["IDENTITY", "handshake", "is_tls", "ssl_context"]

EXPIRED = 10
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED. 9: not yet valid, 18 to 21: not trusted, 62 and 64: another name."""

NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}
OTHER_TLS = {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"}
"""OpenSSL's reasons if a server does not speak TLS at all, and if it speaks other versions of TLS."""

IDENTITY = ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_KEY")
"""The variables that name the files of the client's certificate and key."""


def handshake(target: Target, seconds: float) -> Iterator[CheckResult]:
    """Do the handshake and check the certificate as the exporter does. Yields nothing for a target without TLS."""
    if not target.tls:
        return
    check = f"{target.role} TLS"
    try:
        with connected(target, seconds) as plain, ssl_context(target).wrap_socket(plain, server_hostname=target.host):
            yield ok(check, "the certificate is trusted")
    except OSError as error:
        raise _failed(target, error) from error


def ssl_context(target: Target, protocol: str = "") -> ssl.SSLContext:
    """Return a context that trusts what clients of the target trust. Raises CheckFailed for unreadable files."""
    check, roots = f"{target.role} TLS", target.roots
    folder = roots if roots and Path(roots).is_dir() else None
    try:
        context = ssl.create_default_context(cafile=None if folder else roots, capath=folder)
    except (OSError, ValueError) as error:
        message = f"the certificates to trust cannot be read: {_reason(error)}"
        raise CheckFailed(check, message, f"set {target.trust} to a PEM file") from error
    try:
        if target.identity:
            context.load_cert_chain(*target.identity)
    except (OSError, ValueError) as error:
        message = f"the client's certificate cannot be used: {_reason(error)}"
        remedy = f"set {' and '.join(IDENTITY)} to the PEM files of a certificate and its key"
        raise CheckFailed(check, message, remedy) from error
    # Python's ssl accepts the common name if there is no subjectAltName, as gRPC does; urllib3, which requests uses,
    # does not. Jaeger is queried with urllib.
    context.hostname_checks_common_name = target.http2 or target.role != "collector"
    context.set_alpn_protocols([protocol or ("h2" if target.http2 else "http/1.1")])
    return context


def is_tls(target: Target, seconds: float) -> bool:
    """Whether a server speaks TLS, with any certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with connected(target, seconds) as plain, context.wrap_socket(plain):
            return True
    except ssl.SSLError as error:
        return error.reason in OTHER_TLS or "_ALERT_" in error.reason  # only a TLS server sends alerts
    except (OSError, CheckFailed):
        return False


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)


def _failed(target: Target, error: OSError) -> CheckFailed:
    check, if_plain = f"{target.role} TLS", "make the URL http:// if it has no TLS"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(target, error)
    if isinstance(error, TimeoutError):
        return CheckFailed(
            check, f"{target} accepts connections but does not answer the TLS handshake", if_plain, retryable=True
        )
    if isinstance(error, ssl.SSLEOFError) or not isinstance(error, ssl.SSLError):
        return CheckFailed(check, f"{target} closes the connection at the TLS handshake", if_plain, retryable=True)
    if error.reason in NO_TLS:
        remedy = "make the URL http://, or configure TLS on the server"
        return CheckFailed(check, f"{target} does not speak TLS", remedy)
    if error.reason in OTHER_TLS:
        message = f"{target} supports no TLS version that is accepted here: {error.reason}"
        return CheckFailed(check, message, "enable TLS 1.2 or 1.3 there")
    return CheckFailed(check, f"TLS fails: {error.reason}", "look at the server's log and its TLS settings")


def _untrusted(target: Target, error: ssl.SSLCertVerificationError) -> CheckFailed:
    check, trust = f"{target.role} TLS", f"set {target.trust} to the file with its authority's certificate"
    match error.verify_code:
        case 9 | 10:
            when = "has expired" if error.verify_code == EXPIRED else "is not valid yet"
            return CheckFailed(check, f"the certificate {when}", "renew it, and check the clocks on both sides")
        case 18 | 19 | 20 | 21:
            return CheckFailed(check, f"the certificate is not trusted: {error.verify_message}", trust)
        case 62 | 64:
            message = f"the certificate is for another name than {target.host}"
            return CheckFailed(
                check, message, "use the name in the certificate, or issue one with this name as subjectAltName"
            )
    return CheckFailed(check, f"the certificate is refused: {error.verify_message}", trust)
