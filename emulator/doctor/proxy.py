"""Which proxy stands between here and a server, as the environment says: to requests, urllib and gRPC alike."""

from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from emulator.doctor.endpoint import Environment, Place
from emulator.doctor.finding import Finding, warning

__all__ = ["Proxy", "proxy_for"]

LOCAL = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and the variable that names it."""

    url: str
    said_by: str

    @property
    def place(self) -> Place:
        """Where it listens."""
        parts = urlsplit(self.url if "//" in self.url else f"//{self.url}")
        return Place("proxy", parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))

    def warn(self, asked: Place) -> Finding:
        """Tell that it is asked in the place of another."""
        said = f"{asked} is reached through the proxy {self.place}, as {self.said_by} says"
        if asked.host in LOCAL:
            said += f"; its {asked.host} is not this machine"
        return warning(f"{asked.role} proxy", said, f"if it should not be asked, set NO_PROXY={asked.host}")


def proxy_for(place: Place, env: Environment) -> Proxy | None:
    """Return the proxy that is asked for `place`, if any."""
    names = _names(place)
    exceptions = env.get("no_grpc_proxy" if place.http2 and "no_grpc_proxy" in env else "no_proxy") or env.get(
        "NO_PROXY", ""
    )
    if proxy_bypass(str(place), {"no": exceptions}):
        return None
    return next((Proxy(env[name], name) for name in names if env.get(name)), None)


def _names(place: Place) -> tuple[str, ...]:
    """Those of gRPC have no capital letters (its doc/environment_variables.md)."""
    if place.http2:
        return ("grpc_proxy", "https_proxy", "http_proxy")
    scheme = "https" if place.tls else "http"
    return tuple(name for each in (f"{scheme}_proxy", "all_proxy") for name in (each, each.upper()))
