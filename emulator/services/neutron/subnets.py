"""Subnets over HTTP: list, show, create, update and delete them.

Source: https://docs.openstack.org/api-ref/network/v2/#subnets
"""

from http import HTTPStatus
from typing import Any, Literal

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from emulator.runtime.errors import BadRequest, Conflict
from emulator.runtime.http_server import IDENTITY, read_json
from emulator.services.neutron.cidrs import (
    InvalidInput,
    RequestedPool,
    check_gateway_outside_pools,
    check_overlap,
    default_gateway,
    default_pools,
    read_address,
    read_cidr,
    read_gateway,
    read_pools,
)
from emulator.services.neutron.creation import creates
from emulator.services.neutron.database import DATABASE
from emulator.services.neutron.host_routes import HostRoute, read_host_routes
from emulator.services.neutron.listing import answer_list, answer_one
from emulator.services.neutron.models import Address, Cidr, Pool, Subnet
from emulator.services.neutron.policy import check_owner, project_for
from emulator.services.neutron.quotas import check_quota
from emulator.services.neutron.request_bodies import (
    Text,
    apply_attributes,
    check_read_only,
    new_id,
    read_attributes,
    required,
)

__all__ = ["SUBNET_ROUTES"]

RECORD_FIELDS = {
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
READ_ONLY = ("network_id", "cidr", "ip_version", "project_id", "tenant_id", "ipv6_ra_mode", "ipv6_address_mode")


Ipv6Mode = Literal["dhcpv6-stateful", "dhcpv6-stateless", "slaac"]


class SubnetInUse(Conflict):
    """Ports have addresses of the subnet."""

    error_type = "neutron.SubnetInUse"

    def __init__(self, subnet_id: str) -> None:
        super().__init__(
            f"Unable to complete operation on subnet {subnet_id}: "
            "One or more ports have an IP allocation from this subnet."
        )


class SubnetAttributes(Struct):
    """The attributes of a subnet in a request. A `gateway_ip` of null means that there is no gateway."""

    network_id: str | UnsetType = UNSET
    cidr: str | UnsetType | None = UNSET
    ip_version: Literal[4, 6] | UnsetType = UNSET
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    gateway_ip: str | UnsetType | None = UNSET
    allocation_pools: list[RequestedPool] | UnsetType = UNSET
    enable_dhcp: bool | UnsetType = UNSET
    dns_nameservers: list[Text] | UnsetType = UNSET
    host_routes: list[HostRoute] | UnsetType | None = UNSET
    ipv6_ra_mode: Ipv6Mode | UnsetType | None = UNSET
    ipv6_address_mode: Ipv6Mode | UnsetType | None = UNSET
    project_id: str | UnsetType = UNSET
    tenant_id: str | UnsetType = UNSET


class SubnetBody(Struct):
    """The body of a request that updates a subnet."""

    subnet: SubnetAttributes


async def list_subnets(request: web.Request) -> web.Response:
    """List the subnets that the caller may see."""
    found = (subnet.describe() for subnet in request.app[DATABASE].subnets_for(request[IDENTITY]))
    return answer_list(request, "subnets", found)


async def show_subnet(request: web.Request) -> web.Response:
    """Show a subnet."""
    subnet = request.app[DATABASE].subnet(request.match_info["subnet_id"], request[IDENTITY])
    return answer_one(request, "subnet", subnet.describe())


def create_subnet(request: web.Request, body: SubnetAttributes) -> dict[str, Any]:
    """Create a subnet on a network of the caller's project, and describe it."""
    attributes = read_attributes(body)
    database, caller = request.app[DATABASE], request[IDENTITY]
    project_id = project_for(caller, attributes)
    network = database.network(required(attributes, "network_id"), caller)
    check_owner(caller, network, "create_subnet")
    check_quota(database, project_id, "subnet")
    cidr = _read_cidr(attributes)
    check_overlap(cidr, (subnet.cidr for subnet in database.subnets_of(network.id)), network.id)
    gateway = read_gateway(attributes["gateway_ip"], cidr) if "gateway_ip" in attributes else default_gateway(cidr)
    pools = _pools(attributes, cidr, gateway) or default_pools(cidr, gateway)
    _check_modes(attributes, cidr)
    _check_dhcp(attributes, cidr)
    subnet_id = new_id(request, "subnet")
    subnet = Subnet(subnet_id, "", project_id, network.id, cidr, gateway, pools)
    apply_attributes(subnet, attributes, RECORD_FIELDS)
    database.subnets[subnet.id] = subnet
    return subnet.describe()


async def update_subnet(request: web.Request) -> web.Response:
    """Update a subnet. Ports keep their addresses, even outside the new pools."""
    attributes = read_attributes((await read_json(request, SubnetBody)).subnet)
    subnet = _find(request, "update_subnet")
    check_read_only(attributes, READ_ONLY)
    _check_dhcp(attributes, subnet.cidr)
    gateway = read_gateway(attributes["gateway_ip"], subnet.cidr) if "gateway_ip" in attributes else subnet.gateway_ip
    pools = _pools(attributes, subnet.cidr, gateway) or subnet.pools
    check_gateway_outside_pools(gateway, pools)  # once more: the request may have a gateway, but no pools
    subnet.gateway_ip, subnet.pools = gateway, pools
    apply_attributes(subnet, attributes, RECORD_FIELDS)
    subnet.revision.bump()
    return answer_one(request, "subnet", subnet.describe())


async def delete_subnet(request: web.Request) -> web.Response:
    """Delete a subnet that has no allocated addresses."""
    subnet = _find(request, "delete_subnet")
    if subnet.allocated:
        raise SubnetInUse(subnet.id)
    del request.app[DATABASE].subnets[subnet.id]
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _remove(request: web.Request, subnet_id: str) -> None:
    del request.app[DATABASE].subnets[subnet_id]


def _find(request: web.Request, action: str) -> Subnet:
    subnet = request.app[DATABASE].subnet(request.match_info["subnet_id"], request[IDENTITY])
    check_owner(request[IDENTITY], subnet, action)
    return subnet


def _read_cidr(attributes: dict[str, Any]) -> Cidr:
    if not attributes.get("cidr"):
        raise BadRequest("Bad subnets request: a subnetpool must be specified in the absence of a cidr.")
    return read_cidr(attributes["cidr"], int(required(attributes, "ip_version")))


def _pools(attributes: dict[str, Any], cidr: Cidr, gateway: Address | None) -> list[Pool]:
    return read_pools(attributes.get("allocation_pools", ()), cidr, gateway)


def _check_modes(attributes: dict[str, Any], cidr: Cidr) -> None:
    """Raise BadRequest for IPv6 modes that do not fit the subnet or each other."""
    modes = {
        name: attributes[name] for name in ("ipv6_ra_mode", "ipv6_address_mode") if attributes.get(name) is not None
    }
    for name in modes:
        if cidr.version != IPV6:
            raise InvalidInput(f"{name} is not valid when ip_version is {cidr.version}")
        if not attributes.get("enable_dhcp", True):
            raise InvalidInput(f"{name} cannot be set when enable_dhcp is set to False")
    if len(set(modes.values())) > 1:
        raise InvalidInput(
            f"ipv6_ra_mode set to '{modes['ipv6_ra_mode']}' with ipv6_address_mode set to "
            f"'{modes['ipv6_address_mode']}' is not valid. If both attributes are set, they must be the same value"
        )


def _check_dhcp(attributes: dict[str, Any], cidr: Cidr) -> None:
    """Check the routes and name servers that DHCP announces, and normalize the routes. Raises BadRequest."""
    if "host_routes" in attributes:
        attributes["host_routes"] = read_host_routes(attributes["host_routes"] or (), cidr.version)
    for nameserver in attributes.get("dns_nameservers", ()):
        read_address(nameserver, "dns_nameservers")


SUBNET_ROUTES = (
    web.get("/v2.0/subnets", list_subnets),
    web.post("/v2.0/subnets", creates("subnet", SubnetAttributes, create_subnet, undo=_remove)),
    web.get("/v2.0/subnets/{subnet_id}", show_subnet),
    web.put("/v2.0/subnets/{subnet_id}", update_subnet),
    web.delete("/v2.0/subnets/{subnet_id}", delete_subnet),
)
