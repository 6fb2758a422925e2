"""Neutron's security groups and ports as nova-api reads and changes them. Compare `nova.network.security_group_api`."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus

import msgspec

from emulator.runtime.errors import BadRequest, Conflict, NotFound
from emulator.services.auth.session import Session

__all__ = [
    "Group",
    "NoUniqueMatch",
    "Port",
    "SecurityGroupNotFound",
    "SecurityGroupNotInstanceGroup",
    "find_group",
    "list_groups",
    "list_ports",
    "set_groups",
]


class SecurityGroupNotFound(BadRequest):
    """A new server requests a group that the caller cannot see. The message is neutronclient's, which nova repeats."""

    error_type = "nova.SecurityGroupNotFound"

    def __init__(self, name_or_id: str) -> None:
        super().__init__(f"Unable to find security_group with name or id '{name_or_id}'")


class SecurityGroupNotInstanceGroup(NotFound):
    """A group cannot be added to an existing server, or removed from it."""

    error_type = "nova.SecurityGroupNotInstanceGroup"


class NoUniqueMatch(Conflict):
    """The project has several groups of this name."""

    error_type = "nova.NoUniqueMatch"

    def __init__(self, name: str) -> None:
        super().__init__(f"Multiple security_group matches found for name '{name}', use an ID to be more specific.")


class SecurityGroupCannotBeApplied(BadRequest):
    """The port has no address, or no port security."""

    error_type = "nova.SecurityGroupCannotBeApplied"

    def __init__(self) -> None:
        super().__init__(
            "Network requires port_security_enabled and subnet associated in order to apply security groups."
        )


class Rule(msgspec.Struct):
    """A rule of a security group."""

    id: str
    direction: str
    security_group_id: str
    protocol: str | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: str | None = None
    remote_group_id: str | None = None


class Group(msgspec.Struct):
    """A security group."""

    id: str
    name: str
    project_id: str
    description: str | None = None
    security_group_rules: list[Rule] = []


class Port(msgspec.Struct):
    """A port of a server, with the ids of its security groups."""

    id: str
    security_groups: list[str]
    fixed_ips: list[msgspec.Raw]
    port_security_enabled: bool = True

    def check_usable(self) -> None:
        """Raise SecurityGroupCannotBeApplied if the port cannot have security groups."""
        if not (self.fixed_ips and self.port_security_enabled):
            raise SecurityGroupCannotBeApplied


class _Groups(msgspec.Struct):
    security_groups: list[Group]


class _Ports(msgspec.Struct):
    ports: list[Port]


async def list_groups(session: Session) -> list[Group]:
    """Return the groups that the caller can see."""
    return (await session.fetch("GET", "network", "/v2.0/security-groups")).read(_Groups).security_groups


async def list_ports(session: Session, server_id: str) -> list[Port]:
    """Return the ports of a server."""
    return (await session.fetch("GET", "network", "/v2.0/ports", query={"device_id": server_id})).read(_Ports).ports


async def set_groups(session: Session, port: Port, group_ids: Iterable[str]) -> None:
    """Replace the groups of a port."""
    port.security_groups = [*dict.fromkeys(group_ids)]
    body = {"port": {"security_groups": port.security_groups}}
    answer = await session.fetch("PUT", "network", "/v2.0/ports/{port_id}", {"port_id": port.id}, body=body)
    if answer.status == HTTPStatus.BAD_REQUEST:
        raise SecurityGroupCannotBeApplied
    answer.check()


def find_group(groups: Sequence[Group], name_or_id: str, project_id: str) -> Group | None:
    """Return the group with this id, or else the only one of this name in the project. Raises NoUniqueMatch.

    As `find_resourceid_by_name_or_id` in neutronclient does.
    """
    for group in groups:
        if group.id == name_or_id:
            return group
    named = [group for group in groups if (group.name, group.project_id) == (name_or_id, project_id)]
    if len(named) > 1:
        raise NoUniqueMatch(name_or_id)
    return named[0] if named else None
