"""Rules of security groups as callers write them, and why some are none."""

from http import HTTPStatus
from ipaddress import ip_network
from typing import Literal

from aiohttp import web
from msgspec import Struct

from emulator.runtime.errors import BadRequest, Conflict, NotFound
from emulator.runtime.http_server import IDENTITY, read_json
from emulator.runtime.request_context import current_request
from emulator.runtime.service import SERVICE_CONTEXT
from emulator.services.neutron.database import DATABASE
from emulator.services.neutron.listing import answer_list, answer_one
from emulator.services.neutron.quotas import check_quota
from emulator.services.neutron.security_groups.defaults import find_group, groups_for
from emulator.services.neutron.security_groups.models import SecurityGroup, SecurityGroupRule

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
    """The group has such a rule already."""

    error_type = "neutron.SecurityGroupRuleExists"

    def __init__(self, rule_id: str) -> None:
        super().__init__(f"Security group rule already exists. Rule id is {rule_id}.")


class SecurityGroupRemoteGroupAndRemoteIpPrefix(BadRequest):
    """A rule is for a group, or for addresses."""

    error_type = "neutron.SecurityGroupRemoteGroupAndRemoteIpPrefix"

    def __init__(self) -> None:
        super().__init__("Only remote_ip_prefix or remote_group_id may be provided.")


class SecurityGroupProtocolRequiredWithPorts(BadRequest):
    """Which ports are meant depends on the protocol."""

    error_type = "neutron.SecurityGroupProtocolRequiredWithPorts"

    def __init__(self) -> None:
        super().__init__("Must also specify protocol if port range is given.")


class SecurityGroupRuleInvalidProtocol(BadRequest):
    """There is no such protocol."""

    error_type = "neutron.SecurityGroupRuleInvalidProtocol"

    def __init__(self, protocol: str) -> None:
        super().__init__(
            f"Security group rule protocol {protocol} not supported. Only protocol values {PROTOCOLS} and integer "
            "representations [0 to 255] are supported."
        )


class SecurityGroupInvalidPortRange(BadRequest):
    """The ports are no range."""

    error_type = "neutron.SecurityGroupInvalidPortRange"

    def __init__(self) -> None:
        super().__init__("For TCP/UDP protocols, port_range_min must be <= port_range_max")


class SecurityGroupInvalidPortValue(BadRequest):
    """There is no such port."""

    error_type = "neutron.SecurityGroupInvalidPortValue"

    def __init__(self, port: int) -> None:
        super().__init__(f"Invalid value for port {port}")


class SecurityGroupInvalidIcmpValue(BadRequest):
    """There is no such type, or code, of ICMP."""

    error_type = "neutron.SecurityGroupInvalidIcmpValue"

    def __init__(self, field: str, attribute: str, value: int) -> None:
        super().__init__(f"Invalid value for ICMP {field} ({attribute}) {value}. It must be 0 to 255.")


class SecurityGroupMissingIcmpType(BadRequest):
    """A code of ICMP belongs to a type."""

    error_type = "neutron.SecurityGroupMissingIcmpType"

    def __init__(self, code: int) -> None:
        super().__init__(f"ICMP code (port-range-max) {code} is provided but ICMP type (port-range-min) is missing.")


class SecurityGroupRuleParameterConflict(BadRequest):
    """The addresses are of the other IP version."""

    error_type = "neutron.SecurityGroupRuleParameterConflict"

    def __init__(self, ethertype: str, cidr: str) -> None:
        super().__init__(f"Conflicting value ethertype {ethertype} for CIDR {cidr}")


class RuleWords(Struct):
    """What a caller says of a rule."""

    security_group_id: str
    direction: Literal["ingress", "egress"]
    ethertype: Literal["IPv4", "IPv6"] = "IPv4"
    protocol: str | int | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: str | None = None
    remote_group_id: str | None = None
    description: str | None = None


class RuleBody(Struct):
    """The body of a request."""

    security_group_rule: RuleWords


async def list_rules(request: web.Request) -> web.Response:
    """List the rules of security groups."""
    groups = groups_for(request.app[DATABASE], request[IDENTITY])
    return answer_list(
        request, "security_group_rules", (rule.describe() for group in groups for rule in group.rules.values())
    )


async def show_rule(request: web.Request) -> web.Response:
    """Show a rule of a security group."""
    group, rule_id = _find(request)
    return answer_one(request, "security_group_rule", group.rules[rule_id].describe())


async def create_rule(request: web.Request) -> web.Response:
    """Add a rule to a security group."""
    words = (await read_json(request, RuleBody)).security_group_rule
    database, who = request.app[DATABASE], request[IDENTITY]
    group = find_group(database, words.security_group_id, who)
    if words.remote_group_id is not None:
        find_group(database, words.remote_group_id, who)
    rule = _read(
        words, group, request.app[SERVICE_CONTEXT].rng.uuid("security-group-rule", current_request().request_id)
    )
    for other in group.rules.values():
        if other.what == rule.what:
            raise SecurityGroupRuleExists(other.id)
    check_quota(database, group.project_id, "security_group_rule")
    group.rules[rule.id] = rule
    group.stamp.touch()
    return answer_one(request, "security_group_rule", rule.describe(), HTTPStatus.CREATED)


async def delete_rule(request: web.Request) -> web.Response:
    """Take a rule out of its security group."""
    group, rule_id = _find(request)
    del group.rules[rule_id]
    group.stamp.touch()
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _find(request: web.Request) -> tuple[SecurityGroup, str]:
    rule_id = request.match_info["rule_id"]
    for group in groups_for(request.app[DATABASE], request[IDENTITY]):
        if rule_id in group.rules:
            return group, rule_id
    raise SecurityGroupRuleNotFound(rule_id)


def _read(words: RuleWords, group: SecurityGroup, rule_id: str) -> SecurityGroupRule:
    if words.remote_ip_prefix is not None and words.remote_group_id is not None:
        raise SecurityGroupRemoteGroupAndRemoteIpPrefix
    rule = SecurityGroupRule(rule_id, group.project_id, group.id, words.direction, words.ethertype)
    rule.protocol = _read_protocol(words.protocol)
    _check_range(rule.protocol, words.port_range_min, words.port_range_max)
    rule.port_range_min, rule.port_range_max = words.port_range_min, words.port_range_max
    rule.remote_group_id = words.remote_group_id
    rule.remote_ip_prefix = _read_prefix(words.remote_ip_prefix, words.ethertype)
    rule.description = words.description or ""
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
    web.post("/v2.0/security-group-rules", create_rule),
    web.get("/v2.0/security-group-rules/{rule_id}", show_rule),
    web.delete("/v2.0/security-group-rules/{rule_id}", delete_rule),
)
