"""The command line: words to calls. Its options alone read `EMULATOR_*`; `OTEL_*` and `OS_*` are as always."""

from typing import Annotated

import typer

from emulator import __version__
from emulator.cli.late import load_commands
from emulator.cli.load import load
from emulator.cli.openstack import AS_THEY_ARE, openstack
from emulator.cli.options import (
    DEFAULT_SECRET,
    AmqpUrl,
    Bind,
    BootTimeout,
    BuildTimeout,
    Bus,
    BusTimeout,
    CatalogHost,
    ComputeHost,
    Computes,
    ComputeUrl,
    ConsoleOff,
    Count,
    Emulator,
    FaultName,
    FaultsOff,
    Flavor,
    Image,
    ImageUrl,
    JaegerUrl,
    KeystoneUrl,
    Messaging,
    Name,
    Network,
    NetworkUrl,
    Otlp,
    Pace,
    Port,
    PortBase,
    ProfilerKeys,
    PublicHost,
    QueueKind,
    Quiet,
    Seed,
    ServiceName,
    Targets,
    TokenSecret,
    Wait,
)
from emulator.urls import reachable
from spantree.cli.glyphs import ascii_only
from spantree.cli.trace_cli import check, convert, doctor, faults, given, show
from spantree.cli.trace_options import Ascii, Everything, Html, Mermaid, OtlpJson, Svg

__all__ = ["app"]

BUILD_SECONDS = 60.0

app = typer.Typer(
    name="emulator",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def show_version(*, wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        typer.echo(f"emulator {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=lambda wanted: show_version(wanted=wanted))
    ] = False,
) -> None:
    """Re-enact how OpenStack boots a virtual machine, and see it as a distributed trace."""


@app.command()
def boot(
    name: Name = "demo",
    image: Image = "cirros",
    flavor: Flavor = "m1.tiny",
    network: Network = "private",
    fault: FaultName = None,
    count: Count = 1,
    pace: Pace = 1.0,
    seed: Seed = None,
    computes: Computes = 3,
    amqp_url: AmqpUrl = None,
    otlp: Otlp = None,
    otlp_json: OtlpJson = None,
    html: Html = None,
    mermaid: Mermaid = None,
    svg: Svg = None,
    keystone_url: Emulator = None,
    messaging_context: Messaging = "both",
    build_timeout: BootTimeout = None,
    bus_timeout: BusTimeout = 30.0,
    queue_type: QueueKind = "classic",
    *,
    expand: Everything = False,
    quiet: Quiet = False,
    no_unicode: Ascii = False,
) -> None:
    """Start a cloud, boot a server on it, and show the trace. Exits with 0 only if the server became ACTIVE.

    Boots as admin, or as OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME say.
    """
    if no_unicode:
        ascii_only()
    commands = load_commands()
    from emulator.cli.boot_report import Detail
    from emulator.client.boot_sequence import BootRequest, numbered
    from emulator.cloud import MessagingContext, QueueType, Settings
    from emulator.faults import FAULTS

    carried = None if fault is None else FAULTS[fault]
    shorter = carried and carried.build_seconds and carried.build_seconds * max(1.0, pace)
    seconds = build_timeout or shorter or BUILD_SECONDS
    context = MessagingContext(messaging_context)
    settings = Settings(
        pace=pace,
        seed=seed,
        build_seconds=seconds,
        bus_patience=bus_timeout,
        queue_type=QueueType(queue_type),
        messaging_context=context,
    )
    status = commands.boot(
        numbered(BootRequest(name, image, flavor, network, carried), count),
        settings,
        computes=computes,
        amqp_url=amqp_url,
        otlp=otlp,
        files=given({"otlp-json": otlp_json, "html": html, "mermaid": mermaid, "svg": svg}),
        keystone_url=keystone_url,
        detail=Detail(quiet, expand),
    )
    raise typer.Exit(status)


for command in (check, convert, doctor, faults, load, show):
    app.command()(command)
app.command(context_settings=AS_THEY_ARE)(openstack)


@app.command()
def up(
    port_base: PortBase = None,
    pace: Pace = 1.0,
    seed: Seed = None,
    computes: Computes = 3,
    amqp_url: AmqpUrl = None,
    otlp: Otlp = None,
    messaging_context: Messaging = "both",
    build_timeout: BuildTimeout = BUILD_SECONDS,
    bus_timeout: BusTimeout = 30.0,
    queue_type: QueueKind = "classic",
    bind: Bind = "127.0.0.1",
    public_host: PublicHost = None,
    token_secret: TokenSecret = DEFAULT_SECRET,
    osprofiler_hmac_key: ProfilerKeys = None,
    jaeger_url: JaegerUrl = None,
    *,
    no_faults: FaultsOff = False,
    no_console: ConsoleOff = False,
) -> None:
    """Run all services on OpenStack's usual ports, and a console to boot from and to watch, until Ctrl-C or SIGTERM."""
    commands = load_commands()
    from emulator.cloud import MessagingContext, QueueType, Settings

    settings = Settings(
        pace=pace,
        seed=seed,
        build_seconds=build_timeout,
        bus_patience=bus_timeout,
        queue_type=QueueType(queue_type),
        address=bind,
        public_host=public_host or reachable(bind),
        token_secret=token_secret,
        faults=not no_faults,
        messaging_context=MessagingContext(messaging_context),
        profiler_keys=osprofiler_hmac_key or (),
    )
    status = commands.up(
        settings,
        computes=computes,
        amqp_url=amqp_url,
        otlp=otlp,
        port_base=port_base,
        with_console=not no_console,
        jaeger_url=jaeger_url,
    )
    raise typer.Exit(status)


@app.command()
def serve(
    service: ServiceName,
    port: Port = None,
    amqp_url: Bus = "amqp://guest:guest@127.0.0.1:5672/",
    keystone_url: KeystoneUrl = "http://127.0.0.1:5000",
    compute_url: ComputeUrl = "http://127.0.0.1:8774",
    network_url: NetworkUrl = "http://127.0.0.1:9696",
    image_url: ImageUrl = "http://127.0.0.1:9292",
    compute_host: ComputeHost = None,
    pace: Pace = 1.0,
    seed: Seed = None,
    otlp: Otlp = None,
    messaging_context: Messaging = "both",
    build_timeout: BuildTimeout = BUILD_SECONDS,
    bus_timeout: BusTimeout = 30.0,
    queue_type: QueueKind = "classic",
    bind: Bind = "127.0.0.1",
    public_host: CatalogHost = None,
    token_secret: TokenSecret = DEFAULT_SECRET,
    osprofiler_hmac_key: ProfilerKeys = None,
    *,
    no_faults: FaultsOff = False,
) -> None:
    """Run one service alone, until Ctrl-C or SIGTERM: a process, or a container, for each."""
    commands = load_commands()
    from emulator.cloud import MessagingContext, QueueType, Settings

    settings = Settings(
        pace=pace,
        seed=seed,
        build_seconds=build_timeout,
        bus_patience=bus_timeout,
        queue_type=QueueType(queue_type),
        address=bind,
        public_host=public_host or reachable(bind),
        token_secret=token_secret,
        faults=not no_faults,
        messaging_context=MessagingContext(messaging_context),
        profiler_keys=osprofiler_hmac_key or (),
    )
    endpoints = {
        "keystone": keystone_url,
        "nova-api": compute_url,
        "neutron-server": network_url,
        "glance-api": image_url,
    }
    status = commands.serve(
        service,
        settings,
        endpoints,
        public_host=public_host,
        amqp_url=amqp_url,
        otlp=otlp,
        port=port,
        host=compute_host,
    )
    raise typer.Exit(status)


@app.command()
def health(targets: Targets = None, wait: Wait = 0.0) -> None:
    """Say whether services are healthy: those named, or all that listen here. Exits with 0 only if they are."""
    from emulator.healthcheck import UnknownTarget, check

    try:
        status = check(targets or [], wait)
    except UnknownTarget as error:
        raise typer.BadParameter(str(error), param_hint="'TARGET'") from error
    raise typer.Exit(status)
