"""RPC calls over the bus: replies reach their callers, and failures are reported promptly."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import ClassVar

import msgspec
import pytest
from aiohttp import web

from emulator.runtime.amqp_bus import Unroutable
from emulator.runtime.amqp_connection import BusSettings
from emulator.runtime.amqp_topology import Destination
from emulator.runtime.export import Export
from emulator.runtime.request_context import ServiceContext, request_scope
from emulator.runtime.seeded_random import SeededRandom
from emulator.runtime.service import SERVICE_CONTEXT, Service, running
from emulator.runtime.spans import span
from emulator.runtime.tasks import SharedTimeout
from emulator.services.oslo.messaging import REPLIES, MessagingTimeout, RemoteError, Replies, call, consumer
from spantree import SpanTree, spans_from_sdk, tree, trees
from tests.conftest import DEAD_LETTERS

SOON = 0.05
CALLEE = Destination("nova", "scheduler", dead_letters=DEAD_LETTERS["x-dead-letter-routing-key"])
"""A queue that the fixture for RabbitMQ deletes."""


class Ask(msgspec.Struct):
    """To the callee, which replies."""

    METHOD: ClassVar[str] = "ask"
    what: str


Answers = Callable[[str], Awaitable[object]]


async def echo(what: str) -> list[str]:
    return [what, what]


@dataclass
class Daemons:
    """Daemons on one bus, and their spans."""

    amqp_url: str
    export: Export = field(default_factory=lambda: Export(None, keep=True))

    @asynccontextmanager
    async def caller(self, name: str = "caller") -> AsyncIterator[web.Application]:
        service = Service(name, state={REPLIES: Replies(name)}, consumers=lambda app: [app[REPLIES].consumer])
        async with self._running(service) as app:
            yield app

    @asynccontextmanager
    async def callee(self, answers: Answers = echo) -> AsyncIterator[None]:
        async def answer(_: web.Application, message: Ask) -> object:
            return await answers(message.what)

        service = Service("callee", consumers=lambda app: [consumer(app, CALLEE, {Ask: answer})])
        async with self._running(service):
            yield

    @asynccontextmanager
    async def _running(self, service: Service) -> AsyncIterator[web.Application]:
        rng = SeededRandom()
        service_context = ServiceContext(service.name, self.export.tracer(service.name, rng), rng)
        listener = socket.create_server(("127.0.0.1", 0))
        async with running(service, service_context, listener, BusSettings(self.amqp_url), SharedTimeout(SOON)) as app:
            yield app

    def traces(self) -> list[SpanTree]:
        return trees(spans_from_sdk(self.export.kept))


async def ask(app: web.Application, what: str = "who", seconds: float = 10.0) -> list[str]:
    with request_scope(app[SERVICE_CONTEXT]), span("question"):
        return await call(app, CALLEE, Ask(what), list[str], seconds)


@pytest.fixture
def daemons(amqp_url: str) -> Daemons:
    return Daemons(amqp_url)


async def test_a_call_and_its_reply_are_one_trace(daemons: Daemons) -> None:
    async with daemons.callee(), daemons.caller() as app:
        assert await ask(app) == ["who", "who"]
    [trace] = daemons.traces()
    assert trace == tree("""
        caller: question
          caller: publish nova:scheduler (producer) {openstack.rpc.method=ask}
            callee: process nova:scheduler (consumer)
              callee: publish reply_{id} (producer) {openstack.rpc.method="reply to ask"}
                caller: process reply_{id} (consumer)
                  caller: ack reply_{id} (client)
              callee: ack nova:scheduler (client)
    """)
    assert len({each.attributes["openstack.request.id"] for each in trace.spans}) == 1


async def test_calls_side_by_side_get_their_own_replies(daemons: Daemons) -> None:
    async with daemons.callee(), daemons.caller("one") as one, daemons.caller("two") as two:
        message = [(app, f"{number}") for number in range(10) for app in (one, two)]
        replies = await asyncio.gather(*(ask(app, what) for app, what in message))
    assert replies == [[what, what] for _, what in message]


async def test_a_failure_of_the_called_method_is_raised_with_its_message(daemons: Daemons) -> None:
    async def fail(_: str) -> object:
        raise LookupError("no such answer")

    async with daemons.callee(fail), daemons.caller() as app:
        with pytest.raises(RemoteError, match=r"^no such answer$"):
            await ask(app)
    [trace] = daemons.traces()
    assert trace.one("callee", name="process nova:scheduler", error=True)
    assert trace.one("callee", name="publish reply_{id}", error=False)


async def test_a_reply_of_another_type_is_an_error_that_names_the_callee(daemons: Daemons) -> None:
    async def number(_: str) -> int:
        return 7

    async with daemons.callee(number), daemons.caller() as app:
        with pytest.raises(RemoteError, match=r"^nova:scheduler sent a reply to ask that cannot be decoded: Expected"):
            await ask(app)


async def test_ten_thousand_message_ids_are_remembered_and_cancelled_ones_not() -> None:
    """An unsettled message is redelivered, and must then be handled. Other duplicates must not."""
    done: list[str] = []
    begun, free, rng = asyncio.Event(), asyncio.Event(), SeededRandom()

    async def answer(_: web.Application, message: Ask) -> None:
        done.append(message.what)
        begun.set()
        await free.wait()

    handle, export = consumer(web.Application(), CALLEE, {Ask: answer}).handle, Export(None, keep=True)
    with request_scope(ServiceContext("callee", export.tracer("callee", rng), rng)):
        doing = asyncio.ensure_future(handle(envelope("broken off"), {}))
        await begun.wait()
        doing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doing
        free.set()
        for what in ("broken off", "broken off", *map(str, range(10_000)), "0", "broken off"):
            await handle(envelope(what), {})
    assert [what for what in done if what in {"broken off", "0"}] == ["broken off", "broken off", "0", "broken off"]


def envelope(what: str) -> bytes:
    """Return a message to the callee, with its question as the message id."""
    inner = msgspec.json.encode({"method": "ask", "args": Ask(what), "_unique_id": what}).decode()
    return msgspec.json.encode({"oslo.version": "2.0", "oslo.message": inner})


async def test_a_call_without_a_reply_times_out_and_can_be_repeated(daemons: Daemons) -> None:
    async def once_silent(what: str) -> object:
        return await (asyncio.Event().wait() if what == "hush" else echo(what))

    async with daemons.callee(once_silent), daemons.caller() as app:
        with pytest.raises(MessagingTimeout, match=r"^nova:scheduler did not reply to ask within 0\.05 s\.$"):
            await ask(app, "hush", SOON)
        assert await ask(app) == ["who", "who"]


async def test_a_call_to_a_queue_that_does_not_exist_fails_at_once(daemons: Daemons) -> None:
    async with daemons.caller() as app:
        with pytest.raises(Unroutable, match="no queue takes messages for nova:scheduler"):
            await ask(app)


async def test_a_reply_to_a_caller_that_is_gone_is_dropped(daemons: Daemons) -> None:
    heard, gone = asyncio.Event(), asyncio.Event()

    async def late(what: str) -> object:
        if what == "late":
            heard.set()
            await gone.wait()
        return await echo(what)

    async with daemons.callee(late):
        async with AsyncExitStack() as leaving:
            app = await leaving.enter_async_context(daemons.caller("gone"))
            with pytest.raises(MessagingTimeout):
                await ask(app, "late", SOON)
            await heard.wait()
        gone.set()
        async with daemons.caller() as app:
            assert await ask(app) == ["who", "who"]
    late_trace = next(trace for trace in daemons.traces() if trace.all("callee", name="publish reply_{id}", error=True))
    assert late_trace.one("callee", name="process nova:scheduler", error=False)
    assert late_trace.one("callee", name="ack nova:scheduler")
