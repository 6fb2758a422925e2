"""Neutron's answers: their attributes, the separation of projects, policy errors, and unsupported features."""

from typing import Any

import pytest

from emulator.services.seed_data import PROJECTS
from tests.conftest import RunningCloud
from tests.support.neutron import ID, PRIVATE, UNKNOWN_ID, user

ALL = "id name tenant_id project_id description tags created_at updated_at revision_number"

WHOLE = {
    "network": "admin_state_up status "
    "shared router:external mtu port_security_enabled availability_zone_hints availability_zones ipv4_address_scope "
    "ipv6_address_scope subnets",
    "subnet": "network_id ip_version "
    "cidr gateway_ip allocation_pools enable_dhcp dns_nameservers host_routes ipv6_ra_mode ipv6_address_mode "
    "service_types subnetpool_id",
    "port": "network_id "
    "admin_state_up status mac_address fixed_ips device_id device_owner security_groups port_security_enabled "
    "allowed_address_pairs extra_dhcp_opts binding:vnic_type",
}

ADMINS_SEE = {
    "network": "provider:network_type provider:physical_network provider:segmentation_id",
    "subnet": "",
    "port": "binding:host_id binding:profile binding:vif_type binding:vif_details",
}


async def test_answers_have_all_attributes_and_admins_see_more(running_cloud: RunningCloud) -> None:
    demo, admin = await user(running_cloud, "demo"), await user(running_cloud, "admin")
    made = {"network": await demo.make("network", name="mine")}
    made["subnet"] = await demo.make("subnet", network_id=made["network"]["id"], cidr="10.1.0.0/24", ip_version=4)
    made["port"] = await demo.make("port", network_id=made["network"]["id"])
    for kind, attributes in WHOLE.items():
        path = f"{kind}s/{made[kind]['id']}"
        shown = await demo.get(path)
        assert set(shown) == {*ALL.split(), *attributes.split()}, kind
        assert shown in await demo.get(f"{kind}s")
        assert set(await admin.get(path)) == {*ALL.split(), *attributes.split(), *ADMINS_SEE[kind].split()}
        assert shown["project_id"] == shown["tenant_id"] == ID["demo"]


async def test_projects_see_their_own_and_shared_networks(running_cloud: RunningCloud) -> None:
    demo, other, admin = [await user(running_cloud, name) for name in ("demo", "alt_demo", "admin")]
    network = (await demo.make("network", name="mine"))["id"]
    subnet = (await demo.make("subnet", network_id=network, cidr="10.1.0.0/24", ip_version=4))["id"]
    port = (await demo.make("port", network_id=network))["id"]
    on_shared = (await demo.make("port", network_id=PRIVATE))["id"]
    for path in (f"networks/{network}", f"subnets/{subnet}", f"ports/{port}", f"ports/{on_shared}"):
        kind = path.split("s/")[0]
        for method, body in (("GET", None), ("PUT", {kind: {"name": "x"}}), ("DELETE", None)):
            assert (await other.refused(method, path, body))[0] == 404, path
        assert path.split("/")[1] not in {each["id"] for each in await other.get(f"{kind}s")}
        assert (await admin.get(path))["project_id"] == ID["demo"]
    assert (await other.refused("POST", "ports", {"port": {"network_id": network}}))[0] == 404
    assert {each["name"] for each in await other.get("networks")} == {"private", "public"}
    assert len(await admin.get("networks")) == 3
    assert await other.get("ports") == []


SHARED = "(rule:create_network and rule:create_network:shared) is disallowed by policy"

ADMIN_ONLY = [
    ("POST", "networks", {"network": {"shared": True}}, SHARED),
    ("POST", "networks", {"network": {"router:external": True}}, "rule:create_network:router:external"),
    ("POST", "networks", {"network": {"provider:network_type": "flat"}}, "rule:create_network:provider:network_type"),
    ("PUT", f"networks/{PRIVATE}", {"network": {"name": "x"}}, "rule:update_network is disallowed by policy"),
    ("DELETE", f"networks/{PRIVATE}", None, "rule:delete_network is disallowed by policy"),
    ("POST", "subnets", {"subnet": {"network_id": PRIVATE, "cidr": "10.9.0.0/24", "ip_version": 4}}, "create_subnet"),
    ("POST", "ports", {"port": {"network_id": PRIVATE, "binding:host_id": "h"}}, "rule:create_port:binding:host_id"),
    ("GET", "quotas", None, "rule:get_quota"),
    ("GET", f"quotas/{ID['alt_demo']}", None, "rule:get_quota"),
    ("PUT", f"quotas/{ID['demo']}", {"quota": {"port": -1}}, "rule:update_quota"),
    ("DELETE", f"quotas/{ID['demo']}", None, "rule:delete_quota"),
]


@pytest.mark.parametrize(("method", "path", "body", "rule"), ADMIN_ONLY)
async def test_members_get_neutrons_policy_error_for_what_admins_may_do(
    shared_cloud: RunningCloud, method: str, path: str, body: Any, rule: str
) -> None:
    status, kind, message = await (await user(shared_cloud, "demo")).refused(method, path, body)
    assert (status, kind, rule in message) == (403, "PolicyNotAuthorized", True), message


async def test_admins_create_shared_and_external_networks_for_any_project(running_cloud: RunningCloud) -> None:
    admin = await user(running_cloud, "admin")
    made = await admin.make("network", **{"shared": True, "router:external": True, "project_id": ID["demo"]})
    assert (made["shared"], made["router:external"], made["project_id"]) == (True, True, ID["demo"])


async def test_members_cannot_create_resources_for_other_projects(running_cloud: RunningCloud) -> None:
    demo = await user(running_cloud, "demo")
    message = (
        "Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires admin or "
        "advsvc privileges"
    )
    for kind, attributes in (
        ("network", {"shared": True}),
        ("subnet", {"network_id": PRIVATE, "cidr": "10.9.0.0/24", "ip_version": 4}),
        ("port", {"network_id": PRIVATE}),
    ):
        for key in ("project_id", "tenant_id"):
            assert await demo.refused("POST", f"{kind}s", {kind: {**attributes, key: ID["alt_demo"]}}) == (
                *(400, "HTTPBadRequest"),
                message,
            )


EMPTY = {
    "routers": "routers",
    "floatingips": f"floatingips?port_id={UNKNOWN_ID}",
    "agents": "agents",
    "availability_zones": "availability_zones",
    "address_scopes": "address-scopes",
    "subnetpools": "subnetpools",
}


@pytest.mark.parametrize("path", ["v2.0", "v2.0/"])
async def test_the_version_document_needs_no_token(shared_cloud: RunningCloud, path: str) -> None:
    async with shared_cloud.session.get(f"{shared_cloud.cloud.endpoints['neutron-server']}/{path}") as response:
        resources = (await response.json())["resources"]
    assert [each["collection"] for each in resources] == ["networks", "subnets", "ports"]


@pytest.mark.parametrize(("key", "path"), EMPTY.items())
async def test_unsupported_collections_are_empty(shared_cloud: RunningCloud, key: str, path: str) -> None:
    for name in ("admin", "demo"):  # a list is never forbidden: it shows what the caller may see
        assert await (await user(shared_cloud, name))("GET", path) == (200, {key: []})


@pytest.mark.parametrize(
    "path",
    [
        "routers/x",
        "agents/x",
        "floatingips/x",
        "extensions/Availability%20Zone",
        "nope",
        f"security-groups/{UNKNOWN_ID}",
    ],
)
async def test_a_missing_resource_is_a_404(shared_cloud: RunningCloud, path: str) -> None:
    assert (await (await user(shared_cloud, "admin")).refused("GET", path))[0] == 404


async def test_extensions_are_listed_and_shown_by_alias(shared_cloud: RunningCloud) -> None:
    admin = await user(shared_cloud, "admin")
    aliases = {extension["alias"] for extension in await admin.get("extensions")}
    assert {"quotas", "security-group", "external-net"} <= aliases
    assert (await admin.get("extensions/quotas"))["alias"] == "quotas"


async def test_every_project_has_a_default_security_group(running_cloud: RunningCloud) -> None:
    demo = await user(running_cloud, "demo")
    [group] = await demo.get("security-groups")
    assert (group["name"], group["project_id"]) == ("default", ID["demo"])
    assert await demo.get(f"security-groups/{group['id']}") == group
    assert await demo.get(f"security-group-rules?security_group_id={group['id']}") == group["security_group_rules"]
    assert (await demo.make("port", network_id=PRIVATE))["security_groups"] == [group["id"]]
    assert len(await (await user(running_cloud, "admin")).get("security-groups?name=default")) == len(PROJECTS)
