"""The networks of a server: requested ones, one that nova chooses, existing ports, or none."""

import asyncio
from typing import Any

import pytest

from emulator.services.seed_data import resource_id
from spantree import spans_from_sdk
from tests.cloud.in_parts import compute_host, in_parts
from tests.conftest import Api, RunningCloud, start_cloud
from tests.support.nova import NEWEST, built_on

PRIVATE, PUBLIC = resource_id("network", "private"), resource_id("network", "public")
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


async def made(api: Api, kind: str, **fields: Any) -> dict[str, Any]:
    """Create a network, subnet or port."""
    status, body = await api("POST", "neutron-server", f"/v2.0/{kind}s", json={kind: fields})
    assert status == 201, body
    found: dict[str, Any] = body[kind]
    return found


async def ports(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api("GET", "neutron-server", "/v2.0/ports"))[1]["ports"]
    return found


async def test_a_server_on_two_networks_has_an_address_and_a_port_on_each(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    server = await built_on(api, [{"uuid": PRIVATE}, {"uuid": PUBLIC}])
    assert {name: len(addresses) for name, addresses in server["addresses"].items()} == {"private": 1, "public": 1}
    path = f"/v2.1/servers/{server['id']}"
    interfaces = (await api("GET", "nova-api", f"{path}/os-interface"))[1]["interfaceAttachments"]
    assert [interface["net_id"] for interface in interfaces] == [PRIVATE, PUBLIC]
    by_port = {port["id"]: port for port in await ports(api)}
    for interface, name in zip(interfaces, ("private", "public"), strict=True):
        port = by_port[interface["port_id"]]
        assert (interface["mac_addr"], interface["port_state"]) == (port["mac_address"], "ACTIVE")
        assert interface["fixed_ips"] == port["fixed_ips"]
        [fixed] = interface["fixed_ips"]
        [shown] = server["addresses"][name]
        assert (shown["addr"], shown["OS-EXT-IPS-MAC:mac_addr"]) == (fixed["ip_address"], port["mac_address"])
        one = await api("GET", "nova-api", f"{path}/os-interface/{interface['port_id']}")
        assert one == (200, {"interfaceAttachment": interface})
        short = {name: [{"version": 4, "addr": shown["addr"]}]}
        assert await api("GET", "nova-api", f"{path}/ips/{name}") == (200, short)
    assert set((await api("GET", "nova-api", f"{path}/ips"))[1]["addresses"]) == {"private", "public"}
    assert (await api("GET", "nova-api", f"{path}/ips/nope"))[0] == 404
    assert (await api("GET", "nova-api", f"{path}/os-interface/{UNKNOWN_ID}"))[0] == 404
    await api.gone(server["id"])
    assert await ports(api) == []


async def test_a_server_has_no_volumes(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    path = f"/v2.1/servers/{(await built_on(api, 'none'))['id']}"
    assert await api("GET", "nova-api", f"{path}/os-volume_attachments") == (200, {"volumeAttachments": []})
    assert (await api("GET", "nova-api", f"{path}/os-volume_attachments/{UNKNOWN_ID}"))[0] == 404


@pytest.mark.parametrize(
    ("networks", "headers"),
    [("auto", NEWEST), (None, {}), ([], {})],
    ids=["auto", "none named before 2.37", "an empty list before 2.37"],
)
async def test_auto_chooses_the_shared_network(
    running_cloud: RunningCloud, networks: Any, headers: dict[str, str]
) -> None:
    server = await built_on(await running_cloud.api("demo"), networks, headers)
    assert (server["status"], list(server["addresses"])) == ("ACTIVE", ["private"])


async def test_auto_prefers_the_projects_network_and_refuses_to_choose_of_two(
    running_cloud: RunningCloud,
) -> None:
    demo = await running_cloud.api("demo")
    for name, cidr in (("own", "192.168.1.0/24"), ("another", "192.168.2.0/24")):
        network = await made(demo, "network", name=name)
        await made(demo, "subnet", network_id=network["id"], cidr=cidr, ip_version=4)
        server = await built_on(demo, "auto")
        if name == "own":
            assert list(server["addresses"]) == ["own"]
        else:
            assert server["status"] == "ERROR"
            assert "More than one possible network found." in server["fault"]["message"]


@pytest.mark.parametrize("networks", ["none", []], ids=str)
async def test_a_server_can_be_on_no_network(running_cloud: RunningCloud, networks: Any) -> None:
    api = await running_cloud.api()
    server = await built_on(api, networks)
    assert (server["status"], server["addresses"]) == ("ACTIVE", {})
    assert await ports(api) == []


async def test_a_server_gets_the_requested_address(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    server = await built_on(api, [{"uuid": PRIVATE, "fixed_ip": "10.0.0.77"}])
    assert [address["addr"] for address in server["addresses"]["private"]] == ["10.0.0.77"]
    taken = await built_on(api, [{"uuid": PRIVATE, "fixed_ip": "10.0.0.77"}])
    assert (taken["status"], "10.0.0.77" in taken["fault"]["message"]) == ("ERROR", True)


async def test_an_existing_port_is_used_and_kept(running_cloud: RunningCloud) -> None:
    demo = await running_cloud.api("demo")
    port = await made(demo, "port", network_id=PRIVATE, name="mine")
    server = await built_on(demo, [{"port": port["id"]}, {"uuid": PUBLIC}])
    assert server["status"] == "ACTIVE"
    [address] = server["addresses"]["private"]
    assert address["addr"] == port["fixed_ips"][0]["ip_address"]
    assert {each["device_id"] for each in await ports(demo)} == {server["id"]}
    second = await built_on(demo, [{"port": port["id"]}])
    assert second["status"] == "ERROR"
    assert f"Port {port['id']} is still in use." in second["fault"]["message"]
    await demo.gone(server["id"])
    [left] = await ports(demo)
    assert (left["id"], left["name"], left["device_id"], left["device_owner"]) == (port["id"], "mine", "", "")
    await demo.gone(second["id"])
    assert (await built_on(demo, [{"port": port["id"]}]))["status"] == "ACTIVE"


@pytest.mark.parametrize("port_first", [False, True], ids=["network, port", "port, network"])
async def test_a_server_can_have_two_interfaces_on_one_network(running_cloud: RunningCloud, port_first: bool) -> None:
    demo = await running_cloud.api("demo")
    port = await made(demo, "port", network_id=PRIVATE)
    networks = [{"uuid": PRIVATE}, {"uuid": PRIVATE, "port": port["id"]}]
    server = await built_on(demo, networks[::-1] if port_first else networks)
    assert (server["status"], len(server["addresses"]["private"])) == ("ACTIVE", 2)
    path = f"/v2.1/servers/{server['id']}/os-interface"
    found = [each["port_id"] for each in (await demo("GET", "nova-api", path))[1]["interfaceAttachments"]]
    assert len({*found}) == 2
    assert found[0 if port_first else 1] == port["id"]
    await demo.gone(server["id"])
    assert [left["id"] for left in await ports(demo)] == [port["id"]]


async def test_a_server_can_have_several_new_ports_on_one_network(running_cloud: RunningCloud) -> None:
    demo = await running_cloud.api("demo")
    server = await built_on(demo, [{"uuid": PRIVATE}, {"uuid": PUBLIC}, {"uuid": PRIVATE, "fixed_ip": "10.0.0.99"}])
    assert (server["status"], len(server["addresses"]["private"])) == ("ACTIVE", 2)
    assert server["addresses"]["private"][1]["addr"] == "10.0.0.99"
    path = f"/v2.1/servers/{server['id']}/os-interface"
    found = (await demo("GET", "nova-api", path))[1]["interfaceAttachments"]
    assert [each["net_id"] for each in found] == [PRIVATE, PUBLIC, PRIVATE]
    assert len({each["port_id"] for each in found}) == 3
    await demo.gone(server["id"])
    assert await ports(demo) == []


async def test_one_of_several_servers_gets_a_port_that_all_request(running_cloud: RunningCloud) -> None:
    demo = await running_cloud.api("demo")
    port = await made(demo, "port", network_id=PRIVATE)
    servers = await asyncio.gather(*(built_on(demo, [{"port": port["id"]}]) for _ in range(4)))
    assert sorted(server["status"] for server in servers) == ["ACTIVE", *["ERROR"] * 3]
    for server in servers:
        if server["status"] == "ERROR":
            assert f"Port {port['id']} is still in use." in server["fault"]["message"]
        else:
            assert [each["device_id"] for each in await ports(demo)] == [server["id"]]


async def test_an_existing_port_is_kept_after_the_host_was_restarted() -> None:
    everyone_but_compute = ("keystone", "neutron-server", "glance-api", "nova-api", "nova-scheduler")
    async with in_parts(everyone_but_compute) as (running_cloud, broker):
        demo = await running_cloud.api("demo")
        port = await made(demo, "port", network_id=PRIVATE)
        async with compute_host(running_cloud, broker.url):
            server = await built_on(demo, [{"port": port["id"]}, {"uuid": PUBLIC}])
        async with compute_host(running_cloud, broker.url):
            await demo.gone(server["id"])
        assert [(each["id"], each["device_id"]) for each in await ports(demo)] == [(port["id"], "")]


async def test_a_network_in_use_by_other_projects_stays_shared(running_cloud: RunningCloud) -> None:
    admin, demo = await running_cloud.api(), await running_cloud.api("demo")
    network = await made(admin, "network", name="ours", shared=True)
    path, unshared = f"/v2.0/networks/{network['id']}", {"network": {"shared": False}}
    port = await made(demo, "port", network_id=network["id"])
    status, body = await admin("PUT", "neutron-server", path, json=unshared)
    assert (status, body["NeutronError"]["type"]) == (409, "InvalidSharedSetting")
    assert (await demo("GET", "neutron-server", path))[1]["network"]["shared"]
    await admin("DELETE", "neutron-server", f"/v2.0/ports/{port['id']}")
    assert (await admin("PUT", "neutron-server", path, json=unshared))[0] == 200


async def test_the_fault_names_the_network_and_no_port_is_left_behind(running_cloud: RunningCloud) -> None:
    demo, other = await running_cloud.api("demo"), await running_cloud.api("alt_demo")
    others = await made(other, "network", name="others")
    empty = await made(demo, "network", name="empty")
    port = await made(other, "port", network_id=PRIVATE)
    faults = [
        ({"uuid": UNKNOWN_ID}, f"Network {UNKNOWN_ID} could not be found."),
        ({"uuid": others["id"]}, f"Network {others['id']} could not be found."),
        ({"uuid": empty["id"]}, "requires a subnet in order to boot instances on."),
        ({"port": UNKNOWN_ID}, f"Port {UNKNOWN_ID} could not be found."),
        ({"port": port["id"]}, f"Port {port['id']} not usable for instance"),
    ]
    for network, text in faults:
        server = await built_on(demo, [{"uuid": PRIVATE}, network])
        assert server["status"] == "ERROR"
        assert text in server["fault"]["message"]
        assert "aborted at step (3), neutron-server: " in server["fault"]["message"]
        await demo.gone(server["id"])
    assert await ports(demo) == []


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"networks": [{"port": UNKNOWN_ID}, {"uuid": PRIVATE, "port": UNKNOWN_ID}]},
            f"Port ID '{UNKNOWN_ID}' was specified twice",
        ),
        ({"networks": [{"port": "x"}]}, "field server.networks[0].port: 'x' is not a UUID."),
        ({"networks": [{"uuid": PRIVATE, "fixed_ip": "ten"}]}, "field server.networks[0].fixed_ip: 'ten'"),
        ({"networks": [{"port": UNKNOWN_ID, "fixed_ip": "10.0.0.9"}]}, "Specified Fixed IP '10.0.0.9' cannot be used"),
        ({"networks": [{"port": UNKNOWN_ID}], "min_count": 2}, "Unable to launch multiple instances with a single"),
        ({"networks": [{"uuid": PRIVATE, "fixed_ip": "10.0.0.9"}], "max_count": 2}, "max_count cannot be greater than"),
    ],
    ids=[
        "a port twice",
        "no UUID",
        "no address",
        "a port with an address",
        "a port for two",
        "an address for two",
    ],
)
async def test_invalid_networks_are_refused_at_once(
    running_cloud: RunningCloud, fields: dict[str, Any], text: str
) -> None:
    api = await running_cloud.api()
    status, body = await api.create(headers=NEWEST, **fields)
    assert status == 400
    assert text in body["badRequest"]["message"]
    assert (await api("GET", "nova-api", "/v2.1/servers"))[1]["servers"] == []


async def test_each_network_is_one_request_to_neutron() -> None:
    async with start_cloud() as running_cloud:
        server = await built_on(await running_cloud.api("demo"), [{"uuid": PRIVATE}, {"uuid": PUBLIC}])
    requests = [
        span
        for span in spans_from_sdk(running_cloud.export.kept)
        if span.name == "GET /v2.0/networks/{network_id}" and span.kind == "server"
    ]
    project = resource_id("project", "demo").replace("-", "")
    queries = [span.attributes["url.query"] for span in requests]
    assert queries == [f"device_id={server['id']}&project_id={project}"] * 2
