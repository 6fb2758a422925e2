"""What is refused, in the words of OpenStack: what the stock client prints, and with which status it ends."""

import asyncio
import re

import pytest

from tests.openstack.conftest import User

pytestmark = pytest.mark.openstack

REFUSED = {
    "image show nope": "No Image found for nope",
    "flavor show nope": "No Flavor found for nope",
    "network show nope": "No Network found for nope",
    "server show nope": "No Server found for nope",
    "server create --image nope --flavor m1.tiny --network private x": "No Image found for nope",
    "server create --image cirros --flavor nope --network private x": "No Flavor found for nope",
    "server create --image cirros --flavor m1.tiny --network nope x": "No Network found for nope",
    "server create --image cirros --flavor m1.tiny --network private --availability-zone nope x": (
        "The requested availability zone is not available"
    ),
    "server delete nope": "No Server found for nope",
    "server event show nope req-1": "No Server found for nope",
    "token revoke nope": "HTTP 404",
}


@pytest.mark.parametrize("command", REFUSED)
async def test_what_is_not_there_is_named(demo: User, command: str) -> None:
    assert REFUSED[command] in await demo.refused(command)


async def test_a_wrong_password_is_told_with_the_id_of_the_request(demo: User) -> None:
    said = await demo.having(OS_PASSWORD="wrong").refused("token issue")
    assert re.search(r"requires authentication. \(HTTP 401\) \(Request-ID: req-[0-9a-f-]{36}\)", said)


async def test_a_server_that_fits_nowhere_is_in_error_and_says_why(admin: User) -> None:
    order = "server create --image cirros --flavor m1.huge --network private huge --wait"
    assert (await admin.tries(order)).err.strip().endswith("Error creating server: huge")
    shown, [event] = await asyncio.gather(admin.json("server show huge"), admin.json("server event list huge"))
    assert shown["status"] == "ERROR"
    assert shown["fault"]["message"].startswith("No valid host was found.")
    told = await admin.json(f"server event show huge {event['Request ID']}")
    assert "Error" in {part["result"] for part in told["events"]}
    await admin("server delete --wait huge")


async def test_more_than_the_quota_is_forbidden_before_anything_is_built(admin: User, demo: User) -> None:
    allowed = next(row["Limit"] for row in await demo.json("quota show") if row["Resource"] == "instances")
    order = "server create --image cirros --flavor m1.nano --network private"
    said = await demo.refused(f"{order} --min {allowed + 1} --max {allowed + 1} many")
    assert "ForbiddenException: 403" in said or "(HTTP 403)" in said
    assert f"Quota exceeded for instances: Requested {allowed + 1}, but already used 0 of {allowed} instances" in said
    assert await demo.json("server list") == []


async def test_what_a_servers_state_forbids_is_a_conflict(demo: User) -> None:
    await demo("server create --image cirros --flavor m1.nano --network private running --wait")
    assert re.search(
        r"409.*Cannot 'start' instance \S+ while it is in vm_state active", await demo.refused("server start running")
    )
    await demo("server delete --wait running")
