"""Floating IPs over HTTP: list, show, create, associate and delete them."""

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
from emulator.services.neutron.addresses import WantedIp, take_back
from emulator.services.neutron.database import DATABASE, Database
from emulator.services.neutron.floating_ip_association import BadRequest, associate, device_of, disassociate, tell
from emulator.services.neutron.listing import answer_list, answer_one
from emulator.services.neutron.models import FloatingIp, Network
from emulator.services.neutron.policy import check_admin, check_project
from emulator.services.neutron.quotas import check_quota
from emulator.services.neutron.request_bodies import check_fixed, given, needed, put

__all__ = ["FLOATING_IP_ROUTES"]

NAMES = {"description": "description"}
FIXED = ("floating_network_id", "floating_ip_address", "subnet_id", "project_id", "tenant_id")


class FloatingIpWords(Struct):
    """What a caller may say of a floating IP. `port_id` null is none."""

    floating_network_id: str | UnsetType = UNSET
    floating_ip_address: str | UnsetType | None = UNSET
    subnet_id: str | UnsetType | None = UNSET
    port_id: str | UnsetType | None = UNSET
    fixed_ip_address: str | UnsetType | None = UNSET
    description: str | UnsetType = UNSET
    project_id: str | UnsetType = UNSET
    tenant_id: str | UnsetType = UNSET


class FloatingIpBody(Struct):
    """The body of a request."""

    floatingip: FloatingIpWords


async def list_floating_ips(request: web.Request) -> web.Response:
    """List the floating IPs that the caller may see."""
    database = request.app[DATABASE]
    found = (database.describe_floating_ip(floating) for floating in database.floating_ips_for(request[IDENTITY]))
    return answer_list(request, "floatingips", found)


async def show_floating_ip(request: web.Request) -> web.Response:
    """Show a floating IP."""
    return _answer(request, _find(request))


async def create_floating_ip(request: web.Request) -> web.Response:
    """Take an address of an external network: any, or the one that an admin wants. It may lead to a port at once."""
    words = given((await read_json(request, FloatingIpBody)).floatingip)
    database, who = request.app[DATABASE], request[IDENTITY]
    project_id = check_project(who, words.get("project_id") or words.get("tenant_id"))
    check_admin(who, "create_floatingip", (n for n in ("floating_ip_address",) if words.get(n)))
    network = database.network(needed(words, "floating_network_id"), who)
    check_quota(database, project_id, "floatingip")
    floating = _take(request, network, project_id, words)
    try:
        _associate(request, floating, words)
    except ApiError:
        take_back(database.subnets.values(), [floating.floating])
        raise
    put(floating, words, NAMES)
    database.floating_ips[floating.id] = floating
    await _tell(request, floating.port_id)
    return _answer(request, floating, HTTPStatus.CREATED)


async def update_floating_ip(request: web.Request) -> web.Response:
    """Let a floating IP lead to another port, or to none; one that is not named stays."""
    words = given((await read_json(request, FloatingIpBody)).floatingip)
    floating = _find(request)
    check_fixed(words, FIXED)
    before = floating.port_id
    _associate(request, floating, words)
    put(floating, words, NAMES)
    floating.stamp.touch()
    if "port_id" in words:
        await _tell(request, before, floating.port_id)
    return _answer(request, floating)


async def delete_floating_ip(request: web.Request) -> web.Response:
    """Delete a floating IP; its address is free again."""
    database, floating = request.app[DATABASE], _find(request)
    take_back(database.subnets.values(), [floating.floating])
    del database.floating_ips[floating.id]
    await _tell(request, floating.port_id)
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _find(request: web.Request) -> FloatingIp:
    return request.app[DATABASE].floating_ip(request.match_info["floating_ip_id"], request[IDENTITY])


def _answer(request: web.Request, floating: FloatingIp, status: int = 200) -> web.Response:
    return answer_one(request, "floatingip", request.app[DATABASE].describe_floating_ip(floating), status)


def _take(request: web.Request, network: Network, project_id: str, words: dict[str, Any]) -> FloatingIp:
    """Take the address. Raises BadRequest where the network has none to take, Conflict where it is taken."""
    if not network.external:
        raise BadRequest("floatingip", f"Network {network.id} is not a valid external network")
    subnets = [each for each in request.app[DATABASE].subnets_of(network.id) if isinstance(each.cidr, IPv4Network)]
    if not subnets:
        raise BadRequest("floatingip", f"Network {network.id} does not contain any IPv4 subnet")
    wanted = WantedIp(words.get("subnet_id"), words.get("floating_ip_address"))
    rng, request_id = request.app[SERVICE_CONTEXT].rng, current_request().request_id
    random = rng.draw("address", network.id, request_id)
    [address] = addresses.give(network.id, subnets, [wanted], random)
    return FloatingIp(rng.uuid("floatingip", request_id), project_id, network.id, address)


def _associate(request: web.Request, floating: FloatingIp, words: dict[str, Any]) -> None:
    """Do what the words say of the port, which may be nothing."""
    port_id, fixed_ip = words.get("port_id"), words.get("fixed_ip_address")
    if fixed_ip and not port_id:
        raise BadRequest("floatingip", "fixed_ip_address cannot be specified without a port_id")
    if port_id:
        associate(request.app[DATABASE], request[IDENTITY], floating, port_id, fixed_ip)
    elif "port_id" in words:
        disassociate([floating])


async def _tell(request: web.Request, *port_ids: str | None) -> None:
    """Tell nova of the servers that have, or had, these ports."""
    database: Database = request.app[DATABASE]
    servers = [device_of(database.ports.get(port_id)) for port_id in port_ids if port_id is not None]
    annotate(server__id=next(filter(None, reversed(servers)), None))
    await tell(request.app, *servers)


FLOATING_IP_ROUTES = (
    web.get("/v2.0/floatingips", list_floating_ips),
    web.post("/v2.0/floatingips", create_floating_ip),
    web.get("/v2.0/floatingips/{floating_ip_id}", show_floating_ip),
    web.put("/v2.0/floatingips/{floating_ip_id}", update_floating_ip),
    web.delete("/v2.0/floatingips/{floating_ip_id}", delete_floating_ip),
)
