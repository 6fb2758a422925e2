"""Invalid input over HTTP and the bus gets a clear error that names the field, and disturbs no other request."""

import asyncio
import io
import json
from collections.abc import Callable
from typing import Any

import aio_pika
import pytest

from emulator.services.seed_data import resource_id
from spantree import Span, spans_from_sdk
from tests.conftest import RunningCloud, start_cloud, trace_of

SERVER = {
    "name": "demo",
    "imageRef": resource_id("image", "cirros"),
    "flavorRef": "m1.tiny",
    "networks": [{"uuid": resource_id("network", "private")}],
}


def without(field: str) -> dict[str, Any]:
    return {key: value for key, value in SERVER.items() if key != field}


@pytest.mark.parametrize(
    ("server", "names"),
    [
        (without("name"), "server.name"),
        (without("imageRef"), "server.imageRef"),
        (without("flavorRef"), "server.flavorRef"),
        ({**SERVER, "name": ""}, "server.name"),
        ({**SERVER, "name": 7}, "server.name"),
        ({**SERVER, "name": "a\x00\x1b[31m"}, "server.name"),
        ({**SERVER, "name": "x" * 256}, "server.name"),
        ({**SERVER, "imageRef": "../../etc"}, "server.imageRef"),
        ({**SERVER, "flavorRef": "m1.nope"}, "server.flavorRef"),
        ({**SERVER, "networks": "some"}, "server.networks"),
        ({**SERVER, "networks": [{"id": "x"}]}, "server.networks[0].uuid"),
        ({**SERVER, "networks": [{"uuid": "x"}]}, "server.networks[0].uuid"),
        ({**SERVER, "min_count": 0}, "server.min_count"),
        ({**SERVER, "min_count": "0"}, "server.min_count"),
        ({**SERVER, "min_count": "many"}, "server.min_count"),
        ({**SERVER, "max_count": "9" * 5000}, "server.max_count"),
        ({**SERVER, "min_count": 3, "max_count": 2}, "server.min_count"),
        ({**SERVER, "metadata": {"a": 1}}, "field server.metadata: Expected `str`, got `int`."),
        ({**SERVER, "metadata": {"": "a"}}, "field server.metadata: "),
        ([], "server"),
    ],
)
async def test_nova_names_the_invalid_field(shared_cloud: RunningCloud, server: Any, names: str) -> None:
    api = await shared_cloud.api()
    status, body = await api("POST", "nova-api", "/v2.1/servers", json={"server": server})
    assert (status, body["badRequest"]["code"]) == (400, 400)
    assert names in body["badRequest"]["message"]


@pytest.mark.parametrize(
    ("login", "names"),
    [
        ({}, "auth"),
        ({"auth": {}}, "auth.identity"),
        ({"auth": {"identity": {"methods": "password"}}}, "auth.identity.methods"),
        ({"auth": {"identity": {"methods": [], "password": {"user": 1}}}}, "auth.identity.password.user"),
    ],
)
async def test_keystone_names_the_invalid_field(shared_cloud: RunningCloud, login: Any, names: str) -> None:
    async with shared_cloud.session.post(
        shared_cloud.cloud.endpoints["keystone"] + "/v3/auth/tokens", json=login
    ) as response:
        body = await response.json()
    assert (response.status, body["error"]["title"]) == (400, "Bad Request")
    assert f"field {names}:" in body["error"]["message"]


SHAPES: dict[str, tuple[str, Callable[[Any], tuple[int | None, str]]]] = {
    "keystone": ("/v3/auth/tokens", lambda body: (body["error"]["code"], body["error"]["message"])),
    "nova-api": ("/v2.1/servers", lambda body: next((e["code"], e["message"]) for e in body.values())),
    "neutron-server": ("/v2.0/networks", lambda body: (None, body["NeutronError"]["message"])),
    "glance-api": ("/v2/images", lambda body: (int(body["code"].split()[0]), body["message"])),
}


@pytest.mark.parametrize("service", SHAPES)
async def test_unknown_routes_and_methods_are_refused_in_the_services_own_shape(
    shared_cloud: RunningCloud, service: str
) -> None:
    api = await shared_cloud.api()
    known, read = SHAPES[service]
    for method, path, status in (("GET", "/nope", 404), ("PATCH", known, 405), ("PROPFIND", known, 405)):
        found, body = await api(method, service, path)
        assert found == status
        code, message = read(body)
        assert code in {status, None}
        assert message


DEEP = b'{"unknown": ' + b"[" * 100_000


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"", b'"text"', DEEP], ids=["{", "bytes", "empty", "text", "deep"])
@pytest.mark.parametrize("service", ["nova-api", "keystone"])
async def test_a_body_that_is_not_json_is_a_bad_request(shared_cloud: RunningCloud, service: str, body: bytes) -> None:
    api = await shared_cloud.api()
    status, answer = await api("POST", service, SHAPES[service][0], data=body)
    assert (status, SHAPES[service][1](answer)[0]) == (400, 400)


async def test_a_body_that_is_not_in_its_encoding_is_a_bad_request(shared_cloud: RunningCloud) -> None:
    api = await shared_cloud.api()
    headers = {"Content-Encoding": "gzip"}
    status, body = await api("POST", "nova-api", "/v2.1/servers", data=b"not gzip", headers=headers)
    message = "The body cannot be read: it is not encoded as its headers say."
    assert (status, body) == (400, {"badRequest": {"code": 400, "message": message}})


async def test_an_error_repeats_only_the_beginning_of_a_long_input(shared_cloud: RunningCloud) -> None:
    api, long = await shared_cloud.api(), "x" * 70_000
    sent: list[tuple[str, str, Any]] = [
        ("nova-api", "server.flavorRef", {"flavorRef": long}),
        ("nova-api", "server.networks[0].uuid", {"networks": [{"uuid": long}]}),
        ("nova-api", "server.OS-DCF:diskConfig", {"OS-DCF:diskConfig": long}),
        ("keystone", "auth.identity.methods[0]", {"auth": {"identity": {"methods": [long]}}}),
    ]
    for service, field, attributes in sent:
        body = attributes if service == "keystone" else {"server": {**SERVER, **attributes}}
        _, answer = await api("POST", service, SHAPES[service][0], json=body)
        message = SHAPES[service][1](answer)[1]
        assert (field in message, len(message), message[-1]) == (True, 1001, "…"), message[:100]


async def test_a_body_over_the_limit_is_too_large(shared_cloud: RunningCloud) -> None:
    api = await shared_cloud.api()
    for service in ("nova-api", "keystone"):
        status, body = await api("POST", service, SHAPES[service][0], data=io.BytesIO(b" " * (1024 * 1024 + 1)))
        assert status == 413
        assert "the limit is 1048576 bytes" in SHAPES[service][1](body)[1]


async def test_a_4xx_answer_leaves_the_server_span_without_error() -> None:
    async with start_cloud() as running_cloud:
        api = await running_cloud.api()
        for method, path in (("GET", "/nope"), ("PROPFIND", "/v2.1/servers"), ("GET", "/v2.1/servers/nope")):
            await api(method, "nova-api", path)
    served = {span.name: span for span in kept(running_cloud) if span.service == "nova-api"}
    assert {name: span.attributes["http.response.status_code"] for name, span in served.items()} == {
        "GET": 404,
        "HTTP": 405,
        "GET /v2.1/servers/{server_id}": 404,
    }
    assert not any(span.failed for span in served.values())
    assert "http.route" not in served["GET"].attributes
    assert served["HTTP"].attributes["http.request.method"] == "_OTHER"
    assert served["HTTP"].attributes["http.request.method_original"] == "PROPFIND"


async def test_a_head_of_a_file_is_refused_and_the_connection_stays_usable(shared_cloud: RunningCloud) -> None:
    api = await shared_cloud.api()
    for method, status in (("HEAD", 405), ("GET", 200), ("HEAD", 405)):
        path = f"/v2/images/{SERVER['imageRef']}/file"
        assert (await api(method, "glance-api", path))[0] == status


async def test_every_answer_has_its_own_request_id_and_keeps_the_global_one() -> None:
    global_id = "req-00000000-0000-4000-8000-000000000000"
    answered = {}
    async with start_cloud() as running_cloud:
        api = await running_cloud.api()
        for path, sent in (
            (f"/v2/images/{SERVER['imageRef']}/file", global_id),
            ("/nope", global_id),
            ("/v2/images", "req-no-such-form"),
        ):
            headers = {"X-Auth-Token": api.token, "X-OpenStack-Request-ID": sent}
            async with running_cloud.session.get(
                running_cloud.cloud.endpoints["glance-api"] + path, headers=headers
            ) as response:
                answered[response.headers["X-OpenStack-Request-ID"]] = sent if sent == global_id else None
    seen = {
        str(span.attributes["openstack.request.id"]): span.attributes
        for span in spans_from_sdk(running_cloud.export.kept)
    }
    assert {own: seen[own].get("openstack.global_request.id") for own in answered} == answered
    assert global_id not in answered


async def test_bytes_that_are_not_http_are_refused_without_a_log_record(
    running_cloud: RunningCloud, caplog: pytest.LogCaptureFixture
) -> None:
    port = int(running_cloud.cloud.endpoints["nova-api"].rpartition(":")[2])
    for garbage in (
        b"GET /v2.1 HTTP/1.1\r\nHost: a:b:c\r\n\r\n",
        b"GET /v2.1 HTTP/1.1\r\nHost: a:99999\r\n\r\n",
        b"GET /v2.1 HTTP/1.1\r\nHost:\r\n\r\n",
        b"BREW /v2.1/servers HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01 hello TLS\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(garbage)
        assert (await reader.readline()).split()[1] == b"400"
        writer.close()
        await writer.wait_closed()
    assert caplog.records == []
    assert (await running_cloud.boot()).succeeded


INNER = {"method": "select_destinations", "args": {}, "_unique_id": "u1"}

MALFORMED = {
    "no JSON": (b"{", "MalformedMessage"),
    "not UTF-8": (b"\xff", "MalformedMessage"),
    "no envelope": (b"{}", "MalformedMessage"),
    "no JSON inside": (json.dumps({"oslo.version": "2.0", "oslo.message": "{"}).encode(), "MalformedMessage"),
    "missing arguments": (json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(INNER)}).encode(), "Malformed"),
    "unknown method": (
        json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps({**INNER, "method": "format_disk"})}).encode(),
        "UnknownMethod",
    ),
}


async def test_an_unknown_state_in_a_message_does_not_reach_the_server(running_cloud: RunningCloud) -> None:
    booted = await running_cloud.boot()
    update = {"server_id": booted.server_id, "vm_state": "banana"}
    inner = {"method": "instance_update", "args": update, "_unique_id": "u2"}
    body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(inner)}).encode()
    async with await aio_pika.connect(running_cloud.cloud.amqp_url) as connection:
        channel = await connection.channel()
        await (await channel.get_exchange("nova")).publish(aio_pika.Message(body), "api")
    await running_cloud.boot()  # its updates came after that message
    api = await running_cloud.api()
    assert (await api("GET", "nova-api", f"/v2.1/servers/{booted.server_id}"))[1]["server"]["status"] == "ACTIVE"


async def test_malformed_messages_are_rejected_and_the_consumer_continues(amqp_url: str) -> None:
    async with start_cloud(amqp_url=amqp_url) as running_cloud:
        async with await aio_pika.connect(amqp_url) as connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange("nova")
            for body, _ in MALFORMED.values():
                await exchange.publish(aio_pika.Message(body), "scheduler")
        booted = await running_cloud.boot()
    assert booted.succeeded
    processed = [s for s in kept(running_cloud) if s.name == "process nova:scheduler" and s.trace_id != booted.trace_id]
    found = sorted(span.error_type.rpartition(".")[2] for span in processed)
    assert found == sorted(["MalformedMessage"] * 5 + ["UnknownMethod"])
    rejected = {
        span.trace_id for span in kept(running_cloud) if span.name == "reject nova:scheduler" and not span.failed
    }
    assert rejected == {span.trace_id for span in processed}


async def test_a_duplicate_message_is_dropped(amqp_url: str) -> None:
    """The same message is published again, headers included, after it was processed."""
    async with start_cloud(amqp_url=amqp_url) as running_cloud:
        async with await aio_pika.connect(amqp_url) as connection:
            channel = await connection.channel()
            spy = await channel.declare_queue("", exclusive=True)
            exchange = await channel.get_exchange("nova")
            await spy.bind(exchange, "scheduler")
            booted = await running_cloud.boot()
            original = await spy.get(no_ack=True)
            await exchange.publish(original, "scheduler")
        again = await running_cloud.boot()
    assert again.succeeded
    trace = trace_of(running_cloud, booted.trace_id)
    first, second = [span for span in trace.spans if span.name == "process nova:scheduler"]
    assert second.attributes["openstack.amqp.duplicate"] is True
    assert "openstack.amqp.duplicate" not in first.attributes
    assert [child.name for child in second.children] == ["ack nova:scheduler"]


def kept(running_cloud: RunningCloud) -> list[Span]:
    return spans_from_sdk(running_cloud.export.kept)
