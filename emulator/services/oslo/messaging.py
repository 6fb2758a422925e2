"""Remote procedure calls over AMQP, as in oslo.messaging: casts, which have no reply, and calls, which wait for one.

A body is the envelope of oslo.messaging 2.0, `{"oslo.version": "2.0", "oslo.message": "<JSON text>"}`. The inner JSON
holds `method`, `args`, `_unique_id` and the `_context_*` of the request; that of a call also `_msg_id` and `_reply_q`,
the queue of its reply. A consumer acknowledges a message after the work,
so that it is redelivered if the daemon dies; oslo.messaging acknowledges on receipt, and the work is then lost.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec
from aiohttp import web
from opentelemetry.trace import get_current_span

from emulator.instrumentation.errors import error_type
from emulator.runtime.amqp_bus import Consumer, Unroutable
from emulator.runtime.amqp_topology import Destination
from emulator.runtime.errors import ApiError
from emulator.runtime.request_context import annotate, current_request
from emulator.runtime.service import BUS, SERVICE_CONTEXT

__all__ = [
    "REPLIES",
    "SERVER_ID",
    "Call",
    "Handler",
    "MalformedMessage",
    "MessagingTimeout",
    "RemoteError",
    "Replies",
    "UnknownMethod",
    "call",
    "cast",
    "consumer",
    "read_call",
]

SERVER_ID = "openstack-server-id"
"""The header with the id of the server that a message is about, for readers that cannot decode the body."""
REMEMBERED_IDS = 10_000
"""How many message ids a consumer remembers, to drop duplicates. oslo.messaging's `_MsgIdCache` remembers 16."""
REPLY_SECONDS = 10.0
"""How long a call waits for its reply. oslo.messaging's `rpc_response_timeout` is 60 s by default."""
REPLY_TEMPLATE = "reply_{id}"

log = logging.getLogger(__name__)

T = TypeVar("T")


class MalformedMessage(Exception):
    """A message is not in oslo.messaging's envelope, or its arguments do not fit its method."""

    error_type = "emulator.MalformedMessage"


class UnknownMethod(Exception):
    """The consumer has no method of this name."""

    error_type = "emulator.UnknownMethod"

    def __init__(self, method: str, known: Mapping[str, Any]) -> None:
        super().__init__(f"unknown method {method!r}, known are {', '.join(sorted(known))}")


class MessagingTimeout(ApiError):
    """No reply to a call came in time."""

    error_type = "oslo_messaging.MessagingTimeout"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, to: Destination, method: str, seconds: float) -> None:
        super().__init__(f"{to.name} did not reply to {method} within {seconds:g} s.")


class RemoteError(ApiError):
    """The called method failed, or its reply cannot be decoded; the message says why."""

    error_type = "oslo_messaging.RemoteError"


class Call(Protocol):
    """A message: the name of a method, and its arguments as fields."""

    METHOD: ClassVar[str]


Handler = Callable[[web.Application, Any], Awaitable[object]]
"""Implements a method. Its return value is the reply to a call, and ignored for a cast."""


class _Envelope(msgspec.Struct):
    version: str = msgspec.field(name="oslo.version")
    message: str = msgspec.field(name="oslo.message")


class _Inner(msgspec.Struct):
    method: str
    args: msgspec.Raw
    unique_id: str = msgspec.field(name="_unique_id")
    msg_id: str | None = msgspec.field(name="_msg_id", default=None)
    reply_q: str | None = msgspec.field(name="_reply_q", default=None)
    request_id: str | None = msgspec.field(name="_context_request_id", default=None)


class _Failure(msgspec.Struct):
    message: str


class _Reply(msgspec.Struct):
    msg_id: str = msgspec.field(name="_msg_id")
    result: msgspec.Raw = msgspec.Raw(b"null")
    failure: str | None = None


class Replies:
    """The replies to a daemon's calls, on its own reply queue, which the broker deletes with the connection."""

    def __init__(self, queue_id: str) -> None:
        self.queue = Destination("", f"reply_{queue_id}", template=REPLY_TEMPLATE, temporary=True)
        self._waiting: dict[str, asyncio.Future[_Reply]] = {}

    @property
    def consumer(self) -> Consumer:
        """The consumer of the reply queue. The daemon has to run it, or no call gets its reply."""
        return Consumer(self.queue, self._deliver)

    @contextmanager
    def expecting(self, msg_id: str) -> Iterator[asyncio.Future[_Reply]]:
        """Yield a future for the reply to a call. A reply that arrives after the block is dropped."""
        reply = self._waiting[msg_id] = asyncio.get_running_loop().create_future()
        try:
            yield reply
        finally:
            del self._waiting[msg_id]

    async def _deliver(self, body: bytes, _: Mapping[str, str]) -> None:
        reply = _decode(body, _Reply)
        waiting = self._waiting.get(reply.msg_id)
        if waiting is not None and not waiting.done():  # otherwise the caller has given up
            waiting.set_result(reply)


REPLIES = web.AppKey("replies", Replies)


async def cast(app: web.Application, to: Destination, message: Call) -> None:
    """Send a message without waiting for a reply. Raises BusUnavailable, and Unroutable if no queue takes it."""
    await _send(app, to, message.METHOD, {"method": message.METHOD, "args": message})


async def call(
    app: web.Application, to: Destination, message: Call, reply_type: type[T], seconds: float = REPLY_SECONDS
) -> T:
    """Send a message and return the reply to it, decoded as `reply_type`.

    Raises MessagingTimeout if no reply comes in `seconds`, RemoteError if the method failed, and what `cast` raises.
    """
    replies = app[REPLIES]
    msg_id = _new_id(app, "call", message.METHOD)
    inner = {"method": message.METHOD, "args": message, "_msg_id": msg_id, "_reply_q": replies.queue.routing_key}
    # Expected before the call is sent: its reply may arrive before `_send` returns.
    with replies.expecting(msg_id) as pending_reply:
        try:
            async with asyncio.timeout(seconds):
                await _send(app, to, message.METHOD, inner)
                reply = await pending_reply
        except TimeoutError:
            raise MessagingTimeout(to, message.METHOD, seconds) from None
    try:
        if reply.failure is not None:
            raise RemoteError(msgspec.json.decode(reply.failure, type=_Failure).message)
        return msgspec.json.decode(reply.result, type=reply_type)
    except msgspec.DecodeError as error:
        raise RemoteError(f"{to.name} sent a reply to {message.METHOD} that cannot be decoded: {error}") from error


async def _reply(app: web.Application, inner: _Inner, reply: dict[str, Any]) -> None:
    """Send the outcome of a call to its reply queue. Does nothing for a cast."""
    if inner.msg_id is None or inner.reply_q is None:
        return
    to = Destination("", inner.reply_q, template=REPLY_TEMPLATE)
    try:
        await _send(app, to, f"reply to {inner.method}", {**reply, "ending": True, "_msg_id": inner.msg_id})
    except Unroutable:  # the caller has stopped, and its reply queue went with it
        log.debug("the reply queue for %s is gone", inner.method)


async def _send(app: web.Application, to: Destination, kind: str, inner: dict[str, Any]) -> None:
    request = current_request()
    unique_id = _new_id(app, "message", kind)
    context = {"_context_request_id": request.request_id, "_context_global_request_id": request.global_request_id}
    text = msgspec.json.encode({**inner, "_unique_id": unique_id, **context}).decode()
    # The id is in a header as well, so that a dead letter can be assigned to its server even if it cannot be decoded.
    server_id = request.attributes.get("openstack.server.id")
    headers = {} if server_id is None else {SERVER_ID: str(server_id)}
    body = msgspec.json.encode({"oslo.version": "2.0", "oslo.message": text})
    await app[BUS].publish(to, body, unique_id, kind, headers)


def _new_id(app: web.Application, what: str, kind: str) -> str:
    """Return a message id. With a seed it depends on the current span only, and not on what runs at the same time."""
    span_id = get_current_span().get_span_context().span_id
    return f"{app[SERVICE_CONTEXT].rng.draw(what, span_id, kind).getrandbits(128):032x}"


def consumer(
    app: web.Application,
    source: Destination,
    methods: Mapping[type[Any], Handler],
    *,
    repeated: Collection[type[Any]] = (),
) -> Consumer:
    """Return a consumer that decodes messages and calls their handlers, which `methods` has by message class.

    Duplicates are dropped by `_unique_id`, except for messages of the `repeated` classes. Those are periodic reports,
    of which only the latest matters; with a seed, a restarted daemon sends them with the same ids as before.
    """
    handlers = {message_type.METHOD: handler for message_type, handler in methods.items()}
    types = {message_type.METHOD: message_type for message_type in methods}
    seen: OrderedDict[str, None] = OrderedDict()

    async def handle(body: bytes, _: Mapping[str, str]) -> None:
        inner, message = _read(body, types)
        if inner.unique_id in seen and type(message) not in repeated:
            annotate(amqp__duplicate=True)
            return
        seen[inner.unique_id] = None
        if len(seen) > REMEMBERED_IDS:
            seen.popitem(last=False)
        try:
            await _execute(app, inner, message, handlers[message.METHOD])
        except asyncio.CancelledError:  # not settled, so the broker will redeliver it
            seen.pop(inner.unique_id, None)
            raise

    return Consumer(source, handle)


async def _execute(app: web.Application, inner: _Inner, message: Call, handler: Handler) -> None:
    """Call the handler, and send its result or its failure as the reply."""
    try:
        result = await handler(app, message)
    except Exception as error:
        await _reply(app, inner, {"result": None, "failure": _serialize_failure(error)})
        raise
    await _reply(app, inner, {"result": result, "failure": None})


def _serialize_failure(error: Exception) -> str:
    """Return a failure as JSON text, as oslo.messaging's `serialize_remote_exception` does, without a traceback.

    Module and class are taken from `error.type`, not from the class itself: moving a class must not change a message.
    """
    project, _, name = error_type(error).rpartition(".")
    return msgspec.json.encode({"class": name, "module": project, "message": str(error)}).decode()


def read_call(body: bytes, types: Mapping[str, type[Call]]) -> tuple[str, Call]:
    """Return the `_unique_id` of a message, and the message itself. `types` has the message classes by method.

    Raises MalformedMessage, and UnknownMethod for a method that is not in `types`.
    """
    inner, message = _read(body, types)
    return inner.unique_id, message


def _read(body: bytes, types: Mapping[str, type[Call]]) -> tuple[_Inner, Call]:
    inner = _decode(body, _Inner)
    if inner.method not in types:
        raise UnknownMethod(inner.method, types)
    try:
        return inner, msgspec.json.decode(inner.args, type=types[inner.method])
    except msgspec.DecodeError as error:
        raise MalformedMessage(str(error)) from error


def _decode(body: bytes, message_type: type[T]) -> T:
    """Decode a message from its envelope. Raises MalformedMessage."""
    try:
        return msgspec.json.decode(msgspec.json.decode(body, type=_Envelope).message, type=message_type)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedMessage(str(error)) from error
