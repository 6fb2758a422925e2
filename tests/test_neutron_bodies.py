"""Neutron reads all of a body: what it cannot keep is refused, by the name that it has on the wire."""

from typing import Any

from tests.conftest import Api, World

VLAN = {"provider:network_type": "vlan", "provider:physical_network": "rack"}


async def call(api: Api, method: str, path: str, body: Any) -> tuple[int, Any]:
    """Return the status, and the message of a refusal or what was made."""
    status, answer = await api(method, "neutron-server", f"/v2.0/{path}", json=body)
    return status, answer["NeutronError"]["message"] if status >= 400 else next(iter(answer.values()))


async def make(api: Api, kind: str, **words: Any) -> Any:
    status, made = await call(api, "POST", f"{kind}s", {kind: words})
    assert status == 201, made
    return made


def provided(kind: str | None = None, physical: str | None = None, number: int | None = None) -> dict[str, Any]:
    words = {"network_type": kind, "physical_network": physical, "segmentation_id": number}
    return {f"provider:{name}": value for name, value in words.items() if value is not None}


NOT_NETWORKS: list[tuple[dict[str, Any], int, str]] = [
    (provided("zzz"), 400, "network.provider:network_type"),
    (provided("vxlan", number=-1), 400, "provider:segmentation_id out of range (1 through 16777215)"),
    (provided("vxlan", number=2**70), 400, "provider:segmentation_id out of range"),
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


async def test_provider_networks_are_of_known_types_and_each_number_is_given_once(world: World) -> None:
    admin = await world.api()
    first, second = [await make(admin, "network", **VLAN) for _ in range(2)]
    assert [network["provider:segmentation_id"] for network in (first, second)] == [1, 2]
    await make(admin, "network", **provided("vlan", "another-rack", 1))
    for words, status, message in NOT_NETWORKS:
        found, said = await call(admin, "POST", "networks", {"network": words})
        assert (found, message in str(said)) == (status, True), f"{words}: {said}"
    for number, status in ((1, 409), (2**70, 400), (None, 400), (9, 200), (9, 200)):
        body = {"network": {"provider:segmentation_id": number}}
        assert (await call(admin, "PUT", f"networks/{second['id']}", body))[0] == status, number


async def test_a_vxlan_has_a_free_number_whatever_numbers_others_have(world: World) -> None:
    admin = await world.api()
    last = await make(admin, "network", **provided("vxlan", number=2**24 - 1))
    await make(admin, "network", **provided("gre", number=2**32 - 1))
    found = [(await make(admin, "network"))["provider:segmentation_id"] for _ in range(2)]
    assert found == [2, 3]
    assert last["provider:segmentation_id"] == 2**24 - 1
