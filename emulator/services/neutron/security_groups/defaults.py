"""The security group `default` that every project has, and the lookup of the groups that a caller may see."""

from collections.abc import Iterator

from emulator.runtime.errors import NotFound
from emulator.services.auth import Identity
from emulator.services.neutron.database import Database
from emulator.services.neutron.models import Revision
from emulator.services.neutron.security_group_models import SecurityGroup, SecurityGroupRule
from emulator.services.seed_data import PROJECTS, default_group, resource_id

__all__ = [
    "SecurityGroupNotFound",
    "default_group",
    "find_group",
    "groups_for",
    "with_default_groups",
    "with_egress_rules",
]

CREATED_AT = "2026-01-01T00:00:00Z"
"""When default groups were created: before anything else, and the same in every run."""


class SecurityGroupNotFound(NotFound):
    """No security group that the caller may see has this id."""

    error_type = "neutron.SecurityGroupNotFound"

    def __init__(self, group_id: str) -> None:
        super().__init__(f"Security group {group_id} does not exist.")


def with_default_groups(database: Database) -> Database:
    """Add the default groups of the seed data's projects to a database, and return it."""
    for project in PROJECTS:
        _ensure_default_group(database, project.id)
    return database


def groups_for(database: Database, caller: Identity) -> Iterator[SecurityGroup]:
    """Yield the groups that the caller may see. Creates the default group of its project if there is none."""
    _ensure_default_group(database, caller.project_id)
    groups = database.security_groups.values()
    return (group for group in groups if caller.sees_all or group.project_id == caller.project_id)


def find_group(database: Database, group_id: str, caller: Identity) -> SecurityGroup:
    """Return a group that the caller may see. Raises SecurityGroupNotFound."""
    for group in groups_for(database, caller):
        if group.id == group_id:
            return group
    raise SecurityGroupNotFound(group_id)


def with_egress_rules(group: SecurityGroup) -> SecurityGroup:
    """Add neutron's default rules, which allow all egress, to a group, and return it."""
    for version in ("IPv4", "IPv6"):
        _add_rule(group, "egress", version)
    return group


def _ensure_default_group(database: Database, project_id: str) -> None:
    """Create a project's default group if there is none, as neutron does on the project's first request for one.

    Source: `_ensure_default_security_group` in `neutron.db.securitygroups_db`.
    """
    group_id = default_group(project_id)
    if group_id in database.security_groups:
        return
    group = SecurityGroup(group_id, "default", project_id, description="Default security group")
    group.revision = Revision(CREATED_AT, CREATED_AT)
    with_egress_rules(group)
    for version in ("IPv4", "IPv6"):
        _add_rule(group, "ingress", version)
    for rule in group.rules.values():
        rule.belongs_to_default, rule.revision = True, Revision(CREATED_AT, CREATED_AT)
    database.security_groups[group.id] = group


def _add_rule(group: SecurityGroup, direction: str, ethertype: str) -> None:
    """Add a rule that allows all traffic, ingress only from members of the group."""
    rule_id = resource_id("security-group-rule", f"{direction} {ethertype} of {group.id}")
    remote = group.id if direction == "ingress" else None
    group.rules[rule_id] = SecurityGroupRule(
        rule_id, group.project_id, group.id, direction, ethertype, remote_group_id=remote
    )
