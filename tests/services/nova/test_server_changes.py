"""Changes of a server's record: its name, description, options and metadata."""

from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import Api, RunningCloud
from tests.support.nova import a_server, built, message


async def test_a_server_gets_another_name_and_description(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    server_id = await a_server(api)
    path = f"/v2.1/servers/{server_id}"
    version = {"X-OpenStack-Nova-API-Version": "2.19"}
    changes = {"server": {"name": "other", "description": "text", "accessIPv4": "", "unknown": 1}}
    status, body = await api("PUT", "nova-api", path, json=changes, headers=version)
    assert (status, body["server"]["name"], body["server"]["id"]) == (200, "other", server_id)
    assert (await api("GET", "nova-api", path))[1]["server"]["name"] == "other"
    assert (await api("GET", "nova-api", "/v2.1/servers?name=^other$"))[1]["servers"][0]["id"] == server_id
    status, body = await api("PUT", "nova-api", path, json={"server": {"description": None}}, headers=version)
    assert (status, body["server"]["name"]) == (200, "other")


async def test_an_update_changes_the_named_fields_only(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    path = f"/v2.1/servers/{await a_server(api)}"
    newest, older = ({"X-OpenStack-Nova-API-Version": version} for version in ("2.96", "2.89"))
    options = {
        "accessIPv4": "192.0.2.1",
        "accessIPv6": "2001:0db8:0::0001",
        "hostname": "other",
        "OS-DCF:diskConfig": "AUTO",
    }
    expected = {("OS-EXT-SRV-ATTR:hostname" if key == "hostname" else key): value for key, value in options.items()}
    expected["accessIPv6"] = "2001:db8::1"
    changes: list[tuple[dict[str, str], dict[str, str], dict[str, str]]] = [
        (newest, options, {}),
        (newest, {"name": "renamed"}, {}),
        (newest, {"accessIPv4": ""}, {"accessIPv4": ""}),
    ]
    for headers, change, more in changes:
        expected |= more
        status, body = await api("PUT", "nova-api", path, json={"server": change}, headers=headers)
        assert (status, {key: body["server"][key] for key in expected}) == (200, expected)
    assert (await api("PUT", "nova-api", path, json={"server": {"hostname": "ignored"}}, headers=older))[0] == 200
    shown = (await api("GET", "nova-api", path, headers=newest))[1]["server"]
    assert {key: shown[key] for key in expected} == expected


SHOWN_AFTER_UPDATE = (
    *("id", "name", "links", "status", "progress", "tenant_id", "user_id", "metadata", "hostId", "image", "flavor"),
    *("created", "updated", "addresses", "accessIPv4", "accessIPv6", "OS-DCF:diskConfig"),
)


@pytest.mark.parametrize(
    ("version", "more"),
    [
        ("2.1", set()),
        ("2.18", {"locked"}),
        ("2.47", {"locked", "description", "tags"}),
        (
            "2.74",
            {"locked", "description", "tags", "trusted_image_certificates", "server_groups", "locked_reason"},
        ),
    ],
)
async def test_before_2_75_an_update_is_answered_without_extensions(
    running_cloud: RunningCloud, version: str, more: set[str]
) -> None:
    api = await running_cloud.api()
    path = f"/v2.1/servers/{await a_server(api)}"
    headers = {"X-OpenStack-Nova-API-Version": version}
    shown = (await api("PUT", "nova-api", path, json={"server": {"name": "other"}}, headers=headers))[1]["server"]
    assert shown.keys() == {*SHOWN_AFTER_UPDATE, *more}
    assert [address.keys() for address in shown["addresses"]["private"]] == [{"addr", "version"}]


async def test_since_2_75_an_update_is_answered_like_a_get(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    path = f"/v2.1/servers/{await a_server(api)}"
    headers = {"X-OpenStack-Nova-API-Version": "2.75"}
    updated = (await api("PUT", "nova-api", path, json={"server": {"name": "other"}}, headers=headers))[1]
    assert updated == (await api("GET", "nova-api", path, headers=headers))[1]


@pytest.mark.parametrize(
    ("server", "field"),
    [
        ({"name": ""}, "server.name"),
        ({"name": " "}, "server.name"),
        ({"name": " a"}, "server.name"),
        ({"name": None}, "server.name"),
        ({"name": "x" * 256}, "server.name"),
        ({"name": "a\x00"}, "server.name"),
        ({"description": "x" * 256}, "server.description"),
        ({"accessIPv4": "zzz"}, "server.accessIPv4"),
        ({"accessIPv4": None}, "server.accessIPv4"),
        ({"accessIPv6": "1.2.3.4"}, "server.accessIPv6"),
        ({"hostname": "a b_"}, "server.hostname"),
        ({"hostname": 5}, "server.hostname"),
        ({"OS-DCF:diskConfig": "BY HAND"}, "server.OS-DCF:diskConfig"),
        ([], "server"),
    ],
)
async def test_an_invalid_update_names_the_field(running_cloud: RunningCloud, server: Any, field: str) -> None:
    api = await running_cloud.api()
    path = f"/v2.1/servers/{(await api.create())[1]['server']['id']}"
    status, body = await api("PUT", "nova-api", path, json={"server": server})
    assert status == 400
    assert f"field {field}" in body["badRequest"]["message"]


async def test_metadata_is_added_replaced_and_deleted(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    server_id = await a_server(api)
    path = f"/v2.1/servers/{server_id}/metadata"
    steps: list[tuple[str, str, Any, int, Any]] = [
        ("GET", "", None, 200, {"metadata": {}}),
        ("POST", "", {"metadata": {"a": "1", "b": "2"}}, 200, {"metadata": {"a": "1", "b": "2"}}),
        ("POST", "", {"metadata": {"b": "3"}}, 200, {"metadata": {"a": "1", "b": "3"}}),
        ("GET", "/b", None, 200, {"meta": {"b": "3"}}),
        ("PUT", "/c", {"meta": {"c": "4"}}, 200, {"meta": {"c": "4"}}),
        ("DELETE", "/a", None, 204, None),
        ("GET", "", None, 200, {"metadata": {"b": "3", "c": "4"}}),
        ("PUT", "", {"metadata": {"d": ""}}, 200, {"metadata": {"d": ""}}),
        ("GET", "", None, 200, {"metadata": {"d": ""}}),
    ]
    for method, more, body, status, answer in steps:
        assert await api(method, "nova-api", path + more, json=body) == (status, answer), f"{method} {more} {body}"
    assert (await api("GET", "nova-api", f"/v2.1/servers/{server_id}"))[1]["server"]["metadata"] == {"d": ""}


MANY = {f"key-{number}": "" for number in range(129)}

REFUSED: list[tuple[str, str, Any, int, str]] = [
    ("GET", "/nope", None, 404, "Metadata item was not found"),
    ("DELETE", "/nope", None, 404, "Metadata item was not found"),
    ("PUT", "/a", {"meta": {"b": "1"}}, 400, "Request body and URI mismatch"),
    ("PUT", "/a", {"meta": {}}, 400, "field meta"),
    ("PUT", "/a", {"meta": {"a": 1}}, 400, "field meta"),
    ("POST", "", {}, 400, "field metadata"),
    ("POST", "", {"metadata": {"a": 1}}, 400, "field metadata"),
    ("POST", "", {"metadata": {"": "1"}}, 400, "field metadata"),
    ("POST", "", {"metadata": {"x" * 256: "1"}}, 400, "field metadata"),
    ("POST", "", {"metadata": {"ä": "1"}}, 400, "field metadata"),
    ("PUT", "", {"metadata": {"a": "x" * 256}}, 400, "field metadata.a"),
    ("PUT", "", {"metadata": MANY}, 403, "Maximum number of metadata items exceeds 128"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def unchanged(shared_cloud: RunningCloud) -> tuple[Api, str]:
    """Return the API, and the path of the metadata of a server that no test changes."""
    api = await shared_cloud.api()
    return api, f"/v2.1/servers/{(await built(api))['id']}/metadata"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("method", "path", "body", "expected", "text"), REFUSED)
async def test_invalid_metadata_is_refused_and_changes_nothing(
    unchanged: tuple[Api, str], method: str, path: str, body: Any, expected: int, text: str
) -> None:
    api, metadata = unchanged
    status, refusal = await api(method, "nova-api", metadata + path, json=body)
    [fault] = refusal.values()
    assert (status, fault["code"]) == (expected, expected)
    assert text in message(refusal)
    assert await api("GET", "nova-api", metadata) == (200, {"metadata": {}})


async def test_the_metadata_of_a_failed_server_cannot_be_changed(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    server_id = (await api.create(flavorRef="m1.huge", metadata={"a": "b"}))[1]["server"]["id"]
    await api.until(server_id, "ERROR")
    path = f"/v2.1/servers/{server_id}/metadata"
    for method, action in (("PUT", "update metadata"), ("DELETE", "delete metadata")):
        status, refusal = await api(method, "nova-api", f"{path}/a", json={"meta": {"a": "c"}})
        expected = f"Cannot '{action}' instance {server_id} while it is in vm_state error"
        assert (status, refusal["conflictingRequest"]["message"]) == (409, expected)
    assert await api("GET", "nova-api", path) == (200, {"metadata": {"a": "b"}})
