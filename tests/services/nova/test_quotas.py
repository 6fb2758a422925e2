"""Quotas of projects, and their usage."""

from typing import Any

import pytest

from emulator.services.seed_data import PROJECTS
from tests.conftest import Api, RunningCloud
from tests.support.nova import NEWEST, built, names

DEMO = PROJECTS[1].id


async def quota(api: Api, **limits: Any) -> tuple[int, Any]:
    return await api("PUT", "nova-api", f"/v2.1/os-quota-sets/{DEMO}", json={"quota_set": limits})


async def refusal(api: Api, **fields: Any) -> str:
    status, body = await api.create(networks=[], **fields)
    assert status == 403, body
    return str(body["forbidden"]["message"])


async def test_a_project_cannot_exceed_the_quota_that_an_admin_sets(running_cloud: RunningCloud) -> None:
    admin, demo = await running_cloud.api(), await running_cloud.api("demo")
    status, body = await quota(admin, instances=3, cores=5, ram=4096)
    assert status == 200
    assert (body["quota_set"]["instances"], body["quota_set"]["cores"], body["quota_set"]["ram"]) == (3, 5, 4096)
    used = "Requested {}, but already used {} of {}"
    assert await refusal(demo, min_count=4) == f"Quota exceeded for instances: {used.format(4, 0, 3)} instances"
    assert await refusal(demo, flavorRef="m1.xlarge") == (
        f"Quota exceeded for cores, ram: {used.format('8, 16384', '0, 0', '5, 4096')} cores, ram"
    )
    assert (await demo.create(networks=[], flavorRef="m1.small"))[0] == 202
    assert await refusal(demo, flavorRef="m1.small", min_count=2) == (
        f"Quota exceeded for ram: {used.format(4096, 2048, 4096)} ram"
    )
    assert (await demo.create(networks=[], name="some", max_count=10**9))[0] == 202, "as many as fit"
    assert await names(demo, "name=some") == ["some-2", "some-1"]
    assert await refusal(demo) == f"Quota exceeded for instances: {used.format(1, 3, 3)} instances"

    limits = (await demo("GET", "nova-api", "/v2.1/limits"))[1]["limits"]["absolute"]
    assert [limits[f"maxTotal{what}"] for what in ("Instances", "Cores", "RAMSize")] == [3, 5, 4096]
    assert [limits[f"total{what}Used"] for what in ("Instances", "Cores", "RAM")] == [3, 3, 2048 + 2 * 512]
    detail = (await demo("GET", "nova-api", f"/v2.1/os-quota-sets/{DEMO}/detail"))[1]["quota_set"]
    assert detail["cores"] == {"limit": 5, "in_use": 3, "reserved": 0}

    status, body = await quota(admin, cores=1)
    assert (status, body["badRequest"]["message"]) == (
        400,
        "Quota limit 1 for cores must be greater than or equal to already used and reserved 3.",
    )
    assert (await quota(admin, cores=1, force=True))[0] == 200
    assert (await quota(admin, cores=-2))[0] == 400
    assert (await admin("DELETE", "nova-api", f"/v2.1/os-quota-sets/{DEMO}"))[0] == 202
    assert (await admin("GET", "nova-api", f"/v2.1/os-quota-sets/{DEMO}"))[1]["quota_set"]["instances"] == 10


async def test_without_a_quota_a_request_still_creates_a_thousand_at_most(running_cloud: RunningCloud) -> None:
    admin, demo = await running_cloud.api(), await running_cloud.api("demo")
    assert "Requested 10000, but already used 0 of 10" in await refusal(demo, min_count=10_000)
    assert (await quota(admin, instances=-1))[0] == 200
    assert await refusal(demo, min_count=1001) == "1001 servers are requested; one request can create 1000 at most."
    assert (await demo("GET", "nova-api", "/v2.1/servers"))[1]["servers"] == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cores", None),
        ("cores", -2),
        ("networks", 5),
        ("corez", 5),
        ("force", "perhaps"),
        ("floating_ips", 5),
    ],
)
async def test_invalid_quotas_are_refused_by_name_and_change_nothing(
    shared_cloud: RunningCloud, name: str, value: Any
) -> None:
    admin, path = await shared_cloud.api(), f"/v2.1/os-quota-sets/{DEMO}"
    before = await admin("GET", "nova-api", path)
    body = {"quota_set": {"ram": 1, name: value}}
    status, answer = await admin("PUT", "nova-api", path, headers=NEWEST, json=body)
    assert (status, f"field quota_set.{name}:" in answer["badRequest"]["message"]) == (400, True), answer
    assert await admin("GET", "nova-api", path) == before


@pytest.mark.asyncio(loop_scope="module")
async def test_quotas_of_floating_ips_are_accepted_before_2_36(shared_cloud: RunningCloud) -> None:
    admin = await shared_cloud.api()
    assert (await quota(admin, floating_ips=5))[0] == 200
    assert (await admin("DELETE", "nova-api", f"/v2.1/os-quota-sets/{DEMO}"))[0] == 202


async def test_metadata_items_have_a_quota_in_new_and_existing_servers(running_cloud: RunningCloud) -> None:
    admin, demo, three = await running_cloud.api(), await running_cloud.api("demo"), {"a": "", "b": "", "c": ""}
    path = f"/v2.1/servers/{(await built(demo))['id']}/metadata"
    for limit, text in ((2, "Maximum number of metadata items exceeds 2"), (3, None), (-1, None)):
        assert (await quota(admin, metadata_items=limit))[0] == 200
        for status, body in (
            await demo.create(metadata=three, networks=[]),
            await demo("PUT", "nova-api", path, json={"metadata": three}),
        ):
            assert (status >= 400, status == 403 and body["forbidden"]["message"]) == (
                text is not None,
                text or False,
            )


async def test_a_user_cannot_have_more_key_pairs_than_the_quota(running_cloud: RunningCloud) -> None:
    admin, demo = await running_cloud.api(), await running_cloud.api("demo")
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOda92fexTdMHhji88kzOmAXUZcdnCKSFVA55Uic81tq"
    assert (await quota(admin, key_pairs=1))[0] == 200
    answers = []
    for name, public_key in (("one", {"public_key": key}), ("two", {"public_key": key}), ("three", {})):
        body = {"keypair": {"name": name, **public_key}}
        answers.append(await demo("POST", "nova-api", "/v2.1/os-keypairs", json=body))
    refused = (403, {"forbidden": {"code": 403, "message": "Quota exceeded, too many key pairs."}})
    assert (answers[0][0], *answers[1:]) == (200, refused, refused)


async def test_usage_counts_deleted_servers(running_cloud: RunningCloud) -> None:
    demo, path = await running_cloud.api("demo"), f"/v2.1/os-simple-tenant-usage/{DEMO}"
    assert await demo("GET", "nova-api", path) == (200, {"tenant_usage": {}})
    await built(demo, name="stays")
    await demo.gone((await built(demo, name="goes"))["id"])
    _, body = await demo("GET", "nova-api", path)
    usage = body["tenant_usage"]
    assert [(each["name"], each["state"]) for each in usage["server_usages"]] == [
        ("goes", "terminated"),
        ("stays", "active"),
    ]
    assert 0 < usage["total_hours"] < 1
    assert usage["total_memory_mb_usage"] == 512 * usage["total_hours"]
    assert await demo("GET", "nova-api", f"{path}?end=2001-01-01T00:00:00&start=2000-01-01") == (
        200,
        {"tenant_usage": {}},
    )


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2001-01-01", 200),
        ("2001-01-01 00:00:00", 200),
        ("2001-01-01T00:00:00+00:00", 200),
        ("2001-01-01T00:00:00Z", 200),
        ("soon", 400),
        ("2901-01-01", 400),
    ],
)
async def test_usage_starts_at_a_time_in_the_past(shared_cloud: RunningCloud, start: str, expected: int) -> None:
    demo = await shared_cloud.api("demo")
    assert (await demo("GET", "nova-api", f"/v2.1/os-simple-tenant-usage/{DEMO}?start={start}"))[0] == expected


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "when", ["2001-01-01", "2001-01-01 00:00:00", "2001-01-01T00:00:00+00:00", "2001-01-01T00:00:00Z"]
)
async def test_changes_since_takes_a_time_in_any_iso_format(shared_cloud: RunningCloud, when: str) -> None:
    demo = await shared_cloud.api("demo")
    assert (await demo("GET", "nova-api", f"/v2.1/servers?changes-since={when}"))[0] == 200
