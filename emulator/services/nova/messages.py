"""What nova's daemons tell each other: calls in oslo.messaging's envelope, and where they go.

As in oslo.messaging 2.0 a body is `{"oslo.version": "2.0", "oslo.message": "<JSON text>"}`, and the inner JSON holds
`method`, `args`, `_unique_id` and the `_context_*` of the request. Unlike oslo we acknowledge when the work is done.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Protocol

import msgspec
from aiohttp import web
from opentelemetry.trace import get_current_span

from emulator.plumbing.amqp import Consumer
from emulator.plumbing.amqp_topology import Destination
from emulator.plumbing.scene import annotate, current_scene
from emulator.plumbing.service import ACTOR, BUS

__all__ = [
    "API",
    "DEAD_LETTERS",
    "SCHEDULER",
    "SCHEDULER_FANOUT",
    "SERVER_ID",
    "BuildAndRunInstance",
    "BuildRequest",
    "DeleteInstanceInfo",
    "InstanceUpdate",
    "MalformedMessage",
    "SelectDestinations",
    "Size",
    "TerminateInstance",
    "UnknownMethod",
    "UpdateServiceCapabilities",
    "cast",
    "compute",
    "consumer",
    "read_call",
]

DEAD_LETTERS = Destination("nova", "dead_letters")
SCHEDULER = Destination("nova", "scheduler", dead_letters=DEAD_LETTERS.routing_key)
API = Destination("nova", "api", dead_letters=DEAD_LETTERS.routing_key)
SCHEDULER_FANOUT = Destination("scheduler_fanout", fanout=True)
SERVER_ID = "openstack-server-id"
"""The header that names the server which a message is about, also where its body cannot be read."""
REMEMBERED = 10_000


def compute(host: str) -> Destination:
    """Where nova-compute on `host` listens."""
    return Destination("nova", f"compute.{host}", template="nova:compute.{host}", dead_letters=DEAD_LETTERS.routing_key)


class MalformedMessage(Exception):
    """A message that is not a call in oslo.messaging's envelope, or whose arguments do not fit its method."""


class UnknownMethod(Exception):
    """A call of a method that this consumer does not have."""

    def __init__(self, method: str, known: Mapping[str, Any]) -> None:
        super().__init__(f"no method {method!r} here, there are {', '.join(sorted(known))}")


Amount = Annotated[int, msgspec.Meta(ge=0)]


class Size(msgspec.Struct, frozen=True):
    """What a server takes, or a host has."""

    ram_mb: Amount
    vcpus: Amount
    disk_gb: Amount


class BuildRequest(msgspec.Struct, frozen=True):
    """A server that is to be built. Image and networks are named by their ids."""

    server_id: str
    name: str
    image_id: str
    network_ids: list[str]
    size: Size


class SelectDestinations(msgspec.Struct, frozen=True):
    """To the scheduler: find a host for a server, and tell the host."""

    METHOD: ClassVar[str] = "select_destinations"
    request: BuildRequest
    tried: tuple[str, ...] = ()
    """Hosts on which it failed already."""
    why: str = ""
    """With what it failed on the last of them."""


class BuildAndRunInstance(msgspec.Struct, frozen=True):
    """To a compute host: build a server."""

    METHOD: ClassVar[str] = "build_and_run_instance"
    request: BuildRequest
    limits: Size
    """What the scheduler reckons the host has in all."""
    tried: tuple[str, ...] = ()
    """Hosts on which it failed already."""


class TerminateInstance(msgspec.Struct, frozen=True):
    """To a compute host: destroy a server and release what it had."""

    METHOD: ClassVar[str] = "terminate_instance"
    server_id: str


class InstanceUpdate(msgspec.Struct, frozen=True, omit_defaults=True):
    """To nova-api: what has become of a server. None leaves the record as it is."""

    METHOD: ClassVar[str] = "instance_update"
    server_id: str
    vm_state: Literal["building", "active", "error", "deleted"]
    task_state: str | None = None
    host: str | None = None
    addresses: dict[str, list[dict[str, Any]]] | None = None
    fault: str | None = None


class UpdateServiceCapabilities(msgspec.Struct, frozen=True):
    """To every scheduler: what a host has in all, which servers are on it, and whether it takes more."""

    METHOD: ClassVar[str] = "update_service_capabilities"
    host: str
    total: Size
    instances: dict[str, Size]
    up: bool = True


class DeleteInstanceInfo(msgspec.Struct, frozen=True):
    """To every scheduler: a server no longer takes anything of a host."""

    METHOD: ClassVar[str] = "delete_instance_info"
    host: str | None
    """None where it is not known: then of any."""
    server_id: str


class Call(Protocol):
    """Any of the messages above."""

    METHOD: ClassVar[str]


CALLS: Mapping[str, type[Call]] = {
    form.METHOD: form
    for form in (
        SelectDestinations,
        BuildAndRunInstance,
        TerminateInstance,
        InstanceUpdate,
        UpdateServiceCapabilities,
        DeleteInstanceInfo,
    )
}

Handler = Callable[[web.Application, Any], Awaitable[None]]


class _Envelope(msgspec.Struct):
    version: str = msgspec.field(name="oslo.version")
    message: str = msgspec.field(name="oslo.message")


class _Inner(msgspec.Struct):
    method: str
    args: msgspec.Raw
    unique_id: str = msgspec.field(name="_unique_id")
    request_id: str | None = msgspec.field(name="_context_request_id", default=None)


async def cast(app: web.Application, to: Destination, call: Call) -> None:
    """Send a call that wants no answer. Raises BusUnavailable, Unroutable too."""
    scene = current_scene()
    here = get_current_span().get_span_context().span_id
    unique_id = f"{app[ACTOR].chance.draw('message', here, call.METHOD).getrandbits(128):032x}"
    inner = {
        "method": call.METHOD,
        "args": call,
        "_unique_id": unique_id,
        "_context_request_id": scene.request_id,
    }
    body = {"oslo.version": "2.0", "oslo.message": msgspec.json.encode(inner).decode()}
    about = scene.attributes.get("openstack.server.id")
    headers = {} if about is None else {SERVER_ID: str(about)}
    await app[BUS].publish(to, msgspec.json.encode(body), unique_id, call.METHOD, headers)


def consumer(app: web.Application, source: Destination, methods: Mapping[type[Call], Handler]) -> Consumer:
    """Return a consumer that decodes calls and hands each to its method. `methods` is by class of message.

    A call that came before, by its `_unique_id`, is dropped: what comes twice is done once. Not so reports: with a seed
    a host that was restarted gives them the same ids again, and what it reports is whatever it has now.
    """
    handlers = {form.METHOD: handler for form, handler in methods.items()}
    forms = {form.METHOD: form for form in methods}
    seen: OrderedDict[str, None] = OrderedDict()

    async def handle(body: bytes, _: Mapping[str, str]) -> None:
        unique_id, call = read_call(body, forms)
        if unique_id in seen and not isinstance(call, UpdateServiceCapabilities):
            annotate(amqp__duplicate=True)
            return
        seen[unique_id] = None
        if len(seen) > REMEMBERED:
            seen.popitem(last=False)
        try:
            await handlers[call.METHOD](app, call)
        except asyncio.CancelledError:  # not done, and not settled: it will come again
            seen.pop(unique_id, None)
            raise

    return Consumer(source, handle)


def read_call(body: bytes, forms: Mapping[str, type[Call]] | None = None) -> tuple[str, Call]:
    """Return a call and its `_unique_id`; `forms` by method, all there are by default.

    Raises MalformedMessage and UnknownMethod.
    """
    forms = CALLS if forms is None else forms
    try:
        envelope = msgspec.json.decode(body, type=_Envelope)
        inner = msgspec.json.decode(envelope.message, type=_Inner)
        if inner.method not in forms:
            raise UnknownMethod(inner.method, forms)
        call: Call = msgspec.json.decode(inner.args, type=forms[inner.method])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedMessage(str(error)) from error
    return inner.unique_id, call
