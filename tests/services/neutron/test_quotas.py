"""Neutron's quotas."""

from tests.conftest import RunningCloud
from tests.support.neutron import ID, PRIVATE, user


async def test_quotas_are_counted_by_project_and_set_by_admins(running_cloud: RunningCloud) -> None:
    demo, admin, nova = [await user(running_cloud, name) for name in ("demo", "admin", "nova")]
    path = f"quotas/{ID['demo']}"
    network = (await demo.make("network", name="mine"))["id"]
    await demo.make("subnet", network_id=network, cidr="10.1.0.0/24", ip_version=4)
    await demo.make("port", network_id=network)
    status, body = await admin("PUT", path, {"quota": {"network": 1, "subnet": 1, "port": 1, "unheard_of": 1}})
    assert (status, body["quota"]["network"]) == (200, 1)
    for kind, attributes in {
        "network": {},
        "subnet": {"network_id": network, "cidr": "10.2.0.0/24", "ip_version": 4},
        "port": {"network_id": network},
    }.items():
        expected = (409, "OverQuota", f"Quota exceeded for resources: ['{kind}'].")
        assert await demo.refused("POST", f"{kind}s", {kind: attributes}) == expected
        assert (await demo.get(f"{path}/details.json"))[kind] == {"limit": 1, "used": 1, "reserved": 0}
    attaching = f"networks/{PRIVATE}?device_id=d&project_id={ID['demo']}"
    assert (await nova.refused("GET", attaching))[1] == "OverQuota"
    assert await (await user(running_cloud, "alt_demo")).make("network", name="not counted there")
    assert ID["demo"] in {quota["project_id"] for quota in await admin.get("quotas")}
    assert (await admin.refused("PUT", path, {"quota": {"port": "many"}}))[0] == 400
    assert await admin("DELETE", path) == (204, None)
    assert (await demo.get(path))["network"] == (await demo.get(f"{path}/default"))["network"] == 100
