"""The endpoint in effect and the setting that it comes from, by the rules of `otlp_exporter` and the SDK."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from emulator.urls import host_in_url

__all__ = [
    "CERTIFICATES",
    "GRPC",
    "HTTP",
    "PATH",
    "Endpoint",
    "Environment",
    "Target",
    "effective_endpoint",
    "is_grpc_identity",
    "traces_variable",
]

Environment = Mapping[str, str]

HTTP, GRPC = "http/protobuf", "grpc"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
"""The only source to which the exporter adds no path (OTLP exporter specification, "Endpoint URLs for OTLP/HTTP")."""
CERTIFICATES = ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE")
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Read by requests, before the SDK's own variables (its Session.merge_environment_settings)."""
GRPC_ROOTS = "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"
RESOLVERS = {"dns", "ipv4", "ipv6"}
"""gRPC's own schemes (its doc/naming.md), followed by three slashes or none. It also has `unix`."""
DEFAULT_URLS = {HTTP: "http://localhost:4318", GRPC: "http://localhost:4317"}
DEFAULT = "the default"
PATH = "/v1/traces"


@dataclass(frozen=True, slots=True)
class Target:
    """A server to talk to: the collector, Jaeger, or a proxy.

    `roots` is a file or directory of certificates to trust (None: the system's), `trust` the variable that names it,
    `identity` the files of a client's certificate and key. A Unix domain socket has no `host`.
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
        return f"{host_in_url(self.host)}:{self.port}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where spans go. `source` is the option or variable that sets it, or DEFAULT.

    `exporter_url` is the argument for `otlp_exporter`; None if the SDK reads it from the environment itself.
    """

    url: str
    protocol: str
    source: str
    exporter_url: str | None
    target: Target

    @property
    def is_default(self) -> bool:
        """Whether neither an option nor a variable names an endpoint."""
        return self.source == DEFAULT


def effective_endpoint(env: Environment, option: str | None, option_name: str = "--otlp") -> Endpoint:
    """Return the endpoint in effect. Raises ValueError if it is not a URL."""
    protocol = GRPC if (traces_variable(env, "PROTOCOL") or ("", ""))[1] == GRPC else HTTP
    variable = traces_variable(env, "ENDPOINT")
    source, raw = (option_name, option) if option else variable or (DEFAULT, DEFAULT_URLS[protocol])
    exporter_url = None if variable and not option else raw
    url = raw if protocol == GRPC or source == TRACES_ENDPOINT else f"{raw.rstrip('/')}{PATH}"
    try:
        target = _target(url, protocol, exporter_url, env)
    except ValueError as error:
        shown = repr(raw) if "@" not in raw else "something with a user or password"
        raise ValueError(f"{source} is {shown}, which is not a URL like http://localhost:4318") from error
    return Endpoint(url, protocol, source, exporter_url, target)


def traces_variable(env: Environment, suffix: str) -> tuple[str, str] | None:
    """Return name and value of the exporter's variable in effect for traces; `suffix` is, for example, ENDPOINT."""
    for name in (f"OTEL_EXPORTER_OTLP_TRACES_{suffix}", f"OTEL_EXPORTER_OTLP_{suffix}"):
        if env.get(name):
            return name, env[name]
    return None


def is_grpc_identity(variable: str, env: Environment) -> bool:
    """Whether the gRPC exporter uses the client's certificate that this variable names.

    It reads the one for traces only together with the certificates to trust for traces, the one for all signals only
    together with those for all signals, and these not if there are some for traces.
    """
    trusted = traces_variable(env, "CERTIFICATE")
    return trusted is not None and trusted[0] == variable.replace("CLIENT_", "")


def _target(url: str, protocol: str, exporter_url: str | None, env: Environment) -> Target:
    parts = _parts(url, protocol)
    tls = parts.scheme == "https" if protocol == HTTP or exporter_url else _is_grpc_secure(parts.scheme, env)
    trust, roots = _trusted(protocol, env)
    return Target(
        "collector",
        parts.hostname or "",
        parts.port or (443 if tls or protocol == GRPC else 80),  # gRPC: 443 even without TLS (naming.md)
        parts.path or "/",
        tls,
        http2=protocol == GRPC,
        roots=roots,
        trust=trust,
        identity=_identity(protocol, env),
    )


def _parts(url: str, protocol: str) -> SplitResult:
    if not url.isprintable() or " " in url:
        raise ValueError("a space or a line break")
    scheme, _, rest = url.partition(":")
    if protocol == GRPC and scheme == "unix":
        return urlsplit("unix:")
    if protocol == GRPC and scheme in RESOLVERS:
        url = f"{scheme}://{rest.lstrip('/')}"
    parts = urlsplit(url if "//" in url else f"//{url}")
    if not parts.hostname or (protocol == HTTP and parts.scheme not in {"http", "https"}):
        raise ValueError("no host, or neither http nor https")
    return parts


def _is_grpc_secure(scheme: str, env: Environment) -> bool:
    """The Python exporter's rule: https is TLS; else the variable decides; without one all but http is TLS."""
    insecure = traces_variable(env, "INSECURE")
    return scheme == "https" or (insecure[1].lower() != "true" if insecure else scheme != "http")


def _trusted(protocol: str, env: Environment) -> tuple[str, str]:
    """Return the variable for the certificates that the exporter trusts, and their file.

    The file is certifi's if no variable is set; gRPC ships the same certificates.
    """
    from certifi import where

    names = (*BUNDLES, *CERTIFICATES) if protocol == HTTP else CERTIFICATES
    default = (protocol == GRPC and env.get(GRPC_ROOTS)) or where()
    return next(((name, env[name]) for name in names if env.get(name)), (CERTIFICATES[-1], default))


def _identity(protocol: str, env: Environment) -> tuple[str, str | None] | None:
    certificate, key = traces_variable(env, "CLIENT_CERTIFICATE"), traces_variable(env, "CLIENT_KEY")
    is_used = certificate and (protocol == HTTP or is_grpc_identity(certificate[0], env))
    return (certificate[1], key[1] if key else None) if certificate and is_used else None
