"""Subnets over HTTP: list, show, create, change and delete them."""

from http import HTTPStatus
from typing import Any, Literal

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from emulator.runtime.errors import BadRequest, Conflict
from emulator.runtime.http_server import IDENTITY, read_json
from emulator.runtime.request_context import current_request
from emulator.runtime.service import SERVICE_CONTEXT
from emulator.services.neutron.cidrs import (
    GatewayConflictWithAllocationPools,
    InvalidInput,
    WantedPool,
    check_overlap,
    gateway_of,
    pools_of,
    read_address,
    read_cidr,
    read_gateway,
    read_pools,
)
from emulator.services.neutron.database import DATABASE
from emulator.services.neutron.host_routes import HostRoute, read_routes
from emulator.services.neutron.listing import answer_list, answer_one
from emulator.services.neutron.models import Address, Cidr, Pool, Subnet
from emulator.services.neutron.policy import check_owner, check_project
from emulator.services.neutron.quotas import check_quota
from emulator.services.neutron.request_bodies import Text, check_fixed, given, needed, put

__all__ = ["SUBNET_ROUTES"]

NAMES = {
    name: name
    for name in (
        "name",
        "description",
        "enable_dhcp",
        "dns_nameservers",
        "host_routes",
        "ipv6_ra_mode",
        "ipv6_address_mode",
    )
}
IPV6 = 6
FIXED = ("network_id", "cidr", "ip_version", "project_id", "tenant_id", "ipv6_ra_mode", "ipv6_address_mode")


Ipv6Mode = Literal["dhcpv6-stateful", "dhcpv6-stateless", "slaac"]


class SubnetInUse(Conflict):
    """Ports have addresses of the subnet."""

    error_type = "neutron.SubnetInUse"

    def __init__(self, subnet_id: str) -> None:
        super().__init__(
            f"Unable to complete operation on subnet {subnet_id}: "
            "One or more ports have an IP allocation from this subnet."
        )


class SubnetWords(Struct):
    """What a caller may say of a subnet. `gateway_ip` null is none."""

    network_id: str | UnsetType = UNSET
    cidr: str | UnsetType | None = UNSET
    ip_version: Literal[4, 6] | UnsetType = UNSET
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    gateway_ip: str | UnsetType | None = UNSET
    allocation_pools: list[WantedPool] | UnsetType = UNSET
    enable_dhcp: bool | UnsetType = UNSET
    dns_nameservers: list[Text] | UnsetType = UNSET
    host_routes: list[HostRoute] | UnsetType | None = UNSET
    ipv6_ra_mode: Ipv6Mode | UnsetType | None = UNSET
    ipv6_address_mode: Ipv6Mode | UnsetType | None = UNSET
    project_id: str | UnsetType = UNSET
    tenant_id: str | UnsetType = UNSET


class SubnetBody(Struct):
    """The body of a request."""

    subnet: SubnetWords


async def list_subnets(request: web.Request) -> web.Response:
    """List the subnets of the networks that the caller may see."""
    found = (subnet.describe() for subnet in request.app[DATABASE].subnets_for(request[IDENTITY]))
    return answer_list(request, "subnets", found)


async def show_subnet(request: web.Request) -> web.Response:
    """Show a subnet."""
    subnet = request.app[DATABASE].subnet(request.match_info["subnet_id"], request[IDENTITY])
    return answer_one(request, "subnet", subnet.describe())


async def create_subnet(request: web.Request) -> web.Response:
    """Make a subnet of a network that is the caller's."""
    words = given((await read_json(request, SubnetBody)).subnet)
    database, who = request.app[DATABASE], request[IDENTITY]
    project_id = check_project(who, words.get("project_id") or words.get("tenant_id"))
    network = database.network(needed(words, "network_id"), who)
    check_owner(who, network, "create_subnet")
    check_quota(database, project_id, "subnet")
    cidr = _read_cidr(words)
    check_overlap(cidr, (subnet.cidr for subnet in database.subnets_of(network.id)), network.id)
    gateway = read_gateway(words["gateway_ip"], cidr) if "gateway_ip" in words else gateway_of(cidr)
    pools = _pools(words, cidr, gateway) or pools_of(cidr, gateway)
    _check_modes(words, cidr)
    _check_told(words, cidr)
    subnet_id = request.app[SERVICE_CONTEXT].rng.uuid("subnet", current_request().request_id)
    subnet = Subnet(subnet_id, "", project_id, network.id, cidr, gateway, pools)
    put(subnet, words, NAMES)
    database.subnets[subnet.id] = subnet
    return answer_one(request, "subnet", subnet.describe(), HTTPStatus.CREATED)


async def update_subnet(request: web.Request) -> web.Response:
    """Change what was named. Addresses that ports have stay theirs."""
    words = given((await read_json(request, SubnetBody)).subnet)
    subnet = _find(request, "update_subnet")
    check_fixed(words, FIXED)
    _check_told(words, subnet.cidr)
    gateway = read_gateway(words["gateway_ip"], subnet.cidr) if "gateway_ip" in words else subnet.gateway_ip
    pools = _pools(words, subnet.cidr, gateway) or subnet.pools
    for pool in pools:
        if gateway is not None and gateway in pool:
            raise GatewayConflictWithAllocationPools(gateway, pool)
    subnet.gateway_ip, subnet.pools = gateway, pools
    put(subnet, words, NAMES)
    subnet.stamp.touch()
    return answer_one(request, "subnet", subnet.describe())


async def delete_subnet(request: web.Request) -> web.Response:
    """Delete a subnet of which no port has an address."""
    subnet = _find(request, "delete_subnet")
    if subnet.taken:
        raise SubnetInUse(subnet.id)
    del request.app[DATABASE].subnets[subnet.id]
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _find(request: web.Request, action: str) -> Subnet:
    subnet = request.app[DATABASE].subnet(request.match_info["subnet_id"], request[IDENTITY])
    check_owner(request[IDENTITY], subnet, action)
    return subnet


def _read_cidr(words: dict[str, Any]) -> Cidr:
    if not words.get("cidr"):
        raise BadRequest("Bad subnets request: a subnetpool must be specified in the absence of a cidr.")
    return read_cidr(words["cidr"], int(needed(words, "ip_version")))


def _pools(words: dict[str, Any], cidr: Cidr, gateway: Address | None) -> list[Pool]:
    return read_pools(words.get("allocation_pools", ()), cidr, gateway)


def _check_modes(words: dict[str, Any], cidr: Cidr) -> None:
    """Raise BadRequest where addresses of the subnet cannot be announced as the caller says."""
    modes = {name: words[name] for name in ("ipv6_ra_mode", "ipv6_address_mode") if words.get(name) is not None}
    for name in modes:
        if cidr.version != IPV6:
            raise InvalidInput(f"{name} is not valid when ip_version is {cidr.version}")
        if not words.get("enable_dhcp", True):
            raise InvalidInput(f"{name} cannot be set when enable_dhcp is set to False")
    if len(set(modes.values())) > 1:
        raise InvalidInput(
            f"ipv6_ra_mode set to '{modes['ipv6_ra_mode']}' with ipv6_address_mode set to "
            f"'{modes['ipv6_address_mode']}' is not valid. If both attributes are set, they must be the same value"
        )


def _check_told(words: dict[str, Any], cidr: Cidr) -> None:
    """Raise BadRequest for what devices cannot be told; bring routes into neutron's form."""
    if "host_routes" in words:
        words["host_routes"] = read_routes(words["host_routes"] or (), cidr.version)
    for nameserver in words.get("dns_nameservers", ()):
        read_address(nameserver, "dns_nameservers")


SUBNET_ROUTES = (
    web.get("/v2.0/subnets", list_subnets),
    web.post("/v2.0/subnets", create_subnet),
    web.get("/v2.0/subnets/{subnet_id}", show_subnet),
    web.put("/v2.0/subnets/{subnet_id}", update_subnet),
    web.delete("/v2.0/subnets/{subnet_id}", delete_subnet),
)
