"""The basic behaviour of the services, and the format of their errors."""

import hashlib
import ipaddress
from typing import Any

import pytest

from emulator.client import BootRequest
from emulator.cloud import Settings
from emulator.services.auth import Identity, Tokens
from emulator.services.registry import APIS
from emulator.services.seed_data import FLAVORS, IMAGES, NETWORKS, resource_id
from spantree import spans_from_sdk
from tests.conftest import Api, RunningCloud, credentials, start_cloud

CIRROS, PRIVATE = resource_id("image", "cirros"), resource_id("network", "private")
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"

PROTECTED = [
    ("nova-api", "GET", "/v2.1/servers"),
    ("nova-api", "POST", "/v2.1/servers"),
    ("nova-api", "GET", "/v2.1/servers/detail"),
    ("nova-api", "DELETE", f"/v2.1/servers/{UNKNOWN_ID}"),
    ("nova-api", "GET", "/v2.1/flavors"),
    ("neutron-server", "GET", "/v2.0/networks"),
    ("neutron-server", "GET", f"/v2.0/networks/{PRIVATE}"),
    ("neutron-server", "DELETE", f"/v2.0/ports/{UNKNOWN_ID}"),
    ("glance-api", "GET", "/v2/images"),
    ("glance-api", "GET", f"/v2/images/{CIRROS}/file"),
    ("keystone", "GET", "/v3/auth/tokens"),
]


def issue_token(secret: str, ttl: float) -> str:
    """Return a token that is issued with this secret."""
    tokens = Tokens(secret)
    now = tokens.clock()
    return tokens.issue(Identity("u", "admin", "p", "admin", ("admin",), now, now + ttl))


async def test_every_api_refuses_a_missing_forged_or_expired_token() -> None:
    async with start_cloud(Settings(pace=0, token_secret="the secret")) as running_cloud:
        good = issue_token("the secret", ttl=60)
        bad = {
            "missing": "",
            "forged": issue_token("another secret", ttl=60),
            "expired": issue_token("the secret", ttl=-1),
        }
        tokens = {**bad, "garbage": "gAAAA", "not ASCII": "ümläut"}
        for service, method, path in PROTECTED:
            for what, token in tokens.items():
                status, body = await Api(running_cloud.session, running_cloud.cloud, token)(method, service, path)
                assert (status, body["error"]["code"]) == (401, 401), f"{what} token at {service} {path}: {body}"
                assert body["error"]["title"] == "Unauthorized"
            status, _ = await Api(running_cloud.session, running_cloud.cloud, good)(method, service, path)
            assert status != 401, f"{service} {path}"


@pytest.mark.parametrize(
    ("login", "status"),
    [
        (credentials("admin"), 201),
        (credentials("demo"), 201),
        (credentials("nova", project="service"), 201),
        (credentials("admin", password="wrong"), 401),
        (credentials("admin", project="demo"), 401),
        (credentials("nobody"), 401),
    ],
    ids=["admin", "demo", "the service user", "wrong password", "another's project", "unknown user"],
)
async def test_keystone_checks_user_password_and_project(
    shared_cloud: RunningCloud, login: dict[str, Any], status: int
) -> None:
    url = shared_cloud.cloud.endpoints["keystone"] + "/v3/auth/tokens"
    async with shared_cloud.session.post(url, json=login) as response:
        body = await response.json()
        assert response.status == status
    assert ("token" in body) == (status == 201)
    if status == 401:
        assert body["error"]["message"] == "The request you have made requires authentication."


async def test_a_token_names_its_owner_its_expiry_and_all_endpoints(shared_cloud: RunningCloud) -> None:
    url = shared_cloud.cloud.endpoints["keystone"] + "/v3/auth/tokens"
    async with shared_cloud.session.post(url, json=credentials("demo")) as response:
        assert response.headers["X-Subject-Token"].startswith("gAAAA")
        token = (await response.json())["token"]
    assert token["user"]["name"] == token["project"]["name"] == "demo"
    assert [role["name"] for role in token["roles"]] == ["member", "reader"]
    assert token["issued_at"] < token["expires_at"]
    urls = {entry["type"]: entry["endpoints"][0]["url"] for entry in token["catalog"]}
    assert {kind: urls[kind] for kind in ("identity", "compute", "network", "image")} == {
        "identity": shared_cloud.cloud.endpoints["keystone"] + "/v3",
        "compute": shared_cloud.cloud.endpoints["nova-api"] + "/v2.1",
        "network": shared_cloud.cloud.endpoints["neutron-server"],
        "image": shared_cloud.cloud.endpoints["glance-api"],
    }
    assert len(urls) == len(APIS)


async def test_a_server_becomes_active_with_an_address_and_can_be_deleted(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    status, body = await api.create(name="first", metadata={"a": "b"})
    assert status == 202
    server = await api.until(body["server"]["id"], "ACTIVE", "ERROR")
    assert (server["name"], server["status"], server["OS-EXT-STS:task_state"]) == ("first", "ACTIVE", None)
    assert server["metadata"] == {"a": "b"}
    assert server["flavor"]["id"] == "m1.tiny"
    [address] = server["addresses"]["private"]
    assert ipaddress.ip_address(address["addr"]) in NETWORKS[0].cidr
    assert [found["id"] for found in (await api("GET", "nova-api", "/v2.1/servers"))[1]["servers"]] == [server["id"]]
    assert (await api("GET", "nova-api", "/v2.1/servers/detail?name=^first$"))[1]["servers"] == [server]
    for other in ("second", "f.r$", "%28f%2B%29%2B%24"):  # the last is (f+)+$
        assert (await api("GET", "nova-api", f"/v2.1/servers/detail?name={other}"))[1]["servers"] == []

    assert await api("DELETE", "nova-api", f"/v2.1/servers/{server['id']}") == (204, None)
    await api.until(server["id"], "GONE")
    assert (await api("GET", "neutron-server", "/v2.0/ports"))[1]["ports"] == []


async def test_several_servers_in_one_request_are_numbered(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    assert (await api.create(min_count=3))[0] == 202
    servers = (await api("GET", "nova-api", "/v2.1/servers"))[1]["servers"]
    assert [server["name"] for server in servers] == ["demo-3", "demo-2", "demo-1"], "the newest first"
    for server in servers:
        assert (await api.until(server["id"], "ACTIVE", "ERROR"))["status"] == "ACTIVE"


async def test_each_of_several_servers_has_its_own_id_on_its_spans() -> None:
    async with start_cloud() as running_cloud:
        api = await running_cloud.api()
        await api.create(min_count=3)
        servers = (await api("GET", "nova-api", "/v2.1/servers"))[1]["servers"]
        for server in servers:
            await api.until(server["id"], "ACTIVE")
    published = [s for s in spans_from_sdk(running_cloud.export.kept) if s.name == "publish nova:scheduler"]
    assert [span.attributes["openstack.server.id"] for span in published] == [
        server["id"] for server in reversed(servers)
    ]


async def test_a_project_sees_its_own_servers_only(running_cloud: RunningCloud) -> None:
    admin, demo = await running_cloud.api("admin"), await running_cloud.api("demo")
    _, body = await admin.create()
    path = f"/v2.1/servers/{body['server']['id']}"
    assert (await admin("GET", "nova-api", path))[0] == 200
    for method in ("GET", "DELETE"):
        status, body = await demo(method, "nova-api", path)
        assert (status, list(body)) == (404, ["itemNotFound"])
    assert (await demo("GET", "nova-api", "/v2.1/servers"))[1]["servers"] == []


async def test_a_quota_limits_the_number_of_instances(running_cloud: RunningCloud) -> None:
    demo = await running_cloud.api("demo")
    assert (await demo.create(min_count=10))[0] == 202
    status, body = await demo.create()
    assert status == 403
    message = "Quota exceeded for instances: Requested 1, but already used 10 of 10 instances"
    assert body["forbidden"] == {"code": 403, "message": message}


@pytest.mark.parametrize("image", [image.name for image in IMAGES])
async def test_glance_streams_bytes_that_match_the_checksum(shared_cloud: RunningCloud, image: str) -> None:
    api = await shared_cloud.api()
    path = f"/v2/images/{resource_id('image', image)}"
    described = (await api("GET", "glance-api", path))[1]
    url, headers = shared_cloud.cloud.endpoints["glance-api"] + path + "/file", {"X-Auth-Token": api.token}
    async with shared_cloud.session.get(url, headers=headers) as response:
        body = await response.read()
        assert response.headers["Content-MD5"] == described["checksum"]
    assert len(body) == described["size"]
    assert hashlib.md5(body, usedforsecurity=False).hexdigest() == described["checksum"]


async def test_repeated_requests_for_a_device_get_the_same_address(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api("nova")
    path = f"/v2.0/networks/{PRIVATE}?device_id={UNKNOWN_ID}"
    first, again = [(await api("GET", "neutron-server", path))[1]["network"]["port"] for _ in range(2)]
    assert first == again
    assert (await api("GET", "neutron-server", f"/v2.0/ports?device_id={UNKNOWN_ID}"))[1]["ports"] == [first]
    assert (await api("DELETE", "neutron-server", f"/v2.0/ports/{first['id']}"))[0] == 204
    assert (await api("GET", "neutron-server", "/v2.0/ports"))[1]["ports"] == []


async def test_neutron_refuses_a_port_when_a_subnet_is_exhausted(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api("nova")
    public = f"/v2.0/networks/{resource_id('network', 'public')}"
    allocated = set()
    for number in range(253):  # a /24 without its network, gateway and broadcast addresses
        status, body = await api("GET", "neutron-server", f"{public}?device_id=device-{number}")
        assert status == 200
        allocated.add(body["network"]["port"]["fixed_ips"][0]["ip_address"])
    assert len(allocated) == 253
    status, body = await api("GET", "neutron-server", f"{public}?device_id=one-too-many")
    assert (status, body["NeutronError"]["type"]) == (409, "IpAddressGenerationFailure")


async def test_the_scheduler_chooses_the_host_with_the_most_free_ram() -> None:
    async with start_cloud(computes=3) as running_cloud:
        hosts = [
            (await running_cloud.boot(BootRequest(f"demo-{number}", flavor="m1.xlarge"))).host for number in range(6)
        ]
    assert sorted(hosts) == ["compute-1", "compute-1", "compute-2", "compute-2", "compute-3", "compute-3"]


async def test_the_resources_of_a_deleted_server_can_be_claimed_again(running_cloud: RunningCloud) -> None:
    """One host of 256 GB holds two servers of 128 GB, and not one more until one of them is gone."""
    api = await running_cloud.api()
    half_a_host = {"id": "half", "name": "half", "ram": 131072, "vcpus": 1, "disk": 1}
    assert (await api("POST", "nova-api", "/v2.1/flavors", json={"flavor": half_a_host}))[0] == 200
    booted = [await running_cloud.boot(BootRequest(flavor="half")) for _ in range(2)]
    assert all(server.succeeded for server in booted)
    refused = await running_cloud.boot(BootRequest(flavor="half"))
    assert refused.fault.startswith("No valid host was found.")
    await api("DELETE", "nova-api", f"/v2.1/servers/{booted[0].server_id}")
    await api.until(booted[0].server_id, "GONE")
    assert (await running_cloud.boot(BootRequest(flavor="half"))).succeeded


DISCOVERY = [
    ("keystone", "/", 300, "versions"),
    ("keystone", "/v3", 200, "version"),
    ("keystone", "/v3/", 200, "version"),
    ("nova-api", "/", 200, "versions"),
    ("nova-api", "/v2.1", 200, "version"),
    ("nova-api", "/v2.1/", 200, "version"),
    ("nova-api", "/v2", 200, "version"),
    ("nova-api", "/v2/", 200, "version"),
    ("neutron-server", "/", 200, "versions"),
    ("glance-api", "/", 300, "versions"),
]


@pytest.mark.parametrize(("service", "path", "status", "holds"), DISCOVERY)
async def test_discovery_needs_no_token(
    shared_cloud: RunningCloud, service: str, path: str, status: int, holds: str
) -> None:
    async with shared_cloud.session.get(shared_cloud.cloud.endpoints[service] + path) as response:
        assert response.status == status
        assert holds in await response.json()


async def test_the_flavors_of_the_seed_data_are_listed(shared_cloud: RunningCloud) -> None:
    api = await shared_cloud.api()
    listed = (await api("GET", "nova-api", "/v2.1/flavors/detail"))[1]["flavors"]
    assert [flavor["name"] for flavor in listed] == [flavor.name for flavor in FLAVORS]
    assert (await api("GET", "nova-api", "/v2.1/flavors/m1.tiny"))[1]["flavor"]["ram"] == 512
    assert (await api("GET", "nova-api", "/v2.1/flavors/nope"))[0] == 404
