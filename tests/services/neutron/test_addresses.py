"""Neutron's addresses: all that a subnet has are given, none twice, and they come back."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import World, a_world
from tests.support.neutron import ID, NOWHERE, Neutron, user

GIVEN: list[tuple[str, dict[str, str | None], str]] = [
    ("10.1.0.0/29", {}, "10.1.0.2 10.1.0.3 10.1.0.4 10.1.0.5 10.1.0.6"),
    ("10.1.0.0/29", {"gateway_ip": None}, "10.1.0.1 10.1.0.2 10.1.0.3 10.1.0.4 10.1.0.5 10.1.0.6"),
    ("10.1.0.0/29", {"gateway_ip": "10.1.0.3"}, "10.1.0.1 10.1.0.2 10.1.0.4 10.1.0.5 10.1.0.6"),
    ("10.1.0.0/30", {}, "10.1.0.2"),
    ("10.1.0.0/31", {"gateway_ip": None}, "10.1.0.0 10.1.0.1"),
    ("10.1.0.7/32", {}, "10.1.0.7"),
    ("fd00::/126", {}, "fd00::2 fd00::3"),
]


async def test_network_gateway_and_broadcast_addresses_are_not_allocated(world: World) -> None:
    demo = await user(world, "demo")
    for cidr, words, addresses in GIVEN:
        network = (await demo.make("network"))["id"]
        await demo.make("subnet", network_id=network, cidr=cidr, ip_version=6 if ":" in cidr else 4, **words)
        ports = [await demo.make("port", network_id=network) for _ in addresses.split()]
        assert sorted(port["fixed_ips"][0]["ip_address"] for port in ports) == addresses.split(), cidr
        assert (await demo.refused("POST", "ports", {"port": {"network_id": network}})) == (
            *(409, "IpAddressGenerationFailure"),
            f"No more IP addresses available on network {network}.",
        )


STEPS = st.lists(st.tuples(st.sampled_from(["device", "port", "readdress", "delete"]), st.integers(0, 9)), max_size=25)


@given(steps=STEPS)
@settings(deadline=None, max_examples=8)
def test_an_address_is_never_allocated_twice_and_can_be_released(steps: list[tuple[str, int]]) -> None:
    """Whatever is done with ports of a network with six addresses."""
    asyncio.run(_shuffle(steps))


async def _shuffle(steps: list[tuple[str, int]]) -> None:
    async with a_world() as world:
        demo, nova = await user(world, "demo"), await user(world, "nova")
        network = (await demo.make("network"))["id"]
        await demo.make("subnet", network_id=network, cidr="10.1.0.0/29", ip_version=4, gateway_ip=None)
        for what, number in steps:
            await _act(demo, nova, network, what, number)
            held = [fixed["ip_address"] for port in await demo.get("ports") for fixed in port["fixed_ips"]]
            assert len(held) == len(set(held)) <= 6
        for port in await demo.get("ports"):
            assert await demo("DELETE", f"ports/{port['id']}") == (204, None)
        given = [(await demo.make("port", network_id=network))["fixed_ips"][0]["ip_address"] for _ in range(6)]
        assert len(set(given)) == 6


async def _act(demo: Neutron, nova: Neutron, network: str, what: str, number: int) -> None:
    ports = [port["id"] for port in await demo.get("ports")]
    some = ports[number % len(ports)] if ports else NOWHERE
    wanted = [{"ip_address": f"10.1.0.{number % 6 + 1}"}]
    status, _ = await {
        "device": lambda: nova("GET", f"networks/{network}?device_id=device-{number}&project_id={ID['demo']}"),
        "port": lambda: demo("POST", "ports", {"port": {"network_id": network, "fixed_ips": wanted}}),
        "readdress": lambda: demo("PUT", f"ports/{some}", {"port": {"fixed_ips": [*wanted, {}]}}),
        "delete": lambda: demo("DELETE", f"ports/{some}"),
    }[what]()
    assert status in {200, 201, 204, 404, 409}
