"""The hosts of the cloud, of which nova-api asks the scheduler over the bus."""

import re

import aiohttp

from emulator.cloud import Settings, serve
from emulator.plumbing.export import Export
from emulator.traces import spans_from_sdk, tree, trees
from tests.conftest import a_world
from tests.nova import NEWEST, built


async def test_a_scheduler_that_is_not_there_is_told_soon_and_not_waited_for(amqp_url: str) -> None:
    settings = Settings(pace=0, token_secret="the secret")
    async with a_world(settings, amqp_url=amqp_url) as world:
        token = (await world.api()).token
    nowhere = dict.fromkeys(("keystone", "nova-api", "neutron-server", "glance-api"), "http://127.0.0.1:1")
    export = Export(None, keep=True)
    async with serve("nova-api", settings, export, amqp_url=amqp_url, endpoints=nowhere, port=0) as url:
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/v2.1/os-hypervisors", headers={"X-Auth-Token": token}) as response:
                body = await response.json()
    assert response.status == 503
    assert re.fullmatch(
        r"nova:scheduler did not reply to list_hosts within 3 s\.", body["serviceUnavailable"]["message"]
    )


async def test_the_hosts_are_those_that_the_scheduler_has_heard_of_with_what_is_claimed_on_them() -> None:
    async with a_world(computes=2) as world:
        api = await world.api()
        on = (await built(api, flavorRef="m1.medium"))["OS-EXT-SRV-ATTR:host"]
        _, body = await api("GET", "nova-api", "/v2.1/os-hypervisors/detail")
        hosts = {host["hypervisor_hostname"]: host for host in body["hypervisors"]}
        assert sorted(hosts) == ["compute-1", "compute-2"]
        assert [hosts[on][key] for key in ("vcpus_used", "memory_mb_used", "local_gb_used", "running_vms")] == [
            2,
            4096,
            40,
            1,
        ]
        total = (await api("GET", "nova-api", "/v2.1/os-hypervisors/statistics"))[1]["hypervisor_statistics"]
        assert (total["count"], total["vcpus"], total["memory_mb_used"]) == (2, 512, 4096)
        _, body = await api("GET", "nova-api", "/v2.1/os-services?binary=nova-compute&host=compute-2")
        [daemon] = body["services"]
        assert (daemon["state"], daemon["status"], daemon["zone"]) == ("up", "enabled", "nova")
        assert (await api("PUT", "nova-api", f"/v2.1/os-services/{daemon['id']}", json={"status": "disabled"}))[
            0
        ] == 400
        _, body = await api("GET", "nova-api", "/v2.1/os-hypervisors?with_servers=true", headers=NEWEST)
        named = {
            host["hypervisor_hostname"]: [each["name"] for each in host["servers"]] for host in body["hypervisors"]
        }
        assert named == {**{name: [] for name in hosts}, on: ["demo"]}
        path = "/v2.1/os-hypervisors?hypervisor_hostname_pattern"
        assert len((await api("GET", "nova-api", f"{path}=compute-2", headers=NEWEST))[1]["hypervisors"]) == 1
        status, body = await api("GET", "nova-api", f"{path}=nope", headers=NEWEST)
        assert (status, body["itemNotFound"]["message"]) == (404, "No hypervisor matching 'nope' could be found.")
    found = next(
        trace
        for trace in trees(spans_from_sdk(world.export.kept))
        if trace.all("nova-api", name="GET /v2.1/os-services")
    )
    assert found == tree("""
        nova-api: GET /v2.1/os-services (server)
          nova-api: publish nova:scheduler (producer) {openstack.rpc.method=list_hosts}
            nova-scheduler: process nova:scheduler (consumer)
              nova-scheduler: publish reply_{id} (producer)
                nova-api: process reply_{id} (consumer)
                  nova-api: ack reply_{id} (client)
              nova-scheduler: ack nova:scheduler (client)
    """)
