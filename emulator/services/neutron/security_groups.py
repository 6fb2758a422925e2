"""The security group `default` that every project has, with neutron's rules. There are no others here."""

from typing import Any

from aiohttp import web

from emulator.plumbing.errors import NotFound
from emulator.plumbing.http_server import IDENTITY
from emulator.services.fresh import PROJECTS, default_group, resource_id
from emulator.services.neutron.lists import answer_list, answer_one
from emulator.services.tokens import Identity

__all__ = ["SECURITY_GROUP_ROUTES", "default_group"]

MADE = "2026-01-01T00:00:00Z"
"""They were there before anybody came."""


class SecurityGroupNotFound(NotFound):
    """No security group has this id."""

    def __init__(self, group_id: str) -> None:
        super().__init__(f"Security group {group_id} does not exist.")


class SecurityGroupRuleNotFound(NotFound):
    """No rule of a security group has this id."""

    def __init__(self, rule_id: str) -> None:
        super().__init__(f"Security group rule {rule_id} does not exist.")


async def list_groups(request: web.Request) -> web.Response:
    """List security groups."""
    return answer_list(request, "security_groups", _groups(request[IDENTITY]))


async def show_group(request: web.Request) -> web.Response:
    """Show a security group."""
    group_id = request.match_info["group_id"]
    for group in _groups(request[IDENTITY]):
        if group["id"] == group_id:
            return answer_one(request, "security_group", group)
    raise SecurityGroupNotFound(group_id)


async def list_rules(request: web.Request) -> web.Response:
    """List the rules of security groups."""
    return answer_list(request, "security_group_rules", _rules_for(request[IDENTITY]))


async def show_rule(request: web.Request) -> web.Response:
    """Show a rule of a security group."""
    rule_id = request.match_info["rule_id"]
    for rule in _rules_for(request[IDENTITY]):
        if rule["id"] == rule_id:
            return answer_one(request, "security_group_rule", rule)
    raise SecurityGroupRuleNotFound(rule_id)


def _groups(who: Identity) -> list[dict[str, Any]]:
    projects = [project.id for project in PROJECTS] if who.sees_all else []
    return [_group(project_id) for project_id in dict.fromkeys([who.project_id, *projects])]


def _rules_for(who: Identity) -> list[dict[str, Any]]:
    return [rule for group in _groups(who) for rule in group["security_group_rules"]]


def _group(project_id: str) -> dict[str, Any]:
    group_id = default_group(project_id)
    rules = [
        _rule(project_id, group_id, direction, version)
        for direction in ("egress", "ingress")
        for version in ("IPv4", "IPv6")
    ]
    return {
        **_facts(group_id, project_id),
        "name": "default",
        "description": "Default security group",
        "stateful": True,
        "shared": False,
        "security_group_rules": rules,
    }


def _rule(project_id: str, group_id: str, direction: str, ethertype: str) -> dict[str, Any]:
    """Everything may go out, and come in from members of the group."""
    return {
        **_facts(resource_id("security-group-rule", f"{direction} {ethertype} of {group_id}"), project_id),
        "security_group_id": group_id,
        "direction": direction,
        "ethertype": ethertype,
        "protocol": None,
        "port_range_min": None,
        "port_range_max": None,
        "remote_ip_prefix": None,
        "remote_group_id": group_id if direction == "ingress" else None,
        "remote_address_group_id": None,
        "belongs_to_default_sg": True,
        "description": "",
    }


def _facts(its_id: str, project_id: str) -> dict[str, Any]:
    return {
        "id": its_id,
        "tenant_id": project_id,
        "project_id": project_id,
        "tags": [],
        "created_at": MADE,
        "updated_at": MADE,
        "revision_number": 1,
    }


SECURITY_GROUP_ROUTES = (
    web.get("/v2.0/security-groups", list_groups),
    web.get("/v2.0/security-groups/{group_id}", show_group),
    web.get("/v2.0/security-group-rules", list_rules),
    web.get("/v2.0/security-group-rules/{rule_id}", show_rule),
)
