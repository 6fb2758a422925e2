"""Security groups: every project has one, `default`, with neutron's rules, and may have more."""

from collections.abc import Iterator

from emulator.runtime.errors import NotFound
from emulator.services.auth import Identity
from emulator.services.neutron.database import Database
from emulator.services.neutron.models import Stamp
from emulator.services.neutron.security_groups.models import SecurityGroup, SecurityGroupRule
from emulator.services.seed_data import PROJECTS, default_group, resource_id

__all__ = ["SecurityGroupNotFound", "default_group", "find_group", "groups_for", "outward", "with_default_groups"]

MADE = "2026-01-01T00:00:00Z"
"""They were there before anybody came."""


class SecurityGroupNotFound(NotFound):
    """No security group has this id, or none that the caller may see."""

    error_type = "neutron.SecurityGroupNotFound"

    def __init__(self, group_id: str) -> None:
        super().__init__(f"Security group {group_id} does not exist.")


def with_default_groups(database: Database) -> Database:
    """Return the database, with the groups that projects of a fresh cloud have."""
    for project in PROJECTS:
        _have_default(database, project.id)
    return database


def groups_for(database: Database, who: Identity) -> Iterator[SecurityGroup]:
    """Yield the groups that somebody may see: those of their project, whose own is made if it is not there."""
    _have_default(database, who.project_id)
    groups = database.security_groups.values()
    return (group for group in groups if who.sees_all or group.project_id == who.project_id)


def find_group(database: Database, group_id: str, who: Identity) -> SecurityGroup:
    """Return a group. Raises SecurityGroupNotFound."""
    for group in groups_for(database, who):
        if group.id == group_id:
            return group
    raise SecurityGroupNotFound(group_id)


def outward(group: SecurityGroup) -> SecurityGroup:
    """Return a group, whose rules now let everything out."""
    for version in ("IPv4", "IPv6"):
        _rule(group, "egress", version)
    return group


def _have_default(database: Database, project_id: str) -> None:
    group_id = default_group(project_id)
    if group_id in database.security_groups:
        return
    group = SecurityGroup(group_id, "default", project_id, description="Default security group")
    group.stamp = Stamp(MADE, MADE)
    outward(group)
    for version in ("IPv4", "IPv6"):
        _rule(group, "ingress", version)
    for rule in group.rules.values():
        rule.belongs_to_default, rule.stamp = True, Stamp(MADE, MADE)
    database.security_groups[group.id] = group


def _rule(group: SecurityGroup, direction: str, ethertype: str) -> None:
    """Let everything through, in only from members of the group."""
    rule_id = resource_id("security-group-rule", f"{direction} {ethertype} of {group.id}")
    remote = group.id if direction == "ingress" else None
    group.rules[rule_id] = SecurityGroupRule(
        rule_id, group.project_id, group.id, direction, ethertype, remote_group_id=remote
    )
