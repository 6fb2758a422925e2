"""The command line: words to calls. The only reader of `EMULATOR_*`; `OTEL_*` and `OS_*` keep their usual meaning."""

import re
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from emulator import __version__

__all__ = ["app"]

app = typer.Typer(
    name="emulator",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def option(name: str, text: str, **more: Any) -> Any:  # noqa: ANN401 - typer's own type
    """Make an option that also reads `EMULATOR_…`."""
    return typer.Option(f"--{name}", envvar=f"EMULATOR_{name.upper().replace('-', '_')}", help=text, **more)


def url(*schemes: str) -> Callable[[str | None], str | None]:
    """Make a check for URLs of these schemes."""

    def check(value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            fits = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            fits = False
        if not fits:
            raise typer.BadParameter(f"{value!r} is not a URL such as {schemes[0]}://localhost.")
        return value

    return check


def writable(file: Path | None) -> Path | None:
    """Refuse a file that cannot be written before anything has begun."""
    if file is not None:
        try:
            file.open("a").close()
        except OSError as error:
            raise typer.BadParameter(f"{str(file)!r} cannot be written: {error.strerror}.") from error
    return file


def finite(value: float) -> float:
    """Refuse what is no number to wait for."""
    if not isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number.")
    return value


def printable(value: str) -> str:
    """Refuse an empty text, and one that cannot be printed."""
    if not value or not value.isprintable():
        raise typer.BadParameter(f"{value!r} is empty, or has characters that cannot be printed.")
    return value


def named(value: str | None) -> str | None:
    """Refuse an empty name."""
    return value if value is None else printable(value)


def trace_id(value: str | None) -> str | None:
    """Refuse what is no trace id."""
    if value is None:
        return None
    digits = value.lower()
    if not re.fullmatch(r"[0-9a-f]{1,32}", digits):
        raise typer.BadParameter(f"{value!r} is not up to 32 hex digits.")
    return digits.zfill(32)


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


HTTP, AMQP = url("http", "https"), url("amqp", "amqps")
DEFAULT_SECRET = "openstack-boot-emulator"  # noqa: S105 - public, as the passwords are

Name = Annotated[str, typer.Argument(help="The server's name.", envvar="EMULATOR_NAME", callback=printable)]
Image = Annotated[str, option("image", "cirros, debian or fedora, or the id of an image.", callback=printable)]
Flavor = Annotated[
    str, option("flavor", "m1.nano, m1.tiny, m1.small … m1.xlarge, or m1.huge, which fits nowhere.", callback=printable)
]
Network = Annotated[str, option("network", "private or public, or the id of a network.", callback=printable)]
Count = Annotated[int, option("count", "How many servers to boot, side by side, a trace each.", min=1)]
OtlpJson = Annotated[
    Path | None,
    option("otlp-json", "Write what was exported to this file, as OTLP JSON.", dir_okay=False, callback=writable),
]
Emulator = Annotated[
    str | None,
    option("keystone-url", "Boot on the emulator whose keystone this is, http://localhost:5000 say.", callback=HTTP),
]
Pace = Annotated[
    float,
    option(
        "pace",
        "How long pretended work takes: 1 as in a small cloud, 0 no time at all.",
        min=0,
        max=1000,
        callback=finite,
    ),
]
Seed = Annotated[int | None, option("seed", "Fix all that is random: durations, ids, addresses.")]
Otlp = Annotated[
    str | None,
    option(
        "otlp",
        "Send spans to this OTLP endpoint, http://localhost:4318 say. So does OTEL_EXPORTER_OTLP_ENDPOINT.",
        callback=HTTP,
    ),
]
AmqpUrl = Annotated[
    str | None,
    option("amqp-url", "Use the broker at this URL, amqp://guest:guest@localhost/ say, not our own.", callback=AMQP),
]
Bus = Annotated[str, option("amqp-url", "The broker on which the services meet.", callback=AMQP)]
Computes = Annotated[int, option("computes", "How many compute hosts there are.", min=1, max=100)]
BuildTimeout = Annotated[
    float,
    option("build-timeout", "Seconds after which a server still in BUILD goes to ERROR.", min=0.01, callback=finite),
]
BusTimeout = Annotated[
    float, option("bus-timeout", "Seconds to wait for the bus when starting.", min=0, callback=finite)
]
PortBase = Annotated[
    int | None,
    option("port-base", "Listen on this port and those that follow; 0 finds free ones.", min=0, max=65000),
]
Port = Annotated[
    int | None, option("port", "The port; OpenStack's usual one by default, 0 a free one.", min=0, max=65535)
]
Bind = Annotated[str, option("bind", "The address to listen on; 0.0.0.0 is everywhere.", callback=printable)]
PublicHost = Annotated[
    str, option("public-host", "The host name by which clients and services reach the APIs.", callback=printable)
]
TokenSecret = Annotated[
    str, option("token-secret", "What all services share, to check tokens with.", show_default=False)
]
ServiceName = Annotated[
    str,
    typer.Argument(help="keystone, nova-api, nova-scheduler, nova-compute, neutron-server, glance-api or broker."),
]
KeystoneUrl = Annotated[str, option("keystone-url", "Where keystone is; its own catalog names it.", callback=HTTP)]
ComputeUrl = Annotated[str, option("compute-url", "keystone: where its catalog says that nova is.", callback=HTTP)]
NetworkUrl = Annotated[str, option("network-url", "keystone: where its catalog says that neutron is.", callback=HTTP)]
ImageUrl = Annotated[str, option("image-url", "keystone: where its catalog says that glance is.", callback=HTTP)]
ComputeHost = Annotated[
    str | None, option("compute-host", "nova-compute: the name of its host; this machine's by default.")
]


SourceName = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="A file of OTLP JSON, - for standard input, or a Jaeger: http://localhost:16686."
    ),
]
Expect = Annotated[
    str | None, option("expect", "The expected tree: a *.tree file, or boot, the reference trace of this emulator.")
]
TraceId = Annotated[str | None, option("trace", "Only the trace with this id.", callback=trace_id)]
OfService = Annotated[str | None, option("service", "Only traces in which this service took part.", callback=named)]
Timeout = Annotated[
    float, option("timeout", "Seconds to wait for a Jaeger, and for traces to be whole.", min=0, callback=finite)
]
Junit = Annotated[
    Path | None, option("junit", "Write the outcome to this file, as JUnit XML.", dir_okay=False, callback=writable)
]
OneIsEnough = Annotated[bool, option("any", "One trace that is as expected is enough; others may differ.")]
AsTree = Annotated[bool, option("tree", "Print trees as text, to begin a *.tree file with.")]


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
    count: Count = 1,
    pace: Pace = 1.0,
    seed: Seed = None,
    computes: Computes = 2,
    amqp_url: AmqpUrl = None,
    otlp: Otlp = None,
    otlp_json: OtlpJson = None,
    keystone_url: Emulator = None,
    build_timeout: BuildTimeout = 60.0,
    bus_timeout: BusTimeout = 30.0,
) -> None:
    """Start a cloud, boot a server on it, and show the trace. Exits with 0 only if the server became ACTIVE.

    Boots as admin, or as OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME say.
    """
    commands = load_commands()
    from emulator.client import Order
    from emulator.cloud import Settings

    settings = Settings(pace, seed, build_timeout, bus_timeout)
    names = [name] if count == 1 else [f"{name}-{number + 1}" for number in range(count)]
    status = commands.boot(
        [Order(each, image, flavor, network) for each in names],
        settings,
        computes=computes,
        amqp_url=amqp_url,
        otlp=otlp,
        otlp_json=otlp_json,
        keystone_url=keystone_url,
    )
    raise typer.Exit(status)


@app.command()
def check(
    source: SourceName,
    expect: Expect = None,
    trace: TraceId = None,
    service: OfService = None,
    timeout: Timeout = 30.0,
    junit: Junit = None,
    *,
    one_is_enough: OneIsEnough = False,
) -> None:
    """Compare exported traces with an expected tree; without one, look for what makes them unsound.

    Exits with 0 if all traces that begin as expected are as expected, 1 if not, 2 if that cannot be said.
    """
    from emulator import trace_commands

    def checked() -> int:
        return trace_commands.check(
            trace_commands.Source(source, trace, service),
            None if expect is None else trace_commands.expectation(expect),
            seconds=timeout,
            one_is_enough=one_is_enough,
            junit=junit,
        )

    _exit(checked)


@app.command()
def show(source: SourceName, trace: TraceId = None, service: OfService = None, *, tree: AsTree = False) -> None:
    """Print the waterfall of exported traces, ours or not."""
    from emulator import trace_commands

    _exit(lambda: trace_commands.show(trace_commands.Source(source, trace, service), as_tree=tree))


def _exit(command: Callable[[], int]) -> None:
    """End with a command's status; with 2, and the reason, if it has nothing to work on."""
    from emulator.trace_commands import Unreadable

    try:
        status = command()
    except Unreadable as error:
        typer.echo(f"emulator: {error}", err=True)
        status = 2
    raise typer.Exit(status)


@app.command()
def up(
    port_base: PortBase = None,
    pace: Pace = 1.0,
    seed: Seed = None,
    computes: Computes = 2,
    amqp_url: AmqpUrl = None,
    otlp: Otlp = None,
    build_timeout: BuildTimeout = 60.0,
    bus_timeout: BusTimeout = 30.0,
    bind: Bind = "127.0.0.1",
    public_host: PublicHost = "127.0.0.1",
    token_secret: TokenSecret = DEFAULT_SECRET,
) -> None:
    """Run all services on OpenStack's usual ports, until Ctrl-C or SIGTERM."""
    commands = load_commands()
    from emulator.cloud import Settings

    settings = Settings(pace, seed, build_timeout, bus_timeout, bind, public_host, token_secret)
    status = commands.up(settings, computes=computes, amqp_url=amqp_url, otlp=otlp, port_base=port_base)
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
    build_timeout: BuildTimeout = 60.0,
    bus_timeout: BusTimeout = 30.0,
    bind: Bind = "127.0.0.1",
    public_host: PublicHost = "127.0.0.1",
    token_secret: TokenSecret = DEFAULT_SECRET,
) -> None:
    """Run one service alone, until Ctrl-C or SIGTERM: a process, or a container, for each."""
    commands = load_commands()
    from emulator.cloud import Settings

    settings = Settings(pace, seed, build_timeout, bus_timeout, bind, public_host, token_secret)
    endpoints = {
        "keystone": keystone_url,
        "nova-api": compute_url,
        "neutron-server": network_url,
        "glance-api": image_url,
    }
    status = commands.serve(service, settings, endpoints, amqp_url=amqp_url, otlp=otlp, port=port, host=compute_host)
    raise typer.Exit(status)
