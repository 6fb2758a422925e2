"""Which endpoint is in effect, and which option or variable says so: as `otlp_exporter` and the SDK have it."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

__all__ = ["GRPC", "HTTP", "PATH", "Endpoint", "Environment", "Place", "effective", "of_traces"]

Environment = Mapping[str, str]

HTTP, GRPC = "http/protobuf", "grpc"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
"""The only one to which no path is added."""
CERTIFICATES = ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE")
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""What requests reads: these come before the SDK's own variable (its Session.merge_environment_settings)."""
GRPC_ROOTS = "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"
RESOLVERS = {"dns", "ipv4", "ipv6"}
"""Schemes of gRPC's own (its doc/naming.md), with three slashes or none before what they name; `unix` is another."""
USUAL = {HTTP: "http://localhost:4318", GRPC: "http://localhost:4317"}
DEFAULT = "the default"
PATH = "/v1/traces"


@dataclass(frozen=True, slots=True)
class Place:
    """A server to talk to: the collector, or Jaeger. `roots` are certificates to trust, a file or a folder, None the
    system's, and `trust` is the variable that names them; `identity` are the files of a certificate and a key to show.
    A socket of this machine has no `host`.
    """

    role: str
    host: str
    port: int
    path: str = "/"
    tls: bool = False
    http2: bool = False
    roots: str | None = None
    trust: str = "SSL_CERT_FILE"
    identity: tuple[str, str | None] | None = None

    def __str__(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where spans go. `given` is what `otlp_exporter` is to be called with, None if the SDK knows by itself."""

    url: str
    protocol: str
    said_by: str
    given: str | None
    place: Place

    @property
    def is_default(self) -> bool:
        """Whether nobody has said where spans go."""
        return self.said_by == DEFAULT


def effective(env: Environment, option: str | None, option_name: str = "--otlp") -> Endpoint:
    """Return the endpoint in effect. Raises ValueError if what should be a URL is none."""
    protocol = GRPC if (of_traces(env, "PROTOCOL") or ("", ""))[1] == GRPC else HTTP
    named = of_traces(env, "ENDPOINT")
    said_by, raw = (option_name, option) if option else named or (DEFAULT, USUAL[protocol])
    given = None if named and not option else raw
    url = raw if protocol == GRPC or said_by == TRACES_ENDPOINT else f"{raw.rstrip('/')}{PATH}"
    try:
        place = _place(url, protocol, given, env)
    except ValueError as error:
        shown = repr(raw) if "@" not in raw else "something with a user or password"
        raise ValueError(f"{said_by} is {shown}, which is no URL as http://localhost:4318 is one") from error
    return Endpoint(url, protocol, said_by, given, place)


def of_traces(env: Environment, what: str) -> tuple[str, str] | None:
    """Return the exporter's variable that is in effect for traces, `what` being ENDPOINT say, and its value."""
    for name in (f"OTEL_EXPORTER_OTLP_TRACES_{what}", f"OTEL_EXPORTER_OTLP_{what}"):
        if env.get(name):
            return name, env[name]
    return None


def _place(url: str, protocol: str, given: str | None, env: Environment) -> Place:
    parts = _parts(url, protocol)
    tls = parts.scheme == "https" if protocol == HTTP or given else _grpc_is_secure(parts.scheme, env)
    trust, roots = _trusted(protocol, env)
    return Place(
        "collector",
        parts.hostname or "",
        parts.port or (443 if tls or protocol == GRPC else 80),
        parts.path or "/",
        tls,
        http2=protocol == GRPC,
        roots=roots,
        trust=trust,
        identity=_identity(protocol, env),
    )


def _parts(url: str, protocol: str) -> SplitResult:
    if not url.isprintable() or " " in url:
        raise ValueError("a blank, or the end of a line")
    scheme, _, target = url.partition(":")
    if protocol == GRPC and scheme == "unix":
        return urlsplit("unix:")
    if protocol == GRPC and scheme in RESOLVERS:
        url = f"{scheme}://{target.lstrip('/')}"
    parts = urlsplit(url if "//" in url else f"//{url}")
    if not parts.hostname or (protocol == HTTP and parts.scheme not in {"http", "https"}):
        raise ValueError("no host, or neither http nor https")
    return parts


def _grpc_is_secure(scheme: str, env: Environment) -> bool:
    """The Python SDK's rule: https is TLS, for all else a variable says, and without one only http is none."""
    insecure = of_traces(env, "INSECURE")
    return scheme == "https" or (insecure[1].lower() != "true" if insecure else scheme != "http")


def _trusted(protocol: str, env: Environment) -> tuple[str, str]:
    """The variable that is to name the certificates that the exporter trusts, and those: if it does not, certifi's,
    which gRPC brings, too.
    """
    from certifi import where

    names = (*BUNDLES, *CERTIFICATES) if protocol == HTTP else CERTIFICATES
    usual = (protocol == GRPC and env.get(GRPC_ROOTS)) or where()
    return next(((name, env[name]) for name in names if env.get(name)), (CERTIFICATES[-1], usual))


def _identity(protocol: str, env: Environment) -> tuple[str, str | None] | None:
    certificate, key, trusted = (of_traces(env, what) for what in ("CLIENT_CERTIFICATE", "CLIENT_KEY", "CERTIFICATE"))
    counts = protocol == HTTP or trusted
    return (certificate[1], key[1] if key else None) if certificate and counts else None
