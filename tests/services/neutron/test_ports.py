"""Neutron's ports: their addresses and devices."""

import asyncio
from typing import Any

import pytest

from tests.conftest import RunningCloud
from tests.support.neutron import PRIVATE, UNKNOWN_ID, a_network, user

INVALID_PORTS: list[tuple[dict[str, Any], int, str]] = [
    ({"network_id": UNKNOWN_ID}, 404, "could not be found"),
    ({"network_id": ""}, 400, "Required attribute 'network_id' not specified"),
    ({"mac_address": "nope"}, 400, "Invalid input for mac_address. Reason: 'nope' is not a valid MAC address."),
    ({"mac_address": "FA:16:3E:00:00:01"}, 409, "The mac address fa:16:3e:00:00:01 is in use."),
    ({"fixed_ips": [{"ip_address": "nope"}]}, 400, "Invalid input for fixed_ips. Reason: 'nope' is not a valid IP"),
    ({"fixed_ips": [{"ip_address": "10.7.0.2"}]}, 400, "10.7.0.2 is not a valid IP for any of the subnets on the spec"),
    ({"fixed_ips": [{"ip_address": "10.1.0.0"}]}, 400, "10.1.0.0 is not a valid IP for any of the subnets on the spec"),
    (
        {"fixed_ips": [{"ip_address": "10.1.0.255"}]},
        400,
        "10.1.0.255 is not a valid IP for any of the subnets on the s",
    ),
    ({"fixed_ips": [{"subnet_id": UNKNOWN_ID}]}, 400, f"fixed_ips included invalid subnet {UNKNOWN_ID}"),
    ({"fixed_ips": [{"ip_address": "10.1.0.50"}]}, 409, "IP address 10.1.0.50 already allocated in subnet "),
    ({"fixed_ips": [{"ip_address": "10.1.0.51"}, {"ip_address": "10.1.0.50"}]}, 409, "10.1.0.50 already allocated"),
    ({"security_groups": [UNKNOWN_ID]}, 404, f"Security group {UNKNOWN_ID} does not exist."),
    ({"admin_state_up": 1}, 400, "port.admin_state_up"),
]


@pytest.mark.parametrize(("attributes", "status", "message"), INVALID_PORTS)
async def test_an_invalid_port_is_refused_with_a_reason(
    shared_cloud: RunningCloud, attributes: dict[str, Any], status: int, message: str
) -> None:
    async with a_network(shared_cloud) as (demo, network):
        first = {"mac_address": "fa:16:3e:00:00:01", "fixed_ips": [{"ip_address": "10.1.0.50"}]}
        await demo.make("port", network_id=network, **first)
        found, _, reason = await demo.refused("POST", "ports", {"port": {"network_id": network, **attributes}})
        assert (found, message in reason) == (status, True), reason
        released = await demo.make("port", network_id=network, fixed_ips=[{"ip_address": "10.1.0.51"}])
        assert released["fixed_ips"][0]["ip_address"] == "10.1.0.51"


async def test_a_port_has_one_device_at_a_time(running_cloud: RunningCloud) -> None:
    demo, admin, nova = [await user(running_cloud, name) for name in ("demo", "admin", "nova")]
    port = (await demo.make("port", network_id=PRIVATE))["id"]
    path = f"ports/{port}"
    claims = [{"port": {"device_id": f"server-{number}"}} for number in range(8)]
    answers = await asyncio.gather(*(nova("PUT", path, body) for body in claims))
    [won] = [body["port"]["device_id"] for status, body in answers if status == 200]
    message = f"Unable to complete operation on port {port} for network {PRIVATE}. Port already has an attached device"
    refusals = [(status, body["NeutronError"]) for status, body in answers if status != 200]
    assert refusals == [(409, {"type": "PortInUse", "message": f"{message} {won}.", "detail": ""})] * 7
    before = await demo.get(path)
    another = {"port": {"device_id": "another", "name": "x", "fixed_ips": []}}
    for caller in (demo, admin, nova):
        assert (await caller.refused("PUT", path, another))[0] == 409
    assert await demo.get(path) == before
    for device in (won, "", "another"):
        status, body = await demo("PUT", path, {"port": {"device_id": device}})
        assert (status, body["port"]["device_id"]) == (200, device)


@pytest.mark.parametrize(
    "text", ["00:00:5e:0:53:1", "00-00-5E-00-53-01", "0000.5e00.5301", "00005e-005301", "00005E005301"]
)
async def test_a_mac_address_is_accepted_in_any_form(shared_cloud: RunningCloud, text: str) -> None:
    async with a_network(shared_cloud) as (demo, network):
        port = await demo.make("port", network_id=network, mac_address=text)
        assert port["mac_address"] == "00:00:5e:00:53:01"


async def test_a_fixed_ip_is_stored_in_canonical_form(shared_cloud: RunningCloud) -> None:
    async with a_network(shared_cloud, cidr="fd00::/64") as (demo, network):
        port = await demo.make("port", network_id=network, fixed_ips=[{"ip_address": "FD00:0::000A"}])
        assert [fixed["ip_address"] for fixed in port["fixed_ips"]] == ["fd00::a"]


async def test_an_address_pair_may_be_a_network_with_host_bits(shared_cloud: RunningCloud) -> None:
    async with a_network(shared_cloud) as (demo, network):
        port = await demo.make("port", network_id=network, allowed_address_pairs=[{"ip_address": "10.9.0.7/24"}])
        assert [pair["ip_address"] for pair in port["allowed_address_pairs"]] == ["10.9.0.7/24"]


async def test_admins_see_the_host_of_a_servers_port_and_members_do_not(running_cloud: RunningCloud) -> None:
    booted = await running_cloud.boot()
    admin = await user(running_cloud, "admin")
    [port] = await admin.get(f"ports?device_id={booted.server_id}")
    assert (port["binding:host_id"], port["binding:vif_type"]) == (booted.host, "ovs")
    demo = await user(running_cloud, "demo")
    assert "binding:host_id" not in await demo.get(f"ports/{(await demo.make('port', network_id=PRIVATE))['id']}")
