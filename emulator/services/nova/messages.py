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

from emulator.plumbing.amqp import Consumer, Destination
from emulator.plumbing.scene import annotate, current_scene
from emulator.plumbing.service import ACTOR, BUS

__all__ = [
    "API",
    "SCHEDULER",
    "SCHEDULER_FANOUT",
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
]

SCHEDULER = Destination("nova", "scheduler")
API = Destination("nova", "api")
SCHEDULER_FANOUT = Destination("scheduler_fanout", fanout=True)
REMEMBERED = 10_000


def compute(host: str) -> Destination:
    """Where nova-compute on `host` listens."""
    return Destination("nova", f"compute.{host}", template="nova:compute.{host}")


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


class BuildAndRunInstance(msgspec.Struct, frozen=True):
    """To a compute host: build a server."""

    METHOD: ClassVar[str] = "build_and_run_instance"
    request: BuildRequest


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
    """To every scheduler: what a host has in all, and which servers are on it."""

    METHOD: ClassVar[str] = "update_service_capabilities"
    host: str
    total: Size
    instances: dict[str, Size]


class DeleteInstanceInfo(msgspec.Struct, frozen=True):
    """To every scheduler: a server no longer takes anything of a host."""

    METHOD: ClassVar[str] = "delete_instance_info"
    host: str
    server_id: str


class Call(Protocol):
    """Any of the messages above."""

    METHOD: ClassVar[str]


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
    await app[BUS].publish(to, msgspec.json.encode(body), unique_id, kind=call.METHOD)


def consumer(app: web.Application, source: Destination, methods: Mapping[type[Call], Handler]) -> Consumer:
    """Return a consumer that decodes calls and hands each to its method. `methods` is by class of message.

    A call that came before, by its `_unique_id`, is dropped: what comes twice is done once.
    """
    by_name = {form.METHOD: (form, handler) for form, handler in methods.items()}
    seen: OrderedDict[str, None] = OrderedDict()

    async def handle(body: bytes) -> None:
        try:
            envelope = msgspec.json.decode(body, type=_Envelope)
            inner = msgspec.json.decode(envelope.message, type=_Inner)
            if inner.method not in by_name:
                raise UnknownMethod(inner.method, by_name)
            form, handler = by_name[inner.method]
            call: Any = msgspec.json.decode(inner.args, type=form)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedMessage(f"{source.name}: {error}") from error
        if inner.unique_id in seen:
            annotate(amqp__duplicate=True)
            return
        seen[inner.unique_id] = None
        if len(seen) > REMEMBERED:
            seen.popitem(last=False)
        try:
            await handler(app, call)
        except asyncio.CancelledError:  # not done, and not settled: it will come again
            seen.pop(inner.unique_id, None)
            raise

    return Consumer(source, handle)
