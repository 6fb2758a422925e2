"""Security group rules over HTTP: list, show, create and delete them, with neutron's validation.

Source: https://docs.openstack.org/api-ref/network/v2/#security-group-rules-security-group-rules
"""

from http import HTTPStatus
from ipaddress import ip_network
from typing import Any, Literal

from aiohttp import web
from msgspec import Struct

from emulator.runtime.errors import BadRequest, Conflict, NotFound
from emulator.runtime.http_server import IDENTITY
from emulator.services.neutron.creation import creates
from emulator.services.neutron.database import DATABASE
from emulator.services.neutron.listing import answer_list, answer_one
from emulator.services.neutron.quotas import check_quota
from emulator.services.neutron.request_bodies import new_id
from emulator.services.neutron.security_group_models import SecurityGroup, SecurityGroupRule
from emulator.services.neutron.security_groups.defaults import find_group, groups_for

__all__ = ["SECURITY_GROUP_RULE_ROUTES"]

WITH_PORTS = {"tcp": 6, "udp": 17, "sctp": 132, "dccp": 33, "udplite": 136}
WITH_TYPES = {"icmp": 1, "icmpv6": 58, "ipv6-icmp": 58}
OTHERS = ("ah", "egp", "esp", "gre", "igmp", "ipip", "ospf", "pgm", "rsvp", "vrrp")
PROTOCOLS = sorted([*WITH_PORTS, *WITH_TYPES, *OTHERS])
BYTE = range(256)
PORTS = range(1, 65536)


class SecurityGroupRuleNotFound(NotFound):
    """No rule of a security group has this id."""

    error_type = "neutron.SecurityGroupRuleNotFound"

    def __init__(self, rule_id: str) -> None:
        super().__init__(f"Security group rule {rule_id} does not exist.")


class SecurityGroupRuleExists(Conflict):
    """The group already has a rule for the same traffic."""

    error_type = "neutron.SecurityGroupRuleExists"

    def __init__(self, rule_id: str) -> None:
        super().__init__(f"Security group rule already exists. Rule id is {rule_id}.")


class SecurityGroupRemoteGroupAndRemoteIpPrefix(BadRequest):
    """A rule can refer to a group or to addresses, not to both."""

    error_type = "neutron.SecurityGroupRemoteGroupAndRemoteIpPrefix"

    def __init__(self) -> None:
        super().__init__("Only remote_ip_prefix or remote_group_id may be provided.")


class SecurityGroupProtocolRequiredWithPorts(BadRequest):
    """A port range needs a protocol."""

    error_type = "neutron.SecurityGroupProtocolRequiredWithPorts"

    def __init__(self) -> None:
        super().__init__("Must also specify protocol if port range is given.")


class SecurityGroupRuleInvalidProtocol(BadRequest):
    """The protocol is unknown."""

    error_type = "neutron.SecurityGroupRuleInvalidProtocol"

    def __init__(self, protocol: str) -> None:
        super().__init__(
            f"Security group rule protocol {protocol} not supported. Only protocol values {PROTOCOLS} and integer "
            "representations [0 to 255] are supported."
        )


class SecurityGroupInvalidPortRange(BadRequest):
    """The port range is empty or incomplete."""

    error_type = "neutron.SecurityGroupInvalidPortRange"

    def __init__(self) -> None:
        super().__init__("For TCP/UDP protocols, port_range_min must be <= port_range_max")


class SecurityGroupInvalidPortValue(BadRequest):
    """The port number is out of range."""

    error_type = "neutron.SecurityGroupInvalidPortValue"

    def __init__(self, port: int) -> None:
        super().__init__(f"Invalid value for port {port}")


class SecurityGroupInvalidIcmpValue(BadRequest):
    """The ICMP type or code is out of range."""

    error_type = "neutron.SecurityGroupInvalidIcmpValue"

    def __init__(self, field: str, attribute: str, value: int) -> None:
        super().__init__(f"Invalid value for ICMP {field} ({attribute}) {value}. It must be 0 to 255.")


class SecurityGroupMissingIcmpType(BadRequest):
    """An ICMP code needs an ICMP type."""

    error_type = "neutron.SecurityGroupMissingIcmpType"

    def __init__(self, code: int) -> None:
        super().__init__(f"ICMP code (port-range-max) {code} is provided but ICMP type (port-range-min) is missing.")


class SecurityGroupRuleParameterConflict(BadRequest):
    """The remote addresses do not have the rule's IP version."""

    error_type = "neutron.SecurityGroupRuleParameterConflict"

    def __init__(self, ethertype: str, cidr: str) -> None:
        super().__init__(f"Conflicting value ethertype {ethertype} for CIDR {cidr}")


class SecurityGroupRuleAttributes(Struct):
    """The attributes of a rule in a request."""

    security_group_id: str
    direction: Literal["ingress", "egress"]
    ethertype: Literal["IPv4", "IPv6"] = "IPv4"
    protocol: str | int | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: str | None = None
    remote_group_id: str | None = None
    description: str | None = None


async def list_rules(request: web.Request) -> web.Response:
    """List the rules of the security groups that the caller may see."""
    groups = groups_for(request.app[DATABASE], request[IDENTITY])
    return answer_list(
        request, "security_group_rules", (rule.describe() for group in groups for rule in group.rules.values())
    )


async def show_rule(request: web.Request) -> web.Response:
    """Show a rule of a security group."""
    rule_id = request.match_info["rule_id"]
    return answer_one(request, "security_group_rule", _find_group(request, rule_id).rules[rule_id].describe())


def create_rule(request: web.Request, attributes: SecurityGroupRuleAttributes) -> dict[str, Any]:
    """Add a rule to a security group, and describe it."""
    database, caller = request.app[DATABASE], request[IDENTITY]
    group = find_group(database, attributes.security_group_id, caller)
    if attributes.remote_group_id is not None:
        find_group(database, attributes.remote_group_id, caller)
    rule = _read(attributes, group, new_id(request, "security-group-rule"))
    for other in group.rules.values():
        if other.matched_traffic == rule.matched_traffic:
            raise SecurityGroupRuleExists(other.id)
    check_quota(database, group.project_id, "security_group_rule")
    group.rules[rule.id] = rule
    group.revision.bump()
    return rule.describe()


async def delete_rule(request: web.Request) -> web.Response:
    """Delete a rule of a security group."""
    _remove(request, request.match_info["rule_id"])
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _remove(request: web.Request, rule_id: str) -> None:
    group = _find_group(request, rule_id)
    del group.rules[rule_id]
    group.revision.bump()


def _find_group(request: web.Request, rule_id: str) -> SecurityGroup:
    for group in groups_for(request.app[DATABASE], request[IDENTITY]):
        if rule_id in group.rules:
            return group
    raise SecurityGroupRuleNotFound(rule_id)


def _read(attributes: SecurityGroupRuleAttributes, group: SecurityGroup, rule_id: str) -> SecurityGroupRule:
    if attributes.remote_ip_prefix is not None and attributes.remote_group_id is not None:
        raise SecurityGroupRemoteGroupAndRemoteIpPrefix
    rule = SecurityGroupRule(rule_id, group.project_id, group.id, attributes.direction, attributes.ethertype)
    rule.protocol = _read_protocol(attributes.protocol)
    _check_range(rule.protocol, attributes.port_range_min, attributes.port_range_max)
    rule.port_range_min, rule.port_range_max = attributes.port_range_min, attributes.port_range_max
    rule.remote_group_id = attributes.remote_group_id
    rule.remote_ip_prefix = _read_prefix(attributes.remote_ip_prefix, attributes.ethertype)
    rule.description = attributes.description or ""
    return rule


def _read_protocol(protocol: str | int | None) -> str | None:
    if protocol is None:
        return None
    text = str(protocol).lower()
    if text in PROTOCOLS or (text.isdecimal() and int(text) in BYTE):
        return text
    raise SecurityGroupRuleInvalidProtocol(text)


def _check_range(protocol: str | None, low: int | None, high: int | None) -> None:
    if low is None and high is None:
        return
    if protocol is None:
        raise SecurityGroupProtocolRequiredWithPorts
    if protocol in {*WITH_TYPES, *map(str, WITH_TYPES.values())}:
        _check_icmp(low, high)
    elif low is None or high is None or low > high:
        raise SecurityGroupInvalidPortRange
    elif wrong := [port for port in (low, high) if port not in PORTS]:
        raise SecurityGroupInvalidPortValue(wrong[0])


def _check_icmp(kind: int | None, code: int | None) -> None:
    for field, attribute, value in (("type", "port_range_min", kind), ("code", "port_range_max", code)):
        if value is not None and value not in BYTE:
            raise SecurityGroupInvalidIcmpValue(field, attribute, value)
    if kind is None and code is not None:
        raise SecurityGroupMissingIcmpType(code)


def _read_prefix(text: str | None, ethertype: str) -> str | None:
    if text is None:
        return None
    try:
        prefix = ip_network(text, strict=False)
    except ValueError:
        raise BadRequest(f"Invalid input for remote_ip_prefix. Reason: '{text}' is not a valid CIDR.") from None
    if f"IPv{prefix.version}" != ethertype:
        raise SecurityGroupRuleParameterConflict(ethertype, text)
    return str(prefix)


SECURITY_GROUP_RULE_ROUTES = (
    web.get("/v2.0/security-group-rules", list_rules),
    web.post(
        "/v2.0/security-group-rules",
        creates("security_group_rule", SecurityGroupRuleAttributes, create_rule, undo=_remove),
    ),
    web.get("/v2.0/security-group-rules/{rule_id}", show_rule),
    web.delete("/v2.0/security-group-rules/{rule_id}", delete_rule),
)
