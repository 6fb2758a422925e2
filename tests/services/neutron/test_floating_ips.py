"""Floating IPs: addresses of external networks that are associated with ports. Nova shows those of its servers."""

from typing import Any

from spantree import spans_from_sdk
from tests.conftest import RunningCloud, eventually, start_cloud
from tests.support.neutron import ID, PRIVATE, PUBLIC, UNKNOWN_ID, Neutron, user
from tests.support.nova import built_on

WHOLE = (
    "id tenant_id project_id description tags created_at updated_at revision_number floating_network_id "
    "floating_ip_address fixed_ip_address port_id port_details router_id status"
)
TO_PUBLIC = {"floating_network_id": PUBLIC}


async def float_to(user: Neutron, floating: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    """Update a floating IP, and return the result."""
    status, body = await user("PUT", f"floatingips/{floating['id']}", {"floatingip": attributes})
    assert status == 200, body
    changed: dict[str, Any] = body["floatingip"]
    return changed


async def test_a_floating_ip_is_associated_reassociated_and_disassociated(running_cloud: RunningCloud) -> None:
    demo = await user(running_cloud, "demo")
    one, other = [await demo.make("port", network_id=PRIVATE, name=name) for name in ("one", "other")]
    made = await demo.make("floatingip", **TO_PUBLIC, description="mine")
    path = f"floatingips/{made['id']}"
    assert set(made) == set(WHOLE.split())
    assert (made["status"], made["port_id"], made["port_details"], made["router_id"]) == ("DOWN", None, None, None)
    assert made["floating_ip_address"].startswith("172.24.4.")
    for port in (one, other):
        led = await float_to(demo, made, port_id=port["id"])
        assert (led["status"], led["port_id"]) == ("ACTIVE", port["id"])
        assert led["fixed_ip_address"] == port["fixed_ips"][0]["ip_address"]
        assert led["port_details"] == {name: port[name] for name in led["port_details"]}
        assert await demo.get(path) == led
    described = await float_to(demo, made, description="still there")
    assert (described["port_id"], described["description"]) == (other["id"], "still there")
    assert (await float_to(demo, made, port_id=None))["fixed_ip_address"] is None
    await float_to(demo, made, port_id=one["id"])
    assert await demo("DELETE", f"ports/{one['id']}") == (204, None)
    assert (await demo.get(path))["status"] == "DOWN"
    assert await demo("PUT", f"{path}/tags", {"tags": ["blue"]}) == (200, {"tags": ["blue"]})
    assert await demo("DELETE", path) == (204, None)
    missing = (404, "FloatingIPNotFound", f"Floating IP {made['id']} could not be found")
    assert await demo.refused("GET", path) == missing


LISTS = [
    ("", "one two free"),
    ("port_id={one[port_id]}", "one"),
    ("floating_ip_address={two[floating_ip_address]}", "two"),
    ("fixed_ip_address={two[fixed_ip_address]}", "two"),
    ("status=ACTIVE", "one two"),
    ("status=DOWN", "free"),
    (f"floating_network_id={PUBLIC}&tags=blue", "free"),
    (f"floating_network_id={PRIVATE}", ""),
    (f"tenant_id={ID['demo']}&router_id=", "one two free"),
    (f"project_id={ID['admin']}", ""),
]


async def test_floating_ips_are_filtered_and_listed_by_project(running_cloud: RunningCloud) -> None:
    demo, other = await user(running_cloud, "demo"), await user(running_cloud, "alt_demo")
    made = {}
    for name in ("one", "two"):
        port = await demo.make("port", network_id=PRIVATE)
        made[name] = await demo.make("floatingip", **TO_PUBLIC, description=name, port_id=port["id"])
    made["free"] = await demo.make("floatingip", **TO_PUBLIC, description="free")
    await demo("PUT", f"floatingips/{made['free']['id']}/tags", {"tags": ["blue"]})
    for query, names in LISTS:
        found = [each["description"] for each in await demo.get(f"floatingips?{query.format(**made)}")]
        assert found == names.split(), query
    assert len(await (await user(running_cloud, "admin")).get("floatingips")) == 3
    assert await other.get("floatingips") == []
    path = f"floatingips/{made['free']['id']}"
    for method, body in (("GET", None), ("PUT", {"floatingip": {"port_id": None}}), ("DELETE", None)):
        assert (await other.refused(method, path, body))[:2] == (404, "FloatingIPNotFound")


REFUSED: list[tuple[dict[str, Any], int, str, str]] = [
    ({"floating_network_id": ""}, 400, "HTTPBadRequest", "Required attribute 'floating_network_id' not specified"),
    ({"floating_network_id": UNKNOWN_ID}, 404, "NetworkNotFound", f"Network {UNKNOWN_ID} could not be found."),
    (
        {"floating_network_id": PRIVATE},
        *(400, "BadRequest"),
        f"Bad floatingip request: Network {PRIVATE} is not a valid external network.",
    ),
    ({"floating_ip_address": "172.24.4.9"}, 403, "PolicyNotAuthorized", "rule:create_floatingip:floating_ip_address"),
    ({"subnet_id": UNKNOWN_ID}, 400, "InvalidInput", f"invalid subnet {UNKNOWN_ID}"),
    ({"project_id": "another"}, 400, "HTTPBadRequest", "requires admin or advsvc privileges"),
    ({"port_id": UNKNOWN_ID}, 404, "PortNotFound", f"Port {UNKNOWN_ID} could not be found."),
    ({"port_id": "{foreign}"}, 404, "PortNotFound", "could not be found."),
    ({"port_id": "{taken}"}, 409, "FloatingIPPortAlreadyAssociated", "as that fixed IP already has a floating IP on"),
    ({"port_id": "{two}"}, 400, "BadRequest", "Port {two} has multiple fixed IPv4 addresses.  Must provide a specific"),
    ({"port_id": "{two}", "fixed_ip_address": "10.0.0.9"}, 400, "BadRequest", "Port {two} does not have fixed ip 10.0"),
    ({"port_id": "{two}", "fixed_ip_address": "fd00::1"}, 400, "BadRequest", "since that is not an IPv4 address"),
    ({"port_id": "{two}", "fixed_ip_address": "nope"}, 400, "HTTPBadRequest", "'nope' is not a valid IP address."),
    ({"port_id": "{none}"}, 400, "BadRequest", "Cannot add floating IP to port {none} that has no fixed IPv4 address"),
    ({"port_id": "{outside}"}, 404, "ExternalGatewayForFloatingIPNotFound", f"External network {PUBLIC} is not reach"),
    ({"fixed_ip_address": "10.0.0.9"}, 400, "BadRequest", "fixed_ip_address cannot be specified without a port_id."),
    ({"description": 1}, 400, "HTTPBadRequest", "floatingip.description"),
]


async def test_an_invalid_request_is_refused_and_allocates_no_address(running_cloud: RunningCloud) -> None:
    demo, other, admin = [await user(running_cloud, name) for name in ("demo", "alt_demo", "admin")]
    two = [{"ip_address": f"10.0.0.{number}"} for number in (50, 51)]
    ports = {
        "foreign": await other.make("port", network_id=PRIVATE),
        "taken": await demo.make("port", network_id=PRIVATE),
        "two": await demo.make("port", network_id=PRIVATE, fixed_ips=two),
        "none": await demo.make("port", network_id=PRIVATE, fixed_ips=[]),
        "outside": await admin.make("port", network_id=PUBLIC, project_id=ID["demo"]),
    }
    named = {name: port["id"] for name, port in ports.items()}
    held = await demo.make("floatingip", **TO_PUBLIC, port_id=named["taken"])
    for attributes, status, kind, message in REFUSED:
        requested = {name: value.format(**named) if name == "port_id" else value for name, value in attributes.items()}
        found = await demo.refused("POST", "floatingips", {"floatingip": {**TO_PUBLIC, **requested}})
        assert found[:2] == (status, kind), f"{attributes}: {found}"
        assert message.format(**named) in found[2]
    for number in (50, 51):  # one for each address
        await demo.make("floatingip", **TO_PUBLIC, port_id=named["two"], fixed_ip_address=f"10.0.0.{number}")
    assert len(await demo.get("floatingips")) == 3
    assert len({each["floating_ip_address"] for each in await demo.get("floatingips")}) == 3
    taken = {port["fixed_ips"][0]["ip_address"] for port in await admin.get(f"ports?network_id={PUBLIC}")}
    taken |= {each["floating_ip_address"] for each in await demo.get("floatingips")}
    free = next(address for number in range(9, 99) if (address := f"172.24.4.{number}") not in taken)
    at = {"floating_network_id": PUBLIC, "floating_ip_address": free}
    assert (await admin.make("floatingip", **at))["floating_ip_address"] == free
    assert (await admin.refused("POST", "floatingips", {"floatingip": at}))[1] == "IpAddressAlreadyAllocated"
    changed = {"floatingip": {"floating_network_id": PUBLIC}}
    assert (await demo.refused("PUT", f"floatingips/{held['id']}", changed))[0] == 400
    moved = {"port": {"fixed_ips": [{"ip_address": "10.0.0.60"}]}}
    assert (await demo.refused("PUT", f"ports/{named['taken']}", moved))[2] == (
        f"Bad port request: Cannot update the fixed_ips of the port {named['taken']}, because its original fixed_ip "
        "has been associated to a floating ip."
    )
    for_others = {"floatingip": {"port_id": named["foreign"]}}
    status, body = await admin("PUT", f"floatingips/{held['id']}", for_others)
    assert (status, body["floatingip"]["port_id"]) == (200, named["foreign"])


async def test_floating_ips_have_a_quota_and_are_deleted_with_their_network(running_cloud: RunningCloud) -> None:
    demo, admin = await user(running_cloud, "demo"), await user(running_cloud, "admin")
    quota = f"quotas/{ID['demo']}"
    assert [
        (await who.get(f"quotas/{ID[name]}"))["floatingip"] for who, name in ((demo, "demo"), (admin, "admin"))
    ] == [
        50,
        -1,
    ]
    await admin("PUT", quota, {"quota": {"floatingip": 1}})
    outside = (await admin.make("network", **{"router:external": True}))["id"]
    requested = {"floatingip": {"floating_network_id": outside}}
    assert (await demo.refused("POST", "floatingips", requested))[2].endswith("does not contain any IPv4 subnet.")
    await admin.make("subnet", network_id=outside, cidr="10.9.0.0/24", ip_version=4)
    port = await demo.make("port", network_id=PRIVATE)
    made = await demo.make("floatingip", floating_network_id=outside, port_id=port["id"])
    assert await demo.refused("POST", "floatingips", requested) == (
        *(409, "OverQuota"),
        "Quota exceeded for resources: ['floatingip'].",
    )
    assert (await demo.get(f"{quota}/details"))["floatingip"] == {"limit": 1, "used": 1, "reserved": 0}
    assert (await admin.refused("DELETE", f"networks/{outside}"))[1] == "NetworkInUse"
    await float_to(demo, made, port_id=None)
    assert await admin("DELETE", f"networks/{outside}") == (204, None)
    assert await demo.get("floatingips") == []


async def test_nova_shows_the_floating_ips_of_a_server_while_associated() -> None:
    async with start_cloud() as running_cloud:
        demo = await user(running_cloud, "demo")
        server = await built_on(demo.api, [{"uuid": PRIVATE}])
        path = f"/v2.1/servers/{server['id']}"
        [fixed] = server["addresses"]["private"]
        [port] = await demo.get(f"ports?device_id={server['id']}")

        async def shows(*expected: dict[str, Any]) -> None:
            """Wait until nova has been notified."""
            await eventually(
                lambda: demo.api("GET", "nova-api", path),
                lambda seen: seen[1]["server"]["addresses"]["private"] == [*expected],
            )

        made = await demo.make("floatingip", **TO_PUBLIC, port_id=port["id"])
        floating = {**fixed, "addr": made["floating_ip_address"], "OS-EXT-IPS:type": "floating"}
        await shows(fixed, floating)
        _, body = await demo.api("GET", "nova-api", f"{path}/ips/private")
        assert [each["addr"] for each in body["private"]] == [fixed["addr"], floating["addr"]]
        await float_to(demo, made, port_id=None)
        await shows(fixed)
        await float_to(demo, made, port_id=port["id"])
        await shows(fixed, floating)
        await demo("DELETE", f"floatingips/{made['id']}")
        await shows(fixed)
        kept = await demo.make("floatingip", **TO_PUBLIC, port_id=port["id"])
        await demo.api.gone(server["id"])
        assert (await demo.get(f"floatingips/{kept['id']}"))["port_id"] is None
    notified = [span for span in spans_from_sdk(running_cloud.export.kept) if span.name == "publish neutron_fanout"]
    assert [span.attributes["openstack.server.id"] for span in notified] == [server["id"]] * 6
