"""Security groups and their rules, with neutron's messages."""

from typing import Any

import pytest

from tests.conftest import RunningCloud
from tests.support.neutron import ID, PRIVATE, UNKNOWN_ID, Neutron, user


async def make(user: Neutron, **attributes: Any) -> dict[str, Any]:
    """Create a security group."""
    status, body = await user("POST", "security-groups", {"security_group": attributes})
    assert status == 201, body
    made: dict[str, Any] = body["security_group"]
    return made


async def add(user: Neutron, group: str, **attributes: Any) -> tuple[int, Any]:
    """Add a rule."""
    return await user(
        "POST", "security-group-rules", {"security_group_rule": {"security_group_id": group, **attributes}}
    )


async def test_a_group_with_ports_cannot_be_deleted(running_cloud: RunningCloud) -> None:
    demo, other = await user(running_cloud, "demo"), await user(running_cloud, "alt_demo")
    [default] = await demo.get("security-groups")
    group = await make(demo, name="web", description="d")
    path = f"security-groups/{group['id']}"
    assert set(group) == set(default)
    assert [rule["direction"] for rule in group["security_group_rules"]] == ["egress", "egress"]
    assert await demo.get("security-groups?name=web") == [group]
    http = {"direction": "ingress", "protocol": "TCP", "port_range_min": 80, "port_range_max": 80}
    status, body = await add(demo, group["id"], **http, remote_ip_prefix="10.0.0.0/8")
    rule = body["security_group_rule"]
    assert (status, rule["protocol"], rule["ethertype"], rule["project_id"]) == (201, "tcp", "IPv4", ID["demo"])
    status, body = await add(demo, default["id"], direction="ingress", remote_group_id=group["id"])
    member = f"security-group-rules/{body['security_group_rule']['id']}"
    assert await demo.get(f"security-group-rules/{rule['id']}") == rule
    assert rule in (await demo.get(path))["security_group_rules"]
    for method, place in (("GET", path), ("DELETE", path), ("DELETE", f"security-group-rules/{rule['id']}")):
        assert (await other.refused(method, place))[0] == 404
    assert (await other.refused("POST", "ports", {"port": {"network_id": PRIVATE, "security_groups": [group["id"]]}}))[
        1
    ] == "SecurityGroupNotFound"
    port = await demo.make("port", network_id=PRIVATE, security_groups=[group["id"]])
    assert await demo.refused("DELETE", path) == (
        *(409, "SecurityGroupInUse"),
        f"Security Group {group['id']} in use.",
    )
    assert await demo("DELETE", f"ports/{port['id']}") == (204, None)
    status, body = await demo("PUT", path, {"security_group": {"name": "www"}})
    assert (status, body["security_group"]["name"]) == (200, "www")
    assert await demo("PUT", f"{path}/tags", {"tags": ["blue"]}) == (200, {"tags": ["blue"]})
    assert await demo("DELETE", f"security-group-rules/{rule['id']}") == (204, None)
    assert await demo.get(f"security-group-rules?security_group_id={group['id']}&direction=ingress") == []
    assert await demo("DELETE", path) == (204, None)
    assert (await demo.refused("GET", member))[1] == "SecurityGroupRuleNotFound"
    assert await demo.get("security-groups") == [{**default, **(await demo.get(f"security-groups/{default['id']}"))}]


@pytest.mark.parametrize(
    ("method", "path", "name", "kind", "message"),
    [
        ("POST", "", "default", "DefaultAlreadyExists", "Default security group already exists."),
        ("PUT", "/{default}", "mine", "CannotUpdateDefault", "Updating default security group not allowed."),
        ("PUT", "/{default}", "default", "DefaultAlreadyExists", "Default security group already exists."),
        ("DELETE", "/{default}", "", "CannotRemoveDefault", "Insufficient rights for removing default security group."),
    ],
)
async def test_the_default_group_can_neither_be_renamed_nor_deleted(
    shared_cloud: RunningCloud, method: str, path: str, name: str, kind: str, message: str
) -> None:
    demo = await user(shared_cloud, "demo")
    [default] = await demo.get("security-groups?name=default")
    place = f"security-groups{path.format(default=default['id'])}"
    body = {"security_group": {"name": name}} if name else None
    assert await demo.refused(method, place, body) == (409, f"SecurityGroup{kind}", message)


@pytest.mark.parametrize("name", ["default", "Default"])
async def test_no_other_group_can_be_renamed_to_default(running_cloud: RunningCloud, name: str) -> None:
    demo = await user(running_cloud, "demo")
    group = await make(demo, name="web")
    place = f"security-groups/{group['id']}"
    refused = await demo.refused("PUT", place, {"security_group": {"name": name}})
    assert refused == (409, "SecurityGroupDefaultAlreadyExists", "Default security group already exists.")
    assert (await demo.get(place))["name"] == "web"


async def test_a_default_group_that_an_admin_deletes_is_made_again(running_cloud: RunningCloud) -> None:
    demo, admin = await user(running_cloud, "demo"), await user(running_cloud, "admin")
    path = f"security-groups/{(await demo.get('security-groups'))[0]['id']}"
    assert await admin("DELETE", path) == (204, None)
    assert (await demo.get("security-groups"))[0]["name"] == "default"


TCP = {"protocol": "tcp"}
INVALID_RULES: list[tuple[dict[str, Any], int, str, str]] = [
    ({"security_group_id": UNKNOWN_ID}, 404, "SecurityGroupNotFound", f"Security group {UNKNOWN_ID} does not exist."),
    ({"remote_group_id": UNKNOWN_ID}, 404, "SecurityGroupNotFound", f"Security group {UNKNOWN_ID} does not exist."),
    ({"direction": "up"}, 400, "HTTPBadRequest", "security_group_rule.direction"),
    ({"ethertype": "IPv5"}, 400, "HTTPBadRequest", "security_group_rule.ethertype"),
    ({"protocol": "nope"}, 400, "SecurityGroupRuleInvalidProtocol", "protocol nope not supported."),
    ({"protocol": 256}, 400, "SecurityGroupRuleInvalidProtocol", "protocol 256 not supported."),
    ({"port_range_min": 1, "port_range_max": 2}, 400, "SecurityGroupProtocolRequiredWithPorts", "Must also specify"),
    ({**TCP, "port_range_min": 9, "port_range_max": 2}, 400, "SecurityGroupInvalidPortRange", "<= port_range_max"),
    ({**TCP, "port_range_min": 9}, 400, "SecurityGroupInvalidPortRange", "<= port_range_max"),
    ({**TCP, "port_range_min": 0, "port_range_max": 2}, 400, "SecurityGroupInvalidPortValue", "value for port 0"),
    ({"protocol": "icmp", "port_range_min": 256}, 400, "SecurityGroupInvalidIcmpValue", "ICMP type (port_range_min) 2"),
    ({"protocol": "icmp", "port_range_max": 3}, 400, "SecurityGroupMissingIcmpType", "ICMP code (port-range-max) 3 is"),
    ({"remote_ip_prefix": "nope"}, 400, "HTTPBadRequest", "Invalid input for remote_ip_prefix."),
    ({"remote_ip_prefix": "fd00::/64"}, 400, "SecurityGroupRuleParameterConflict", "ethertype IPv4 for CIDR fd00::/64"),
    ({"direction": "egress"}, 409, "SecurityGroupRuleExists", "Security group rule already exists. Rule id is "),
]


@pytest.mark.parametrize(("attributes", "status", "kind", "message"), INVALID_RULES)
async def test_invalid_rules_are_refused_with_a_reason(
    shared_cloud: RunningCloud, attributes: dict[str, Any], status: int, kind: str, message: str
) -> None:
    demo = await user(shared_cloud, "demo")
    [group] = await demo.get("security-groups?name=default")
    rule = {"security_group_id": group["id"], "direction": "ingress", **attributes}
    found = await demo.refused("POST", "security-group-rules", {"security_group_rule": rule})
    assert (*found[:2], message in found[2]) == (status, kind, True), found


async def test_a_rule_has_either_a_remote_group_or_a_remote_prefix(shared_cloud: RunningCloud) -> None:
    demo = await user(shared_cloud, "demo")
    [group] = await demo.get("security-groups?name=default")
    both = {"remote_group_id": group["id"], "remote_ip_prefix": "10.0.0.0/8"}
    _, body = await add(demo, group["id"], direction="ingress", **both)
    assert "Only remote_ip_prefix or" in body["NeutronError"]["message"]


@pytest.mark.parametrize(
    "rule", [{"protocol": 6}, {"protocol": "icmp", "port_range_min": 8, "port_range_max": 0}, {"protocol": "vrrp"}]
)
async def test_rules_by_number_name_and_icmp_type_are_created(shared_cloud: RunningCloud, rule: dict[str, Any]) -> None:
    demo = await user(shared_cloud, "demo")
    group = (await make(demo, name="g"))["id"]
    status, body = await add(demo, group, direction="ingress", **rule)
    assert await demo("DELETE", f"security-groups/{group}") == (204, None)
    assert status == 201, body


async def test_groups_and_rules_have_quotas(running_cloud: RunningCloud) -> None:
    demo, admin = await user(running_cloud, "demo"), await user(running_cloud, "admin")
    path = f"quotas/{ID['demo']}"
    group = (await make(demo, name="g"))["id"]
    detail = await demo.get(f"{path}/details")
    assert [detail[f"security_group{part}"]["used"] for part in ("", "_rule")] == [2, 6]
    await admin("PUT", path, {"quota": {"security_group": 2, "security_group_rule": 6}})
    assert (await demo.refused("POST", "security-groups", {"security_group": {"name": "h"}}))[1] == "OverQuota"
    assert (await add(demo, group, direction="ingress"))[0] == 409
