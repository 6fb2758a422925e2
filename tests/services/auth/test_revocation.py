"""Revoked tokens: every service refuses them, even one that was down meanwhile, and no token is exposed."""

import re
import socket
from contextlib import AbstractAsyncContextManager

import aio_pika
import aiohttp
import pytest

from emulator.broker import Broker
from emulator.cloud import Cloud, Settings, run_service
from emulator.runtime.export import Export
from emulator.services.auth import Tokens
from emulator.services.registry import APIS
from spantree import SpanTree, spans_from_sdk, trees
from tests.conftest import Api, RunningCloud, credentials, eventually, start_cloud
from tests.support.processes import free_port

TOKENS = "/v3/auth/tokens"
LOOKS = {
    "keystone": "/v3/auth/catalog",
    "neutron-server": "/v2.0/networks",
    "glance-api": "/v2/images",
    "nova-api": "/v2.1/servers",
}
"""A request that every token may make, for each API."""


async def revoke(by: Api, token: str) -> int:
    """Revoke a token; return the status."""
    return (await by("DELETE", "keystone", TOKENS, headers={"X-Subject-Token": token}))[0]


async def refused_by(api: Api, service: str) -> None:
    """Wait until a service refuses the token."""
    await eventually(lambda: api("GET", service, LOOKS[service]), lambda seen: seen[0] == 401)


async def test_a_revoked_token_is_refused_everywhere_and_a_new_one_accepted(amqp_url: str) -> None:
    async with start_cloud(amqp_url=amqp_url) as running_cloud:
        first, other = await running_cloud.api("demo"), await running_cloud.api("demo")
        for service, path in LOOKS.items():
            assert (await first("GET", service, path))[0] == 200
        assert await revoke(first, first.token) == 204
        for service in LOOKS:
            await refused_by(first, service)
        next_one = await running_cloud.api("demo")
        for api in (other, next_one):
            for service, path in LOOKS.items():
                assert (await api("GET", service, path))[0] == 200, "another token of the same user"


async def test_users_may_revoke_their_own_tokens_and_admins_any(running_cloud: RunningCloud) -> None:
    admin, demo, again, alt = [await running_cloud.api(user) for user in ("admin", "demo", "demo", "alt_demo")]
    status, body = await alt("DELETE", "keystone", TOKENS, headers={"X-Subject-Token": demo.token})
    message = "You are not authorized to perform the requested action: identity:revoke_token."
    assert (status, body["error"]["message"]) == (403, message)
    assert await revoke(again, demo.token) == 204, "another token of the same user"
    assert await revoke(again, demo.token) == 404
    assert await revoke(admin, alt.token) == 204
    assert await revoke(admin, "nonsense") == 404
    assert await revoke(Api(running_cloud.session, running_cloud.cloud, ""), admin.token) == 401


async def test_a_token_made_from_a_revoked_one_stays_valid(running_cloud: RunningCloud) -> None:
    first = await running_cloud.api("demo")
    body = {"auth": {"identity": {"methods": ["token"], "token": {"id": first.token}}}}
    async with running_cloud.session.post(running_cloud.cloud.endpoints["keystone"] + TOKENS, json=body) as response:
        second = Api(running_cloud.session, running_cloud.cloud, response.headers["X-Subject-Token"])
    assert await revoke(first, first.token) == 204
    await refused_by(first, "nova-api")
    assert (await second("GET", "nova-api", LOOKS["nova-api"]))[0] == 200
    async with running_cloud.session.post(running_cloud.cloud.endpoints["keystone"] + TOKENS, json=body) as response:
        assert response.status == 401


def serving(name: str, amqp_url: str, endpoints: dict[str, str]) -> AbstractAsyncContextManager[str]:
    settings = Settings(pace=0, token_secret="shared", bus_patience=5, revocation_seconds=0.05)
    port = int(endpoints[name].rpartition(":")[2])
    return run_service(name, settings, Export(), amqp_url=amqp_url, endpoints=endpoints, port=port)


async def logged_in(session: aiohttp.ClientSession, endpoints: dict[str, str]) -> Api:
    async with session.post(endpoints["keystone"] + TOKENS, json=credentials("demo")) as response:
        return Api(session, Cloud(endpoints, ""), response.headers["X-Subject-Token"])


async def test_a_service_that_was_down_learns_of_revocations_after_its_start(amqp_url: str) -> None:
    endpoints = {name: f"http://127.0.0.1:{free_port()}" for name in APIS}
    async with serving("keystone", amqp_url, endpoints), aiohttp.ClientSession() as session:
        api = await logged_in(session, endpoints)
        async with serving("glance-api", amqp_url, endpoints):
            assert (await api("GET", "glance-api", LOOKS["glance-api"]))[0] == 200
        assert await revoke(api, api.token) == 204, "no API is running to receive it"
        for _ in range(2):
            async with serving("glance-api", amqp_url, endpoints):
                await refused_by(api, "glance-api")


async def test_a_token_stays_valid_while_the_bus_is_down_and_can_be_revoked_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("emulator.runtime.amqp_bus.PUBLISH_SECONDS", 0.3)
    endpoints = {name: f"http://127.0.0.1:{free_port()}" for name in APIS}
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


async def test_no_message_is_sent_while_no_token_is_revoked() -> None:
    async with start_cloud(Settings(pace=0, revocation_seconds=0.001)) as running_cloud:
        assert (await running_cloud.boot()).succeeded
    assert [span.name for span in running_cloud.export.kept if "keystone_fanout" in span.name] == []


def test_revoked_tokens_are_forgotten_when_they_expire() -> None:
    now = 0.0
    tokens = Tokens("secret", clock=lambda: now)
    tokens.revoke({"a": 10.0, "b": 20.0})
    tokens.forget_expired()
    assert tokens.revoked == {"a": 10.0, "b": 20.0}
    now = 10.0
    tokens.forget_expired()
    assert tokens.revoked == {"b": 20.0}


def test_revoking_a_token_does_not_copy_the_revoked_ones() -> None:
    tokens = Tokens("secret", clock=lambda: 0.0)
    known = tokens.revoked
    for name in "ab":
        tokens.revoke({name: 10.0})
    assert tokens.revoked is known == {"a": 10.0, "b": 10.0}


def revocations(running_cloud: RunningCloud) -> list[SpanTree]:
    """Return the traces of revocations and their repetitions, of a cloud that has stopped."""
    found = trees(spans_from_sdk(running_cloud.export.kept))
    return [trace for trace in found if any("keystone_fanout" in span.name for span in trace.spans)]


async def test_a_revocation_is_one_trace_through_all_apis() -> None:
    async with start_cloud() as running_cloud:
        api = await running_cloud.api("demo")
        headers = {"X-Subject-Token": api.token}
        audit_ids = (await api("GET", "keystone", TOKENS, headers=headers))[1]["token"]["audit_ids"]
        assert await revoke(api, api.token) == 204
        for service in LOOKS:
            await refused_by(api, service)
    [trace] = revocations(running_cloud)
    [revoked] = [span for span in trace.spans if span.kind == "server"]
    assert (revoked.service, revoked.name) == ("keystone", f"DELETE {TOKENS}")
    assert [revoked.attributes["openstack.token.audit_id"]] == audit_ids
    [published] = revoked.children
    assert published.name == "publish keystone_fanout"
    received = {
        (process.service, settled.name.split()[0]) for process in published.children for settled in process.children
    }
    assert received == {(service, "ack") for service in APIS if service != "keystone"}


async def test_no_token_is_on_the_bus_on_a_span_or_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with start_cloud(Settings(pace=0, revocation_seconds=0.01)) as running_cloud:
        admin, demo = await running_cloud.api("admin"), await running_cloud.api("demo")
        async with await aio_pika.connect(running_cloud.cloud.amqp_url) as client:
            channel = await client.channel()
            spy = await channel.declare_queue("", exclusive=True)
            await spy.bind("keystone_fanout")
            assert await revoke(demo, admin.token) == 403
            assert await revoke(admin, demo.token) == 204
            async with spy.iterator() as messages:
                bodies = [(await anext(messages)).body.decode() for _ in range(2)]
    assert all("revoke_tokens" in body and "gAAAA" not in body for body in bodies)
    for span in spans_from_sdk(running_cloud.export.kept):
        texts = [span.name, span.message, *span.attributes.values()]
        texts += [value for event in span.events for value in event.attributes.values()]
        for text in map(str, texts):
            assert admin.token not in text
            assert demo.token not in text
            assert not re.search(r"secret|X-Auth-Token|X-Subject-Token", text), f"{span}: {text}"
    assert not re.search("secret|gAAAA", caplog.text)
