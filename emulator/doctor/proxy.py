"""Which proxy stands between here and a server, as the environment says: to requests, urllib and gRPC alike."""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from emulator.doctor.endpoint import Environment, Place
from emulator.doctor.finding import Finding, Trouble, warning

__all__ = ["Proxy", "proxy_for"]

LOCAL = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and the variable that names it."""

    place: Place
    said_by: str

    def warn(self, asked: Place) -> Finding:
        """Tell that it is asked in the place of another."""
        said = f"{asked} is reached through the proxy {self.place}, as {self.said_by} says"
        if asked.host in LOCAL:
            said += f"; its {asked.host} is not this machine"
        return warning(f"{asked.role} proxy", said, f"if it should not be asked, set no_proxy={asked.host}")


def proxy_for(place: Place, env: Environment) -> Proxy | None:
    """Return the proxy that is asked for `place`, if any. Raises Trouble if what names it is no URL."""
    name = next((name for name in _names(place) if env.get(name)), None)
    if name is None or _is_excepted(place, env):
        return None
    try:
        return Proxy(_listening(env[name]), name)
    except ValueError as error:
        remedy = f"write it as http://host:port, or unset {name}"
        raise Trouble(f"{place.role} proxy", f"{name} is no URL", remedy) from error


def _listening(url: str) -> Place:
    parts = urlsplit(url if "//" in url else f"//{url}")
    if not parts.hostname:
        raise ValueError("no host")
    return Place("proxy", parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))


def _is_excepted(place: Place, env: Environment) -> bool:
    """Whether it is asked without a proxy, by the rules of whoever asks: gRPC, urllib for Jaeger, or requests."""
    if place.http2:
        return _is_excepted_by_grpc(place.host, env.get("no_grpc_proxy", env.get("no_proxy", "")))
    exceptions = env.get("no_proxy") or env.get("NO_PROXY", "")
    if place.role == "jaeger":
        return bool(proxy_bypass(str(place), {"no": exceptions}))
    from requests.utils import should_bypass_proxies

    return should_bypass_proxies(f"http://{place}", exceptions)


def _is_excepted_by_grpc(host: str, exceptions: str) -> bool:
    """Ends of names, addresses and networks (its src/core/handshaker/http_connect/http_proxy_mapper.cc)."""
    entries = [entry.strip().lower() for entry in exceptions.split(",") if entry.strip()]
    return host.lower().endswith(tuple(entries)) or any(_contains(entry, host) for entry in entries)


def _contains(network: str, host: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False


def _names(place: Place) -> tuple[str, ...]:
    """Those of gRPC have no capital letters (its doc/environment_variables.md)."""
    if place.http2:
        return ("grpc_proxy", "https_proxy", "http_proxy")
    scheme = "https" if place.tls else "http"
    return tuple(name for each in (f"{scheme}_proxy", "all_proxy") for name in (each, each.upper()))
