"""The options that several commands share. An option of a single command is defined in that command's file."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from emulator.cli.validators import host, key
from emulator.urls import reachable
from spantree.cli.options import option
from spantree.cli.validators import finite, printable, url

if TYPE_CHECKING:  # importing it takes longer than printing a help text
    from emulator.client import BootRequest
    from emulator.cloud import Settings
    from emulator.faults import Fault
    from emulator.runtime.heartbeats import Heartbeats

__all__ = [
    "AMQP",
    "COMPUTES",
    "HTTP",
    "KEYSTONE_URL",
    "AmqpUrl",
    "CloudOptions",
    "Computes",
    "KeystoneUrl",
    "ListenOptions",
    "OtlpUrl",
    "Pace",
    "Seed",
    "ServerOptions",
    "importing_sdk",
    "settings",
]


HTTP, AMQP = url("http", "https"), url("amqp", "amqps")
COMPUTES = 3
"""As many as `emulator.cloud.COMPUTES`, which takes long to import."""
KEYSTONE_URL = "http://127.0.0.1:5000"
"""Where `emulator up` has its keystone."""
TOKEN_SECRET = "openstack-boot-emulator"  # noqa: S105 - public, as the demo passwords are

KeystoneUrl = Annotated[str, option("keystone-url", "The keystone URL of the emulator to use.", callback=HTTP)]
Pace = Annotated[
    float,
    option(
        "pace",
        "Scale all simulated durations: 1 is a small real cloud, 0 is as fast as possible.",
        min=0,
        max=1000,
        callback=finite,
    ),
]
Seed = Annotated[int | None, option("seed", "Make random durations, ids and addresses repeatable.")]
OtlpUrl = Annotated[
    str | None,
    option(
        "otlp",
        "Send spans to this OTLP endpoint, e.g. http://localhost:4318. OTEL_EXPORTER_OTLP_ENDPOINT works too.",
        callback=HTTP,
    ),
]
AmqpUrl = Annotated[
    str | None,
    option(
        "amqp-url",
        "Use this AMQP broker, e.g. amqp://guest:guest@localhost/.",
        callback=AMQP,
        show_default="an embedded broker",
    ),
]
Computes = Annotated[int, option("computes", "How many compute hosts the cloud has.", min=1, max=100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """The server to boot."""

    image: Annotated[
        str, option("image", "The image: cirros, debian, fedora, or an image's id.", callback=printable)
    ] = "cirros"
    flavor: Annotated[
        str,
        option(
            "flavor", "The flavor: m1.nano, m1.tiny, m1.small … m1.xlarge; m1.huge fits no host.", callback=printable
        ),
    ] = "m1.tiny"
    network: Annotated[
        str, option("network", "The network: private, public, or a network's id.", callback=printable)
    ] = "private"

    def request(self, name: str, fault: "Fault | None" = None) -> "BootRequest":
        """Return the request to boot this server under a name."""
        from emulator.client import BootRequest

        return BootRequest(name, self.image, self.flavor, self.network, fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudOptions:
    """How a cloud behaves, and where its spans go."""

    pace: Pace = 1.0
    seed: Seed = None
    otlp: OtlpUrl = None
    messaging_context: Annotated[
        Literal["parent", "link", "both"],
        option("messaging-context", "Whether a process span has its publish span as a parent, as a link, or as both."),
    ] = "both"
    trace_heartbeats: Annotated[
        bool,
        option(
            "trace-heartbeats",
            "Also trace what services send at an interval, such as the capacity of compute hosts.",
        ),
    ] = False
    build_timeout: Annotated[
        float | None,
        option(
            "build-timeout",
            "Seconds after which a server that is still in BUILD goes to ERROR.",
            min=0.01,
            callback=finite,
            show_default="60",
        ),
    ] = None
    bus_timeout: Annotated[
        float, option("bus-timeout", "Seconds to wait for the AMQP broker at start-up.", min=0, callback=finite)
    ] = 30.0
    queue_type: Annotated[
        Literal["classic", "quorum"],
        option("queue-type", "The type of durable queues. RabbitMQ replicates quorum queues."),
    ] = "classic"

    def heartbeats(self, *, shown: bool = False) -> "Heartbeats":
        """Return what becomes of the spans of heartbeats. `shown` means that this process can show them itself."""
        from emulator.runtime.heartbeats import Heartbeats

        if self.trace_heartbeats:
            return Heartbeats.EXPORT
        return Heartbeats.RECORD if shown else Heartbeats.COUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenOptions:
    """How a cloud, or one service, is reached by other processes, and what it accepts from them."""

    bind: Annotated[
        str, option("bind", "The address to listen on; 0.0.0.0 means all IPv4 addresses.", callback=printable)
    ] = "127.0.0.1"
    public_host: Annotated[
        str | None,
        option(
            "public-host",
            "The host of the URLs in keystone's catalog, by which clients reach the services.",
            callback=host,
            show_default="--bind",
        ),
    ] = None
    token_secret: Annotated[
        str, option("token-secret", "The secret that all services share to verify tokens.", show_default=False)
    ] = TOKEN_SECRET
    osprofiler_hmac_key: Annotated[
        list[str] | None,
        option(
            "osprofiler-hmac-key",
            "Continue osprofiler traces that are signed with this key. Can be repeated.",
            callback=lambda keys: [key(each) for each in keys or ()],
            show_default=False,
        ),
    ] = None
    no_faults: Annotated[bool, option("no-faults", "Ignore the faults that requests carry in their baggage.")] = False


def settings(cloud: CloudOptions, listen: ListenOptions | None = None, fault: "Fault | None" = None) -> "Settings":
    """Return the settings of a cloud. Without --build-timeout, a `fault` that hangs may shorten the build timeout.

    Without `listen` the cloud is for this process alone: it has a random token secret and accepts faults.
    """
    from emulator.cloud import BUILD_SECONDS, MessagingContext, QueueType, Settings

    # At a slower pace, the work before the hang takes longer too.
    shorter = fault.build_seconds * max(1.0, cloud.pace) if fault and fault.build_seconds else None
    chosen = Settings(
        pace=cloud.pace,
        seed=cloud.seed,
        build_seconds=cloud.build_timeout or shorter or BUILD_SECONDS,
        bus_patience=cloud.bus_timeout,
        queue_type=QueueType(cloud.queue_type),
        messaging_context=MessagingContext(cloud.messaging_context),
    )
    if listen is None:
        return chosen
    return replace(
        chosen,
        address=listen.bind,
        public_host=listen.public_host or reachable(listen.bind),  # nobody can connect to 0.0.0.0
        token_secret=listen.token_secret,
        faults=not listen.no_faults,
        profiler_keys=listen.osprofiler_hmac_key or (),
    )


@contextmanager
def importing_sdk() -> Iterator[None]:
    """Exit with a message if the SDK rejects an `OTEL_*` variable: it reads some of them when it is imported."""
    try:
        yield
    except ValueError as error:
        typer.echo(f"emulator: {error}", err=True)
        raise typer.Exit(2) from error
