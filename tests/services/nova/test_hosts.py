"""The compute hosts, for which nova-api calls the scheduler over the bus."""

import re
from typing import Any

import aiohttp

from emulator.cloud import Settings, run_service
from emulator.runtime.export import Export
from emulator.services.registry import APIS
from spantree import spans_from_sdk, tree, trees
from tests.conftest import RunningCloud, start_cloud
from tests.support.nova import NEWEST, built, message


async def test_without_a_scheduler_a_list_of_hosts_is_503_after_3_s(amqp_url: str) -> None:
    settings = Settings(pace=0, token_secret="the secret")
    async with start_cloud(settings, amqp_url=amqp_url) as running_cloud:
        token = (await running_cloud.api()).token
    nowhere = dict.fromkeys(APIS, "http://127.0.0.1:1")
    export = Export(None, keep=True)
    async with run_service("nova-api", settings, export, amqp_url=amqp_url, endpoints=nowhere, port=0) as url:
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/v2.1/os-hypervisors", headers={"X-Auth-Token": token}) as response:
                body = await response.json()
    assert response.status == 503
    assert re.fullmatch(
        r"nova:scheduler did not reply to list_hosts within 3 s\.", body["serviceUnavailable"]["message"]
    )


async def test_hypervisors_show_the_schedulers_hosts_and_claims() -> None:
    async with start_cloud(computes=2) as running_cloud:
        api = await running_cloud.api()
        server = await built(api, flavorRef="m1.medium")
        on = server["OS-EXT-SRV-ATTR:host"]
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
        status, body = await api("GET", "nova-api", "/v2.1/os-hypervisors/compute/servers")
        assert status == 200
        assert {host["hypervisor_hostname"]: host.get("servers") for host in body["hypervisors"]} == {
            **dict.fromkeys(hosts),
            on: [{"name": "demo", "uuid": server["id"]}],
        }
        status, body = await api("GET", "nova-api", "/v2.1/os-hypervisors/e-2/search")
        assert (status, [host["hypervisor_hostname"] for host in body["hypervisors"]]) == (200, ["compute-2"])
        for how in ("search", "servers"):
            status, body = await api("GET", "nova-api", f"/v2.1/os-hypervisors/nope/{how}")
            assert (status, message(body)) == (404, "No hypervisor matching 'nope' could be found.")
            assert (await api("GET", "nova-api", f"/v2.1/os-hypervisors/e/{how}", headers=NEWEST))[0] == 404
            demo = await running_cloud.api("demo")
            assert (await demo("GET", "nova-api", f"/v2.1/os-hypervisors/e/{how}"))[0] == 403
        path = "/v2.1/os-hypervisors?hypervisor_hostname_pattern"
        assert len((await api("GET", "nova-api", f"{path}=compute-2", headers=NEWEST))[1]["hypervisors"]) == 1
        status, body = await api("GET", "nova-api", f"{path}=nope", headers=NEWEST)
        assert (status, body["itemNotFound"]["message"]) == (404, "No hypervisor matching 'nope' could be found.")
    found = next(
        trace
        for trace in trees(spans_from_sdk(running_cloud.export.kept))
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


async def test_an_unknown_service_cannot_be_changed(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    for service, expected, text in (
        ("00000000-0000-4000-8000-000000000000", 404, "could not be found."),
        ("nope", 400, "Invalid uuid nope"),
    ):
        path = f"/v2.1/os-services/{service}"
        status, body = await api("PUT", "nova-api", path, json={"status": "enabled"}, headers=NEWEST)
        assert (status, text in message(body)) == (expected, True), body


ON_COMPUTE_2: list[dict[str, Any]] = [
    {"host": "compute-2"},
    {"hypervisor_hostname": "compute-2"},
    {"host": "compute-2", "hypervisor_hostname": "compute-2"},
    {"availability_zone": "nova:compute-2"},
    {"availability_zone": "nova:compute-2:compute-2"},
    {"availability_zone": "nova::compute-2"},
]

REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("admin", {"host": "nope"}, 400, "Compute host nope could not be found."),
    ("admin", {"availability_zone": "nova:nope"}, 400, "Compute host nope could not be found."),
    ("admin", {"host": "compute-1", "hypervisor_hostname": "compute-2"}, 400, "Compute host compute-2 could not"),
    ("admin", {"host": "compute-1", "availability_zone": "nova:compute-1"}, 400, "are mutually exclusive."),
    ("admin", {"availability_zone": "nova:a:b:c"}, 400, "Invalid input received: Unable to parse availability_zone"),
    ("admin", {"availability_zone": "mars:compute-1"}, 400, "The requested availability zone is not available"),
    ("admin", {"host": ""}, 400, "server.host"),
    (
        "demo",
        {"host": "compute-1"},
        403,
        "Policy doesn't allow compute:servers:create:requested_destination to be performed.",
    ),
    (
        "demo",
        {"availability_zone": "nova:nope"},
        403,
        "Policy doesn't allow os_compute_api:servers:create:forced_host to be performed.",
    ),
]


async def test_the_scheduler_keeps_only_the_host_that_an_admin_requests() -> None:
    async with start_cloud(computes=2) as running_cloud:
        users = {name: await running_cloud.api(name) for name in ("admin", "demo")}
        for user, fields, expected, text in REFUSED:
            status, body = await users[user].create(headers=NEWEST, **fields)
            assert (status, text in message(body)) == (expected, True), (fields, body)
        for fields in ON_COMPUTE_2:
            server = await built(users["admin"], **fields)
            shown = server["OS-EXT-SRV-ATTR:host"], server["OS-EXT-AZ:availability_zone"]
            assert shown == ("compute-2", "nova"), fields
        assert (await users["demo"].create(host="compute-1"))[0] == 202, "a field that 2.1 does not know"
        _, body = await users["admin"].create(headers=NEWEST, host="compute-2", flavorRef="m1.huge")
        failed = await users["admin"].until(body["server"]["id"], "ERROR")
        assert failed["fault"]["message"].endswith("hosts=2, requested_host=compute-2.")
    chosen = [span for span in spans_from_sdk(running_cloud.export.kept) if span.name == "select_destinations"]
    events = [event.attributes for span in chosen for event in span.events if event.name == "filter"]
    kept = [
        each["openstack.scheduler.hosts.after"]
        for each in events
        if each["openstack.scheduler.filter"] == "RequestedDestinationFilter"
    ]
    assert [list(hosts) for hosts in kept] == [["compute-2"]] * (len(ON_COMPUTE_2) + 1)
