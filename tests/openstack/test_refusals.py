"""Refused requests: the stock client prints OpenStack's messages, and ends with their status."""

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
async def test_a_missing_resource_is_named(demo: User, command: str) -> None:
    assert REFUSED[command] in await demo.refused(command)


async def test_a_wrong_password_is_reported_with_the_request_id(demo: User) -> None:
    err = await demo.with_variables(OS_PASSWORD="wrong").refused("token issue")
    assert re.search(r"requires authentication. \(HTTP 401\) \(Request-ID: req-[0-9a-f-]{36}\)", err)


async def test_a_server_that_fits_on_no_host_is_in_error_with_a_fault(admin: User) -> None:
    order = "server create --image cirros --flavor m1.huge --network private huge --wait"
    assert (await admin.run(order)).err.strip().endswith("Error creating server: huge")
    shown, [event] = await asyncio.gather(admin.json("server show huge"), admin.json("server event list huge"))
    assert shown["status"] == "ERROR"
    assert shown["fault"]["message"].startswith("No valid host was found.")
    shown_event = await admin.json(f"server event show huge {event['Request ID']}")
    assert "Error" in {part["result"] for part in shown_event["events"]}
    await admin("server delete --wait huge")


async def test_a_request_over_the_quota_is_refused_and_builds_nothing(admin: User, demo: User) -> None:
    allowed = next(row["Limit"] for row in await demo.json("quota show") if row["Resource"] == "instances")
    order = "server create --image cirros --flavor m1.nano --network private"
    err = await demo.refused(f"{order} --min {allowed + 1} --max {allowed + 1} many")
    assert "ForbiddenException: 403" in err or "(HTTP 403)" in err
    assert f"Quota exceeded for instances: Requested {allowed + 1}, but already used 0 of {allowed} instances" in err
    assert await demo.json("server list") == []


async def test_an_action_that_the_state_does_not_allow_is_a_conflict(demo: User) -> None:
    await demo("server create --image cirros --flavor m1.nano --network private running --wait")
    assert re.search(
        r"409.*Cannot 'start' instance \S+ while it is in vm_state active", await demo.refused("server start running")
    )
    await demo("server delete --wait running")
