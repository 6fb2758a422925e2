"""Flavors, which admins create and change, and SSH key pairs, which users import or have generated."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_public_key

from emulator.services.seed_data import PROJECTS
from tests.conftest import Api, RunningCloud
from tests.support.nova import NEWEST, built, message

DEMO = PROJECTS[1].id
MINE = {"name": "mine", "ram": 256, "vcpus": 1, "disk": 2}
ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOda92fexTdMHhji88kzOmAXUZcdnCKSFVA55Uic81tq me@here"


async def create(api: Api, **fields: Any) -> tuple[int, Any]:
    return await api("POST", "nova-api", "/v2.1/flavors", headers=NEWEST, json={"flavor": {**MINE, **fields}})


REFUSED_FLAVORS: list[tuple[dict[str, Any], int, str]] = [
    ({"id": "m1.tiny"}, 409, "Flavor with ID m1.tiny already exists."),
    ({"name": "m1.tiny"}, 409, "Flavor with name m1.tiny already exists."),
    ({"name": ""}, 400, "flavor.name"),
    ({"ram": 0}, 400, "flavor.ram"),
    ({"vcpus": "many"}, 400, "flavor.vcpus"),
    ({"disk": -1}, 400, "flavor.disk"),
    ({"ram": "0"}, 400, "flavor.ram"),
    ({"ram": "9" * 5000}, 400, "flavor.ram"),
    ({"ram": ""}, 400, "flavor.ram"),
    ({"disk": " 1"}, 400, "flavor.disk"),
    ({"rxtx_factor": "nan"}, 400, "flavor.rxtx_factor"),
    ({"rxtx_factor": 0}, 400, "flavor.rxtx_factor"),
    ({"rxtx_factor": -1.0}, 400, "flavor.rxtx_factor"),
    ({"os-flavor-access:is_public": "maybe"}, 400, "flavor.os-flavor-access:is_public"),
]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("fields", "expected", "text"), REFUSED_FLAVORS)
async def test_an_invalid_flavor_is_refused(
    shared_cloud: RunningCloud, fields: dict[str, Any], expected: int, text: str
) -> None:
    status, body = await create(await shared_cloud.api(), **fields)
    [fault] = body.values()
    assert status == fault["code"] == expected
    assert text in message(body)


async def test_a_server_keeps_its_flavor_after_that_is_deleted(running_cloud: RunningCloud) -> None:
    admin = await running_cloud.api()
    status, body = await create(admin, id="auto", description="small", swap=64)
    flavor = body["flavor"]
    assert (status, len(flavor["id"]), flavor["description"], flavor["swap"]) == (200, 36, "small", 64)
    path = f"/v2.1/flavors/{flavor['id']}"
    _, body = await admin("PUT", "nova-api", path, headers=NEWEST, json={"flavor": {"description": None}})
    assert body["flavor"] == {**flavor, "description": None}
    server = await built(admin, flavorRef=flavor["id"])
    assert (await admin("DELETE", "nova-api", path))[0] == 202
    status, body = await admin("GET", "nova-api", path)
    assert (status, body["itemNotFound"]["message"]) == (404, f"Flavor {flavor['id']} could not be found.")
    _, body = await admin("GET", "nova-api", f"/v2.1/servers/{server['id']}", headers=NEWEST)
    assert (body["server"]["flavor"]["original_name"], body["server"]["flavor"]["ram"]) == ("mine", 256)


async def test_numbers_can_be_sent_as_strings(running_cloud: RunningCloud) -> None:
    admin = await running_cloud.api()
    strings = {"ram": "256", "vcpus": "2", "disk": "0", "swap": "64", "OS-FLV-EXT-DATA:ephemeral": "1"}
    status, body = await create(admin, id=7, rxtx_factor="1.5", **strings, **{"os-flavor-access:is_public": "true"})
    assert status == 200
    assert {name: str(body["flavor"][name]) for name in strings} == strings
    assert (body["flavor"]["rxtx_factor"], body["flavor"]["os-flavor-access:is_public"]) == (1.5, True)
    quotas = {"quota_set": {"cores": "3", "instances": "-1", "force": "true"}}
    _, body = await admin("PUT", "nova-api", f"/v2.1/os-quota-sets/{DEMO}", json=quotas)
    assert (body["quota_set"]["cores"], body["quota_set"]["instances"]) == (3, -1)
    options = {"min_count": "1", "max_count": "2", "return_reservation_id": "false", "description": "null"}
    status, body = await admin.create(headers=NEWEST, **options)
    assert status == 202
    _, shown = await admin("GET", "nova-api", f"/v2.1/servers/{body['server']['id']}", headers=NEWEST)
    assert (shown["server"]["name"], shown["server"]["description"]) == ("demo-1", "null")


async def test_only_projects_with_access_use_a_flavor_that_is_not_public(running_cloud: RunningCloud) -> None:
    admin, demo, other = [await running_cloud.api(user) for user in ("admin", "demo", "alt_demo")]
    assert (await create(admin, id="7", **{"os-flavor-access:is_public": False}))[0] == 200

    async def seen(api: Api, query: str = "") -> bool:
        _, body = await api("GET", "nova-api", f"/v2.1/flavors{query}")
        return "7" in [flavor["id"] for flavor in body["flavors"]]

    async def change(how: str, path: str = "7") -> int:
        body = {how: {"tenant": DEMO}}
        return (await admin("POST", "nova-api", f"/v2.1/flavors/{path}/action", json=body))[0]

    assert not await seen(demo)
    assert [await seen(admin, query) for query in ("", "?is_public=None", "?is_public=False")] == [False, True, True]
    assert [await change("addTenantAccess") for _ in range(2)] == [200, 409]
    assert await change("addTenantAccess", "m1.tiny") == 409
    _, body = await admin("GET", "nova-api", "/v2.1/flavors/7/os-flavor-access")
    assert body == {"flavor_access": [{"flavor_id": "7", "tenant_id": DEMO}]}
    assert (await seen(demo), await seen(other)) == (True, False)
    assert (await other("GET", "nova-api", "/v2.1/flavors/7"))[0] == 404
    assert (await other.create(flavorRef="7"))[0] == 400
    assert (await demo.create(flavorRef="7"))[0] == 202
    assert [await change("removeTenantAccess") for _ in range(2)] == [200, 404]
    assert (await admin("GET", "nova-api", "/v2.1/flavors/m1.tiny/os-flavor-access"))[0] == 404


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("query", "count"), [("minRam=8192", 3), ("minDisk=160", 2), ("minRam=1000000&minDisk=1", 1)])
async def test_flavors_are_filtered_by_minimum_ram_and_disk(shared_cloud: RunningCloud, query: str, count: int) -> None:
    _, body = await (await shared_cloud.api())("GET", "nova-api", f"/v2.1/flavors/detail?{query}")
    assert len(body["flavors"]) == count


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("path", ["/v2.1/flavors", "/v2.1/flavors/detail"])
@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("minRam=x", "minRam"),
        ("minDisk=-1", "minDisk"),
        ("is_public=maybe", "is_public"),
        ("sort_key=zzz", "sort_key"),
        ("sort_key=id&sort_dir=down", "sort_dir"),
    ],
)
async def test_an_invalid_query_for_flavors_is_refused_by_the_parameters_name(
    shared_cloud: RunningCloud, path: str, query: str, key: str
) -> None:
    status, body = await (await shared_cloud.api())("GET", "nova-api", f"{path}?{query}")
    assert (status, key in body["badRequest"]["message"]) == (400, True)


@pytest.mark.asyncio(loop_scope="module")
async def test_flavors_are_sorted_by_the_query(shared_cloud: RunningCloud) -> None:
    api = await shared_cloud.api()

    async def listed(query: str) -> list[str]:
        _, body = await api("GET", "nova-api", f"/v2.1/flavors{query}")
        return [flavor["id"] for flavor in body["flavors"]]

    made = await listed("")
    by_id = sorted(made)
    assert made != by_id
    assert await listed("?sort_key=flavorid") == await listed("?sort_dir=asc") == by_id
    assert await listed("?sort_key=name&sort_dir=desc") == by_id[::-1]
    smallest = await listed("?sort_key=memory_mb&limit=1")
    assert smallest == ["m1.nano"]
    rest = await listed(f"?sort_key=memory_mb&marker={smallest[0]}")
    assert sorted(smallest + rest) == by_id


async def test_a_server_shows_the_extra_specs_that_it_was_built_with(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    path = "/v2.1/flavors/m1.tiny/os-extra_specs"
    specs = {"hw:cpu_policy": "shared", "a": "b"}
    assert await api("POST", "nova-api", path, json={"extra_specs": specs}) == (200, {"extra_specs": specs})
    server = await built(api)
    assert await api("PUT", "nova-api", f"{path}/a", json={"a": "c"}) == (200, {"a": "c"})
    assert await api("GET", "nova-api", f"{path}/a") == (200, {"a": "c"})
    assert (await api("PUT", "nova-api", f"{path}/a", json={"b": "c"}))[0] == 400
    assert (await api("POST", "nova-api", path, json={"extra_specs": {"a": 1}}))[0] == 400
    assert (await api("DELETE", "nova-api", f"{path}/a"))[0] == 200
    assert (await api("DELETE", "nova-api", f"{path}/a"))[0] == 404
    assert (await api("GET", "nova-api", path))[1]["extra_specs"] == {"hw:cpu_policy": "shared"}
    _, body = await api("GET", "nova-api", f"/v2.1/servers/{server['id']}", headers=NEWEST)
    assert body["server"]["flavor"]["extra_specs"] == specs


async def post_key(api: Api, headers: dict[str, str] | None = None, **fields: Any) -> tuple[int, Any]:
    return await api("POST", "nova-api", "/v2.1/os-keypairs", headers=headers, json={"keypair": fields})


async def test_a_key_pair_belongs_to_its_user_and_servers_can_use_it(running_cloud: RunningCloud) -> None:
    admin, demo = await running_cloud.api(), await running_cloud.api("demo")
    status, body = await post_key(demo, NEWEST, name="mine", public_key=ED25519)
    key = body["keypair"]
    assert (status, key["type"], key["fingerprint"].count(":")) == (201, "ssh", 15)
    assert "private_key" not in key
    assert (await demo("GET", "nova-api", "/v2.1/os-keypairs/mine"))[1]["keypair"]["public_key"] == ED25519
    assert (await built(demo, key_name="mine"))["key_name"] == "mine"
    assert (await admin("GET", "nova-api", "/v2.1/os-keypairs"))[1]["keypairs"] == []
    status, body = await admin("GET", "nova-api", "/v2.1/os-keypairs/mine")
    assert (status, list(body)) == (404, ["itemNotFound"])
    assert (await admin("GET", "nova-api", f"/v2.1/os-keypairs?user_id={key['user_id']}", headers=NEWEST))[1][
        "keypairs"
    ]
    assert (await demo("GET", "nova-api", "/v2.1/os-keypairs?user_id=another", headers=NEWEST))[0] == 403
    assert (await demo("DELETE", "nova-api", "/v2.1/os-keypairs/mine", headers=NEWEST))[0] == 204
    assert (await demo("DELETE", "nova-api", "/v2.1/os-keypairs/mine"))[0] == 404


async def test_a_generated_private_key_fits_its_public_key(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    status, body = await post_key(api, name="made")
    private = load_pem_private_key(body["keypair"]["private_key"].encode(), None)
    public = load_ssh_public_key(body["keypair"]["public_key"].encode())
    assert (status, private.public_key()) == (200, public)


@pytest.mark.parametrize(
    ("fields", "expected", "text"),
    [
        ({"name": "there", "public_key": ED25519}, 409, "Key pair 'there' already exists."),
        ({"name": "a/b", "public_key": ED25519}, 400, "keypair.name"),
        ({"name": "k", "public_key": "ssh-rsa nonsense!"}, 400, "Keypair data is invalid"),
        ({"name": "k", "public_key": ED25519.replace("ssh-ed25519", "ssh-rsa")}, 400, "Keypair data is invalid"),
        ({"name": "k", "public_key": ED25519, "type": "x509"}, 400, "failed to generate X509 fingerprint"),
        ({"name": "k", "public_key": ED25519, "type": "gpg"}, 400, "keypair.type"),
        ({"name": "k"}, 400, "keypair.public_key"),
    ],
)
async def test_an_invalid_key_pair_is_refused(
    running_cloud: RunningCloud, fields: dict[str, str], expected: int, text: str
) -> None:
    api = await running_cloud.api()
    await post_key(api, name="there", public_key=ED25519)
    status, body = await post_key(api, NEWEST, **fields)
    [fault] = body.values()
    assert status == fault["code"] == expected
    assert text in message(body)
