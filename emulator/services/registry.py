"""The services of the emulated cloud, one row each: port, catalog entry, colour, and the function that builds it.

Imports the standard library only, so that reading names and ports costs nothing; a service's code is imported when
`ServiceRow.factory` is called. To add a service, write its folder and add a row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

__all__ = ["APIS", "BROKER", "CONSOLE", "PORTS", "SERVICES", "CatalogEntry", "ServiceRow"]

BROKER = "broker"
"""What `emulator serve` calls the embedded AMQP broker. It is not an OpenStack service, so it has no row."""

CONSOLE = "console"
"""The web page of `emulator up`."""


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """How keystone's catalog lists a service: its type, its name, and the path of its endpoint."""

    type: str
    name: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A service: its `service.name`, its usual port, the function that builds it, and its colour in pictures.

    `build` is "module:function"; the function takes a `ServiceConfig` and returns a `Service`. A service without a
    `catalog` entry has no API: it works over AMQP, and only health checks use its port.
    """

    name: str
    port: int
    build: str
    colour: str
    catalog: CatalogEntry | None = None
    per_host: bool = False
    """Whether there is one on every compute host."""

    def factory(self) -> Callable[..., Any]:
        """Import the service's code and return the function that builds it."""
        module, _, function = self.build.partition(":")
        return getattr(import_module(module), function)  # type: ignore[no-any-return]


_ROWS = (
    ServiceRow(
        "keystone",
        port=5000,
        build="emulator.services.keystone.service:service",
        colour="#be7c09",
        catalog=CatalogEntry("identity", "keystone", "/v3"),
    ),
    ServiceRow(
        "neutron-server",
        port=9696,
        build="emulator.services.neutron.service:service",
        colour="#2e9848",
        catalog=CatalogEntry("network", "neutron"),
    ),
    ServiceRow(
        "glance-api",
        port=9292,
        build="emulator.services.glance.api:service",
        colour="#d14ba0",
        catalog=CatalogEntry("image", "glance"),
    ),
    ServiceRow(
        "nova-api",
        port=8774,
        build="emulator.services.nova.api.service:service",
        colour="#337cda",
        catalog=CatalogEntry("compute", "nova", "/v2.1"),
    ),
    ServiceRow("nova-scheduler", port=8780, build="emulator.services.nova.scheduler.service:service", colour="#0097a5"),
    ServiceRow(
        "nova-compute",
        port=8781,
        build="emulator.services.nova.compute.service:service",
        colour="#8e57d8",
        per_host=True,
    ),
)

SERVICES = {row.name: row for row in _ROWS}
"""Every service by name, in the order in which they start. They stop in reverse, so that work in progress can finish.

A service that runs on every compute host comes last: under `--port-base` its hosts take the ports that follow.
"""

APIS = tuple(row.name for row in _ROWS if row.catalog is not None)
"""The services that users and other services reach over HTTP."""

PORTS = {
    BROKER: 5672,
    **{name: SERVICES[name].port for name in APIS},
    CONSOLE: 8779,
    **{row.name: row.port for row in _ROWS if row.catalog is None},
}
"""Where everything listens by default. APIs have OpenStack's usual ports; the console and the daemons have ours."""
