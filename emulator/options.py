"""The options of the command line, each with its variable, its check and its words: those that clouds have."""

import re
from collections.abc import Callable
from ipaddress import IPv6Address
from math import isfinite
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import typer

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
    "PublicHost",
    "QueueKind",
    "Quiet",
    "Rate",
    "Seed",
    "ServiceName",
    "Targets",
    "TokenSecret",
    "Wait",
    "finite",
    "named",
    "option",
]


def option(name: str, text: str, *short: str, **more: Any) -> Any:  # noqa: ANN401 - typer's own type
    """Make an option that also reads `EMULATOR_…`."""
    return typer.Option(f"--{name}", *short, envvar=f"EMULATOR_{name.upper().replace('-', '_')}", help=text, **more)


def url(*schemes: str, passed_on: bool = False) -> Callable[[str | None], str | None]:
    """Make a check for URLs of these schemes, that are `passed_on` to whoever asks, with a path of theirs added."""

    def check(value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            whole = value.isprintable() and " " not in value  # or urlsplit takes the end of a line away
            named = bool((parts.hostname or "").encode("idna"))
            fits = whole and named and parts.scheme in schemes and parts.port != 0
        except ValueError:
            fits = False
        shown = "this" if "@" in value else repr(value)  # what is before an @ may be a password
        if not fits:
            raise typer.BadParameter(f"{shown} is not a URL such as {schemes[0]}://localhost.")
        if passed_on and ("@" in parts.netloc or set("?#") & set(value)):
            raise typer.BadParameter(f"{shown} is told to others: it may have no user, no query and no fragment.")
        return value

    return check


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


def fault(name: str | None) -> str | None:
    """Refuse a fault that there is none of."""
    from emulator.faults import find_fault

    try:
        return None if name is None else find_fault(name).name
    except LookupError as error:
        raise typer.BadParameter(f"{error.args[0]} `emulator faults` lists them.") from error


def host(value: str | None) -> str | None:
    """Refuse what cannot be the host of a URL."""
    try:
        if value is not None and not re.fullmatch(r"[\w.-]+", value):
            IPv6Address(value)
    except ValueError as error:
        raise typer.BadParameter(f"{value!r} is no host name or IP address.") from error
    return value


def compute_host(value: str | None) -> str | None:
    """Refuse what cannot name a host, its queue and its lock."""
    if value and not re.fullmatch(rf"[\w.-]{{1,{LONGEST_HOST}}}", value, re.ASCII):
        raise typer.BadParameter(f"{value!r} is no host name of {LONGEST_HOST} characters at most.")
    return value


HTTP, AMQP = url("http", "https"), url("amqp", "amqps")
IN_CATALOG = url("http", "https", passed_on=True)
LONGEST_HOST = 200
"""DNS allows 253; but queues and locks have names that begin with more, and in AMQP may have 255 bytes."""
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
Bus = Annotated[str, option("amqp-url", "The broker on which the services meet.", callback=AMQP)]
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
        callback=lambda value: None if value is None else finite(value),
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
        callback=lambda value: None if value is None else finite(value),
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
        callback=lambda value: None if value is None else finite(value),
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
