"""A server's security groups: `/os-security-groups`, and the actions `addSecurityGroup` and `removeSecurityGroup`.

Ports have security groups, servers have not: both actions change all ports of the server in neutron.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from aiohttp import web

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY, json_response, read_json
from emulator.services.nova.api.neutron import neutron
from emulator.services.nova.api.security_groups import (
    Group,
    Port,
    Rule,
    SecurityGroupNotInstanceGroup,
    find_group,
    list_groups,
    list_ports,
    set_groups,
)
from emulator.services.nova.api.servers.views import find_server
from emulator.services.nova.objects.server import Server

__all__ = ["SECURITY_GROUP_ACTIONS", "SERVER_SECURITY_GROUP_ROUTES"]

ANY_ADDRESS = "0.0.0.0/0"
HAVE_PORTS = frozenset({"TCP", "UDP"})


class GroupName(msgspec.Struct, forbid_unknown_fields=True):
    """The name or id of a group."""

    name: Annotated[str, msgspec.Meta(min_length=1)]


class AddBody(msgspec.Struct):
    """The body of the action `addSecurityGroup`."""

    group: GroupName = msgspec.field(name="addSecurityGroup")


class RemoveBody(msgspec.Struct):
    """The body of the action `removeSecurityGroup`."""

    group: GroupName = msgspec.field(name="removeSecurityGroup")


async def list_security_groups(request: web.Request) -> web.Response:
    """List the groups of a server's ports, with their ingress rules. A group is listed once for each port."""
    server = find_server(request)
    async with neutron(request) as session:
        ports = await list_ports(session, server.id)
        groups = {group.id: group for group in await list_groups(session)} if ports else {}
    held = [groups[group_id] for port in ports for group_id in port.security_groups if group_id in groups]
    shown = [_describe(group, groups) for group in held]
    return json_response({"security_groups": sorted(shown, key=lambda each: (each["tenant_id"], each["name"]))})


async def add_security_group(request: web.Request, server: Server) -> web.Response:
    """Add a group to all ports of a server."""
    name = _checked((await read_json(request, AddBody)).group)
    async with neutron(request) as session:
        groups = await list_groups(session)
        group = _find(request, groups, name)
        ports = _check_any(await list_ports(session, server.id), server)
        for port in ports:
            port.check_usable()
            await set_groups(session, port, [*port.security_groups, group.id])
    return _accepted(server, ports, groups)


async def remove_security_group(request: web.Request, server: Server) -> web.Response:
    """Remove a group from all ports of a server that have it."""
    name = _checked((await read_json(request, RemoveBody)).group)
    async with neutron(request) as session:
        groups = await list_groups(session)
        group = _find(request, groups, name)
        ports = _check_any(await list_ports(session, server.id), server)
        having = [port for port in ports if group.id in port.security_groups]
        if not having:
            raise SecurityGroupNotInstanceGroup(f"Security group {name} not associated with the instance {server.id}")
        for port in having:
            await set_groups(session, port, (held for held in port.security_groups if held != group.id))
    return _accepted(server, ports, groups)


def _checked(group: GroupName) -> str:
    if not group.name.strip():
        raise BadRequest("Security group name cannot be empty")
    return group.name


def _find(request: web.Request, groups: Sequence[Group], name: str) -> Group:
    project_id = request[IDENTITY].project_id
    group = find_group(groups, name, project_id)
    if group is None:
        raise SecurityGroupNotInstanceGroup(f"Security group {name} is not found for project {project_id}")
    return group


def _check_any(ports: list[Port], server: Server) -> list[Port]:
    if not ports:
        raise SecurityGroupNotInstanceGroup(f"instance_id {server.id} could not be found as device id on any ports")
    return ports


def _accepted(server: Server, ports: Sequence[Port], groups: Sequence[Group]) -> web.Response:
    """Record the new groups, of which neutron's notification may arrive after the answer, and return the 202."""
    names = {group.id: group.name for group in groups}
    server.group_names = tuple(names[held] for port in ports for held in port.security_groups if held in names)
    return web.Response(status=202)


def _describe(group: Group, groups: dict[str, Group]) -> dict[str, Any]:
    rules = [rule for rule in group.security_group_rules if rule.direction == "ingress"]
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "tenant_id": group.project_id,
        "rules": [_describe_rule(rule, groups) for rule in rules],
    }


def _describe_rule(rule: Rule, groups: dict[str, Group]) -> dict[str, Any]:
    """Return a rule as nova shows it: see `_convert_to_nova_security_group_rule_format`."""
    ports = rule.port_range_min, rule.port_range_max
    if rule.protocol and ports == (None, None):
        ports = (1, 65535) if rule.protocol.upper() in HAVE_PORTS else (-1, -1)
    remote = groups.get(rule.remote_group_id or "")
    return {
        "id": rule.id,
        "parent_group_id": rule.security_group_id,
        "ip_protocol": rule.protocol,
        "from_port": ports[0],
        "to_port": ports[1],
        "group": {"name": remote.name, "tenant_id": remote.project_id} if remote else {},
        "ip_range": {} if rule.remote_group_id else {"cidr": rule.remote_ip_prefix or ANY_ADDRESS},
    }


SECURITY_GROUP_ACTIONS = {
    "addSecurityGroup": add_security_group,
    "removeSecurityGroup": remove_security_group,
}

SERVER_SECURITY_GROUP_ROUTES = (web.get("/v2.1/servers/{server_id}/os-security-groups", list_security_groups),)
