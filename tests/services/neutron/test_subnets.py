"""Neutron's subnets: their ranges, gateways and pools."""

import ipaddress
from typing import Any

import pytest

from tests.conftest import RunningCloud
from tests.support.neutron import UNKNOWN_ID, a_network, user

INVALID_SUBNETS: list[tuple[dict[str, Any], int, str]] = [
    ({"cidr": "10.9.0.0/33"}, 400, "Invalid input for cidr. Reason: '10.9.0.0/33' is not a valid IP subnet."),
    ({"cidr": "10.9.0.7/255.255.255.0"}, 400, "'10.9.0.7/255.255.255.0' is not a valid IP subnet."),
    ({"cidr": "10.9.0.7"}, 400, "Invalid input for cidr. Reason: '10.9.0.7' is not a valid IP subnet."),
    ({"cidr": "fe80::1%eth0/64"}, 400, "Invalid input for cidr. Reason: 'fe80::1%eth0/64' is not a valid IP subnet."),
    ({"cidr": "10.1.0.128/25"}, 400, "Requested subnet with cidr: 10.1.0.128/25 for network: "),
    ({"cidr": "fd00::/64"}, 400, "cidr 'fd00::/64' does not match the ip_version '4'"),
    ({"cidr": None}, 400, "a subnetpool must be specified in the absence of a cidr"),
    ({"gateway_ip": "10.9.0.0"}, 400, "Gateway is not valid on subnet"),
    ({"gateway_ip": "fd00::1"}, 400, "gateway_ip 'fd00::1' does not match the ip_version '4'"),
    ({"gateway_ip": "10.9.0.255"}, 400, "Gateway is not valid on subnet"),
    ({"gateway_ip": "nope"}, 400, "Invalid input for gateway_ip. Reason: 'nope' is not a valid IP address."),
    ({"allocation_pools": [{"start": "10.9.0.9", "end": "10.9.0.2"}]}, 400, "The allocation pool 10.9.0.9-10.9.0.2 is"),
    ({"allocation_pools": [{"start": "10.9.0.9", "end": "10.9.1.2"}]}, 400, "spans beyond the subnet cidr 10.9.0.0/24"),
    ({"allocation_pools": [{"start": "10.9.0.0", "end": "10.9.0.9"}]}, 400, "spans beyond the subnet cidr 10.9.0.0/24"),
    ({"allocation_pools": [{"start": "10.9.0.9", "end": "10.9.0.255"}]}, 400, "spans beyond the subnet cidr 10.9.0.0/"),
    ({"allocation_pools": [{"start": "10.9.0.1", "end": "10.9.0.9"}]}, 409, "Gateway ip 10.9.0.1 conflicts with"),
    ({"allocation_pools": [{"start": "10.9.0.2", "end": "10.9.0.9"}] * 2}, 409, "Found overlapping allocation pools"),
    ({"dns_nameservers": ["nope"]}, 400, "Invalid input for dns_nameservers."),
    ({"network_id": UNKNOWN_ID}, 404, f"Network {UNKNOWN_ID} could not be found."),
    ({"name": "x" * 256}, 400, "Invalid input for name."),
    ({"ip_version": 5}, 400, "subnet.ip_version"),
    ({"enable_dhcp": "perhaps"}, 400, "subnet.enable_dhcp"),
]


@pytest.mark.parametrize(("attributes", "status", "message"), INVALID_SUBNETS)
async def test_an_invalid_subnet_is_refused_with_a_reason(
    shared_cloud: RunningCloud, attributes: dict[str, Any], status: int, message: str
) -> None:
    async with a_network(shared_cloud) as (demo, network):
        before = await demo.get(f"subnets?network_id={network}")
        subnet = {"network_id": network, "cidr": "10.9.0.0/24", "ip_version": 4, **attributes}
        found, _, reason = await demo.refused("POST", "subnets", {"subnet": subnet})
        assert (found, message in reason) == (status, True), reason
        assert await demo.get(f"subnets?network_id={network}") == before


async def test_subnets_of_both_ip_versions_are_created_as_requested(running_cloud: RunningCloud) -> None:
    demo = await user(running_cloud, "demo")
    network = (await demo.make("network", name="mine"))["id"]
    pools = [{"start": "10.1.0.20", "end": "10.1.0.20"}]
    small = {
        "network_id": network,
        "ip_version": 4,
        "cidr": "10.1.0.0/24",
        "gateway_ip": None,
        "allocation_pools": pools,
    }
    first = await demo.make("subnet", **small)
    assert (first["gateway_ip"], first["allocation_pools"]) == (None, pools)
    second = await demo.make("subnet", network_id=network, ip_version=4, cidr="10.2.0.0/24")
    sixth = await demo.make("subnet", network_id=network, ip_version=6, cidr="fd00::/64")
    places = [(await demo.make("port", network_id=network))["fixed_ips"] for _ in range(2)]
    assert [[fixed["subnet_id"] for fixed in place] for place in places] == [
        [first["id"], sixth["id"]],
        [second["id"], sixth["id"]],
    ]
    assert places[0][0]["ip_address"] == "10.1.0.20"
    assert ipaddress.ip_address(places[0][1]["ip_address"]) in ipaddress.ip_network("fd00::/64")
    status, body = await demo("PUT", f"subnets/{second['id']}", {"subnet": {"name": "n", "gateway_ip": None}})
    assert (status, body["subnet"]["name"], body["subnet"]["gateway_ip"]) == (200, "n", None)


GATEWAYS: list[tuple[dict[str, Any], int, str]] = [
    ({"gateway_ip": "10.1.0.9"}, 409, "Gateway ip 10.1.0.9 conflicts with allocation pool 10.1.0.2-10.1.0.254."),
    ({"allocation_pools": [{"start": "10.1.0.1", "end": "10.1.0.9"}]}, 409, "Gateway ip 10.1.0.1 conflicts with"),
    ({"gateway_ip": "10.1.0.0"}, 400, "Gateway is not valid on subnet"),
]


@pytest.mark.parametrize(("attributes", "status", "message"), GATEWAYS)
async def test_a_gateway_cannot_be_in_an_allocation_pool(
    shared_cloud: RunningCloud, attributes: dict[str, Any], status: int, message: str
) -> None:
    async with a_network(shared_cloud) as (demo, network):
        [subnet] = await demo.get(f"subnets?network_id={network}")
        path = f"subnets/{subnet['id']}"
        found, _, reason = await demo.refused("PUT", path, {"subnet": attributes})
        assert (found, message in reason) == (status, True), reason
        assert await demo.get(path) == subnet


async def test_a_gateway_can_move_out_of_its_allocation_pool(shared_cloud: RunningCloud) -> None:
    async with a_network(shared_cloud) as (demo, network):
        [subnet] = await demo.get(f"subnets?network_id={network}")
        moved = {"gateway_ip": "10.1.0.9", "allocation_pools": [{"start": "10.1.0.1", "end": "10.1.0.8"}]}
        status, body = await demo("PUT", f"subnets/{subnet['id']}", {"subnet": moved})
        assert (status, body["subnet"]) == (200, {**body["subnet"], **moved})


CANONICAL: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"cidr": "10.9.0.7/24"}, {"cidr": "10.9.0.0/24", "gateway_ip": "10.9.0.1"}),
    ({"cidr": "FD00:0:0::7/64", "ip_version": 6}, {"cidr": "fd00::/64", "gateway_ip": "fd00::1"}),
    ({"cidr": "fd00::/64", "ip_version": 6, "gateway_ip": "FD00:0::0A"}, {"gateway_ip": "fd00::a"}),
    (
        {
            "cidr": "fd00::/64",
            "ip_version": 6,
            "allocation_pools": [{"start": "FD00::000B", "end": "fd00:0:0:0:0:0:0:F"}],
        },
        {"allocation_pools": [{"start": "fd00::b", "end": "fd00::f"}]},
    ),
]


@pytest.mark.parametrize(("attributes", "stored"), CANONICAL)
async def test_a_subnets_addresses_are_stored_in_canonical_form(
    shared_cloud: RunningCloud, attributes: dict[str, Any], stored: dict[str, Any]
) -> None:
    async with a_network(shared_cloud) as (demo, network):
        subnet = await demo.make("subnet", **{"network_id": network, "ip_version": 4, **attributes})
        assert {key: subnet[key] for key in stored} == stored
        assert await demo.get(f"subnets/{subnet['id']}") == subnet


async def test_a_gateway_may_be_outside_its_subnet(shared_cloud: RunningCloud) -> None:
    async with a_network(shared_cloud, gateway_ip="10.8.0.1") as (demo, network):
        [subnet] = await demo.get(f"subnets?network_id={network}")
        pool = {"start": "10.1.0.1", "end": "10.1.0.254"}
        assert (subnet["gateway_ip"], subnet["allocation_pools"]) == ("10.8.0.1", [pool])
        status, body = await demo("PUT", f"subnets/{subnet['id']}", {"subnet": {"gateway_ip": "10.8.0.2"}})
        assert (status, body["subnet"]["gateway_ip"]) == (200, "10.8.0.2")
