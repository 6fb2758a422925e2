"""Tags of servers, and nova's errors about them."""

from typing import Any

from tests.conftest import RunningCloud
from tests.support.nova import NEWEST, built, message, names

MANY = [str(number) for number in range(51)]


async def test_tags_are_added_one_by_one_or_replaced_all_at_once(running_cloud: RunningCloud) -> None:
    demo, other = await running_cloud.api("demo"), await running_cloud.api("alt_demo")
    server = (await built(demo, tags=["old"]))["id"]
    path = f"/v2.1/servers/{server}/tags"

    async def ask(method: str, tag: str = "", **more: Any) -> tuple[int, Any]:
        return await demo(method, "nova-api", path + tag, **{"headers": NEWEST, **more})

    assert await ask("GET") == (200, {"tags": ["old"]})
    assert [await ask("PUT", "/red%20one") for _ in range(2)] == [(201, None), (204, None)]
    assert [await ask("GET", tag) for tag in ("/red%20one", "/old")] == [(204, None)] * 2
    assert await names(demo, "tags=old,red one") == ["demo"]
    assert await ask("DELETE", "/old") == (204, None)
    assert await ask("PUT", json={"tags": ["a", "b", "a"]}) == (200, {"tags": ["a", "b"]})
    _, body = await demo("GET", "nova-api", f"/v2.1/servers/{server}", headers=NEWEST)
    assert body["server"]["tags"] == ["a", "b"]

    refused: list[tuple[str, str, dict[str, Any], int, str]] = [
        ("GET", "/old", {}, 404, f"Server {server} has no tag 'old'"),
        ("DELETE", "/old", {}, 404, f"Instance {server} has no tag 'old'"),
        ("PUT", "/a,b", {}, 400, "Tag 'a,b' is invalid. It must be a non empty string without characters '/' and ','."),
        ("PUT", "/a%2Fb", {}, 400, "Tag 'a/b' is invalid. It must be a non empty string without"),
        ("PUT", "/" + "x" * 61, {}, 400, "is invalid."),
        ("PUT", "", {"json": {"tags": MANY}}, 400, "tags"),
        ("PUT", "", {"json": {"tags": ["x" * 61]}}, 400, "tags[0]"),
        ("PUT", "", {"json": {"tags": ["a/b"]}}, 400, "tags[0]"),
        ("PUT", "", {"json": {"tags": [""]}}, 400, "tags[0]"),
        ("PUT", "", {"json": {"tags": [1]}}, 400, "tags[0]"),
        ("PUT", "", {"json": {}}, 400, "tags"),
        ("GET", "", {"headers": {"OpenStack-API-Version": "compute 2.25"}}, 404, "The resource could not be found."),
    ]
    for method, tag, more, expected, text in refused:
        status, body = await ask(method, tag, **more)
        assert (status, text in message(body)) == (expected, True), (method, tag, body)
    assert (await ask("PUT", json={"tags": MANY[:50]}))[0] == 200
    status, body = await ask("PUT", "/more")
    assert (status, body["badRequest"]["message"]) == (400, "The number of tags exceeded the per-server limit 50")
    for method in ("GET", "DELETE"):
        assert (await other(method, "nova-api", path, headers=NEWEST))[0] == 404, "another project's"
    assert [await ask("DELETE"), await ask("GET")] == [(204, None), (200, {"tags": []})]


async def test_a_failed_server_gets_no_tags(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    _, body = await api.create(flavorRef="m1.huge")
    server = (await api.until(body["server"]["id"], "ERROR"))["id"]
    status, body = await api("PUT", "nova-api", f"/v2.1/servers/{server}/tags/red", headers=NEWEST)
    expected = f"Cannot 'update tag' instance {server} while it is in vm_state error"
    assert (status, body["conflictingRequest"]["message"]) == (409, expected)
