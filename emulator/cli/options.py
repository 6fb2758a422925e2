"""The options of the command line, each with its variable, its check and its words: those that clouds have."""

from typing import Annotated, Any, Literal

import typer

from emulator.cli.validators import compute_host, fault, finite, host, printable, secret, url

__all__ = [
    "DEFAULT_SECRET",
    "HTTP",
    "AmqpUrl",
    "AsJson",
    "Bind",
    "BootTimeout",
    "Briefly",
    "BuildTimeout",
    "Bus",
    "BusTimeout",
    "CatalogHost",
    "CloudTimeout",
    "ComputeHost",
    "ComputeUrl",
    "Computes",
    "ConsoleOff",
    "Count",
    "Driven",
    "Duration",
    "Emulator",
    "FaultName",
    "FaultNames",
    "FaultShare",
    "FaultsOff",
    "Flavor",
    "Image",
    "ImageUrl",
    "JaegerUrl",
    "KeystoneUrl",
    "Lifetime",
    "Loaded",
    "Messaging",
    "Name",
    "Network",
    "NetworkUrl",
    "Otlp",
    "Pace",
    "Port",
    "PortBase",
    "ProfilerKeys",
    "PublicHost",
    "QueueKind",
    "Quiet",
    "Rate",
    "Seed",
    "ServiceName",
    "Targets",
    "TokenSecret",
    "Wait",
    "option",
]


def option(name: str, text: str, *short: str, **more: Any) -> Any:  # noqa: ANN401 - typer's own type
    """Make an option that also reads `EMULATOR_…`."""
    return typer.Option(f"--{name}", *short, envvar=f"EMULATOR_{name.upper().replace('-', '_')}", help=text, **more)


HTTP, AMQP = url("http", "https"), url("amqp", "amqps")
IN_CATALOG = url("http", "https", passed_on=True)
DEFAULT_SECRET = "openstack-boot-emulator"  # noqa: S105 - public, as the passwords are

Name = Annotated[str, typer.Argument(help="The server's name.", envvar="EMULATOR_NAME", callback=printable)]
Image = Annotated[str, option("image", "cirros, debian or fedora, or the id of an image.", callback=printable)]
Flavor = Annotated[
    str, option("flavor", "m1.nano, m1.tiny, m1.small … m1.xlarge, or m1.huge, which fits nowhere.", callback=printable)
]
Network = Annotated[str, option("network", "private or public, or the id of a network.", callback=printable)]
Count = Annotated[int, option("count", "How many servers to boot, side by side, a trace each.", min=1)]
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
Bus = Annotated[str, option("amqp-url", "The broker on which all services meet; each needs it.", callback=AMQP)]
QueueKind = Annotated[
    Literal["classic", "quorum"],
    option("queue-type", "What durable queues are: classic, or quorum, which RabbitMQ replicates."),
]
Computes = Annotated[int, option("computes", "How many compute hosts there are.", min=1, max=100)]
BuildTimeout = Annotated[
    float,
    option("build-timeout", "Seconds after which a server still in BUILD goes to ERROR.", min=0.01, callback=finite),
]
BootTimeout = Annotated[
    float | None,
    option(
        "build-timeout",
        "Seconds after which a server still in BUILD goes to ERROR; 60, and less with a fault that hangs.",
        min=0.01,
        callback=finite,
    ),
]
FaultName = Annotated[
    str | None,
    option("fault", "What is to go wrong: one of those that `emulator faults` lists.", callback=fault),
]
FaultsOff = Annotated[bool, option("no-faults", "Let no request bring faults along, whatever its baggage says.")]
Messaging = Annotated[
    Literal["parent", "link", "both"],
    option("messaging-context", "How a process span is related to its publish span: as child, by a link, or both."),
]
ProfilerKeys = Annotated[
    list[str] | None,
    option(
        "osprofiler-hmac-key",
        "Take up the traces of osprofiler that are signed with this key. May be repeated.",
        callback=lambda keys: [secret(key) for key in keys or ()],
        show_default=False,
    ),
]
AsJson = Annotated[bool, option("json", "Print the ground truth about each as JSON.")]
Quiet = Annotated[bool, option("quiet", "Print what became of each server, in a line, and nothing else.", "-q")]
BusTimeout = Annotated[
    float, option("bus-timeout", "Seconds to wait for the bus when starting.", min=0, callback=finite)
]
ConsoleOff = Annotated[bool, option("no-console", "Serve no console.")]
JaegerUrl = Annotated[
    str | None,
    option("jaeger-url", "Where Jaeger's UI is, http://localhost:16686 say: traces have links to it.", callback=HTTP),
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
    str | None,
    option("public-host", "The host by which clients and services reach the APIs; --bind by default.", callback=host),
]
CatalogHost = Annotated[
    str | None,
    option("public-host", "keystone: the host of its catalog's public URLs, if it is another one.", callback=host),
]
TokenSecret = Annotated[
    str, option("token-secret", "What all services share, to check tokens with.", show_default=False)
]
Driven = Annotated[
    str,
    option(
        "keystone-url",
        "The emulator to use, by the URL of its keystone, where neither OS_* nor clouds.yaml nor --os-* name a cloud.",
        callback=HTTP,
    ),
]
Rate = Annotated[
    float, option("rate", "How many servers to boot a second, on average.", min=0.001, max=1000, callback=finite)
]
Lifetime = Annotated[
    float, option("lifetime", "Seconds for which a server is ACTIVE before it is deleted.", min=0, callback=finite)
]
Duration = Annotated[
    float | None,
    option(
        "duration",
        "Seconds after which no more servers are booted; else it goes on until Ctrl-C or SIGTERM.",
        min=0.001,
        callback=finite,
    ),
]
FaultNames = Annotated[
    list[str] | None,
    option(
        "fault",
        "What is to go wrong now and then: one of those that `emulator faults` lists. May be repeated.",
        callback=lambda names: [fault(name) for name in names or ()],
    ),
]
FaultShare = Annotated[
    float | None,
    option(
        "fault-share",
        "Which part of the boots carries one of the faults; 0.1 by default.",
        min=0,
        max=1,
        callback=finite,
    ),
]
CloudTimeout = Annotated[float, option("wait", "Seconds to wait for the cloud when starting.", min=0, callback=finite)]
Loaded = Annotated[str, option("keystone-url", "The emulator to boot on, by the URL of its keystone.", callback=HTTP)]
Briefly = Annotated[bool, option("quiet", "Print what came of it in the end, and nothing else.", "-q")]
ServiceName = Annotated[
    str,
    typer.Argument(help="keystone, nova-api, nova-scheduler, nova-compute, neutron-server, glance-api or broker."),
]
KeystoneUrl = Annotated[
    str, option("keystone-url", "Where keystone is; its own catalog names it.", callback=IN_CATALOG)
]
ComputeUrl = Annotated[
    str, option("compute-url", "keystone: where its catalog says that nova is.", callback=IN_CATALOG)
]
NetworkUrl = Annotated[
    str, option("network-url", "keystone: where its catalog says that neutron is.", callback=IN_CATALOG)
]
ImageUrl = Annotated[str, option("image-url", "keystone: where its catalog says that glance is.", callback=IN_CATALOG)]
Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TARGET]...",
        help="Services on their usual ports of this machine, or URLs such as http://localhost:8774/healthcheck.",
        show_default=False,
    ),
]
Wait = Annotated[
    float, option("wait", "Ask again for so many seconds, until all are healthy.", min=0, max=86400, callback=finite)
]
ComputeHost = Annotated[
    str | None,
    option("compute-host", "nova-compute: the name of its host; this machine's by default.", callback=compute_host),
]
