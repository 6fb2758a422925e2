"""The life of a server, from creation to deletion, by the stock client."""

import asyncio
import re
from typing import Any

import pytest

from tests.openstack.conftest import PATIENCE_SECONDS, Up, User

pytestmark = pytest.mark.openstack

ORDER = "--image cirros --flavor m1.tiny"


async def until(user: User, name: str, status: str) -> dict[str, Any]:
    """Show a server until it has this status, and return it. Each command takes long enough to need no pause."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            server: dict[str, Any] = await user.json(f"server show {name}")
            if server["status"] == status:
                return server
            assert server["status"] != "ERROR"


async def test_a_server_is_listed_from_create_to_delete(demo: User, up: Up) -> None:
    created = await demo.json(f"server create {ORDER} --network private --property tier=web demo --wait")
    assert (created["status"], created["name"], created["properties"]) == ("ACTIVE", "demo", {"tier": "web"})
    [address] = created["addresses"]["private"]
    assert created["image"].startswith("cirros (")
    assert created["flavor"]["original_name"] == "m1.tiny"

    listed, log, ports = await asyncio.gather(
        demo.json("server list"), demo("console log show demo"), demo.json("port list --server demo")
    )
    assert [(row["Name"], row["Status"], row["Image"], row["Flavor"]) for row in listed] == [
        ("demo", "ACTIVE", "cirros", "m1.tiny")
    ]
    assert [row["Fixed IP Addresses"][0]["ip_address"] for row in ports] == [address]
    assert log.out.count("\n") > 10
    [trace_id] = re.findall(r"trace_id=([0-9a-f]{32})\s*\Z", log.out)
    assert (await up.trace(trace_id)).one("nova-compute", name="spawn")

    await demo("server delete --wait demo")
    left = await asyncio.gather(demo.json("server list"), demo.json("port list"))
    assert [*left] == [[], []]


async def test_a_server_is_stopped_and_started(demo: User) -> None:
    await demo(f"server create {ORDER} --network private busy --wait")
    await demo("server stop busy")
    await until(demo, "busy", "SHUTOFF")
    assert "Cannot 'stop' instance" in await demo.refused("server stop busy")
    await demo("server start busy")
    await until(demo, "busy", "ACTIVE")
    await demo("server delete --wait busy")


async def test_a_reboot_is_among_the_events_of_the_server(demo: User) -> None:
    await demo(f"server create {ORDER} --network private busy --wait")
    await demo("server reboot --wait busy")
    await demo("server reboot --hard --wait busy")

    events = await demo.json("server event list busy")
    assert sorted(event["Action"] for event in events) == ["create", "reboot", "reboot"]
    [create] = [event["Request ID"] for event in events if event["Action"] == "create"]
    shown = await demo.json(f"server event show busy {create}")
    assert shown["action"] == "create"
    assert {event["result"] for event in shown["events"]} == {"Success"}
    await demo("server delete --wait busy")


async def test_a_server_is_renamed_and_has_metadata(demo: User) -> None:
    await demo(f"server create {ORDER} --network private --property tier=web before --wait")
    await demo("server set --name after --property stage=two before")
    assert (await demo.json("server show after"))["properties"] == {"tier": "web", "stage": "two"}
    await demo("server unset --property tier after")
    assert (await demo.json("server show after"))["properties"] == {"stage": "two"}
    await demo("server delete --wait after")


async def ids(user: User, *commands: str) -> list[str]:
    found = await asyncio.gather(*map(user.json, commands))
    return [shown["id"] for shown in found]


async def test_servers_are_created_by_id_on_several_networks_and_several_at_once(alt_demo: User) -> None:
    image, flavor, private, public = await ids(
        alt_demo, "image show cirros", "flavor show m1.tiny", "network show private", "network show public"
    )
    by_id, on_two, *_ = await asyncio.gather(
        alt_demo.json(f"server create --image {image} --flavor {flavor} --nic net-id={private} by-id --wait"),
        alt_demo.json(f"server create {ORDER} --network private --nic net-id={public} on-two --wait"),
        alt_demo.json(f"server create {ORDER} --network private --max 3 several --wait"),
        alt_demo.json(f"server create {ORDER} --nic auto anywhere --wait"),
        alt_demo.json(f"server create {ORDER} --nic none nowhere --wait"),
    )
    assert list(by_id["addresses"]) == ["private"]
    assert {name: len(addresses) for name, addresses in on_two["addresses"].items()} == {"private": 1, "public": 1}
    listed = {row["Name"]: row for row in await alt_demo.json("server list --sort-column Name")}
    several = ["several-1", "several-2", "several-3"]
    assert sorted(listed) == sorted(["by-id", "on-two", "anywhere", "nowhere", *several])
    assert listed["nowhere"]["Networks"] == {}
    assert (len(listed["anywhere"]["Networks"]), len(listed["on-two"]["Networks"])) == (1, 2)
    assert await statuses(alt_demo, several) == {"ACTIVE"}
    found, paged = await asyncio.gather(
        alt_demo.json("server list --name several"), alt_demo.json("server list --limit 2")
    )
    assert sorted(row["Name"] for row in found) == several
    assert len(paged) == 2
    await alt_demo(f"server delete --wait {' '.join(listed)}")
    assert await alt_demo.json("server list") == []


async def statuses(user: User, names: list[str]) -> set[str]:
    """Wait for several servers, of which `--wait` waits only for the first, and return their statuses."""
    shown = await asyncio.gather(*(until(user, name, "ACTIVE") for name in names))
    return {server["status"] for server in shown}
