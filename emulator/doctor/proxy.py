"""The HTTP proxy between here and a server, by the environment variables that requests, urllib and gRPC read."""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # not in typeshed

from emulator.doctor.check_result import CheckFailed, CheckResult, warning
from emulator.doctor.endpoint import Environment, Target

__all__ = ["Proxy", "proxy_for"]

LOCAL = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy and the variable that names it."""

    target: Target
    variable: str

    def warn(self, server: Target) -> CheckResult:
        """Report that requests to `server` go to the proxy instead."""
        message = f"{server} is reached through the proxy {self.target}, set by {self.variable}"
        if server.host in LOCAL:
            message += f"; to the proxy, {server.host} is another machine"
        return warning(f"{server.role} proxy", message, f"to connect directly, set no_proxy={server.host}")


def proxy_for(target: Target, env: Environment) -> Proxy | None:
    """Return the proxy for requests to `target`, or None. Raises CheckFailed if its variable is not a URL."""
    name = next((name for name in _variables(target) if env.get(name)), None)
    if name is None or _is_bypassed(target, env):
        return None
    try:
        return Proxy(_proxy_target(env[name]), name)
    except ValueError as error:
        remedy = f"write it as http://host:port, or unset {name}"
        raise CheckFailed(f"{target.role} proxy", f"{name} is not a URL", remedy) from error


def _proxy_target(url: str) -> Target:
    parts = urlsplit(url if "//" in url else f"//{url}")
    if not parts.hostname:
        raise ValueError("no host")
    return Target("proxy", parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))


def _is_bypassed(target: Target, env: Environment) -> bool:
    """Whether the proxy is not used, by the rules of the client: gRPC, urllib (which asks Jaeger), or requests."""
    if target.http2:
        return _is_bypassed_by_grpc(target.host, env.get("no_grpc_proxy", env.get("no_proxy", "")))
    exceptions = env.get("no_proxy") or env.get("NO_PROXY", "")
    if target.role == "jaeger":
        # not proxy_bypass: on macOS and Windows it takes no `proxies` argument, and reads the system's settings
        return bool(proxy_bypass_environment(str(target), {"no": exceptions}))
    from requests.utils import should_bypass_proxies

    return should_bypass_proxies(f"http://{target}", exceptions)


def _is_bypassed_by_grpc(host: str, exceptions: str) -> bool:
    """Whether gRPC connects directly: `exceptions` are suffixes of names, addresses and networks.

    Source: gRPC's src/core/handshaker/http_connect/http_proxy_mapper.cc.
    """
    entries = [entry.strip().lower() for entry in exceptions.split(",") if entry.strip()]
    return host.lower().endswith(tuple(entries)) or any(_contains(entry, host) for entry in entries)


def _contains(network: str, host: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False


def _variables(target: Target) -> tuple[str, ...]:
    """Return the variables that name a proxy. gRPC reads only lower-case ones (its doc/environment_variables.md)."""
    if target.http2:
        return ("grpc_proxy", "https_proxy", "http_proxy")
    scheme = "https" if target.tls else "http"
    return tuple(name for each in (f"{scheme}_proxy", "all_proxy") for name in (each, each.upper()))
