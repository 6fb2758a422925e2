"""Floating IPs over HTTP: list, show, create, update and delete them.

Source: https://docs.openstack.org/api-ref/network/v2/#floating-ips-floatingips
"""

from http import HTTPStatus
from ipaddress import IPv4Network
from typing import Any

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from emulator.runtime.errors import ApiError
from emulator.runtime.http_server import IDENTITY, read_json
from emulator.runtime.request_context import annotate, current_request
from emulator.runtime.service import SERVICE_CONTEXT
from emulator.services.neutron import addresses
from emulator.services.neutron.addresses import RequestedIp, release
from emulator.services.neutron.database import DATABASE, Database
from emulator.services.neutron.floating_ip_association import (
    BadRequest,
    associate,
    disassociate,
)
from emulator.services.neutron.listing import answer_list, answer_one
from emulator.services.neutron.models import FloatingIp, Network
from emulator.services.neutron.policy import check_admin, project_for
from emulator.services.neutron.quotas import check_quota
from emulator.services.neutron.request_bodies import apply_attributes, check_read_only, read_attributes, required
from emulator.services.neutron.server_notifications import notify_servers, server_of

__all__ = ["FLOATING_IP_ROUTES"]

RECORD_FIELDS = {"description": "description"}
READ_ONLY = ("floating_network_id", "floating_ip_address", "subnet_id", "project_id", "tenant_id")


class FloatingIpAttributes(Struct):
    """The attributes of a floating IP in a request; a `port_id` of null disassociates it."""

    floating_network_id: str | UnsetType = UNSET
    floating_ip_address: str | UnsetType | None = UNSET
    subnet_id: str | UnsetType | None = UNSET
    port_id: str | UnsetType | None = UNSET
    fixed_ip_address: str | UnsetType | None = UNSET
    description: str | UnsetType = UNSET
    project_id: str | UnsetType = UNSET
    tenant_id: str | UnsetType = UNSET


class FloatingIpBody(Struct):
    """The body of a request that creates or updates a floating IP."""

    floatingip: FloatingIpAttributes


async def list_floating_ips(request: web.Request) -> web.Response:
    """List the floating IPs that the caller may see."""
    database = request.app[DATABASE]
    found = (database.describe_floating_ip(floating) for floating in database.floating_ips_for(request[IDENTITY]))
    return answer_list(request, "floatingips", found)


async def show_floating_ip(request: web.Request) -> web.Response:
    """Show a floating IP."""
    return _answer(request, _find(request))


async def create_floating_ip(request: web.Request) -> web.Response:
    """Create a floating IP with an address of an external network, and associate it if the request has a port.

    Only admins may choose the address.
    """
    attributes = read_attributes((await read_json(request, FloatingIpBody)).floatingip)
    database, caller = request.app[DATABASE], request[IDENTITY]
    project_id = project_for(caller, attributes)
    check_admin(caller, "create_floatingip", ["floating_ip_address"] if attributes.get("floating_ip_address") else [])
    network = database.network(required(attributes, "floating_network_id"), caller)
    check_quota(database, project_id, "floatingip")
    floating = _allocate(request, network, project_id, attributes)
    try:
        _associate(request, floating, attributes)
    except ApiError:
        release(database.subnets.values(), [floating.external])
        raise
    apply_attributes(floating, attributes, RECORD_FIELDS)
    database.floating_ips[floating.id] = floating
    await _notify(request, floating.port_id)
    return _answer(request, floating, HTTPStatus.CREATED)


async def update_floating_ip(request: web.Request) -> web.Response:
    """Associate a floating IP with another port, or disassociate it; without `port_id` its association stays."""
    attributes = read_attributes((await read_json(request, FloatingIpBody)).floatingip)
    floating = _find(request)
    check_read_only(attributes, READ_ONLY)
    previous_port_id = floating.port_id
    _associate(request, floating, attributes)
    apply_attributes(floating, attributes, RECORD_FIELDS)
    floating.revision.bump()
    if "port_id" in attributes:
        await _notify(request, previous_port_id, floating.port_id)
    return _answer(request, floating)


async def delete_floating_ip(request: web.Request) -> web.Response:
    """Delete a floating IP and release its address."""
    database, floating = request.app[DATABASE], _find(request)
    release(database.subnets.values(), [floating.external])
    del database.floating_ips[floating.id]
    await _notify(request, floating.port_id)
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _find(request: web.Request) -> FloatingIp:
    return request.app[DATABASE].floating_ip(request.match_info["floating_ip_id"], request[IDENTITY])


def _answer(request: web.Request, floating: FloatingIp, status: int = 200) -> web.Response:
    return answer_one(request, "floatingip", request.app[DATABASE].describe_floating_ip(floating), status)


def _allocate(request: web.Request, network: Network, project_id: str, attributes: dict[str, Any]) -> FloatingIp:
    """Allocate an address. Raises BadRequest if the network has no IPv4 addresses, Conflict if they are allocated."""
    if not network.external:
        raise BadRequest("floatingip", f"Network {network.id} is not a valid external network")
    subnets = [each for each in request.app[DATABASE].subnets_of(network.id) if isinstance(each.cidr, IPv4Network)]
    if not subnets:
        raise BadRequest("floatingip", f"Network {network.id} does not contain any IPv4 subnet")
    requested = RequestedIp(attributes.get("subnet_id"), attributes.get("floating_ip_address"))
    rng, request_id = request.app[SERVICE_CONTEXT].rng, current_request().request_id
    random = rng.draw("address", network.id, request_id)
    [address] = addresses.allocate(network.id, subnets, [requested], random)
    return FloatingIp(rng.uuid("floatingip", request_id), project_id, network.id, address)


def _associate(request: web.Request, floating: FloatingIp, attributes: dict[str, Any]) -> None:
    """Associate or disassociate the floating IP, if the attributes request it."""
    port_id, fixed_ip = attributes.get("port_id"), attributes.get("fixed_ip_address")
    if fixed_ip and not port_id:
        raise BadRequest("floatingip", "fixed_ip_address cannot be specified without a port_id")
    if port_id:
        associate(request.app[DATABASE], request[IDENTITY], floating, port_id, fixed_ip)
    elif "port_id" in attributes:
        disassociate([floating])


async def _notify(request: web.Request, *port_ids: str | None) -> None:
    """Notify nova of the servers that have, or had, these ports."""
    database: Database = request.app[DATABASE]
    servers = [server_of(database.ports.get(port_id)) for port_id in port_ids if port_id is not None]
    # The span can have one server: the one that has the floating IP now, or else the one that had it.
    annotate(server__id=next(filter(None, reversed(servers)), None))
    await notify_servers(request.app, *servers)


FLOATING_IP_ROUTES = (
    web.get("/v2.0/floatingips", list_floating_ips),
    web.post("/v2.0/floatingips", create_floating_ip),
    web.get("/v2.0/floatingips/{floating_ip_id}", show_floating_ip),
    web.put("/v2.0/floatingips/{floating_ip_id}", update_floating_ip),
    web.delete("/v2.0/floatingips/{floating_ip_id}", delete_floating_ip),
)
