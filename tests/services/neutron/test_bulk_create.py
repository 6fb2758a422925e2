"""Several resources that are created by one request: all of them or none."""

from typing import Any

import pytest

from tests.conftest import RunningCloud
from tests.support.neutron import UNKNOWN_ID, Neutron, a_network, user


async def create(neutron: Neutron, collection: str, items: list[dict[str, Any]]) -> list[Any]:
    status, body = await neutron("POST", collection, {collection.replace("-", "_"): items})
    assert (status, list(body)) == (201, [collection.replace("-", "_")]), body
    created: list[Any] = next(iter(body.values()))
    return created


async def test_networks_subnets_ports_groups_and_rules_are_created_in_bulk(running_cloud: RunningCloud) -> None:
    demo = await user(running_cloud, "demo")
    networks = await create(demo, "networks", [{"name": "one"}, {"name": "two"}])
    assert [network["name"] for network in networks] == ["one", "two"]
    assert "provider:network_type" not in networks[0]
    subnets = [{"network_id": each["id"], "cidr": "10.1.0.0/24", "ip_version": 4} for each in networks]
    subnet_ids = [subnet["id"] for subnet in await create(demo, "subnets", subnets)]
    assert [network["subnets"] for network in await demo.get("networks?name=one&name=two")] == [
        [subnet_id] for subnet_id in subnet_ids
    ]
    ports = await create(demo, "ports", [{"network_id": networks[0]["id"], "name": name} for name in "ab"])
    addresses = {(port["mac_address"], port["fixed_ips"][0]["ip_address"]) for port in ports}
    assert ([port["name"] for port in ports], len(addresses)) == (["a", "b"], 2)
    groups = await create(demo, "security-groups", [{"name": "web"}, {"name": "db"}])
    rules = [
        {"security_group_id": groups[0]["id"], "direction": "ingress", "protocol": "tcp", **ports}
        for ports in ({"port_range_min": 80, "port_range_max": 80}, {"port_range_min": 443, "port_range_max": 443})
    ]
    created = await create(demo, "security-group-rules", rules)
    shown = (await demo.get(f"security-groups/{groups[0]['id']}"))["security_group_rules"]
    assert [rule["id"] for rule in created] == [rule["id"] for rule in shown if rule["direction"] == "ingress"]


async def test_items_of_a_bulk_request_may_be_wrapped_as_single_ones_are(running_cloud: RunningCloud) -> None:
    demo = await user(running_cloud, "demo")
    assert [each["name"] for each in await create(demo, "networks", [{"network": {"name": "one"}}])] == ["one"]


async def state(neutron: Neutron) -> list[Any]:
    return [await neutron.get(collection) for collection in ("networks", "subnets", "ports", "security-groups")]


FAILURES: list[tuple[str, dict[str, Any], dict[str, Any], int, str]] = [
    ("network", {"name": "a"}, {"shared": True}, 403, "create_network:shared"),
    ("subnet", {"cidr": "10.2.0.0/24", "ip_version": 4}, {"cidr": "10.2.0.0/24", "ip_version": 4}, 400, "overlaps"),
    ("port", {"fixed_ips": [{"ip_address": "10.1.0.9"}]}, {"fixed_ips": [{"ip_address": "10.1.0.9"}]}, 409, "already"),
    ("port", {}, {"fixed_ips": [{"subnet_id": UNKNOWN_ID}]}, 400, "included invalid subnet"),
    ("security_group", {"name": "web"}, {"name": "default"}, 409, "Default security group already exists."),
    ("network", {}, {"name": 7}, 400, "Invalid input for field networks[1].name: Expected `str`, got `int`."),
]


@pytest.mark.parametrize(("kind", "first", "second", "status", "message"), FAILURES)
async def test_a_bulk_request_with_one_wrong_item_creates_nothing(
    shared_cloud: RunningCloud, kind: str, first: dict[str, Any], second: dict[str, Any], status: int, message: str
) -> None:
    async with a_network(shared_cloud) as (demo, network):
        before = await state(demo)
        on_network = {"network_id": network} if kind in {"subnet", "port"} else {}
        items = [{**on_network, **first}, {**on_network, **second}]
        path = f"{kind}s".replace("_", "-")
        found, _, reason = await demo.refused("POST", path, {f"{kind}s": items})
        assert (found, message in reason) == (status, True), reason
        assert await state(demo) == before
        again = await demo.make("port", network_id=network, fixed_ips=[{"ip_address": "10.1.0.9"}])
        assert again["fixed_ips"][0]["ip_address"] == "10.1.0.9"


async def test_rules_created_in_bulk_are_removed_if_one_exists_already(running_cloud: RunningCloud) -> None:
    demo = await user(running_cloud, "demo")
    group = (await create(demo, "security-groups", [{"name": "web"}]))[0]
    rule = {"security_group_id": group["id"], "direction": "ingress", "protocol": "tcp"}
    body = {"security_group_rules": [rule, {**rule, "protocol": "udp"}, rule]}
    assert (await demo.refused("POST", "security-group-rules", body))[:2] == (409, "SecurityGroupRuleExists")
    assert (await demo.get(f"security-groups/{group['id']}"))["security_group_rules"] == group["security_group_rules"]


async def test_the_quota_must_suffice_for_all_items_of_a_bulk_request(running_cloud: RunningCloud) -> None:
    admin, demo = await user(running_cloud, "admin"), await user(running_cloud, "demo")
    project = (await demo.make("network"))["project_id"]
    assert (await admin("PUT", f"quotas/{project}", {"quota": {"network": 3}}))[0] == 200
    kind = await demo.refused("POST", "networks", {"networks": [{}, {}, {}]})
    assert kind == (409, "OverQuota", "Quota exceeded for resources: ['network'].")
    assert len(await create(demo, "networks", [{}, {}])) == 2


INVALID_BODIES: list[tuple[Any, str]] = [
    ({"networks": []}, "Resources required"),
    ({"networks": {}}, "Invalid input for field networks: Expected `array`, got `object`."),
    ({"networks": [7]}, "Invalid input for field networks[0]: Expected `object`, got `int`."),
    ({}, "Invalid input for field network: Object missing required field `network`."),
    ([], "Invalid input: Expected `object`, got `array`."),
]


@pytest.mark.parametrize(("body", "message"), INVALID_BODIES)
async def test_a_bulk_request_without_a_list_of_resources_is_refused(
    shared_cloud: RunningCloud, body: Any, message: str
) -> None:
    demo = await user(shared_cloud, "demo")
    found = await demo.refused("POST", "networks", body)
    assert (found[:2], message in found[2]) == ((400, "HTTPBadRequest"), True), found
