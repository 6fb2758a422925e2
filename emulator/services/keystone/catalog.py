"""The catalog: the services, and the endpoints of each in the only region."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from yarl import URL

from emulator.services.registry import SERVICES
from emulator.services.seed_data import hex_id

__all__ = ["CATALOG", "REGION", "Catalog"]

REGION = "RegionOne"
INTERFACES = ("public", "internal", "admin")


@dataclass(frozen=True, slots=True)
class Catalog:
    """Services and endpoints, each as keystone's API shows them."""

    services: list[dict[str, Any]]
    endpoints: list[dict[str, Any]]

    @classmethod
    def from_urls(cls, urls: Mapping[str, str], public_host: str | None) -> "Catalog":
        """Build the catalog from the base URLs of the APIs, by service name.

        With a `public_host`, the public endpoints have that host instead of the one in the URL.
        """
        services, endpoints = [], []
        for service_name, url in urls.items():
            entry = SERVICES[service_name].catalog
            if entry is None:
                raise ValueError(f"{service_name} has no API, so it cannot be in the catalog")
            service_id = hex_id("service", entry.name)
            known = {"id": service_id, "type": entry.type, "name": entry.name, "description": "", "enabled": True}
            internal = url.rstrip("/") + entry.path
            public = internal if public_host is None else str(URL(internal).with_host(public_host))
            services.append(known)
            endpoints += [
                _endpoint(known, interface, public if interface == "public" else internal) for interface in INTERFACES
            ]
        return cls(services, endpoints)

    def in_token(self) -> list[dict[str, Any]]:
        """Return the catalog as a token contains it: each service with its endpoints."""
        return [
            {
                **{key: service[key] for key in ("id", "type", "name")},
                "endpoints": [
                    {key: endpoint[key] for key in ("id", "interface", "region", "region_id", "url")}
                    for endpoint in self.endpoints
                    if endpoint["service_id"] == service["id"]
                ],
            }
            for service in self.services
        ]


CATALOG = web.AppKey("catalog", Catalog)


def _endpoint(service: dict[str, Any], interface: str, url: str) -> dict[str, Any]:
    return {
        "id": hex_id("endpoint", f"{service['type']}/{interface}"),
        "interface": interface,
        "region": REGION,
        "region_id": REGION,
        "service_id": service["id"],
        "url": url,
        "enabled": True,
    }
