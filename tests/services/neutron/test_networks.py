"""Neutron's networks: creating, updating and deleting them."""

from tests.conftest import RunningCloud
from tests.support.neutron import user

IN_USE = "Unable to complete operation on subnet {}: One or more ports have an IP allocation from this subnet."


async def test_a_network_is_deleted_only_without_ports_and_with_its_subnets(running_cloud: RunningCloud) -> None:
    demo = await user(running_cloud, "demo")
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


async def test_the_project_of_a_network_cannot_be_changed(running_cloud: RunningCloud) -> None:
    demo = await user(running_cloud, "demo")
    network = (await demo.make("network"))["id"]
    assert await demo.refused("PUT", f"networks/{network}", {"network": {"tenant_id": "x"}}) == (
        *(400, "HTTPBadRequest"),
        "Cannot update read-only attribute tenant_id",
    )
