"""Neutron validates the whole body: an error names the invalid attribute by its JSON name."""

from typing import Any

import pytest

from tests.conftest import Api, RunningCloud
from tests.support.neutron import a_network

VLAN = {"provider:network_type": "vlan", "provider:physical_network": "rack"}


async def call(api: Api, method: str, path: str, body: Any) -> tuple[int, Any]:
    """Return the status, and the message of an error or the resource."""
    status, answer = await api(method, "neutron-server", f"/v2.0/{path}", json=body)
    return status, answer["NeutronError"]["message"] if status >= 400 else next(iter(answer.values()))


async def make(api: Api, kind: str, **attributes: Any) -> Any:
    status, made = await call(api, "POST", f"{kind}s", {kind: attributes})
    assert status == 201, made
    return made


def provided(kind: str | None = None, physical: str | None = None, number: int | None = None) -> dict[str, Any]:
    attributes = {"network_type": kind, "physical_network": physical, "segmentation_id": number}
    return {f"provider:{name}": value for name, value in attributes.items() if value is not None}


INVALID_NETWORKS: list[tuple[dict[str, Any], int, str]] = [
    (provided("zzz"), 400, "network.provider:network_type"),
    (provided("vxlan", number=-1), 400, "provider:segmentation_id out of range (1 through 16777215)"),
    (provided("vxlan", number=2**70), 400, "provider:segmentation_id out of range"),
    ({**provided("vxlan"), "provider:segmentation_id": "-1"}, 400, "provider:segmentation_id out of range"),
    ({**provided("vxlan"), "provider:segmentation_id": "zz"}, 400, "network.provider:segmentation_id"),
    (provided("vxlan", number=1), 409, "The tunnel ID 1 is in use."),
    (provided("geneve", "rack"), 400, "provider:physical_network prohibited for geneve provider network"),
    (provided("vlan"), 400, "provider:physical_network required for vlan provider network"),
    (provided("vlan", "rack", 4095), 400, "provider:segmentation_id out of range (1 through 4094)"),
    (provided("vlan", "rack", 1), 409, "The VLAN 1 on physical network rack is in use."),
    (provided("flat"), 400, "provider:physical_network required for flat provider network"),
    (provided("flat", "public", 7), 400, "provider:segmentation_id prohibited for flat provider network"),
    (provided("flat", "public"), 409, "Physical network public is in use."),
    (provided("local", "rack"), 400, "provider:physical_network prohibited for local provider network"),
    (provided(None, "rack", 7), 400, "provider:network_type required"),
    (provided("vlan", "x" * 256), 400, "Invalid input for provider:physical_network."),
    ({"segments": [provided("vlan", "rack", 7)]}, 400, "Unrecognized attribute(s) 'segments'"),
]


@pytest.mark.parametrize(("attributes", "status", "message"), INVALID_NETWORKS)
async def test_invalid_provider_attributes_are_refused_with_a_reason(
    shared_cloud: RunningCloud, attributes: dict[str, Any], status: int, message: str
) -> None:
    admin = await shared_cloud.api()
    vlan = await make(admin, "network", **provided("vlan", "rack", 1))
    found, reason = await call(admin, "POST", "networks", {"network": attributes})
    await admin("DELETE", "neutron-server", f"/v2.0/networks/{vlan['id']}")
    assert (found, message in str(reason)) == (status, True), reason


@pytest.mark.parametrize(
    ("number", "status", "becomes"),
    [
        (1, 409, 2),
        (2**70, 400, 2),
        (None, 400, 2),
        (2, 200, 2),
        (9, 200, 9),
        ("10", 200, 10),  # text, as the openstack command sends it
    ],
)
async def test_a_segmentation_id_is_used_once_and_can_be_changed(
    shared_cloud: RunningCloud, number: int | str | None, status: int, becomes: int
) -> None:
    admin = await shared_cloud.api()
    networks = [await make(admin, "network", **VLAN) for _ in range(2)]
    networks.append(await make(admin, "network", **provided("vlan", "another-rack", 1)))
    path = f"networks/{networks[1]['id']}"
    found, _ = await call(admin, "PUT", path, {"network": {"provider:segmentation_id": number}})
    _, changed = await call(admin, "GET", path, None)
    for network in networks:
        await admin("DELETE", "neutron-server", f"/v2.0/networks/{network['id']}")
    assert [network["provider:segmentation_id"] for network in networks] == [1, 2, 1]
    assert (found, changed["provider:segmentation_id"]) == (status, becomes)


async def test_a_vxlan_gets_a_free_segmentation_id(running_cloud: RunningCloud) -> None:
    admin = await running_cloud.api()
    last = await make(admin, "network", **provided("vxlan", number=2**24 - 1))
    await make(admin, "network", **provided("gre", number=2**32 - 1))
    found = [(await make(admin, "network"))["provider:segmentation_id"] for _ in range(2)]
    assert found == [2, 3]
    assert last["provider:segmentation_id"] == 2**24 - 1


LONG = "1" * 70_000
ROUTE = {"destination": "10.9.0.0/24", "nexthop": "10.1.0.9"}
PAIR = {"ip_address": "10.1.0.77"}
OPTION = {"opt_name": "mtu", "opt_value": "1400"}
IPV6 = {"cidr": "fd00::/64", "ip_version": 6}
RA, MODE = "ipv6_ra_mode", "ipv6_address_mode"

INVALID_SUBNETS: list[tuple[dict[str, Any], str]] = [
    ({"host_routes": [{}]}, "subnet.host_routes[0].destination"),
    (
        {"host_routes": [{**ROUTE, "metric": "1"}]},
        "subnet.host_routes[0].metric: Object contains unknown field `metric`",
    ),
    ({"host_routes": [{**ROUTE, "destination": "zz"}]}, "host_routes.destination. Reason: 'zz' is not a valid IP sub"),
    ({"host_routes": [{**ROUTE, "destination": "10.9.0.7/24"}]}, "host_routes.destination. Reason: '10.9.0.7/24' is "),
    ({"host_routes": [{**ROUTE, "destination": "fd00::/64"}]}, "host_routes.destination 'fd00::/64' does not match"),
    ({"host_routes": [{**ROUTE, "nexthop": "zz"}]}, "host_routes.nexthop. Reason: 'zz' is not a valid IP address."),
    ({"host_routes": [{**ROUTE, "nexthop": "fd00::1"}]}, "host_routes.nexthop 'fd00::1' does not match the ip_version"),
    ({"host_routes": [{**ROUTE, "nexthop": LONG}]}, "subnet.host_routes[0].nexthop: Expected `str` of length <= 255"),
    ({"host_routes": [ROUTE, ROUTE]}, "host_routes. Reason: Duplicate hostroute"),
    ({"host_routes": [{**ROUTE, "nexthop": f"10.1.0.{n}"} for n in range(21)]}, "host_routes. Reason: The number of"),
    ({"dns_nameservers": [LONG]}, "subnet.dns_nameservers[0]: Expected `str` of length <= 255"),
    ({RA: "slaac"}, "ipv6_ra_mode is not valid when ip_version is 4"),
    ({MODE: "slaac"}, "ipv6_address_mode is not valid when ip_version is 4"),
    ({**IPV6, RA: "zz"}, "subnet.ipv6_ra_mode"),
    ({**IPV6, MODE: "zz"}, "subnet.ipv6_address_mode"),
    ({**IPV6, MODE: "slaac", "enable_dhcp": False}, "ipv6_address_mode cannot be set when enable_dhcp is set to False"),
    ({**IPV6, MODE: "slaac", RA: "dhcpv6-stateful"}, "ipv6_ra_mode set to 'dhcpv6-stateful' with ipv6_address_mode"),
]

INVALID_PORTS: list[tuple[dict[str, Any], str]] = [
    ({"allowed_address_pairs": [{}]}, "port.allowed_address_pairs[0].ip_address"),
    ({"allowed_address_pairs": [{**PAIR, "x": "y"}]}, "port.allowed_address_pairs[0].x: Object contains unknown field"),
    ({"allowed_address_pairs": [{"ip_address": "zz"}]}, "allowed_address_pairs.ip_address. Reason: 'zz' is not a va"),
    ({"allowed_address_pairs": [{"ip_address": LONG}]}, "port.allowed_address_pairs[0].ip_address: Expected `str` of"),
    ({"allowed_address_pairs": [{**PAIR, "mac_address": "zz"}]}, "allowed_address_pairs.mac_address. Reason: 'zz' is"),
    ({"allowed_address_pairs": [PAIR, PAIR]}, "allowed_address_pairs. Reason: Request contains duplicate address pair"),
    ({"allowed_address_pairs": [{"ip_address": f"10.1.0.{n}"} for n in range(11)]}, "allowed address pair exceeds 10"),
    ({"extra_dhcp_opts": 5}, "port.extra_dhcp_opts"),
    ({"extra_dhcp_opts": [{}]}, "port.extra_dhcp_opts[0].opt_name"),
    ({"extra_dhcp_opts": [{**OPTION, "x": "y"}]}, "port.extra_dhcp_opts[0].x: Object contains unknown field `x`"),
    ({"extra_dhcp_opts": [{**OPTION, "opt_name": "x" * 65}]}, "port.extra_dhcp_opts[0].opt_name"),
    ({"extra_dhcp_opts": [{**OPTION, "opt_value": LONG}]}, "port.extra_dhcp_opts[0].opt_value"),
    ({"extra_dhcp_opts": [{**OPTION, "opt_value": " "}]}, "extra_dhcp_opts.opt_value. Reason: ' ' Blank strings are"),
    ({"extra_dhcp_opts": [{**OPTION, "opt_name": " "}]}, "extra_dhcp_opts.opt_name. Reason: ' ' Blank strings are"),
    ({"extra_dhcp_opts": [{**OPTION, "ip_version": 5}]}, "port.extra_dhcp_opts[0].ip_version"),
    ({"extra_dhcp_opts": [{**OPTION, "opt_name": str(n)} for n in range(101)]}, "extra_dhcp_opts. Reason: there are"),
    ({"mac_address": "01:00:5e:00:00:01"}, "mac_address. Reason: '01:00:5e:00:00:01' is not a valid MAC address."),
    ({"mac_address": "ff:ff:ff:ff:ff:ff"}, "mac_address. Reason: 'ff:ff:ff:ff:ff:ff' is not a valid MAC address."),
    ({"mac_address": "00:00:00:00:00:00"}, "mac_address. Reason: '00:00:00:00:00:00' is not a valid MAC address."),
    ({"binding:vnic_type": "zzz"}, "port.binding:vnic_type"),
    ({"binding:host_id": "x" * 256}, "Invalid input for binding:host_id. Reason: it exceeds maximum length of 255."),
]


@pytest.mark.parametrize(("attributes", "message"), INVALID_SUBNETS)
async def test_nested_attributes_of_a_subnet_are_checked_and_named(
    shared_cloud: RunningCloud, attributes: dict[str, Any], message: str
) -> None:
    async with a_network(shared_cloud) as (demo, network):
        subnet = {"network_id": network, "cidr": "10.2.0.0/24", "ip_version": 4, **attributes}
        status, reason = await call(demo.api, "POST", "subnets", {"subnet": subnet})
        assert (status, message in str(reason)) == (400, True), reason
        assert len(reason) < 500


@pytest.mark.parametrize(("attributes", "message"), INVALID_PORTS)
async def test_nested_attributes_of_a_port_are_checked_and_named(
    shared_cloud: RunningCloud, attributes: dict[str, Any], message: str
) -> None:
    admin = await shared_cloud.api()
    async with a_network(shared_cloud) as (_, network):
        before = await make(admin, "port", network_id=network)
        path = f"ports/{before['id']}"
        created = await call(admin, "POST", "ports", {"port": {"network_id": network, **attributes}})
        updated = await call(admin, "PUT", path, {"port": attributes})
        for status, reason in (created, updated):
            assert (status, message in str(reason)) == (400, True), reason
            assert len(reason) < 500
        assert await call(admin, "GET", f"ports?network_id={network}", None) == (200, [before])


ANOTHER_ROUTE = {**ROUTE, "nexthop": "10.1.0.8"}


@pytest.mark.parametrize(("routes", "kept"), [([], []), ([ANOTHER_ROUTE], [ANOTHER_ROUTE]), (None, [])])
async def test_host_routes_are_stored_and_updated(
    shared_cloud: RunningCloud, routes: list[dict[str, str]] | None, kept: list[dict[str, str]]
) -> None:
    async with a_network(shared_cloud, host_routes=[ROUTE]) as (demo, network):
        [subnet] = await demo.get(f"subnets?network_id={network}")
        assert subnet["host_routes"] == [ROUTE]
        _, changed = await call(demo.api, "PUT", f"subnets/{subnet['id']}", {"subnet": {"host_routes": routes}})
        assert changed["host_routes"] == kept
        assert await demo.get(f"subnets/{subnet['id']}") == changed


async def test_ipv6_modes_that_agree_are_stored(shared_cloud: RunningCloud) -> None:
    async with a_network(shared_cloud) as (demo, network):
        both = await make(demo.api, "subnet", network_id=network, **IPV6, **{RA: "slaac", MODE: "slaac"})
        assert (both[RA], both[MODE]) == ("slaac", "slaac")


async def test_address_pairs_without_a_mac_address_use_the_ports(running_cloud: RunningCloud) -> None:
    admin = await running_cloud.api()
    network = (await make(admin, "network"))["id"]
    requested = [PAIR, {"ip_address": "10.2.0.0/24", "mac_address": "FA-16-3E-00-00-02"}]
    port = await make(admin, "port", network_id=network, allowed_address_pairs=requested)
    assert port["allowed_address_pairs"] == [
        {**PAIR, "mac_address": port["mac_address"]},
        {"ip_address": "10.2.0.0/24", "mac_address": "fa:16:3e:00:00:02"},
    ]
    _, changed = await call(admin, "PUT", f"ports/{port['id']}", {"port": {"allowed_address_pairs": None}})
    assert changed["allowed_address_pairs"] == []


MTU: dict[str, Any] = {**OPTION, "ip_version": 4}
TFTP: dict[str, Any] = {"opt_name": "tftp-server", "opt_value": "10.1.0.2", "ip_version": 6}
ROUTER: dict[str, Any] = {"opt_name": "router", "opt_value": "", "ip_version": 4}


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ([{"opt_name": "mtu", "opt_value": "9000"}], [{**MTU, "opt_value": "9000"}, TFTP]),
        ([{"opt_name": "mtu", "opt_value": None}], [TFTP]),
        ([{"opt_name": "router", "opt_value": ""}], [MTU, TFTP, ROUTER]),
        (None, [MTU, TFTP]),
    ],
)
async def test_dhcp_options_are_added_changed_and_removed_by_updates(
    shared_cloud: RunningCloud, options: list[dict[str, Any]] | None, kept: list[dict[str, Any]]
) -> None:
    async with a_network(shared_cloud) as (demo, network):
        requested = [OPTION, {**TFTP, "ip_version": "6"}]
        port = await make(demo.api, "port", network_id=network, extra_dhcp_opts=requested)
        assert port["extra_dhcp_opts"] == [MTU, TFTP]
        _, changed = await call(demo.api, "PUT", f"ports/{port['id']}", {"port": {"extra_dhcp_opts": options}})
        assert changed["extra_dhcp_opts"] == kept
        assert await demo.get(f"ports/{port['id']}") == changed
