"""Calls from daemon to daemon in oslo.messaging's envelope: casts, which want no answer, and calls, which wait for one.

As in oslo.messaging 2.0 a body is `{"oslo.version": "2.0", "oslo.message": "<JSON text>"}`, and the inner JSON holds
`method`, `args`, `_unique_id` and the `_context_*` of the request; a call also `_msg_id` and `_reply_q`, where it waits
for its reply. Unlike oslo we acknowledge when the work is done.
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
"""The header that names the server which a message is about, also where its body cannot be read."""
REMEMBERED = 10_000
REPLY_SECONDS = 10.0
REPLY_TEMPLATE = "reply_{id}"

log = logging.getLogger(__name__)

T = TypeVar("T")


class MalformedMessage(Exception):
    """A message that is not a call in oslo.messaging's envelope, or whose arguments do not fit its method."""

    error_type = "emulator.MalformedMessage"


class UnknownMethod(Exception):
    """A call of a method that this consumer does not have."""

    error_type = "emulator.UnknownMethod"

    def __init__(self, method: str, known: Mapping[str, Any]) -> None:
        super().__init__(f"no method {method!r} here, there are {', '.join(sorted(known))}")


class MessagingTimeout(ApiError):
    """Nobody replied to a call in time."""

    error_type = "oslo_messaging.MessagingTimeout"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, to: Destination, method: str, seconds: float) -> None:
        super().__init__(f"{to.name} did not reply to {method} within {seconds:g} s.")


class RemoteError(ApiError):
    """Whoever was called failed, or replied what makes no sense; the message says why."""

    error_type = "oslo_messaging.RemoteError"


class Call(Protocol):
    """A message: a method, and its arguments as fields."""

    METHOD: ClassVar[str]


Handler = Callable[[web.Application, Any], Awaitable[object]]
"""Does what a call asks for. What it returns is the reply, where the caller waits for one."""


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
    """Where a daemon waits for replies to its calls: a queue of its own, which is gone with it."""

    def __init__(self, queue_id: str) -> None:
        self.queue = Destination("", f"reply_{queue_id}", template=REPLY_TEMPLATE, temporary=True)
        self._waiting: dict[str, asyncio.Future[_Reply]] = {}

    @property
    def consumer(self) -> Consumer:
        """What takes the replies in."""
        return Consumer(self.queue, self._take)

    @contextmanager
    def expecting(self, msg_id: str) -> Iterator[asyncio.Future[_Reply]]:
        """Wait for the reply to a call, while the block lasts."""
        reply = self._waiting[msg_id] = asyncio.get_running_loop().create_future()
        try:
            yield reply
        finally:
            del self._waiting[msg_id]

    async def _take(self, body: bytes, _: Mapping[str, str]) -> None:
        reply = _decode(body, _Reply)
        waiting = self._waiting.get(reply.msg_id)
        if waiting is not None and not waiting.done():  # else the caller has given up
            waiting.set_result(reply)


REPLIES = web.AppKey("replies", Replies)


async def cast(app: web.Application, to: Destination, message: Call) -> None:
    """Send a call that wants no answer. Raises BusUnavailable, Unroutable too."""
    await _send(app, to, message.METHOD, {"method": message.METHOD, "args": message})


async def call(
    app: web.Application, to: Destination, message: Call, form: type[T], seconds: float = REPLY_SECONDS
) -> T:
    """Send a call and return the reply to it, as `form`.

    Raises MessagingTimeout if there is none in time, RemoteError if the other side failed, and what `cast` raises.
    """
    replies = app[REPLIES]
    msg_id = _draw(app, "call", message.METHOD)
    inner = {"method": message.METHOD, "args": message, "_msg_id": msg_id, "_reply_q": replies.queue.routing_key}
    with replies.expecting(msg_id) as awaited:
        try:
            async with asyncio.timeout(seconds):
                await _send(app, to, message.METHOD, inner)
                reply = await awaited
        except TimeoutError:
            raise MessagingTimeout(to, message.METHOD, seconds) from None
    try:
        if reply.failure is not None:
            raise RemoteError(msgspec.json.decode(reply.failure, type=_Failure).message)
        return msgspec.json.decode(reply.result, type=form)
    except msgspec.DecodeError as error:
        raise RemoteError(f"{to.name} replied to {message.METHOD} with what cannot be read: {error}") from error


async def _reply(app: web.Application, inner: _Inner, reply: dict[str, Any]) -> None:
    """Send what came of a call to whoever waits for it; who waits no more has taken the queue along."""
    if inner.msg_id is None or inner.reply_q is None:
        return
    to = Destination("", inner.reply_q, template=REPLY_TEMPLATE)
    try:
        await _send(app, to, f"reply to {inner.method}", {**reply, "ending": True, "_msg_id": inner.msg_id})
    except Unroutable:
        log.debug("nobody waits for the reply to %s any more", inner.method)


async def _send(app: web.Application, to: Destination, kind: str, inner: dict[str, Any]) -> None:
    scene = current_request()
    unique_id = _draw(app, "message", kind)
    context = {"_context_request_id": scene.request_id, "_context_global_request_id": scene.global_request_id}
    text = msgspec.json.encode({**inner, "_unique_id": unique_id, **context}).decode()
    about = scene.attributes.get("openstack.server.id")
    headers = {} if about is None else {SERVER_ID: str(about)}
    body = msgspec.json.encode({"oslo.version": "2.0", "oslo.message": text})
    await app[BUS].publish(to, body, unique_id, kind, headers)


def _draw(app: web.Application, what: str, kind: str) -> str:
    here = get_current_span().get_span_context().span_id
    return f"{app[SERVICE_CONTEXT].rng.draw(what, here, kind).getrandbits(128):032x}"


def consumer(
    app: web.Application,
    source: Destination,
    methods: Mapping[type[Any], Handler],
    *,
    repeated: Collection[type[Any]] = (),
) -> Consumer:
    """Return a consumer that decodes calls and hands each to its method. `methods` is by class of message.

    A call that came before, by its `_unique_id`, is dropped: what comes twice is done once. Not so what is `repeated`,
    reports: with a seed a daemon that was restarted gives them the same ids again, and what counts is what it has now.
    """
    handlers = {form.METHOD: handler for form, handler in methods.items()}
    forms = {form.METHOD: form for form in methods}
    seen: OrderedDict[str, None] = OrderedDict()

    async def handle(body: bytes, _: Mapping[str, str]) -> None:
        inner, message = _read(body, forms)
        if inner.unique_id in seen and type(message) not in repeated:
            annotate(amqp__duplicate=True)
            return
        seen[inner.unique_id] = None
        if len(seen) > REMEMBERED:
            seen.popitem(last=False)
        try:
            await _do(app, inner, message, handlers[message.METHOD])
        except asyncio.CancelledError:  # not done, and not settled: it will come again
            seen.pop(inner.unique_id, None)
            raise

    return Consumer(source, handle)


async def _do(app: web.Application, inner: _Inner, message: Call, handler: Handler) -> None:
    """Do what a call asks for, and reply to it, also where that fails."""
    try:
        result = await handler(app, message)
    except Exception as error:
        failure = {"class": type(error).__name__, "module": type(error).__module__, "message": str(error)}
        await _reply(app, inner, {"result": None, "failure": msgspec.json.encode(failure).decode()})
        raise
    await _reply(app, inner, {"result": result, "failure": None})


def read_call(body: bytes, forms: Mapping[str, type[Call]]) -> tuple[str, Call]:
    """Return a call, of one of `forms` by method, and its `_unique_id`. Raises MalformedMessage and UnknownMethod."""
    inner, message = _read(body, forms)
    return inner.unique_id, message


def _read(body: bytes, forms: Mapping[str, type[Call]]) -> tuple[_Inner, Call]:
    inner = _decode(body, _Inner)
    if inner.method not in forms:
        raise UnknownMethod(inner.method, forms)
    try:
        return inner, msgspec.json.decode(inner.args, type=forms[inner.method])
    except msgspec.DecodeError as error:
        raise MalformedMessage(str(error)) from error


def _decode(body: bytes, form: type[T]) -> T:
    """Take a message out of its envelope. Raises MalformedMessage."""
    try:
        return msgspec.json.decode(msgspec.json.decode(body, type=_Envelope).message, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedMessage(str(error)) from error
