"""Revoked tokens: no service takes one any more, also one that was away, and nobody learns what it was."""

import re
import socket
from contextlib import AbstractAsyncContextManager

import aio_pika
import aiohttp
import pytest

from emulator.broker import Broker
from emulator.cloud import Cloud, Settings, run_service
from emulator.runtime.export import Export
from emulator.services.auth.fernet_tokens import Tokens
from spantree import SpanTree, spans_from_sdk, trees
from tests.conftest import Api, World, a_world, credentials, eventually
from tests.support.processes import free_port

TOKENS = "/v3/auth/tokens"
LOOKS = {
    "keystone": "/v3/auth/catalog",
    "neutron-server": "/v2.0/networks",
    "glance-api": "/v2/images",
    "nova-api": "/v2.1/servers",
}
"""What anybody with a token may ask each API."""


async def revoke(by: Api, token: str) -> int:
    """Revoke a token; return the status."""
    return (await by("DELETE", "keystone", TOKENS, headers={"X-Subject-Token": token}))[0]


async def refused_by(api: Api, service: str) -> None:
    """Wait until a service does not take a token any more."""
    await eventually(lambda: api("GET", service, LOOKS[service]), lambda seen: seen[0] == 401)


async def test_after_it_is_revoked_no_service_takes_a_token_and_all_take_the_next_one(amqp_url: str) -> None:
    async with a_world(amqp_url=amqp_url) as world:
        first, other = await world.api("demo"), await world.api("demo")
        for service, path in LOOKS.items():
            assert (await first("GET", service, path))[0] == 200
        assert await revoke(first, first.token) == 204
        for service in LOOKS:
            await refused_by(first, service)
        next_one = await world.api("demo")
        for api in (other, next_one):
            for service, path in LOOKS.items():
                assert (await api("GET", service, path))[0] == 200, "another token of the same user"


async def test_everybody_may_revoke_what_is_theirs_and_admins_any(world: World) -> None:
    admin, demo, again, alt = [await world.api(user) for user in ("admin", "demo", "demo", "alt_demo")]
    status, body = await alt("DELETE", "keystone", TOKENS, headers={"X-Subject-Token": demo.token})
    words = "You are not authorized to perform the requested action: identity:revoke_token."
    assert (status, body["error"]["message"]) == (403, words)
    assert await revoke(again, demo.token) == 204, "another token of the same user"
    assert await revoke(again, demo.token) == 404
    assert await revoke(admin, alt.token) == 204
    assert await revoke(admin, "nonsense") == 404
    assert await revoke(Api(world.session, world.cloud, ""), admin.token) == 401


async def test_a_token_made_from_one_that_is_revoked_still_holds(world: World) -> None:
    first = await world.api("demo")
    body = {"auth": {"identity": {"methods": ["token"], "token": {"id": first.token}}}}
    async with world.session.post(world.cloud.endpoints["keystone"] + TOKENS, json=body) as response:
        second = Api(world.session, world.cloud, response.headers["X-Subject-Token"])
    assert await revoke(first, first.token) == 204
    await refused_by(first, "nova-api")
    assert (await second("GET", "nova-api", LOOKS["nova-api"]))[0] == 200
    async with world.session.post(world.cloud.endpoints["keystone"] + TOKENS, json=body) as response:
        assert response.status == 401


def serving(
    name: str, amqp_url: str, endpoints: dict[str, str], export: Export | None = None
) -> AbstractAsyncContextManager[str]:
    settings = Settings(pace=0, token_secret="shared", bus_patience=5, revocation_seconds=0.05)
    port = int(endpoints[name].rpartition(":")[2])
    return run_service(name, settings, export or Export(), amqp_url=amqp_url, endpoints=endpoints, port=port)


async def logged_in(session: aiohttp.ClientSession, endpoints: dict[str, str]) -> Api:
    async with session.post(endpoints["keystone"] + TOKENS, json=credentials("demo")) as response:
        return Api(session, Cloud(endpoints, ""), response.headers["X-Subject-Token"])


async def test_a_service_that_was_away_is_told_when_it_is_back(amqp_url: str) -> None:
    endpoints = {name: f"http://127.0.0.1:{free_port()}" for name in LOOKS}
    async with serving("keystone", amqp_url, endpoints), aiohttp.ClientSession() as session:
        api = await logged_in(session, endpoints)
        async with serving("glance-api", amqp_url, endpoints):
            assert (await api("GET", "glance-api", LOOKS["glance-api"]))[0] == 200
        assert await revoke(api, api.token) == 204, "nobody is there to hear of it"
        for _ in range(2):
            async with serving("glance-api", amqp_url, endpoints):
                await refused_by(api, "glance-api")


async def test_a_token_holds_where_the_bus_did_not_take_the_news_and_can_be_revoked_later() -> None:
    endpoints = {name: f"http://127.0.0.1:{free_port()}" for name in LOOKS}
    port = free_port()
    broker = Broker(socket.create_server(("127.0.0.1", port)))
    await broker.__aenter__()
    async with serving("keystone", broker.url, endpoints), aiohttp.ClientSession() as session:
        api = await logged_in(session, endpoints)
        await broker.__aexit__(None, None, None)
        status, body = await api("DELETE", "keystone", TOKENS, headers={"X-Subject-Token": api.token})
        assert (status, body["error"]["title"]) == (503, "Service Unavailable")
        assert (await api("GET", "keystone", LOOKS["keystone"]))[0] == 200
        async with Broker(socket.create_server(("127.0.0.1", port))):
            assert await revoke(api, api.token) == 204
            assert (await api("GET", "keystone", LOOKS["keystone"]))[0] == 401


async def test_nothing_is_sent_while_nothing_is_revoked() -> None:
    async with a_world(Settings(pace=0, revocation_seconds=0.001)) as world:
        assert (await world.boot()).succeeded
    assert [span.name for span in world.export.kept if "keystone_fanout" in span.name] == []


def test_what_would_have_expired_is_forgotten() -> None:
    now = 0.0
    tokens = Tokens("secret", clock=lambda: now)
    tokens.revoke({"a": 10.0, "b": 20.0})
    assert tokens.in_effect() == {"a": 10.0, "b": 20.0}
    now = 10.0
    assert tokens.in_effect() == {"b": 20.0}
    tokens.forget_expired()
    assert tokens.revoked == {"b": 20.0}


def test_to_revoke_one_token_no_other_is_looked_at() -> None:
    tokens = Tokens("secret", clock=lambda: 0.0)
    known = tokens.revoked
    for name in "ab":
        tokens.revoke({name: 10.0})
    assert tokens.revoked is known == {"a": 10.0, "b": 10.0}


def revocations(world: World) -> list[SpanTree]:
    """The traces in which a token was revoked, or that was told again, of a world that has ended."""
    found = trees(spans_from_sdk(world.export.kept))
    return [trace for trace in found if any("keystone_fanout" in span.name for span in trace.spans)]


async def test_a_revocation_is_one_trace_through_all_apis() -> None:
    async with a_world() as world:
        api = await world.api("demo")
        headers = {"X-Subject-Token": api.token}
        told = (await api("GET", "keystone", TOKENS, headers=headers))[1]["token"]["audit_ids"]
        assert await revoke(api, api.token) == 204
        for service in LOOKS:
            await refused_by(api, service)
    [trace] = revocations(world)
    [revoked] = [span for span in trace.spans if span.kind == "server"]
    assert (revoked.service, revoked.name) == ("keystone", f"DELETE {TOKENS}")
    assert [revoked.attributes["openstack.token.audit_id"]] == told
    [published] = revoked.children
    assert published.name == "publish keystone_fanout"
    heard = {
        (process.service, settled.name.split()[0]) for process in published.children for settled in process.children
    }
    assert heard == {(service, "ack") for service in LOOKS if service != "keystone"}


async def test_no_token_is_on_the_bus_on_a_span_or_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with a_world(Settings(pace=0, revocation_seconds=0.01)) as world:
        admin, demo = await world.api("admin"), await world.api("demo")
        async with await aio_pika.connect(world.cloud.amqp_url) as client:
            channel = await client.channel()
            spy = await channel.declare_queue("", exclusive=True)
            await spy.bind("keystone_fanout")
            assert await revoke(demo, admin.token) == 403
            assert await revoke(admin, demo.token) == 204
            async with spy.iterator() as messages:
                bodies = [(await anext(messages)).body.decode() for _ in range(2)]
    assert all("revoke_tokens" in body and "gAAAA" not in body for body in bodies)
    for span in spans_from_sdk(world.export.kept):
        said = [span.name, span.message, *span.attributes.values()]
        said += [value for event in span.events for value in event.attributes.values()]
        for word in map(str, said):
            assert admin.token not in word
            assert demo.token not in word
            assert not re.search(r"secret|X-Auth-Token|X-Subject-Token", word), f"{span}: {word}"
    assert not re.search("secret|gAAAA", caplog.text)
