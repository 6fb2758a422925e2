"""The security groups of servers: requested at the start, added, removed, and changed in neutron."""

from typing import Any

import pytest

from emulator.services.seed_data import resource_id
from spantree import spans_from_sdk
from tests.cloud.in_parts import in_parts
from tests.conftest import Api, RunningCloud, eventually, start_cloud
from tests.support.nova import act, built, built_on, message, shown, wait_until_idle

PRIVATE, PUBLIC = resource_id("network", "private"), resource_id("network", "public")
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


async def created(api: Api, kind: str, **fields: Any) -> dict[str, Any]:
    """Create a resource of neutron's."""
    path = f"/v2.0/{kind.replace('_', '-')}s"
    status, body = await api("POST", "neutron-server", path, json={kind: fields})
    assert status == 201, body
    found: dict[str, Any] = body[kind]
    return found


async def a_group(api: Api, name: str) -> str:
    group_id: str = (await created(api, "security_group", name=name))["id"]
    return group_id


async def ports_of(api: Api, server_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api("GET", "neutron-server", f"/v2.0/ports?device_id={server_id}"))[1]["ports"]
    return found


async def names_shown(api: Api, server_id: str) -> list[str]:
    return [group["name"] for group in (await shown(api, server_id)).get("security_groups", [])]


async def shows(api: Api, server_id: str, *names: str) -> None:
    """Wait until a server shows these groups, in any order."""
    await eventually(lambda: names_shown(api, server_id), lambda found: sorted(found) == sorted(names))


async def default_of(api: Api) -> str:
    groups = (await api("GET", "neutron-server", "/v2.0/security-groups?name=default"))[1]["security_groups"]
    return str(groups[0]["id"])


async def test_a_new_servers_port_has_the_requested_groups(running_cloud: RunningCloud) -> None:
    demo = await running_cloud.api("demo")
    web, ssh, default = await a_group(demo, "web"), await a_group(demo, "ssh"), await default_of(demo)
    for requested, ids, names in (
        (["web"], [web], ["web"]),
        ([ssh], [ssh], ["ssh"]),
        (["web", "default", ssh, web], [web, default, ssh], ["web", "default", "ssh"]),
        (["default"], [default], ["default"]),
        ([default, "default"], [default], ["default"]),
        ([], [default], ["default"]),
    ):
        echoed = [{"name": name_or_id} for name_or_id in requested]
        status, body = await demo.create(security_groups=echoed)
        assert (status, body["server"]["security_groups"]) == (202, echoed)
        server_id = body["server"]["id"]
        await wait_until_idle(demo, server_id)
        assert [port["security_groups"] for port in await ports_of(demo, server_id)] == [ids]
        await shows(demo, server_id, *names)


async def test_a_server_without_ports_shows_no_groups(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    server = await built_on(api, "none")
    assert "security_groups" not in server
    path = f"/v2.1/servers/{server['id']}"
    assert await api("GET", "nova-api", f"{path}/os-security-groups") == (200, {"security_groups": []})
    assert (await act(api, server["id"], {"addSecurityGroup": {"name": "default"}}))[0] == 404


async def test_groups_apply_to_new_ports_and_existing_ones_keep_theirs(running_cloud: RunningCloud) -> None:
    demo = await running_cloud.api("demo")
    web, db = await a_group(demo, "web"), await a_group(demo, "db")
    port = await created(demo, "port", network_id=PUBLIC, security_groups=[db])
    networks = [{"uuid": PRIVATE}, {"port": port["id"]}]
    server_id = (await built(demo, networks=networks, security_groups=[{"name": "web"}]))["id"]
    found = {each["id"]: each["security_groups"] for each in await ports_of(demo, server_id)}
    assert found.pop(port["id"]) == [db]
    assert [*found.values()] == [[web]]
    await shows(demo, server_id, "db", "web")


async def test_a_servers_groups_are_listed_with_their_ingress_rules(running_cloud: RunningCloud) -> None:
    demo = await running_cloud.api("demo")
    web, db = await a_group(demo, "web"), await a_group(demo, "db")
    project = (await created(demo, "security_group", name="other"))["project_id"]
    rules: list[dict[str, Any]] = [
        {"protocol": "tcp", "port_range_min": 80, "port_range_max": 81, "remote_ip_prefix": "10.0.0.0/8"},
        {"protocol": "udp", "remote_group_id": db},
        {"protocol": "icmp"},
        {},
    ]
    ids = [
        (await created(demo, "security_group_rule", security_group_id=web, direction="ingress", **rule))["id"]
        for rule in rules
    ]
    server_id = (await built(demo, security_groups=[{"name": "web"}]))["id"]
    [group] = (await demo("GET", "nova-api", f"/v2.1/servers/{server_id}/os-security-groups"))[1]["security_groups"]
    assert (group["id"], group["name"], group["tenant_id"]) == (web, "web", project)
    anywhere: dict[str, Any] = {"group": {}, "ip_range": {"cidr": "0.0.0.0/0"}}
    assert group["rules"] == [
        {"id": rule_id, "parent_group_id": web, **rule}
        for rule_id, rule in zip(
            ids,
            [
                {
                    "ip_protocol": "tcp",
                    "from_port": 80,
                    "to_port": 81,
                    "group": {},
                    "ip_range": {"cidr": "10.0.0.0/8"},
                },
                {
                    "ip_protocol": "udp",
                    "from_port": 1,
                    "to_port": 65535,
                    "group": {"name": "db", "tenant_id": project},
                    "ip_range": {},
                },
                {"ip_protocol": "icmp", "from_port": -1, "to_port": -1, **anywhere},
                {"ip_protocol": None, "from_port": None, "to_port": None, **anywhere},
            ],
            strict=True,
        )
    ]


async def test_groups_are_added_to_all_ports_and_removed_again(running_cloud: RunningCloud) -> None:
    demo = await running_cloud.api("demo")
    web, default = await a_group(demo, "web"), await default_of(demo)
    server_id = (await built_on(demo, [{"uuid": PRIVATE}, {"uuid": PUBLIC}]))["id"]
    for name_or_id in ("web", web):  # the second time it is there already
        assert await act(demo, server_id, {"addSecurityGroup": {"name": name_or_id}}) == (202, None)
        assert [port["security_groups"] for port in await ports_of(demo, server_id)] == [[default, web]] * 2
    await shows(demo, server_id, *["default", "web"] * 2)
    assert (await demo("DELETE", "neutron-server", f"/v2.0/security-groups/{web}"))[0] == 409
    for name in ("default", "web"):
        assert await act(demo, server_id, {"removeSecurityGroup": {"name": name}}) == (202, None)
    assert [port["security_groups"] for port in await ports_of(demo, server_id)] == [[], []]
    await shows(demo, server_id)
    assert "security_groups" not in await shown(demo, server_id)
    assert (await demo("DELETE", "neutron-server", f"/v2.0/security-groups/{web}"))[0] == 204


async def test_changes_in_neutron_show_up_in_the_server(running_cloud: RunningCloud) -> None:
    demo = await running_cloud.api("demo")
    web = await a_group(demo, "web")
    server_id = (await built(demo))["id"]
    assert await names_shown(demo, server_id) == ["default"]
    [port] = await ports_of(demo, server_id)
    body = {"port": {"security_groups": [web]}}
    assert (await demo("PUT", "neutron-server", f"/v2.0/ports/{port['id']}", json=body))[0] == 200
    await shows(demo, server_id, "web")
    renamed = {"security_group": {"name": "http"}}
    assert (await demo("PUT", "neutron-server", f"/v2.0/security-groups/{web}", json=renamed))[0] == 200
    await shows(demo, server_id, "http")


async def test_unknown_and_ambiguous_groups_are_refused_as_in_nova(running_cloud: RunningCloud) -> None:
    demo, other = await running_cloud.api("demo"), await running_cloud.api("alt_demo")
    theirs = await a_group(other, "theirs")
    for _ in range(2):
        await a_group(demo, "twin")
    server_id = (await built(demo))["id"]
    unused = await a_group(demo, "unused")
    for name in ("theirs", theirs, UNKNOWN_ID, "nope"):
        status, body = await demo.create(security_groups=[{"name": name}])
        assert (status, message(body)) == (400, f"Unable to find security_group with name or id '{name}'")
        for action in ("addSecurityGroup", "removeSecurityGroup"):
            status, body = await act(demo, server_id, {action: {"name": name}})
            assert (status, message(body).startswith(f"Security group {name} is not found for project ")) == (404, True)
    several = "Multiple security_group matches found for name 'twin', use an ID to be more specific."
    status, body = await demo.create(security_groups=[{"name": "twin"}])
    assert (status, message(body)) == (409, several)
    for action in ("addSecurityGroup", "removeSecurityGroup"):
        status, body = await act(demo, server_id, {action: {"name": "twin"}})
        assert (status, message(body)) == (409, several)
    status, body = await act(demo, server_id, {"removeSecurityGroup": {"name": "unused"}})
    expected = f"Security group unused not associated with the instance {server_id}"
    assert (status, message(body)) == (404, expected), unused
    assert len((await demo("GET", "nova-api", "/v2.1/servers"))[1]["servers"]) == 1


@pytest.mark.parametrize("action", ["addSecurityGroup", "removeSecurityGroup"])
async def test_a_group_needs_a_name(running_cloud: RunningCloud, action: str) -> None:
    demo = await running_cloud.api("demo")
    server_id = (await built_on(demo, "none"))["id"]
    for arguments, text in (
        (None, f"field {action}"),
        ({}, f"field {action}.name"),
        ({"name": ""}, f"field {action}.name"),
        ({"name": " "}, "Security group name cannot be empty"),
        ({"name": "a", "more": 1}, f"field {action}.more"),
    ):
        status, body = await act(demo, server_id, {action: arguments})
        assert (status, text in message(body)) == (400, True), body


async def test_a_port_without_port_security_takes_no_group(running_cloud: RunningCloud) -> None:
    demo = await running_cloud.api("demo")
    port = await created(demo, "port", network_id=PRIVATE, port_security_enabled=False)
    server_id = (await built_on(demo, [{"port": port["id"]}]))["id"]
    await shows(demo, server_id)
    status, body = await act(demo, server_id, {"addSecurityGroup": {"name": "default"}})
    assert (status, "port_security_enabled" in message(body)) == (400, True)


async def test_without_neutron_the_request_fails_with_a_clear_error() -> None:
    async with in_parts(("keystone", "glance-api", "nova-api", "nova-scheduler")) as (running_cloud, _):
        demo = await running_cloud.api("demo")
        status, body = await demo.create(security_groups=[{"name": "web"}])
        assert (status, "The network service did not do what" in message(body)) == (503, True)
        assert (await demo("GET", "nova-api", "/v2.1/servers"))[1]["servers"] == []


async def test_neutron_is_asked_about_other_groups_than_default_only() -> None:
    async with start_cloud() as running_cloud:
        demo = await running_cloud.api("demo")
        await a_group(demo, "web")
        for group in ("default", "web"):
            await built(demo, security_groups=[{"name": group}])
    spans = spans_from_sdk(running_cloud.export.kept)
    asked = [span for span in spans if span.service == "neutron-server" and span.name == "GET /v2.0/security-groups"]
    assert len(asked) == 1
