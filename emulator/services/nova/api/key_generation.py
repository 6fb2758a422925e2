"""Generates key pairs for users who do not bring their own, as `nova.crypto` does. It takes 100 ms of CPU time."""

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

# Nothing of `cryptography` is imported here: it would slow down every start, and few users need it.

__all__ = ["GENERATORS"]

RSA_BITS = 2048
VALID_DAYS = 3650
PRINCIPAL_NAME = "1.3.6.1.4.1.311.20.2.3"
"""The object id of a user principal name, by which Windows finds the account of a certificate."""
DER_UTF8 = 0x0C
MAX_COMMON_NAME = 64  # RFC 5280, appendix A: ub-common-name


def generate_ssh(_: str) -> tuple[str, str]:
    """Return a new private key in PEM, and its public key in OpenSSH's format."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    private = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return pem, f"{public} Generated-by-Nova"


def generate_x509(user_id: str) -> tuple[str, str]:
    """Return a new private key as PKCS #12 in base64, and a user's certificate for it in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, pkcs12
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    user_id = user_id[:MAX_COMMON_NAME]
    private = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user_id)]), datetime.now(UTC)
    upn = f"{user_id}@localhost".encode("ascii", "replace")
    principal = x509.OtherName(x509.ObjectIdentifier(PRINCIPAL_NAME), bytes([DER_UTF8, len(upn)]) + upn)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([principal]), critical=False)
        .sign(private, SHA256())
    )
    bundle = pkcs12.serialize_key_and_certificates(None, private, certificate, None, NoEncryption())
    return base64.b64encode(bundle).decode(), certificate.public_bytes(Encoding.PEM).decode()


GENERATORS: Mapping[str, Callable[[str], tuple[str, str]]] = {"ssh": generate_ssh, "x509": generate_x509}
"""The functions by the type of the key pair. They take the user's id, and return the private and the public key."""
