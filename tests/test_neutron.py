"""Neutron: networks, subnets and ports of projects that do not see each other's, in the words that clients know."""

import asyncio
import ipaddress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.cloud import Settings
from emulator.services.fresh import PROJECTS, resource_id
from tests.conftest import Api, World, a_world, credentials

PRIVATE, PUBLIC = resource_id("network", "private"), resource_id("network", "public")
NOWHERE = "00000000-0000-4000-8000-000000000000"
ID = {project.name: project.id for project in PROJECTS}


class Neutron:
    """Neutron, as one user calls it."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return status and body."""
        return await self.api(method, "neutron-server", f"/v2.0/{path}", **({} if body is None else {"json": body}))

    async def get(self, path: str) -> Any:
        """Return what is in the body's one key, or its first."""
        status, body = await self("GET", path)
        assert status == 200, body
        return next(iter(body.values()))

    async def make(self, kind: str, **words: Any) -> Any:
        """Make a network, a subnet or a port."""
        status, body = await self("POST", f"{kind}s", {kind: words})
        assert status == 201, body
        return body[kind]

    async def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str, str]:
        """Return the status, the type and the message of a refusal."""
        status, answer = await self(method, path, body)
        assert set(answer["NeutronError"]) == {"type", "message", "detail"}
        return status, answer["NeutronError"]["type"], answer["NeutronError"]["message"]


async def user(world: World, name: str) -> Neutron:
    return Neutron(await world.api(name))


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


async def test_what_neutron_answers_is_whole_and_admins_see_more(world: World) -> None:
    demo, admin = await user(world, "demo"), await user(world, "admin")
    made = {"network": await demo.make("network", name="mine")}
    made["subnet"] = await demo.make("subnet", network_id=made["network"]["id"], cidr="10.1.0.0/24", ip_version=4)
    made["port"] = await demo.make("port", network_id=made["network"]["id"])
    for kind, words in WHOLE.items():
        path = f"{kind}s/{made[kind]['id']}"
        shown = await demo.get(path)
        assert set(shown) == {*ALL.split(), *words.split()}, kind
        assert shown in await demo.get(f"{kind}s")
        assert set(await admin.get(path)) == {*ALL.split(), *words.split(), *ADMINS_SEE[kind].split()}
        assert shown["project_id"] == shown["tenant_id"] == ID["demo"]


IN_USE = "Unable to complete operation on subnet {}: One or more ports have an IP allocation from this subnet."


async def test_a_network_lives_with_its_subnets_and_ports_and_goes_when_it_is_empty(world: World) -> None:
    demo = await user(world, "demo")
    network = await demo.make("network", name="mine")
    path = f"networks/{network['id']}"
    assert network["subnets"] == []
    subnet = await demo.make("subnet", network_id=network["id"], name="s", cidr="10.1.0.0/29", ip_version=4)
    assert (subnet["gateway_ip"], subnet["allocation_pools"]) == (
        "10.1.0.1",
        [{"start": "10.1.0.2", "end": "10.1.0.6"}],
    )
    assert await demo.get(f"{path}?fields=subnets") == {"subnets": [subnet["id"]]}
    port = await demo.make("port", network_id=network["id"], name="p")
    assert (port["status"], port["fixed_ips"][0]["subnet_id"]) == ("DOWN", subnet["id"])
    taken = {"device_id": "a-server", "device_owner": "compute:nova", "name": "q"}
    status, body = await demo("PUT", f"ports/{port['id']}", {"port": taken})
    assert (status, body["port"]) == (200, {**body["port"], **taken, "status": "ACTIVE", "revision_number": 2})

    assert await demo.refused("DELETE", path) == (
        *(409, "NetworkInUse"),
        f"Unable to complete operation on network {network['id']}. There are one or more ports in use on the network.",
    )
    assert await demo.refused("DELETE", f"subnets/{subnet['id']}") == (
        *(409, "SubnetInUse"),
        IN_USE.format(subnet["id"]),
    )
    assert await demo("DELETE", f"ports/{port['id']}") == (204, None)
    status, body = await demo("PUT", path, {"network": {"name": "renamed", "admin_state_up": False}})
    assert (body["network"]["name"], body["network"]["admin_state_up"]) == ("renamed", False)
    assert await demo("DELETE", path) == (204, None)
    for gone, kind in ((path, "Network"), (f"subnets/{subnet['id']}", "Subnet"), (f"ports/{port['id']}", "Port")):
        status, kind_of, message = await demo.refused("GET", gone)
        assert (status, kind_of) == (404, f"{kind}NotFound")
        assert message == f"{kind} {gone.split('/')[1]} could not be found."


NOT_SUBNETS: list[tuple[dict[str, Any], int, str]] = [
    ({"cidr": "10.9.0.0/33"}, 400, "Invalid input for cidr. Reason: '10.9.0.0/33' is not a valid IP subnet."),
    ({"cidr": "10.9.0.7/24"}, 400, "'10.9.0.0/24' is recommended"),
    ({"cidr": "10.1.0.128/25"}, 400, "Requested subnet with cidr: 10.1.0.128/25 for network: "),
    ({"cidr": "fd00::/64"}, 400, "cidr 'fd00::/64' does not match the ip_version '4'"),
    ({"cidr": None}, 400, "a subnetpool must be specified in the absence of a cidr"),
    ({"gateway_ip": "10.8.0.1"}, 400, "Gateway is not valid on subnet"),
    ({"gateway_ip": "nope"}, 400, "Invalid input for gateway_ip. Reason: 'nope' is not a valid IP address."),
    ({"allocation_pools": [{"start": "10.9.0.9", "end": "10.9.0.2"}]}, 400, "The allocation pool 10.9.0.9-10.9.0.2 is"),
    ({"allocation_pools": [{"start": "10.9.0.9", "end": "10.9.1.2"}]}, 400, "spans beyond the subnet cidr 10.9.0.0/24"),
    ({"allocation_pools": [{"start": "10.9.0.1", "end": "10.9.0.9"}]}, 409, "Gateway ip 10.9.0.1 conflicts with"),
    ({"allocation_pools": [{"start": "10.9.0.2", "end": "10.9.0.9"}] * 2}, 409, "Found overlapping allocation pools"),
    ({"dns_nameservers": ["nope"]}, 400, "Invalid input for dns_nameservers."),
    ({"network_id": NOWHERE}, 404, f"Network {NOWHERE} could not be found."),
    ({"name": "x" * 256}, 400, "Invalid input for name."),
    ({"ip_version": 5}, 400, "subnet.ip_version"),
    ({"enable_dhcp": "perhaps"}, 400, "subnet.enable_dhcp"),
]

NOT_PORTS: list[tuple[dict[str, Any], int, str]] = [
    ({"network_id": NOWHERE}, 404, "could not be found"),
    ({"network_id": ""}, 400, "Required attribute 'network_id' not specified"),
    ({"mac_address": "nope"}, 400, "Invalid input for mac_address. Reason: 'nope' is not a valid MAC address."),
    ({"mac_address": "FA:16:3E:00:00:01"}, 409, "The mac address fa:16:3e:00:00:01 is in use."),
    ({"fixed_ips": [{"ip_address": "nope"}]}, 400, "Invalid input for fixed_ips. Reason: 'nope' is not a valid IP"),
    ({"fixed_ips": [{"ip_address": "10.7.0.2"}]}, 400, "10.7.0.2 is not a valid IP for any of the subnets on the spec"),
    ({"fixed_ips": [{"subnet_id": NOWHERE}]}, 400, f"fixed_ips included invalid subnet {NOWHERE}"),
    ({"fixed_ips": [{"ip_address": "10.1.0.50"}]}, 409, "IP address 10.1.0.50 already allocated in subnet "),
    ({"fixed_ips": [{"ip_address": "10.1.0.51"}, {"ip_address": "10.1.0.50"}]}, 409, "10.1.0.50 already allocated"),
    ({"security_groups": [NOWHERE]}, 404, f"Security group {NOWHERE} does not exist."),
    ({"admin_state_up": 1}, 400, "port.admin_state_up"),
]


async def test_what_cannot_be_is_refused_and_named(world: World) -> None:
    demo = await user(world, "demo")
    network = (await demo.make("network", name="mine"))["id"]
    subnet = {"network_id": network, "cidr": "10.1.0.0/24", "ip_version": 4}
    await demo.make("subnet", **subnet)
    place = {"mac_address": "fa:16:3e:00:00:01", "fixed_ips": [{"ip_address": "10.1.0.50"}]}
    await demo.make("port", network_id=network, **place)
    for kind, whole, table in (
        ("subnet", {**subnet, "cidr": "10.9.0.0/24"}, NOT_SUBNETS),
        ("port", {"network_id": network}, NOT_PORTS),
    ):
        for words, status, message in table:
            found, _, said = await demo.refused("POST", f"{kind}s", {kind: {**whole, **words}})
            assert (found, message in said) == (status, True), f"{words}: {said}"
    await demo.make("port", network_id=network, fixed_ips=[{"ip_address": "10.1.0.51"}])  # none of it was kept
    assert await demo.refused("PUT", f"networks/{network}", {"network": {"tenant_id": "x"}}) == (
        *(400, "HTTPBadRequest"),
        "Cannot update read-only attribute tenant_id",
    )


async def test_subnets_are_as_they_were_asked_for_of_either_ip_version(world: World) -> None:
    demo = await user(world, "demo")
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


async def test_projects_see_their_own_and_what_is_shared(world: World) -> None:
    demo, other, admin = [await user(world, name) for name in ("demo", "alt_demo", "admin")]
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
OF_ADMINS = [
    ("POST", "networks", {"network": {"shared": True}}, SHARED),
    ("POST", "networks", {"network": {"router:external": True}}, "rule:create_network:router:external"),
    ("POST", "networks", {"network": {"provider:network_type": "flat"}}, "rule:create_network:provider:network_type"),
    ("POST", "networks", {"network": {"project_id": "another"}}, "requires admin privileges"),
    ("PUT", f"networks/{PRIVATE}", {"network": {"name": "x"}}, "rule:update_network is disallowed by policy"),
    ("DELETE", f"networks/{PRIVATE}", None, "rule:delete_network is disallowed by policy"),
    ("POST", "subnets", {"subnet": {"network_id": PRIVATE, "cidr": "10.9.0.0/24", "ip_version": 4}}, "create_subnet"),
    ("POST", "ports", {"port": {"network_id": PRIVATE, "binding:host_id": "h"}}, "rule:create_port:binding:host_id"),
    ("GET", "quotas", None, "rule:get_quota"),
    ("GET", f"quotas/{ID['alt_demo']}", None, "rule:get_quota"),
    ("PUT", f"quotas/{ID['demo']}", {"quota": {"port": -1}}, "rule:update_quota"),
    ("DELETE", f"quotas/{ID['demo']}", None, "rule:delete_quota"),
    ("GET", "agents", None, "rule:get_agent"),
    ("GET", f"networks/{PRIVATE}?device_id=d&project_id=another", None, "requires admin privileges"),
]


async def test_what_is_for_admins_is_refused_to_members_in_neutrons_words(world: World) -> None:
    demo, admin = await user(world, "demo"), await user(world, "admin")
    for method, path, body, words in OF_ADMINS:
        status, kind, message = await demo.refused(method, path, body)
        assert (status, kind, words in message) == (403, "PolicyNotAuthorized", True), f"{method} {path}: {message}"
    made = await admin.make("network", **{"shared": True, "router:external": True, "project_id": ID["demo"]})
    assert (made["shared"], made["router:external"], made["project_id"]) == (True, True, ID["demo"])


LISTS = [
    ("networks?name=a", "a"),
    ("networks?name=a&name=b", "a b"),
    ("networks?name=a&shared=True", ""),
    ("networks?shared=True", "private public"),
    ("networks?shared=false", "a b c"),
    ("networks?shared=True&router:external=False", "private"),
    ("networks?router:external=True", "public"),
    (f"networks?tenant_id={ID['demo']}", "a b c"),
    (f"networks?project_id={ID['demo']}&router:external=False", "a b c"),
    (f"networks?id={PRIVATE}&id={PUBLIC}", "private public"),
    ("networks?status=ACTIVE&admin_state_up=True&mtu=1500", "public"),
    ("networks?unheard_of=1&name=b", "b"),
    ("networks?tags=blue", "b"),
    ("networks?tags-any=blue,red", "b c"),
    ("networks?not-tags=blue&shared=False", "a c"),
    ("networks?sort_key=name&sort_dir=desc", "public private c b a"),
    ("networks?sort_key=shared&sort_key=name&sort_dir=asc&sort_dir=desc", "c b a public private"),
    ("networks?shared=False&limit=2", "a b"),
    ("networks?shared=False&limit=2&marker={b}", "c"),
    ("networks?shared=False&limit=1&marker={c}&page_reverse=True", "b"),
    ("networks?marker={c}", ""),
    ("subnets?cidr=10.0.0.0/20", "private-subnet"),
    (f"subnets?network_id={PUBLIC}&ip_version=4&enable_dhcp=True", "public-subnet"),
    ("subnets?ip_version=6", ""),
    ("ports?device_id=d1", "one"),
    ("ports?device_id=d1&device_id=d2", "one two"),
    (f"ports?network_id={PRIVATE}", "one two"),
    ("ports?status=ACTIVE&name=two", "two"),
    ("ports?mac_address=fa:16:3e:00:00:01", "one"),
    ("ports?fixed_ips=ip_address=10.0.0.99", "one"),
    (f"ports?fixed_ips=ip_address=10.0.0.99&fixed_ips=subnet_id={NOWHERE}", ""),
    ("ports?fixed_ips=ip_address_substr=.0.99", "one"),
]


async def test_lists_are_filtered_ordered_and_cut_as_asked(world: World) -> None:
    demo = await user(world, "demo")
    made = {name: (await demo.make("network", name=name))["id"] for name in "abc"}
    for name, tags in (("b", ["blue"]), ("c", ["red"])):
        assert await demo("PUT", f"networks/{made[name]}/tags", {"tags": tags}) == (200, {"tags": tags})
    place = {"mac_address": "fa:16:3e:00:00:01", "fixed_ips": [{"ip_address": "10.0.0.99"}]}
    await demo.make("port", network_id=PRIVATE, name="one", device_id="d1", **place)
    await demo.make("port", network_id=PRIVATE, name="two", device_id="d2", fixed_ips=[{"ip_address": "10.0.0.98"}])
    for path, names in LISTS:
        found = [each["name"] for each in await demo.get(path.format(**made))]
        assert (found if "sort_key" in path or "limit" in path else sorted(found)) == names.split(), path
    assert await demo.get("networks?fields=id&fields=name&name=private") == [{"id": PRIVATE, "name": "private"}]
    _, body = await demo("GET", "networks?limit=4&sort_key=name")
    assert body["networks_links"][0]["rel"] == "next"
    for path in ("networks?sort_key=nope", "networks?sort_key=tags", "networks?sort_dir=asc", "networks?limit=x"):
        assert (await demo.refused("GET", path))[0] == 400, path


EMPTY = {
    "routers": "routers",
    "floatingips": f"floatingips?port_id={NOWHERE}",
    "agents": "agents",
    "availability_zones": "availability_zones",
    "address_scopes": "address-scopes",
    "subnetpools": "subnetpools",
}


async def test_discovery_of_the_version_needs_no_token(world: World) -> None:
    for path in ("v2.0", "v2.0/"):
        async with world.session.get(f"{world.cloud.endpoints['neutron-server']}/{path}") as response:
            resources = (await response.json())["resources"]
        assert [each["collection"] for each in resources] == ["networks", "subnets", "ports"]


async def test_what_clients_ask_for_and_is_not_here_is_empty_and_404(world: World) -> None:
    admin = await user(world, "admin")
    for key, path in EMPTY.items():
        assert await admin("GET", path) == (200, {key: []})
    for path in ("routers/x", "floatingips/x", "extensions/Availability%20Zone", "nope", f"security-groups/{NOWHERE}"):
        assert (await admin.refused("GET", path))[0] == 404, path
    aliases = {extension["alias"] for extension in await admin.get("extensions")}
    assert {"quotas", "security-group", "external-net"} <= aliases
    assert (await admin.get("extensions/quotas"))["alias"] == "quotas"


async def test_every_project_has_a_default_security_group(world: World) -> None:
    demo = await user(world, "demo")
    [group] = await demo.get("security-groups")
    assert (group["name"], group["project_id"]) == ("default", ID["demo"])
    assert await demo.get(f"security-groups/{group['id']}") == group
    assert await demo.get(f"security-group-rules?security_group_id={group['id']}") == group["security_group_rules"]
    assert (await demo.make("port", network_id=PRIVATE))["security_groups"] == [group["id"]]
    assert len(await (await user(world, "admin")).get("security-groups?name=default")) == len(PROJECTS)


async def test_quotas_are_counted_by_project_and_set_by_admins(world: World) -> None:
    demo, admin = await user(world, "demo"), await user(world, "admin")
    path = f"quotas/{ID['demo']}"
    network = (await demo.make("network", name="mine"))["id"]
    await demo.make("subnet", network_id=network, cidr="10.1.0.0/24", ip_version=4)
    await demo.make("port", network_id=network)
    status, body = await admin("PUT", path, {"quota": {"network": 1, "subnet": 1, "port": 1, "unheard_of": 1}})
    assert (status, body["quota"]["network"]) == (200, 1)
    for kind, words in {
        "network": {},
        "subnet": {"network_id": network, "cidr": "10.2.0.0/24", "ip_version": 4},
        "port": {"network_id": network},
    }.items():
        expected = (409, "OverQuota", f"Quota exceeded for resources: ['{kind}'].")
        assert await demo.refused("POST", f"{kind}s", {kind: words}) == expected
        assert (await demo.get(f"{path}/details.json"))[kind] == {"limit": 1, "used": 1, "reserved": 0}
    assert (await demo.refused("GET", f"networks/{PRIVATE}?device_id=d"))[1] == "OverQuota"
    assert await (await user(world, "alt_demo")).make("network", name="not counted there")
    assert ID["demo"] in {quota["project_id"] for quota in await admin.get("quotas")}
    assert (await admin.refused("PUT", path, {"quota": {"port": "many"}}))[0] == 400
    assert await admin("DELETE", path) == (204, None)
    assert (await demo.get(path))["network"] == (await demo.get(f"{path}/default"))["network"] == 100


ATTACHING = [
    ("{mine}?device_id=d&project_id={demo}", 200, ""),
    ("{mine}?device_id=d&project_id={alt_demo}", 404, "Network {mine} could not be found."),
    (PRIVATE + "?device_id=d&project_id={alt_demo}&fixed_ip=10.0.0.77", 200, ""),
    (PRIVATE + "?device_id=e&project_id={alt_demo}&fixed_ip=10.0.0.77", 409, "IP address 10.0.0.77 already allocated"),
    (PRIVATE + "?device_id=e&project_id={alt_demo}&fixed_ip=10.9.0.77", 400, "IP address 10.9.0.77 is not a valid IP"),
    ("{bare}?device_id=d&project_id={demo}", 400, "Network {bare} requires a subnet in order to boot instances on."),
]


async def test_nova_attaches_a_server_to_what_its_project_may_use(world: World) -> None:
    demo = await user(world, "demo")
    async with world.session.post(
        world.cloud.endpoints["keystone"] + "/v3/auth/tokens", json=credentials("nova", project="service")
    ) as response:
        nova = Neutron(Api(world.session, world.cloud, response.headers["X-Subject-Token"]))
    mine, bare = [(await demo.make("network", name=name))["id"] for name in ("mine", "bare")]
    await demo.make("subnet", network_id=mine, cidr="10.1.0.0/24", ip_version=4)
    for path, status, message in ATTACHING:
        asked = f"networks/{path.format(mine=mine, bare=bare, **ID)}"
        found, body = await nova("GET", asked)
        assert found == status, body
        if status == 200:
            assert await nova.get(f"ports/{body['network']['port']['id']}") == body["network"]["port"]
        else:
            assert message.format(mine=mine, bare=bare) in body["NeutronError"]["message"]
    [port] = await demo.get("ports?device_id=d")
    assert (port["project_id"], port["device_owner"]) == (ID["demo"], "compute:nova")
    released = {"device_id": "", "device_owner": "", "binding:host_id": ""}
    assert (await nova("PUT", f"ports/{port['id']}", {"port": released}))[1]["port"]["status"] == "DOWN"


async def test_a_mac_address_follows_from_the_ports_id_unless_another_port_has_it() -> None:
    """A world with a seed gives a port the same id again."""

    async def attached(*taken: str) -> tuple[str, str]:
        async with a_world(Settings(pace=0, seed=1)) as world:
            demo = await user(world, "demo")
            for mac_address in taken:
                await demo.make("port", network_id=PRIVATE, mac_address=mac_address)
            port = (await demo.get(f"networks/{PRIVATE}?device_id=d"))["port"]
            return port["id"], port["mac_address"]

    port_id, first = await attached()
    assert first == f"fa:16:3e:{port_id[:2]}:{port_id[2:4]}:{port_id[4:6]}"
    again, second = await attached(first)
    assert (again, second != first) == (port_id, True)
    assert (await attached(first, second))[1] not in {first, second}


STEPS = st.lists(st.tuples(st.sampled_from(["device", "port", "readdress", "delete"]), st.integers(0, 9)), max_size=25)


@given(steps=STEPS)
@settings(deadline=None, max_examples=8)
def test_addresses_are_never_given_twice_and_come_back(steps: list[tuple[str, int]]) -> None:
    """Whatever is done with ports of a network with six addresses."""
    asyncio.run(_shuffle(steps))


async def _shuffle(steps: list[tuple[str, int]]) -> None:
    async with a_world() as world:
        demo = await user(world, "demo")
        network = (await demo.make("network"))["id"]
        await demo.make("subnet", network_id=network, cidr="10.1.0.0/29", ip_version=4, gateway_ip=None)
        for what, number in steps:
            await _act(demo, network, what, number)
            held = [fixed["ip_address"] for port in await demo.get("ports") for fixed in port["fixed_ips"]]
            assert len(held) == len(set(held)) <= 6
        for port in await demo.get("ports"):
            assert await demo("DELETE", f"ports/{port['id']}") == (204, None)
        given = [(await demo.make("port", network_id=network))["fixed_ips"][0]["ip_address"] for _ in range(6)]
        assert len(set(given)) == 6


async def _act(demo: Neutron, network: str, what: str, number: int) -> None:
    ports = [port["id"] for port in await demo.get("ports")]
    some = ports[number % len(ports)] if ports else NOWHERE
    wanted = [{"ip_address": f"10.1.0.{number % 6 + 1}"}]
    status, _ = await {
        "device": lambda: demo("GET", f"networks/{network}?device_id=device-{number}"),
        "port": lambda: demo("POST", "ports", {"port": {"network_id": network, "fixed_ips": wanted}}),
        "readdress": lambda: demo("PUT", f"ports/{some}", {"port": {"fixed_ips": [*wanted, {}]}}),
        "delete": lambda: demo("DELETE", f"ports/{some}"),
    }[what]()
    assert status in {200, 201, 204, 404, 409}
