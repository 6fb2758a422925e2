"""The command line: words to calls. Its options alone read `EMULATOR_*`; `OTEL_*` and `OS_*` are as always."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Annotated, NoReturn

import typer

from emulator import __version__
from emulator.glyphs import ascii_only
from emulator.options import (
    DEFAULT_SECRET,
    AmqpUrl,
    Ascii,
    AsJson,
    AsTree,
    Bind,
    BootTimeout,
    BuildTimeout,
    Bus,
    BusTimeout,
    ComputeHost,
    Computes,
    ComputeUrl,
    ConsoleOff,
    Count,
    Emulator,
    Everything,
    Expect,
    FaultName,
    FaultsOff,
    Flavor,
    Html,
    Ignore,
    Image,
    ImageUrl,
    JaegerUrl,
    Joined,
    Junit,
    KeystoneUrl,
    MapFile,
    Mermaid,
    Messaging,
    Name,
    Network,
    NetworkUrl,
    OfService,
    OneIsEnough,
    Otlp,
    OtlpJson,
    Output,
    Pace,
    Port,
    PortBase,
    PublicHost,
    Quiet,
    Seed,
    ServiceName,
    SourceName,
    Svg,
    Timeout,
    ToFormat,
    TokenSecret,
    TraceId,
)

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


def load_commands() -> ModuleType:
    """Import what the commands do. The SDK reads some of `OTEL_*` at import; what it cannot use is for the user."""
    try:
        from emulator import commands
    except ValueError as error:
        typer.echo(f"emulator: {error}", err=True)
        raise typer.Exit(2) from error
    return commands


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
    *,
    expand: Everything = False,
    quiet: Quiet = False,
    no_unicode: Ascii = False,
) -> None:
    """Start a cloud, boot a server on it, and show the trace. Exits with 0 only if the server became ACTIVE.

    Boots as admin, or as OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME say.
    """
    _draw(no_unicode=no_unicode)
    commands = load_commands()
    from emulator.client import Order, numbered
    from emulator.cloud import MessagingContext, Settings
    from emulator.faults import FAULTS
    from emulator.report import Detail

    carried = None if fault is None else FAULTS[fault]
    shorter = carried and carried.build_seconds and carried.build_seconds * max(1.0, pace)
    seconds = build_timeout or shorter or BUILD_SECONDS
    settings = Settings(pace, seed, seconds, bus_timeout, messaging_context=MessagingContext(messaging_context))
    status = commands.boot(
        numbered(Order(name, image, flavor, network, carried), count),
        settings,
        computes=computes,
        amqp_url=amqp_url,
        otlp=otlp,
        files=_given({"otlp-json": otlp_json, "html": html, "mermaid": mermaid, "svg": svg}),
        keystone_url=keystone_url,
        detail=Detail(quiet, expand),
    )
    raise typer.Exit(status)


@app.command()
def check(
    source: SourceName,
    expect: Expect = None,
    ignore: Ignore = None,
    trace: TraceId = None,
    service: OfService = None,
    timeout: Timeout = 30.0,
    junit: Junit = None,
    *,
    one_is_enough: OneIsEnough = False,
    joined: Joined = False,
    no_unicode: Ascii = False,
) -> None:
    """Compare exported traces with an expected tree; without one, look for what makes them unsound.

    Exits with 0 if all traces that begin as expected are as expected, 1 if not, 2 if that cannot be said.
    """
    _draw(no_unicode=no_unicode)
    from emulator import trace_commands

    def checked() -> int:
        return trace_commands.check(
            trace_commands.Source(source, trace, service, joined),
            None if expect is None else trace_commands.expectation(expect),
            ignore=ignore or [],
            seconds=timeout,
            one_is_enough=one_is_enough,
            junit=junit,
        )

    _exit(checked)


@app.command()
def convert(
    source: SourceName,
    to: ToFormat,
    output: Output = None,
    trace: TraceId = None,
    service: OfService = None,
    *,
    joined: Joined = False,
) -> None:
    """Write exported traces in a format that others read. What it has no place for is said on standard error."""
    from emulator import trace_commands

    _exit(lambda: trace_commands.convert(trace_commands.Source(source, trace, service, joined), to, output))


@app.command()
def faults(*, as_json: AsJson = False, no_unicode: Ascii = False) -> None:
    """List the faults that can ride with a request, and what each of them teaches."""
    _draw(no_unicode=no_unicode)
    from emulator import fault_commands

    raise typer.Exit(fault_commands.faults(as_json=as_json))


@app.command()
def show(
    source: SourceName,
    trace: TraceId = None,
    service: OfService = None,
    html: Html = None,
    mermaid: Mermaid = None,
    svg: Svg = None,
    map_file: MapFile = None,
    *,
    tree: AsTree = False,
    joined: Joined = False,
    expand: Everything = False,
    no_unicode: Ascii = False,
) -> None:
    """Print the waterfalls of exported traces, ours or not; or draw them to files, where these are named."""
    _draw(no_unicode=no_unicode)
    from emulator import trace_commands

    chosen = trace_commands.Source(source, trace, service, joined)
    files = _given({"html": html, "mermaid": mermaid, "svg": svg, "map": map_file})
    if files:
        _exit(lambda: trace_commands.draw(chosen, files))
    _exit(lambda: trace_commands.show(chosen, as_tree=tree, expand=expand))


def _given(files: Mapping[str, Path | None]) -> dict[str, Path]:
    """Return the files that were named, by their formats."""
    return {name: file for name, file in files.items() if file is not None}


def _draw(*, no_unicode: bool) -> None:
    """Print nothing but ASCII, if that is wanted."""
    if no_unicode:
        ascii_only()


def _exit(command: Callable[[], int]) -> NoReturn:
    """End with a command's status; with 2, and the reason, if it has nothing to work on."""
    from emulator.trace_commands import Unreadable
    from emulator.unwritable import Unwritable

    try:
        status = command()
    except (Unreadable, Unwritable) as error:
        typer.echo(f"emulator: {error}", err=True)
        status = 2
    raise typer.Exit(status)


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
    bind: Bind = "127.0.0.1",
    public_host: PublicHost = "127.0.0.1",
    token_secret: TokenSecret = DEFAULT_SECRET,
    jaeger_url: JaegerUrl = None,
    *,
    no_faults: FaultsOff = False,
    no_console: ConsoleOff = False,
) -> None:
    """Run all services on OpenStack's usual ports, and a console to boot from and to watch, until Ctrl-C or SIGTERM."""
    commands = load_commands()
    from emulator.cloud import MessagingContext, Settings

    context = MessagingContext(messaging_context)
    settings = Settings(pace, seed, build_timeout, bus_timeout, bind, public_host, token_secret, not no_faults, context)
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
    bind: Bind = "127.0.0.1",
    public_host: PublicHost = "127.0.0.1",
    token_secret: TokenSecret = DEFAULT_SECRET,
    *,
    no_faults: FaultsOff = False,
) -> None:
    """Run one service alone, until Ctrl-C or SIGTERM: a process, or a container, for each."""
    commands = load_commands()
    from emulator.cloud import MessagingContext, Settings

    context = MessagingContext(messaging_context)
    settings = Settings(pace, seed, build_timeout, bus_timeout, bind, public_host, token_secret, not no_faults, context)
    endpoints = {
        "keystone": keystone_url,
        "nova-api": compute_url,
        "neutron-server": network_url,
        "glance-api": image_url,
    }
    status = commands.serve(service, settings, endpoints, amqp_url=amqp_url, otlp=otlp, port=port, host=compute_host)
    raise typer.Exit(status)
