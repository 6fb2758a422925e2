"""The arguments of the stock client's commands that its root span shows: the server's, and no others."""

from argparse import Namespace

import pytest

from emulator.client.command_attributes import command_attributes

CREATE = {
    "server_name": "web",
    "image": "cirros",
    "flavor": "m1.tiny",
    "user_data": "/etc/secret",
    "property": {"a": 1},
}
SHOWN = {"name": "web", "image": "cirros", "flavor": "m1.tiny"}


@pytest.mark.parametrize(
    ("command", "arguments", "shown"),
    [
        ("server create", {**CREATE, "nics": [{"net-id": "private"}]}, {**SHOWN, "network": "private"}),
        (
            "server create",
            {**CREATE, "nics": [{"net-id": "a"}, {"port-id": "p"}, {"net-id": "b"}]},
            {**SHOWN, "network": "a,b"},
        ),
        ("server create", {**CREATE, "nics": "none"}, SHOWN),
        ("server create", {**CREATE, "image": None}, {"name": "web", "flavor": "m1.tiny"}),
        ("server create", {"server_name": "x" * 300}, {"name": "x" * 255}),
        ("server delete", {"server": ["web"]}, {"name": "web"}),
        ("server delete", {"server": ["web", "db"]}, {}),
        ("server show", {"server": "web"}, {"name": "web"}),
        ("server list", {}, {}),
        ("token issue", {"server": "web"}, {}),
    ],
)
def test_the_root_of_a_command_shows_its_server(
    command: str, arguments: dict[str, object], shown: dict[str, str]
) -> None:
    expected = {f"openstack.server.{name}": value for name, value in shown.items()}
    assert command_attributes(command, Namespace(**arguments)) == expected
