"""The contents of a new cloud: tables of list and show commands, and what each must print."""

from pathlib import Path
from typing import Any

import pytest

from tests.openstack.conftest import BIN, Up, User, ended

pytestmark = pytest.mark.openstack

LISTED: dict[str, dict[str, set[object]]] = {
    "aggregate list": {},
    "availability zone list": {"Zone Name": {"nova"}, "Zone Status": {"available"}},
    "catalog list": {"Name": {"keystone", "nova", "neutron", "glance"}, "Type": {"identity", "compute"}},
    "compute service list": {"Binary": {"nova-scheduler", "nova-compute"}, "State": {"up"}, "Status": {"enabled"}},
    "domain list": {"ID": {"default"}},
    "endpoint list": {"Service Name": {"keystone", "nova", "neutron", "glance"}, "Interface": {"public", "internal"}},
    "flavor list": {"Name": {"m1.nano", "m1.tiny", "m1.small", "m1.xlarge", "m1.huge"}, "RAM": {512}},
    "flavor list --long --all": {"Name": {"m1.tiny", "m1.huge"}},
    "floating ip list": {},
    "hypervisor list": {"Hypervisor Hostname": {"compute-1", "compute-2", "compute-3"}, "State": {"up"}},
    "image list": {"Name": {"cirros", "debian", "fedora"}, "Status": {"active"}},
    "image list --long": {"Name": {"cirros"}, "Visibility": {"public"}},
    "keypair list": {},
    "limits show --absolute": {"Name": {"max_total_instances", "max_total_cores", "max_total_ram_size"}},
    "network list": {"Name": {"private", "public"}},
    "network list --long": {"Name": {"private", "public"}, "Status": {"ACTIVE"}},
    "network list --name private": {"Name": {"private"}},
    "port list": {},
    "project list": {"Name": {"admin", "demo", "alt_demo"}},
    "quota show": {"Resource": {"instances", "cores", "ram"}},
    "region list": {"Region": {"RegionOne"}},
    "role list": {"Name": {"admin", "member"}},
    "router list": {},
    "security group list": {"Name": {"default"}},
    "server list": {},
    "server list --all-projects --long": {},
    "service list": {"Name": {"keystone", "nova", "neutron", "glance"}, "Type": {"identity", "image"}},
    "subnet list": {},
    "user list": {"Name": {"admin", "demo", "alt_demo"}},
}
"""List commands, their columns, and values that must be in these."""

SHOWN: dict[str, dict[str, object]] = {
    "catalog show nova": {"name": "nova", "type": "compute"},
    "flavor show m1.tiny": {"name": "m1.tiny", "ram": 512, "vcpus": 1, "disk": 1},
    "hypervisor show compute-1": {"hypervisor_hostname": "compute-1", "state": "up"},
    "image show cirros": {"name": "cirros", "status": "active", "visibility": "public"},
    "network show private": {"name": "private", "status": "ACTIVE", "shared": True},
    "project show demo": {"name": "demo", "enabled": True},
    "token issue": {},
    "user show demo": {"name": "demo", "enabled": True},
}


@pytest.mark.parametrize("command", LISTED)
async def test_a_list_command_prints_the_resources(admin: User, command: str) -> None:
    rows: list[dict[str, Any]] = await admin.json(command)
    missing = {column: values - {row[column] for row in rows} for column, values in LISTED[command].items()}
    assert not any(missing.values()), missing


@pytest.mark.parametrize("command", SHOWN)
async def test_a_show_command_prints_the_resource(admin: User, command: str) -> None:
    shown: dict[str, Any] = await admin.json(command)
    assert {name: shown[name] for name in SHOWN[command]} == SHOWN[command]


async def test_the_clouds_yaml_that_up_prints_works(up: Up, tmp_path: Path) -> None:
    (tmp_path / "clouds.yaml").write_text(up.clouds_yaml)
    named = {"OS_CLIENT_CONFIG_FILE": str(tmp_path / "clouds.yaml"), "OS_CLOUD": "emulator"}
    listed = await ended(str(BIN / "openstack"), "flavor", "list", "-f", "value", "-c", "Name", **named)
    assert (listed.status, "m1.tiny\n" in listed.out, listed.err) == (0, True, "")
