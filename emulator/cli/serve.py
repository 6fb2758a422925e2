"""`emulator serve`: run a single service, as a container does."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import field, make_dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.cli.option_groups import with_option_groups
from emulator.cli.options import AMQP, CloudOptions, ListenOptions, importing_sdk, settings
from emulator.cli.validators import compute_host as valid_compute_host
from emulator.services.registry import APIS, BROKER, PORTS, SERVICES
from spantree.cli.options import option
from spantree.cli.validators import url

if TYPE_CHECKING:  # importing it takes longer than printing the help text
    from emulator.runtime.export import Export

__all__ = ["serve"]

NAMES = (*SERVICES, BROKER)


def _service(name: str) -> str:
    """Refuse an unknown service."""
    if name not in NAMES:
        raise typer.BadParameter(f"there is no service {name!r}: choose one of {', '.join(NAMES)}.")
    return name


def _endpoint(service: str) -> tuple[str, Any, Any]:
    """Return the field for an API's URL. Its option is named after the catalog type: `--compute-url` is nova-api's."""
    entry = SERVICES[service].catalog
    assert entry is not None
    name, text = f"{entry.type}-url", f"The URL of {service} in the catalog; only for keystone."
    if service == "keystone":
        name, text = "keystone-url", "The URL of keystone; for nova-api, nova-compute, and keystone's own catalog."
    endpoint = Annotated[str, option(name, text, callback=url("http", "https", passed_on=True))]
    return _field(service), endpoint, field(default=f"http://127.0.0.1:{PORTS[service]}")


def _field(service: str) -> str:
    return service.replace("-", "_")


Endpoints = make_dataclass("Endpoints", map(_endpoint, APIS), kw_only=True)
"""The options for the URLs of the APIs, one for each."""


@with_option_groups
def serve(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help=f"One of {', '.join(NAMES)}.", callback=_service)],
    *,
    port: Annotated[
        int | None,
        option(
            "port",
            "The port to listen on; 0 picks a free one.",
            min=0,
            max=65535,
            show_default="OpenStack's usual port",
        ),
    ] = None,
    amqp_url: Annotated[
        str, option("amqp-url", "The AMQP broker that connects the services.", callback=AMQP)
    ] = "amqp://guest:guest@127.0.0.1:5672/",
    endpoints: Endpoints,  # type: ignore[valid-type] # mypy does not follow make_dataclass
    compute_host: Annotated[
        str | None,
        option(
            "compute-host",
            "The name of the compute host; only for nova-compute.",
            callback=valid_compute_host,
            show_default="this machine's name",
        ),
    ] = None,
    cloud: CloudOptions,
    listen: ListenOptions,
) -> None:
    """Run a single service until Ctrl-C or SIGTERM, for one process or container per service."""
    with importing_sdk():
        from emulator.cli.runner import run, serve_until_signalled
        from emulator.cloud import run_service

    @asynccontextmanager
    async def alone(export: "Export") -> AsyncIterator[str]:
        async with run_service(
            service,
            settings(cloud, listen),
            export,
            amqp_url=amqp_url,
            endpoints={name: getattr(endpoints, _field(name)) for name in APIS},
            public_host=listen.public_host,
            host=compute_host or socket.gethostname(),
            port=port,
        ) as base_url:
            yield f"{service} is up at {base_url}"

    running = serve_until_signalled(alone, otlp=cloud.otlp, seed=cloud.seed, heartbeats=cloud.heartbeats())
    raise typer.Exit(run(running))
