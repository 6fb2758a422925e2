"""Two users at once: neither sees the other's resources, and neither may do what only admins may."""

import asyncio
import re

import pytest

from tests.openstack.conftest import User

pytestmark = pytest.mark.openstack

FORBIDDEN = (
    "user list",
    "endpoint list",
    "service list",
    "flavor create --ram 64 --disk 1 --vcpus 1 own",
    "flavor delete m1.tiny",
    "hypervisor list",
    "compute service list",
    "server list --all-projects",
    "network create --share own",
    "network create --external own",
    "quota set --instances 99 demo",
)


@pytest.mark.parametrize("command", FORBIDDEN)
async def test_members_cannot_do_what_only_admins_may(demo: User, command: str) -> None:
    tried = await demo.run(command)
    assert tried.status != 0
    assert "403" in tried.err or "disallowed by policy" in tried.err or "not authorized" in tried.err.lower(), tried.err


async def test_an_admins_flavor_is_there_for_all_users(admin: User, demo: User) -> None:
    made = await admin.json("flavor create --ram 96 --disk 1 --vcpus 1 --property hw:cpu=shared c1.own")
    assert (made["name"], made["ram"]) == ("c1.own", 96)
    assert (await demo.json("flavor show c1.own"))["properties"] == {"hw:cpu": "shared"}
    again = await admin.refused("flavor create --ram 96 --disk 1 --vcpus 1 c1.own")
    assert "Flavor with name c1.own already exists" in again
    await admin("flavor delete c1.own")
    assert "No Flavor found for c1.own" in await demo.refused("flavor show c1.own")


async def test_a_member_sees_its_own_project_and_no_other(demo: User, alt_demo: User) -> None:
    one, other = await asyncio.gather(demo.json("project list"), alt_demo.json("project list"))
    assert ([row["Name"] for row in one], [row["Name"] for row in other]) == (["demo"], ["alt_demo"])


async def create_resources(user: User) -> None:
    """Create a server, a network and an image, with the same name for every user."""
    await asyncio.gather(
        user("server create --image cirros --flavor m1.nano --network private own"),
        user("network create own"),
        user("image create --disk-format raw own"),
    )


async def visible_names(user: User) -> list[list[str]]:
    listed = await asyncio.gather(*(user.json(f"{kind} list") for kind in ("server", "network", "image")))
    return [sorted(row["Name"] for row in rows) for rows in listed]


async def test_two_users_at_once_do_not_see_each_others_resources(admin: User, demo: User, alt_demo: User) -> None:
    await asyncio.gather(create_resources(demo), create_resources(alt_demo))
    one, other, servers, *theirs = await asyncio.gather(
        visible_names(demo),
        visible_names(alt_demo),
        admin.json("server list --all-projects --name own"),
        demo.json("server show own"),
        alt_demo.json("server show own"),
    )
    assert one == other == [["own"], ["own", "private", "public"], ["cirros", "debian", "fedora", "own"]]
    assert {row["ID"] for row in servers} == {server["id"] for server in theirs}
    foreign = theirs[1]["id"]
    refused = await asyncio.gather(
        *(demo.refused(f"server {what} {foreign}") for what in ("show", "delete", "stop", "event list"))
    )
    not_found = re.compile(f"No Server found for {foreign}|Instance {foreign} could not be found")
    assert [err for err in refused if not not_found.search(err)] == []
    await asyncio.gather(*map(delete_resources, (demo, alt_demo)))


async def delete_resources(user: User) -> None:
    await asyncio.gather(user("server delete --wait own"), user("network delete own"), user("image delete own"))


async def test_a_role_that_an_admin_adds_lets_a_user_into_a_project(admin: User, demo: User) -> None:
    user_and_project = "--user demo --project alt_demo"
    await admin(f"role add {user_and_project} member")
    listed = await admin.json(f"role assignment list --names {user_and_project}")
    assert [(one["Role"], one["User"], one["Project"]) for one in listed] == [
        ("member", "demo@Default", "alt_demo@Default")
    ]
    assert {one["Name"] for one in await demo.json("project list")} == {"demo", "alt_demo"}
    assert await demo.json("--os-project-name alt_demo server list") == []
    await admin(f"role remove {user_and_project} member")
    assert "requires authentication" in await demo.refused("--os-project-name alt_demo server list")
