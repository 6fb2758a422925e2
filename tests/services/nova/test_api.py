"""Nova's API as stock clients expect it: complete objects, and requests that only admins may make."""

from typing import Any

import pytest

from emulator.services.seed_data import PROJECTS, resource_id
from tests.conftest import RunningCloud
from tests.support.nova import NEWEST, a_server, built, field, names

CIRROS = resource_id("image", "cirros")
ADMIN, DEMO = (project.id for project in PROJECTS[:2])
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"

NEEDED = [
    ("/v2.1/flavors/detail?is_public=None", "flavors.0", "id name ram vcpus disk links extra_specs"),
    ("/v2.1/flavors", "flavors.0", "id name links"),
    ("/v2.1/flavors/m1.tiny", "flavor", "id name ram vcpus disk swap rxtx_factor OS-FLV-EXT-DATA:ephemeral"),
    ("/v2.1/flavors/m1.tiny/os-extra_specs", "extra_specs", ""),
    ("/v2.1/servers", "servers.0", "id name links"),
    ("/v2.1/servers/detail?deleted=False", "servers.0", "id name status addresses flavor image metadata created"),
    ("/v2.1/os-hypervisors", "hypervisors.0", "id hypervisor_hostname state status"),
    ("/v2.1/os-hypervisors/detail", "hypervisors.0", "id hypervisor_hostname state status service hypervisor_type"),
    ("/v2.1/os-services", "services.0", "id binary host zone status state updated_at disabled_reason"),
    ("/v2.1/os-availability-zone", "availabilityZoneInfo.0", "zoneName zoneState hosts"),
    ("/v2.1/os-availability-zone/detail", "availabilityZoneInfo.0.zoneState", "available"),
    ("/v2.1/limits?reserved=False", "limits.absolute", "maxTotalInstances totalInstancesUsed maxTotalCores"),
    (f"/v2.1/os-quota-sets/{ADMIN}", "quota_set", "id instances cores ram key_pairs metadata_items"),
    (f"/v2.1/os-quota-sets/{ADMIN}/defaults", "quota_set", "id instances cores ram"),
    (f"/v2.1/os-quota-sets/{ADMIN}/detail", "quota_set.instances", "limit in_use reserved"),
    ("/v2.1/os-keypairs", "keypairs", ""),
    ("/v2.1/os-aggregates", "aggregates", ""),
    ("/v2.1/os-simple-tenant-usage?detailed=1", "tenant_usages.0.server_usages.0", "name hours vcpus state started_at"),
    (f"/v2.1/os-simple-tenant-usage/{ADMIN}", "tenant_usage", "tenant_id start stop total_hours server_usages"),
    ("/v2.1/os-server-groups", "server_groups", ""),
    ("/v2.1/extensions", "extensions.0", "alias name description links updated"),
    ("/v2.1/extensions/os-keypairs", "extension", "alias name"),
]
"""A path, a place in the answer, and the fields that must be there."""

SERVER = {
    "id": str,
    "name": str,
    "status": "ACTIVE",
    "tenant_id": ADMIN,
    "user_id": str,
    "metadata": {},
    "hostId": str,
    "image": {"id": CIRROS, "links": list},
    "flavor": {
        "original_name": "m1.tiny",
        "ram": 512,
        "vcpus": 1,
        "disk": 1,
        "ephemeral": 0,
        "swap": 0,
        "extra_specs": {},
    },
    "created": str,
    "updated": str,
    "addresses": {"private": list},
    "accessIPv4": "",
    "accessIPv6": "",
    "links": list,
    "progress": 0,
    "config_drive": "",
    "key_name": None,
    "locked": False,
    "locked_reason": None,
    "description": None,
    "tags": [],
    "trusted_image_certificates": None,
    "server_groups": [],
    "pinned_availability_zone": None,
    "host_status": "UP",
    "security_groups": [{"name": "default"}],
    "os-extended-volumes:volumes_attached": [],
    "OS-DCF:diskConfig": "MANUAL",
    "OS-EXT-AZ:availability_zone": "nova",
    "OS-EXT-STS:vm_state": "active",
    "OS-EXT-STS:task_state": None,
    "OS-EXT-STS:power_state": 1,
    "OS-SRV-USG:launched_at": str,
    "OS-SRV-USG:terminated_at": None,
    "OS-EXT-SRV-ATTR:host": "compute-1",
    "OS-EXT-SRV-ATTR:hypervisor_hostname": "compute-1",
    "OS-EXT-SRV-ATTR:instance_name": "instance-00000001",
    "OS-EXT-SRV-ATTR:hostname": "demo",
    "OS-EXT-SRV-ATTR:reservation_id": str,
    "OS-EXT-SRV-ATTR:launch_index": 0,
    "OS-EXT-SRV-ATTR:kernel_id": "",
    "OS-EXT-SRV-ATTR:ramdisk_id": "",
    "OS-EXT-SRV-ATTR:root_device_name": "/dev/vda",
    "OS-EXT-SRV-ATTR:user_data": None,
}
"""A server as an admin sees it in 2.96: the values, or their types."""

FOR_ADMINS = [
    ("GET", "/v2.1/os-hypervisors", "os-hypervisors:list"),
    ("GET", "/v2.1/os-hypervisors/detail", "os-hypervisors:list-detail"),
    ("GET", f"/v2.1/os-hypervisors/{UNKNOWN_ID}", "os-hypervisors:show"),
    ("GET", "/v2.1/os-hypervisors/statistics", "os-hypervisors:statistics"),
    ("GET", "/v2.1/os-services", "os-services:list"),
    ("PUT", f"/v2.1/os-services/{UNKNOWN_ID}", "os-services:update"),
    ("GET", "/v2.1/os-availability-zone/detail", "os-availability-zone:detail"),
    ("GET", "/v2.1/os-aggregates", "os-aggregates:index"),
    ("GET", "/v2.1/os-simple-tenant-usage", "os-simple-tenant-usage:list"),
    ("GET", f"/v2.1/os-simple-tenant-usage/{ADMIN}", "os-simple-tenant-usage:show"),
    ("GET", "/v2.1/servers?all_tenants=1", "servers:index:get_all_tenants"),
    ("GET", "/v2.1/servers/detail?all_projects=True", "servers:detail:get_all_tenants"),
    ("GET", f"/v2.1/limits?tenant_id={ADMIN}", "limits:other_project"),
    ("GET", f"/v2.1/os-quota-sets/{ADMIN}", "os-quota-sets:show"),
    ("GET", f"/v2.1/os-quota-sets/{ADMIN}/detail", "os-quota-sets:detail"),
    ("PUT", f"/v2.1/os-quota-sets/{DEMO}", "os-quota-sets:update"),
    ("DELETE", f"/v2.1/os-quota-sets/{DEMO}", "os-quota-sets:delete"),
    ("POST", "/v2.1/flavors", "os-flavor-manage:create"),
    ("PUT", "/v2.1/flavors/m1.tiny", "os-flavor-manage:update"),
    ("DELETE", "/v2.1/flavors/m1.tiny", "os-flavor-manage:delete"),
    ("POST", "/v2.1/flavors/m1.tiny/action", "os-flavor-access:add_tenant_access"),
    ("GET", "/v2.1/flavors/m1.tiny/os-flavor-access", "os-flavor-access"),
    ("POST", "/v2.1/flavors/m1.tiny/os-extra_specs", "os-flavor-extra-specs:create"),
    ("PUT", "/v2.1/flavors/m1.tiny/os-extra_specs/a", "os-flavor-extra-specs:update"),
    ("DELETE", "/v2.1/flavors/m1.tiny/os-extra_specs/a", "os-flavor-extra-specs:delete"),
]


def differs(shown: Any, expected: Any) -> bool:
    """Whether a value differs from the expected one, or is not of the expected type."""
    if isinstance(expected, type):
        return not isinstance(shown, expected)
    if isinstance(expected, dict) and isinstance(shown, dict) and shown.keys() == expected.keys():
        return any(differs(shown[key], expected[key]) for key in expected)
    return bool(shown != expected)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("path", "place", "needed"), NEEDED, ids=[path for path, _, _ in NEEDED])
async def test_answers_have_every_field_that_clients_need(
    shared_cloud: RunningCloud, path: str, place: str, needed: str
) -> None:
    api = await shared_cloud.api()
    if await names(api, "") == []:
        await a_server(api)
    status, body = await api("GET", "nova-api", path, headers=NEWEST)
    assert status == 200, body
    assert [name for name in needed.split() if name not in field(body, place)] == []


async def test_members_do_not_see_a_servers_infrastructure_fields(running_cloud: RunningCloud) -> None:
    admin, demo = await running_cloud.api(), await running_cloud.api("demo")
    server_id = (await built(admin))["id"]
    shown = (await admin("GET", "nova-api", f"/v2.1/servers/{server_id}", headers=NEWEST))[1]["server"]
    wrong = {key: shown.get(key) for key in {*shown, *SERVER} if differs(shown.get(key, "nothing"), SERVER.get(key))}
    assert not wrong
    base = running_cloud.cloud.endpoints["nova-api"]
    assert [link["href"] for link in shown["links"]] == [
        f"{base}/v2.1/servers/{server_id}",
        f"{base}/servers/{server_id}",
    ]
    own_id = (await built(demo))["id"]
    own = (await demo("GET", "nova-api", f"/v2.1/servers/{own_id}", headers=NEWEST))[1]["server"]
    hidden = {key for key in SERVER if key.startswith("OS-EXT-SRV-ATTR:")} - {"OS-EXT-SRV-ATTR:hostname"}
    assert own.keys() == SERVER.keys() - hidden - {"host_status"}
    assert own["hostId"] not in {"", shown["hostId"]}, "it differs from project to project"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("method", "path", "rule"), FOR_ADMINS)
async def test_a_member_is_refused_by_the_name_of_the_policy_rule(
    shared_cloud: RunningCloud, method: str, path: str, rule: str
) -> None:
    demo = await shared_cloud.api("demo")
    status, body = await demo(method, "nova-api", path, headers={"OpenStack-API-Version": "compute 2.60"})
    expected = f"Policy doesn't allow os_compute_api:{rule} to be performed."
    assert (status, body) == (403, {"forbidden": {"code": 403, "message": expected}})


async def test_every_answer_has_novas_own_request_id_header(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    requests = [("/", api.token), ("/v2.1/servers", api.token), ("/v2.1/servers/nope", api.token), ("/nope", "")]
    for path, token in (*requests, ("/v2.1/servers", "")):
        for headers in ({"X-Auth-Token": token}, {"X-Auth-Token": token, "OpenStack-API-Version": "compute 9.9"}):
            async with running_cloud.session.get(
                running_cloud.cloud.endpoints["nova-api"] + path, headers=headers
            ) as answer:
                assert answer.headers["X-Compute-Request-Id"] == answer.headers["X-OpenStack-Request-ID"], path


async def test_only_admins_find_a_server_of_another_project(running_cloud: RunningCloud) -> None:
    admin, demo, other = [await running_cloud.api(user) for user in ("admin", "demo", "alt_demo")]
    path = f"/v2.1/servers/{(await built(demo))['id']}"
    for method in ("GET", "DELETE"):
        status, body = await other(method, "nova-api", path)
        assert (status, list(body)) == (404, ["itemNotFound"])
    assert await names(other, "") == await names(admin, "") == []
    assert (await admin("GET", "nova-api", path))[1]["server"]["tenant_id"] == DEMO
    assert (await admin("DELETE", "nova-api", path))[0] == 204
    await demo.until(path.rpartition("/")[2], "GONE")
