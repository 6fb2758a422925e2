"""The command line: words to calls. The only reader of `EMULATOR_*`; `OTEL_*` and `OS_*` keep their usual meaning."""

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["app"]

app = typer.Typer(
    name="emulator",
    help="Re-enact how OpenStack boots a virtual machine, and see it as a distributed trace.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def option(name: str, text: str, **more: Any) -> Any:  # noqa: ANN401 - typer's own type
    """Make an option that also reads `EMULATOR_…`."""
    return typer.Option(f"--{name}", envvar=f"EMULATOR_{name.upper().replace('-', '_')}", help=text, **more)


Pace = Annotated[
    float, option("pace", "How long pretended work takes: 1 as in a small cloud, 0 no time at all.", min=0)
]
Seed = Annotated[int | None, option("seed", "Fix all that is random: durations, ids, addresses.")]
Otlp = Annotated[
    str | None,
    option(
        "otlp", "Send spans to this OTLP endpoint, http://localhost:4318 for one. So does OTEL_EXPORTER_OTLP_ENDPOINT."
    ),
]
AmqpUrl = Annotated[
    str | None, option("amqp-url", "Use the RabbitMQ at this URL, amqp://guest:guest@localhost/ for one.")
]
Computes = Annotated[int, option("computes", "How many compute hosts there are.", min=1, max=100)]
BuildTimeout = Annotated[
    float, option("build-timeout", "Seconds after which a server still in BUILD goes to ERROR.", min=0.01)
]
BusTimeout = Annotated[float, option("bus-timeout", "Seconds to wait for the bus when starting.", min=0)]
Bind = Annotated[str, option("bind", "The address to listen on; 0.0.0.0 is everywhere.")]
PublicHost = Annotated[str, option("public-host", "The host name by which clients and services reach the APIs.")]
KEYSTONE_HELP = "The keystone of an emulator that is up already: http://localhost:5000 for one."
DEFAULT_SECRET = "openstack-boot-emulator"  # noqa: S105 - public, as the passwords are


@app.command()
def boot(
    name: Annotated[str, typer.Argument(help="The server's name.", envvar="EMULATOR_NAME")] = "demo",
    image: Annotated[str, option("image", "cirros, debian or fedora, or the id of an image.")] = "cirros",
    flavor: Annotated[
        str, option("flavor", "m1.nano, m1.tiny, m1.small … m1.xlarge, or m1.huge, which fits nowhere.")
    ] = "m1.tiny",
    network: Annotated[str, option("network", "private or public, or the id of a network.")] = "private",
    count: Annotated[int, option("count", "How many servers to boot, side by side, a trace each.", min=1)] = 1,
    pace: Pace = 1.0,
    seed: Seed = None,
    computes: Computes = 2,
    amqp_url: AmqpUrl = None,
    otlp: Otlp = None,
    otlp_json: Annotated[
        Path | None,
        option(
            "otlp-json",
            "Write what was exported to this file, as OTLP JSON; Jaeger's UI can upload it.",
            dir_okay=False,
        ),
    ] = None,
    keystone_url: Annotated[str | None, option("keystone-url", KEYSTONE_HELP)] = None,
    build_timeout: BuildTimeout = 60.0,
    bus_timeout: BusTimeout = 30.0,
) -> None:
    """Start a cloud, boot a server on it, and show the trace. Exits with 0 only if the server became ACTIVE.

    Boots as admin, or as OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME say.
    """
    from emulator import commands
    from emulator.client import Order
    from emulator.cloud import Settings

    settings = Settings(pace=pace, seed=seed, build_seconds=build_timeout, bus_patience=bus_timeout)
    names = [name] if count == 1 else [f"{name}-{number + 1}" for number in range(count)]
    orders = [Order(each, image, flavor, network) for each in names]
    raise typer.Exit(
        commands.boot(
            orders,
            settings,
            computes=computes,
            amqp_url=amqp_url,
            otlp=otlp,
            otlp_json=otlp_json,
            keystone_url=keystone_url,
        )
    )


@app.command()
def up(
    port_base: Annotated[
        int | None,
        option("port-base", "Listen on this port and those that follow; 0 finds free ones.", min=0, max=65000),
    ] = None,
    pace: Pace = 1.0,
    seed: Seed = None,
    computes: Computes = 2,
    amqp_url: AmqpUrl = None,
    otlp: Otlp = None,
    build_timeout: BuildTimeout = 60.0,
    bus_timeout: BusTimeout = 30.0,
    bind: Bind = "127.0.0.1",
    public_host: PublicHost = "127.0.0.1",
    token_secret: Annotated[
        str, option("token-secret", "What services share to check tokens with.", show_default=False)
    ] = DEFAULT_SECRET,
) -> None:
    """Run all services on OpenStack's usual ports, until Ctrl-C or SIGTERM."""
    from emulator import commands
    from emulator.cloud import Settings

    settings = Settings(pace, seed, build_timeout, bus_timeout, bind, public_host, token_secret)
    raise typer.Exit(commands.up(settings, computes=computes, amqp_url=amqp_url, otlp=otlp, port_base=port_base))


@app.command()
def serve(
    service: Annotated[
        str,
        typer.Argument(help="keystone, nova-api, nova-scheduler, nova-compute, neutron-server, glance-api or broker."),
    ],
    port: Annotated[
        int | None, option("port", "The port; OpenStack's usual one by default, 0 a free one.", min=0, max=65535)
    ] = None,
    amqp_url: AmqpUrl = None,
    keystone_url: Annotated[
        str, option("keystone-url", "Where keystone is; keystone itself names it in its catalog.")
    ] = "http://127.0.0.1:5000",
    compute_url: Annotated[
        str, option("compute-url", "keystone: where its catalog says that nova-api is.")
    ] = "http://127.0.0.1:8774",
    network_url: Annotated[
        str, option("network-url", "keystone: where its catalog says that neutron-server is.")
    ] = "http://127.0.0.1:9696",
    image_url: Annotated[
        str, option("image-url", "keystone: where its catalog says that glance-api is.")
    ] = "http://127.0.0.1:9292",
    compute_host: Annotated[
        str | None, option("compute-host", "nova-compute: the name of its host; this machine's by default.")
    ] = None,
    pace: Pace = 1.0,
    seed: Seed = None,
    otlp: Otlp = None,
    build_timeout: BuildTimeout = 60.0,
    bus_timeout: BusTimeout = 30.0,
    bind: Bind = "127.0.0.1",
    public_host: PublicHost = "127.0.0.1",
    token_secret: Annotated[
        str, option("token-secret", "What services share to check tokens with.", show_default=False)
    ] = DEFAULT_SECRET,
) -> None:
    """Run one service alone, until Ctrl-C or SIGTERM: a process, or a container, for each."""
    from emulator import commands
    from emulator.cloud import Settings

    settings = Settings(pace, seed, build_timeout, bus_timeout, bind, public_host, token_secret)
    endpoints = {
        "keystone": keystone_url,
        "nova-api": compute_url,
        "neutron-server": network_url,
        "glance-api": image_url,
    }
    raise typer.Exit(
        commands.serve(service, settings, endpoints, amqp_url=amqp_url, otlp=otlp, port=port, host=compute_host)
    )
