"""What the commands do: run clouds and clients, and print what came of it."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from opentelemetry.sdk.trace import SpanProcessor
from yarl import URL

from emulator.cli.boot_report import NOTHING, Detail, boot_traces, print_boots, trace_shown, write
from emulator.cli.progress import progress
from emulator.cli.runner import Refused, at_the_first_signal, cancel_on_signals, check_carried, exporting, run
from emulator.client import boot_sequence as client
from emulator.client.boot_sequence import SIDE_BY_SIDE, BootRequest, BootResult, Credentials, Watcher
from emulator.cloud import Cloud, Settings, run_cloud, run_service
from emulator.load import NoCloud, Plan, Tenant
from emulator.load import load as putting_load
from emulator.runtime.export import Export, otlp_json_document
from emulator.runtime.http_client import HttpClient
from emulator.runtime.tasks import SharedTimeout, unless
from emulator.services.registry import PORTS, SERVICES
from emulator.urls import without_user
from spantree.cli.unwritable import Unwritable

__all__ = ["boot", "load", "serve", "up"]

END_SECONDS = 20.0
"""How long `load` may take to end, at any pace: the container in deploy/compose.yaml is killed after 30."""


def boot(
    orders: list[BootRequest],
    settings: Settings,
    *,
    computes: int,
    amqp_url: str | None,
    otlp: str | None,
    files: Mapping[str, Path],
    keystone_url: str | None,
    detail: Detail,
) -> int:
    """Boot servers on a cloud of our own or on the one at `keystone_url`. Return the exit status.

    Their traces go to `files`, by format; `otlp-json` holds all that was exported.
    """

    async def story() -> int:
        cancel_on_signals()
        check_carried(order.fault for order in orders)
        async with exporting(otlp, settings.seed, keep=True) as export:
            if keystone_url is not None:
                boots = await _boot_all(orders, settings, export, keystone_url, detail)
            else:
                async with run_cloud(settings, export, amqp_url=amqp_url, computes=computes) as up:
                    boots = await _boot_all(orders, settings, export, up.endpoints["keystone"], detail)
                    for booted in boots:  # what is still under way belongs to the trace, a second delivery for one
                        await up.settled(booted.request_id)
        print_boots(boots, export.kept, export.destination, detail, complete=keystone_url is None)
        if files:
            _write(files, boots, export)
        return 0 if all(ended.succeeded for ended in boots) else 1

    return run(story())


def _write(files: Mapping[str, Path], boots: list[BootResult], export: Export) -> None:
    from spantree.cli.output import write_all, write_files, write_text  # late, as drawing takes much to import

    drawn = {name: file for name, file in files.items() if name != "otlp-json"}

    def write_exported() -> None:
        if "otlp-json" in files:
            write_text(json.dumps(otlp_json_document(export.kept)), files["otlp-json"])

    def draw() -> None:
        traces = boot_traces(boots, export.kept)
        if drawn and not traces:
            raise Unwritable(f"not written: {', '.join(map(str, drawn.values()))}. {NOTHING}")
        if drawn:
            write_files(traces, drawn, (trace_shown(boots, export.kept) or traces[0], "the one that is printed"))

    try:
        write_all(write_exported, draw)
    except Unwritable as error:
        raise Refused(str(error)) from error


async def _boot_all(
    orders: list[BootRequest], settings: Settings, export: Export, keystone_url: str, detail: Detail
) -> list[BootResult]:
    """Boot servers side by side, `SIDE_BY_SIDE` at once."""
    lasts = settings.pace > 0 or len(orders) > 1  # else it is over before a word of it could be read
    service_context = client.user(export, settings.seed, settings.pace)
    credentials = Credentials.from_environment(keystone_url)
    places = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(http: HttpClient, order: BootRequest, tell: Watcher) -> BootResult:
        async with places:
            return await client.boot(service_context, http, credentials, order, tell)

    with progress(orders, wanted=lasts and not detail.quiet) as tell:
        async with HttpClient(client.SERVICE, settings.pace) as http:
            return await asyncio.gather(*(one(http, order, tell) for order in orders))


def load(
    plan: Plan,
    *,
    pace: float,
    seed: int | None,
    seconds: float,
    patience: float,
    otlp: str | None,
    keystone_url: str,
    quiet: bool,
) -> int:
    """Put load on the cloud at `keystone_url` for `seconds`, or until a signal comes. Return the exit status.

    It is 1 where the tally has troubles, where servers may be left, and without a cloud after `patience` seconds.
    """

    async def story() -> int:
        check_carried(plan.faults)
        stopping = asyncio.Event()
        at_the_first_signal(stopping.set)

        def tell(line: str) -> None:
            if not quiet and not write(f"{line}\n"):
                stopping.set()

        async with exporting(otlp, seed) as export, HttpClient(client.SERVICE, pace) as http:
            service_context = client.user(export, seed, pace)
            tenant = Tenant(service_context, http, Credentials.from_environment(keystone_url), plan.order.name)
            try:
                await unless(stopping, tenant.reach(patience))
            except NoCloud as error:
                raise Refused(str(error)) from error
            tell(f"booting {plan.rate:g} servers a second on {without_user(keystone_url)}; {_whereabouts(export)}")
            ending = SharedTimeout(END_SECONDS)
            lasted = await putting_load(tenant, plan, stopping, tell, seconds=seconds, patience=ending)
            left = await tenant.leave(ending)
        write("".join(f"{line}\n" for line in (*tenant.tally.summary(lasted), left) if line))
        return 1 if left or any(tenant.tally.troubles()) else 0

    return run(story())


def _whereabouts(export: Export) -> str:
    if export.destination is None:
        return "the client's own spans go nowhere without --otlp"
    return f"spans go to {export.destination}"


def up(
    settings: Settings,
    *,
    computes: int,
    amqp_url: str | None,
    otlp: str | None,
    port_base: int | None,
    with_console: bool,
    jaeger_url: str | None,
) -> int:
    """Run a cloud until a signal comes, with its console or without. Return the exit status."""
    if port_base is None:
        ports = PORTS
    else:
        ports = {name: port_base + number for number, name in enumerate(PORTS)} if port_base else {}

    from emulator.console import RequestLog, console

    stories = RequestLog() if with_console else None

    @asynccontextmanager
    async def running(export: Export) -> AsyncIterator[str]:
        async with run_cloud(settings, export, amqp_url=amqp_url, computes=computes, ports=ports) as up:
            if stories is None:
                yield _describe(up)
                return
            async with console(up, settings, export, stories, jaeger_url, ports.get("console", 0)) as url:
                yield f"{_describe(up)}\nTo boot servers here and watch, open the console: {url}"

    return run(_until_signalled(running, settings.seed, otlp, stories))


def serve(
    name: str,
    settings: Settings,
    endpoints: Mapping[str, str],
    *,
    public_host: str | None,
    amqp_url: str,
    otlp: str | None,
    port: int | None,
    host: str | None,
) -> int:
    """Run one service until a signal comes. Return the exit status."""
    if name not in {*SERVICES, "broker"}:
        print(f"there is no service {name!r}: choose one of {', '.join(SERVICES)}, broker", file=sys.stderr)
        return 2
    host = host or socket.gethostname()

    @asynccontextmanager
    async def alone(export: Export) -> AsyncIterator[str]:
        async with run_service(
            name,
            settings,
            export,
            amqp_url=amqp_url,
            endpoints=endpoints,
            public_host=public_host,
            host=host,
            port=port,
        ) as url:
            yield f"{name} is up at {url}"

    return run(_until_signalled(alone, settings.seed, otlp))


async def _until_signalled(
    service: Callable[[Export], AbstractAsyncContextManager[str]],
    seed: int | None,
    otlp: str | None,
    watching: SpanProcessor | None = None,
) -> int:
    """Run a service or a cloud, and say what it yields, until SIGINT or SIGTERM; then let it finish what it has begun.

    While it is starting there is nothing to finish, and a second signal ends it at once.
    """
    stopping, is_up = asyncio.Event(), False
    me = asyncio.current_task()
    assert me is not None

    def stop() -> None:
        stopping.set()
        if not is_up:
            me.cancel()

    at_the_first_signal(stop)
    async with exporting(otlp, seed, watching=watching) as export:
        try:
            async with service(export) as description:
                is_up = True
                print(description, flush=True)
                await stopping.wait()
        except asyncio.CancelledError:
            if not stopping.is_set():
                raise
            me.uncancel()
    return 0


def _describe(up: Cloud) -> str:
    """Tell where everything is, with a `clouds.yaml` to copy."""
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
