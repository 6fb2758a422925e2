"""Nova's microversions: which are supported, and which fields each has."""

from typing import Any

import pytest

from tests.conftest import Api, RunningCloud, start_cloud
from tests.support.nova import field

STANDARD, LEGACY = "OpenStack-API-Version", "X-OpenStack-Nova-API-Version"

NEGOTIATED = [
    ({}, "2.1"),
    ({STANDARD: "compute 2.1"}, "2.1"),
    ({STANDARD: "compute 2.96"}, "2.96"),
    ({LEGACY: "2.47"}, "2.47"),
    ({STANDARD: "compute latest"}, "2.96"),
    ({LEGACY: "latest"}, "2.96"),
    ({STANDARD: "compute 2.60", LEGACY: "2.5"}, "2.60"),
    ({STANDARD: "identity 3.0, Compute 2.10, volume 3.59"}, "2.10"),
    ({STANDARD: "volume 3.59"}, "2.1"),
    ({STANDARD: "volume 3.59", LEGACY: "2.7"}, "2.7"),
]

REFUSED = [
    ("compute 2.97", 406, "Version 2.97 is not supported by the API. Minimum is 2.1 and maximum is 2.96."),
    ("compute 2.0", 406, "Version 2.0 is not supported by the API. Minimum is 2.1 and maximum is 2.96."),
    ("compute 3.1", 406, "Version 3.1 is not supported by the API. Minimum is 2.1 and maximum is 2.96."),
    ("compute 2", 400, "API Version String 2 is of invalid format. Must be of format MajorNum.MinorNum."),
    ("compute newest", 400, "API Version String newest is of invalid format. Must be of format MajorNum.MinorNum."),
    ("compute 2.01", 400, "API Version String 2.01 is of invalid format. Must be of format MajorNum.MinorNum."),
]

ANYWHERE = [
    ("GET", "/v2.1", 200),
    ("GET", "/v2.1/servers", 200),
    ("GET", "/v2.1/servers/nope", 404),
    ("GET", "/v2.1/nope", 404),
    ("PATCH", "/v2.1/servers", 405),
    ("POST", "/v2.1/servers", 400),
]

SHOWN = [
    ("server", "flavor.id", "2.1", "2.47"),
    ("server", "flavor.original_name", "2.47", None),
    ("server", "flavor.extra_specs", "2.47", None),
    ("server", "OS-EXT-SRV-ATTR:host", "2.1", None),
    ("server", "OS-EXT-SRV-ATTR:hostname", "2.3", None),
    ("server", "OS-EXT-SRV-ATTR:reservation_id", "2.3", None),
    ("server", "OS-EXT-SRV-ATTR:user_data", "2.3", None),
    ("server", "locked", "2.9", None),
    ("server", "host_status", "2.16", None),
    ("server", "description", "2.19", None),
    ("server", "tags", "2.26", None),
    ("server", "trusted_image_certificates", "2.63", None),
    ("server", "server_groups", "2.71", None),
    ("server", "locked_reason", "2.73", None),
    ("server", "pinned_availability_zone", "2.96", None),
    ("flavor", "description", "2.55", None),
    ("flavor", "extra_specs", "2.61", None),
    ("quota_set", "instances", "2.1", None),
    ("quota_set", "floating_ips", "2.1", "2.36"),
    ("quota_set", "injected_files", "2.1", "2.57"),
    ("limits.absolute", "maxImageMeta", "2.1", "2.39"),
    ("limits.absolute", "maxSecurityGroups", "2.1", "2.36"),
    ("limits.absolute", "maxPersonality", "2.1", "2.57"),
    ("services.0", "forced_down", "2.11", None),
    ("hypervisors.0", "vcpus_used", "2.1", "2.88"),
    ("hypervisors.0", "uptime", "2.88", None),
]
"""A resource, one of its fields, the version that added the field, and the version that removed it."""


def has(what: Any, path: str) -> bool:
    try:
        field(what, path)
    except LookupError:
        return False
    return True


def before(version: str) -> str:
    return f"2.{int(version[2:]) - 1}"


async def in_version(api: Api, version: str, path: str) -> Any:
    status, body = await api("GET", "nova-api", path, headers={STANDARD: f"compute {version}"})
    assert status == 200, body
    return body


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("method", "path", "status"), ANYWHERE)
@pytest.mark.parametrize(("headers", "version"), NEGOTIATED)
async def test_every_answer_names_its_microversion(
    shared_cloud: RunningCloud, method: str, path: str, status: int, headers: dict[str, str], version: str
) -> None:
    url, token = shared_cloud.cloud.endpoints["nova-api"] + path, (await shared_cloud.api()).token
    async with shared_cloud.session.request(method, url, headers={"X-Auth-Token": token, **headers}) as response:
        answered = response.headers
        assert response.status == status
    assert (answered[STANDARD], answered[LEGACY]) == (f"compute {version}", version)
    assert answered.getall("Vary") == [STANDARD, LEGACY]


@pytest.mark.asyncio(loop_scope="module")
async def test_the_versions_are_listed_with_v2_0_first(shared_cloud: RunningCloud) -> None:
    url = shared_cloud.cloud.endpoints["nova-api"]
    async with shared_cloud.session.get(url) as response:
        listed = (await response.json())["versions"]
    assert [version["id"] for version in listed] == ["v2.0", "v2.1"]
    assert (listed[0]["version"], listed[0]["min_version"]) == ("", "")
    for version in listed:
        [link] = version["links"]
        async with shared_cloud.session.get(link["href"]) as response:
            assert (await response.json())["version"]["links"] == [link]


@pytest.mark.asyncio(loop_scope="module")
async def test_v2_0_is_2_1_without_microversions(shared_cloud: RunningCloud) -> None:
    api, url = await shared_cloud.api(), shared_cloud.cloud.endpoints["nova-api"] + "/v2/flavors/detail"
    headers = {"X-Auth-Token": api.token, STANDARD: "compute 2.96"}
    async with shared_cloud.session.get(url, headers=headers) as response:
        assert STANDARD not in response.headers
        [first, *_] = (await response.json())["flavors"]
    assert "extra_specs" not in first
    assert first["links"][0]["href"].endswith(f"/v2/flavors/{first['id']}")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_401_names_its_microversion_too(shared_cloud: RunningCloud) -> None:
    url = shared_cloud.cloud.endpoints["nova-api"] + "/v2.1/servers"
    async with shared_cloud.session.get(url, headers={LEGACY: "2.5"}) as response:
        assert (response.status, response.headers[LEGACY]) == (401, "2.5")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("header", [STANDARD, LEGACY])
@pytest.mark.parametrize(("version", "expected", "text"), REFUSED)
async def test_an_unsupported_microversion_is_refused_as_by_nova(
    shared_cloud: RunningCloud, header: str, version: str, expected: int, text: str
) -> None:
    api = await shared_cloud.api()
    headers = {header: version if header == STANDARD else version.removeprefix("compute ")}
    status, body = await api("GET", "nova-api", "/v2.1/servers", headers=headers)
    name = "badRequest" if expected == 400 else "computeFault"
    assert (status, body) == (expected, {name: {"code": expected, "message": text}})


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("path", "key"), [("/", "versions.1"), ("/v2.1", "version"), ("/v2.1/", "version")])
async def test_discovery_names_the_supported_microversions(shared_cloud: RunningCloud, path: str, key: str) -> None:
    base = shared_cloud.cloud.endpoints["nova-api"]
    async with shared_cloud.session.get(base + path) as response:
        version = field(await response.json(), key)
    assert (version["id"], version["status"]) == ("v2.1", "CURRENT")
    assert (version["min_version"], version["version"]) == ("2.1", "2.96")
    assert version["links"] == [{"rel": "self", "href": f"{base}/v2.1/"}]


async def test_microversions_add_and_remove_fields_as_in_nova() -> None:
    async with start_cloud() as running_cloud:
        api = await running_cloud.api()
        booted = await running_cloud.boot()
        project = (await in_version(api, "2.1", f"/v2.1/servers/{booted.server_id}"))["server"]["tenant_id"]
        paths = {
            "server": f"/v2.1/servers/{booted.server_id}",
            "flavor": "/v2.1/flavors/m1.tiny",
            "quota_set": f"/v2.1/os-quota-sets/{project}",
            "limits.absolute": "/v2.1/limits",
            "services.0": "/v2.1/os-services",
            "hypervisors.0": "/v2.1/os-hypervisors/detail",
        }
        for what, name, since, until in SHOWN:  # one boot for all: each row is a few requests
            looks = {since: True, **({before(since): False} if since != "2.1" else {})}
            looks |= {until: False, before(until): True} if until is not None else {"2.96": True}
            for version, there in looks.items():
                found = field(await in_version(api, version, paths[what]), what)
                assert has(found, name) == there, f"{what}.{name} in {version}: {found}"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("version", "kind"), [("2.52", int), ("2.53", str)])
async def test_hypervisors_and_services_have_uuids_since_2_53(
    shared_cloud: RunningCloud, version: str, kind: type
) -> None:
    api = await shared_cloud.api()
    service = (await in_version(api, version, "/v2.1/os-services"))["services"][0]
    hypervisor = (await in_version(api, version, "/v2.1/os-hypervisors"))["hypervisors"][0]
    assert (type(service["id"]), type(hypervisor["id"])) == (kind, kind)
    again = await in_version(api, version, f"/v2.1/os-hypervisors/{hypervisor['id']}")
    assert again["hypervisor"]["hypervisor_hostname"] == hypervisor["hypervisor_hostname"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("version", "networks", "expected"),
    [
        ("2.36", "auto", 400),
        ("2.36", "none", 400),
        ("2.36", None, 202),
        ("2.36", [], 202),
        ("2.37", None, 400),
        ("2.37", "none", 202),
        ("2.37", "some", 400),
    ],
)
async def test_networks_are_required_since_2_37_and_can_be_auto_or_none(
    shared_cloud: RunningCloud, version: str, networks: Any, expected: int
) -> None:
    api = await shared_cloud.api()
    status, body = await api.create(headers={STANDARD: f"compute {version}"}, networks=networks)
    assert status == expected
    if status == 400:
        assert "server.networks" in body["badRequest"]["message"]
    else:
        await api.gone(body["server"]["id"])
