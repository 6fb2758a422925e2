"""A user's own networks and ports, by the stock client."""

import pytest

from tests.openstack.conftest import User

pytestmark = pytest.mark.openstack


async def test_a_server_can_be_built_on_a_users_network(demo: User) -> None:
    network = await demo.json("network create own")
    assert (network["name"], network["status"], network["shared"]) == ("own", "ACTIVE", False)
    subnet = await demo.json("subnet create --network own --subnet-range 192.168.7.0/24 own-v4")
    assert (subnet["cidr"], subnet["gateway_ip"]) == ("192.168.7.0/24", "192.168.7.1")
    assert [row["Name"] for row in await demo.json("subnet list --network own")] == ["own-v4"]
    port = await demo.json("port create --network own own-port")
    assert port["fixed_ips"][0]["ip_address"].startswith("192.168.7.")

    server = await demo.json("server create --image cirros --flavor m1.tiny --network own on-own --wait")
    [address] = server["addresses"]["own"]
    assert address.startswith("192.168.7.")
    listed = await demo.json("port list --network own")
    assert address in {row["Fixed IP Addresses"][0]["ip_address"] for row in listed}
    assert "409" in (await demo.run("network delete own")).err
    await demo("server delete --wait on-own")

    await demo("network set --name mine own")
    await demo("port delete own-port")
    await demo("subnet delete own-v4")
    await demo("network delete mine")
    assert [row["Name"] for row in await demo.json("network list --name mine")] == []


async def test_a_server_gets_a_users_security_group(demo: User) -> None:
    await demo("security group create web")
    await demo("security group rule create --protocol tcp --dst-port 80 web")
    order = "server create --image cirros --flavor m1.tiny --network private --security-group web grouped --wait"
    assert (await demo.json(order))["security_groups"] == [{"name": "web"}]
    await demo("server add security group grouped default")
    await demo("server remove security group grouped web")
    assert (await demo.json("server show grouped"))["security_groups"] == [{"name": "default"}]
    await demo("server delete --wait grouped")
    await demo("security group delete web")


async def test_a_users_port_outlives_its_server(demo: User) -> None:
    port = await demo.json("port create --network private kept")
    server = await demo.json("server create --image cirros --flavor m1.tiny --port kept with-port --wait")
    assert server["addresses"]["private"] == [port["fixed_ips"][0]["ip_address"]]
    await demo("server delete --wait with-port")
    assert (await demo.json("port show kept"))["device_id"] == ""
    await demo("port delete kept")
