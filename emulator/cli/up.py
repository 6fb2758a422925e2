"""`emulator up`: run a whole cloud and its console until it is stopped."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.option_groups import with_option_groups
from emulator.cli.options import (
    COMPUTES,
    HTTP,
    AmqpUrl,
    CloudOptions,
    Computes,
    ListenOptions,
    importing_sdk,
    settings,
)
from emulator.services.registry import CONSOLE, PORTS
from spantree.cli.options import option

if TYPE_CHECKING:  # importing these takes longer than printing the help text
    from emulator.cloud import Cloud
    from emulator.runtime.export import Export

__all__ = ["up"]


@with_option_groups
def up(
    *,
    port_base: Annotated[
        int | None,
        option(
            "port-base",
            "Listen on consecutive ports from this one on; 0 picks free ports.",
            min=0,
            max=65000,
            show_default="OpenStack's usual ports",
        ),
    ] = None,
    cloud: CloudOptions,
    computes: Computes = COMPUTES,
    amqp_url: AmqpUrl = None,
    listen: ListenOptions,
    jaeger_url: Annotated[
        str | None,
        option(
            "jaeger-url",
            "The URL of Jaeger's UI, e.g. http://localhost:16686, for links from the console's traces.",
            callback=HTTP,
        ),
    ] = None,
    no_console: Annotated[bool, option("no-console", "Do not serve the console.")] = False,
) -> None:
    """Run all services on OpenStack's usual ports, and a console to boot and watch servers, until Ctrl-C or SIGTERM."""
    with importing_sdk():
        from emulator.cli.runner import run, serve_until_signalled
        from emulator.cloud import run_cloud
        from emulator.console import RequestLog, console

    cloud_settings, ports = settings(cloud, listen), _ports(port_base)
    requests = None if no_console else RequestLog()

    @asynccontextmanager
    async def service(export: "Export") -> AsyncIterator[str]:
        async with run_cloud(cloud_settings, export, amqp_url=amqp_url, computes=computes, ports=ports) as up:
            if requests is None:
                yield _describe(up)
                return
            async with console(up, cloud_settings, export, requests, jaeger_url, ports.get(CONSOLE, 0)) as url:
                yield f"{_describe(up)}\nTo boot and watch servers, open the console: {url}"

    heartbeats = cloud.heartbeats(shown=requests is not None)
    running = serve_until_signalled(
        service, otlp=cloud.otlp, seed=cloud.seed, heartbeats=heartbeats, span_processor=requests
    )
    raise typer.Exit(run(running))


def _ports(base: int | None) -> dict[str, int]:
    """Return the port of each service by name. A service without an entry gets a free port."""
    if base is None:
        return PORTS
    return {name: base + number for number, name in enumerate(PORTS)} if base else {}


def _describe(up: "Cloud") -> str:
    """Return a list of all URLs, and a `clouds.yaml` to copy."""
    from yarl import URL

    endpoints = "\n".join(f"  {name:<15} {url}" for name, url in up.endpoints.items())
    return f"""{endpoints}
  {"broker":<15} {URL(up.amqp_url).with_user(None)}

To boot a server here:

  emulator boot --keystone-url {up.endpoints["keystone"]}

For stock OpenStack clients, as clouds.yaml:

clouds:
  emulator:
    auth:
      auth_url: {up.endpoints["keystone"]}/v3
      username: admin
      password: secret
      project_name: admin
      user_domain_id: default
      project_domain_id: default
    region_name: RegionOne
    identity_api_version: 3
"""
