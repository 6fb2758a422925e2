"""How nova-compute attaches a server to a network: it shows the network with the server's id."""

from emulator.cloud import Settings
from tests.conftest import RunningCloud, start_cloud
from tests.support.neutron import ID, PRIVATE, user

ATTACHING = [
    ("{mine}?device_id=d&project_id={demo}", 200, ""),
    ("{mine}?device_id=d&project_id={alt_demo}", 404, "Network {mine} could not be found."),
    (PRIVATE + "?device_id=d&project_id={alt_demo}&fixed_ip=10.0.0.77", 200, ""),
    (PRIVATE + "?device_id=e&project_id={alt_demo}&fixed_ip=10.0.0.77", 409, "IP address 10.0.0.77 already allocated"),
    (PRIVATE + "?device_id=e&project_id={alt_demo}&fixed_ip=10.9.0.77", 400, "IP address 10.9.0.77 is not a valid IP"),
    ("{bare}?device_id=d&project_id={demo}", 400, "Network {bare} requires a subnet in order to boot instances on."),
]


async def test_nova_attaches_servers_only_to_networks_of_their_project(running_cloud: RunningCloud) -> None:
    """One table in one test: an address that one row takes is refused to the next."""
    demo, nova = await user(running_cloud, "demo"), await user(running_cloud, "nova")
    mine, bare = [(await demo.make("network", name=name))["id"] for name in ("mine", "bare")]
    await demo.make("subnet", network_id=mine, cidr="10.1.0.0/24", ip_version=4)
    for path, status, message in ATTACHING:
        url = f"networks/{path.format(mine=mine, bare=bare, **ID)}"
        found, body = await nova("GET", url)
        assert found == status, body
        if status == 200:
            assert await nova.get(f"ports/{body['network']['port']['id']}") == body["network"]["port"]
        else:
            assert message.format(mine=mine, bare=bare) in body["NeutronError"]["message"]
    [port] = await demo.get("ports?device_id=d")
    assert (port["project_id"], port["device_owner"]) == (ID["demo"], "compute:nova")
    released = {"device_id": "", "device_owner": "", "binding:host_id": ""}
    assert (await nova("PUT", f"ports/{port['id']}", {"port": released}))[1]["port"]["status"] == "DOWN"


async def test_only_services_attach_a_device_by_showing_a_network(running_cloud: RunningCloud) -> None:
    """Other callers that send a device id neither create a port nor see one."""
    demo, other, admin, nova = [await user(running_cloud, name) for name in ("demo", "alt_demo", "admin", "nova")]
    path = f"networks/{PRIVATE}?device_id=d&project_id="
    port = (await nova.get(path + ID["demo"]))["port"]
    for caller in (demo, other, admin):
        for project in ("demo", "alt_demo"):
            assert "port" not in await caller.get(path + ID[project])
    assert [each["id"] for each in await admin.get("ports")] == [port["id"]]
    others = (await nova.get(path + ID["alt_demo"]))["port"]
    assert (others["project_id"], others["id"] == port["id"]) == (ID["alt_demo"], False)


async def test_the_number_of_an_interface_is_checked(running_cloud: RunningCloud) -> None:
    """A number that is written in two ways would be two interfaces, or none."""
    nova = await user(running_cloud, "nova")
    for number in ("abc", "-1", "", "1.5", "%201", "%EF%BC%91", "9" * 5000):
        path = f"networks/{PRIVATE}?device_id=d&project_id={ID['demo']}&interface={number}"
        status, body = await nova("GET", path)
        assert (status, body["NeutronError"]["type"]) == (400, "HTTPBadRequest"), number
        assert body["NeutronError"]["message"].startswith("Invalid input for interface. Reason: ")
    assert await nova.get("ports") == []


async def test_a_mac_address_is_derived_from_the_port_id_unless_it_is_in_use() -> None:
    """With a seed a port gets the same id in every run."""

    async def attached(*taken: str) -> tuple[str, str]:
        async with start_cloud(Settings(pace=0, seed=1)) as running_cloud:
            demo, nova = await user(running_cloud, "demo"), await user(running_cloud, "nova")
            for mac_address in taken:
                await demo.make("port", network_id=PRIVATE, mac_address=mac_address)
            port = (await nova.get(f"networks/{PRIVATE}?device_id=d&project_id={ID['demo']}"))["port"]
            return port["id"], port["mac_address"]

    port_id, first = await attached()
    assert first == f"fa:16:3e:{port_id[:2]}:{port_id[2:4]}:{port_id[4:6]}"
    again, second = await attached(first)
    assert (again, second != first) == (port_id, True)
    assert (await attached(first, second))[1] not in {first, second}
