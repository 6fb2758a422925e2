"""The catalog: which services there are, and the endpoints of each in the one region."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from yarl import URL

from emulator.services.registry import SERVICES
from emulator.services.seed_data import resource_id

__all__ = ["CATALOG", "REGION", "Catalog", "hex_id"]

REGION = "RegionOne"
INTERFACES = ("public", "internal", "admin")


def hex_id(kind: str, name: str) -> str:
    """Return the id of a resource of the seed data, as hex without dashes, like all of keystone's ids."""
    return resource_id(kind, name).replace("-", "")


@dataclass(frozen=True, slots=True)
class Catalog:
    """Services and their endpoints, as keystone's API shows them one by one."""

    services: list[dict[str, Any]]
    endpoints: list[dict[str, Any]]

    @classmethod
    def from_urls(cls, urls: Mapping[str, str], public_host: str | None) -> "Catalog":
        """Build the catalog of the services whose base URLs are `urls`.

        With a `public_host` the public endpoints have that host instead.
        """
        services, endpoints = [], []
        for service_name, url in urls.items():
            entry = SERVICES[service_name].catalog
            if entry is None:
                raise ValueError(f"{service_name} has no API, so it has no place in the catalog")
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
        """Return the catalog as it is in a token: the endpoints within their services."""
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
