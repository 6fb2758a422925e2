"""Address allocation: every address of a subnet is allocated, none twice, and all can be released."""

import asyncio

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.cloud import Cloud
from emulator.cloud.background import BackgroundCloud
from emulator.runtime.export import Export
from tests.conftest import RunningCloud
from tests.support.neutron import ID, UNKNOWN_ID, Neutron, a_network, user

ALLOCATED: list[tuple[str, dict[str, str | None], str]] = [
    ("10.1.0.0/29", {}, "10.1.0.2 10.1.0.3 10.1.0.4 10.1.0.5 10.1.0.6"),
    ("10.1.0.0/29", {"gateway_ip": None}, "10.1.0.1 10.1.0.2 10.1.0.3 10.1.0.4 10.1.0.5 10.1.0.6"),
    ("10.1.0.0/29", {"gateway_ip": "10.1.0.3"}, "10.1.0.1 10.1.0.2 10.1.0.4 10.1.0.5 10.1.0.6"),
    ("10.1.0.0/30", {}, "10.1.0.2"),
    ("10.1.0.0/31", {"gateway_ip": None}, "10.1.0.0 10.1.0.1"),
    ("10.1.0.7/32", {}, "10.1.0.7"),
    ("fd00::/126", {}, "fd00::2 fd00::3"),
]


@pytest.mark.parametrize(("cidr", "attributes", "addresses"), ALLOCATED)
async def test_network_gateway_and_broadcast_addresses_are_not_allocated(
    shared_cloud: RunningCloud, cidr: str, attributes: dict[str, str | None], addresses: str
) -> None:
    async with a_network(shared_cloud, cidr=cidr, **attributes) as (demo, network):
        ports = [await demo.make("port", network_id=network) for _ in addresses.split()]
        assert sorted(port["fixed_ips"][0]["ip_address"] for port in ports) == addresses.split()
        assert (await demo.refused("POST", "ports", {"port": {"network_id": network}})) == (
            *(409, "IpAddressGenerationFailure"),
            f"No more IP addresses available on network {network}.",
        )


STEPS = st.lists(st.tuples(st.sampled_from(["device", "port", "readdress", "delete"]), st.integers(0, 9)), max_size=25)


@given(steps=STEPS)
@settings(deadline=None, max_examples=8)
def test_an_address_is_never_allocated_twice_and_can_be_released(
    session_cloud: BackgroundCloud, steps: list[tuple[str, int]]
) -> None:
    """Any sequence of operations on the ports of a network with six addresses."""
    asyncio.run(_shuffle(session_cloud, steps))


async def _shuffle(session_cloud: BackgroundCloud, steps: list[tuple[str, int]]) -> None:
    cloud = Cloud(session_cloud.endpoints, session_cloud.amqp_url)
    async with aiohttp.ClientSession() as session:
        running_cloud = RunningCloud(cloud, Export(), session)
        nova = await user(running_cloud, "nova")
        async with a_network(running_cloud, cidr="10.1.0.0/29", gateway_ip=None) as (demo, network):
            for what, number in steps:
                await _act(demo, nova, network, what, number)
                ports = await demo.get(f"ports?network_id={network}")
                addresses = [fixed["ip_address"] for port in ports for fixed in port["fixed_ips"]]
                assert len(addresses) == len(set(addresses)) <= 6
            for port in await demo.get(f"ports?network_id={network}"):
                assert await demo("DELETE", f"ports/{port['id']}") == (204, None)
            ports = [await demo.make("port", network_id=network) for _ in range(6)]
            assert len({port["fixed_ips"][0]["ip_address"] for port in ports}) == 6


async def _act(demo: Neutron, nova: Neutron, network: str, what: str, number: int) -> None:
    ports = [port["id"] for port in await demo.get(f"ports?network_id={network}")]
    some = ports[number % len(ports)] if ports else UNKNOWN_ID
    requested = [{"ip_address": f"10.1.0.{number % 6 + 1}"}]
    status, _ = await {
        "device": lambda: nova("GET", f"networks/{network}?device_id=device-{number}&project_id={ID['demo']}"),
        "port": lambda: demo("POST", "ports", {"port": {"network_id": network, "fixed_ips": requested}}),
        "readdress": lambda: demo("PUT", f"ports/{some}", {"port": {"fixed_ips": [*requested, {}]}}),
        "delete": lambda: demo("DELETE", f"ports/{some}"),
    }[what]()
    assert status in {200, 201, 204, 404, 409}
