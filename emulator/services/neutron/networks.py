"""Networks over HTTP: list, show, create, change and delete them."""

from http import HTTPStatus
from typing import Annotated, Any

from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType, field

from emulator.runtime.errors import Conflict
from emulator.runtime.http_server import IDENTITY, read_json
from emulator.runtime.request_context import current_request
from emulator.runtime.service import SERVICE_CONTEXT
from emulator.services.neutron.database import DATABASE, Database
from emulator.services.neutron.listing import answer_list, answer_one
from emulator.services.neutron.models import Network
from emulator.services.neutron.policy import check_admin, check_owner, check_project
from emulator.services.neutron.port_binding import show_network
from emulator.services.neutron.provider_segments import NetworkType, SegmentationId, check_renumbering, reserve
from emulator.services.neutron.quotas import check_quota
from emulator.services.neutron.request_bodies import check_fixed, check_known, given, put

__all__ = ["NETWORK_ROUTES"]

NAMES = {
    "name": "name",
    "description": "description",
    "admin_state_up": "admin_state_up",
    "shared": "shared",
    "router:external": "external",
    "mtu": "mtu",
    "port_security_enabled": "port_security_enabled",
    "provider:network_type": "network_type",
    "provider:physical_network": "physical_network",
    "provider:segmentation_id": "segmentation_id",
}
OF_ADMINS = (
    "shared",
    "router:external",
    "provider:network_type",
    "provider:physical_network",
    "provider:segmentation_id",
)
FIXED = ("project_id", "tenant_id", "provider:network_type", "provider:physical_network")


class NetworkInUse(Conflict):
    """There are ports on the network."""

    error_type = "neutron.NetworkInUse"

    def __init__(self, network_id: str) -> None:
        super().__init__(
            f"Unable to complete operation on network {network_id}. There are one or more ports in use on the network."
        )


class InvalidSharedSetting(Conflict):
    """Others than its own project have ports on the network."""

    error_type = "neutron.InvalidSharedSetting"

    def __init__(self, name: str) -> None:
        super().__init__(f"Unable to reconfigure sharing settings for network {name}. Multiple tenants are using it.")


class NetworkWords(Struct):
    """What a caller may say of a network."""

    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    admin_state_up: bool | UnsetType = UNSET
    shared: bool | UnsetType = UNSET
    external: bool | UnsetType = field(name="router:external", default=UNSET)
    mtu: Annotated[int, Meta(ge=68, le=65535)] | UnsetType = UNSET
    port_security_enabled: bool | UnsetType = UNSET
    network_type: NetworkType | UnsetType = field(name="provider:network_type", default=UNSET)
    physical_network: str | UnsetType | None = field(name="provider:physical_network", default=UNSET)
    segmentation_id: SegmentationId | UnsetType | None = field(name="provider:segmentation_id", default=UNSET)
    project_id: str | UnsetType = UNSET
    tenant_id: str | UnsetType = UNSET
    segments: Any = UNSET


class NetworkBody(Struct):
    """The body of a request."""

    network: NetworkWords


async def list_networks(request: web.Request) -> web.Response:
    """List the networks that the caller may see."""
    database = request.app[DATABASE]
    found = (database.describe_network(network) for network in database.networks_for(request[IDENTITY]))
    return answer_list(request, "networks", found)


async def create_network(request: web.Request) -> web.Response:
    """Make a network, without a subnet."""
    words = await _read(request)
    project_id = check_project(request[IDENTITY], words.get("project_id") or words.get("tenant_id"))
    _check_privileges(request, "create_network", words)
    database = request.app[DATABASE]
    check_quota(database, project_id, "network")
    network = Network(request.app[SERVICE_CONTEXT].rng.uuid("network", current_request().request_id), "", project_id)
    put(network, {**words, **reserve(words, database.networks.values())}, NAMES)
    database.networks[network.id] = network
    return answer_one(request, "network", database.describe_network(network), HTTPStatus.CREATED)


async def update_network(request: web.Request) -> web.Response:
    """Change what was named, if the network is the caller's."""
    words = await _read(request)
    network = _find(request, "update_network")
    check_fixed(words, FIXED)
    _check_privileges(request, "update_network", words)
    database = request.app[DATABASE]
    if words.get("shared", True) is False:
        _check_alone(database, network)
    if "provider:segmentation_id" in words:
        check_renumbering(network, words["provider:segmentation_id"], database.networks.values())
    put(network, words, NAMES)
    network.stamp.touch()
    return answer_one(request, "network", database.describe_network(network))


async def delete_network(request: web.Request) -> web.Response:
    """Delete a network that has no ports, with its subnets, and the floating IPs of it that lead nowhere."""
    database, network = request.app[DATABASE], _find(request, "delete_network")
    floating_ips = [each for each in database.floating_ips.values() if each.network_id == network.id]
    if database.ports_of(network.id) or any(each.port_id for each in floating_ips):
        raise NetworkInUse(network.id)
    for floating in floating_ips:
        del database.floating_ips[floating.id]
    for subnet in database.subnets_of(network.id):
        del database.subnets[subnet.id]
    del database.networks[network.id]
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def _read(request: web.Request) -> dict[str, Any]:
    words = given((await read_json(request, NetworkBody)).network)
    check_known(words, ("segments",))
    if isinstance(number := words.get("provider:segmentation_id"), str):
        words["provider:segmentation_id"] = int(number)
    return words


def _find(request: web.Request, action: str) -> Network:
    network = request.app[DATABASE].network(request.match_info["network_id"], request[IDENTITY])
    check_owner(request[IDENTITY], network, action)
    return network


def _check_privileges(request: web.Request, action: str, words: dict[str, Any]) -> None:
    """Check what only admins may say. That a network is not shared, or not external, anybody may say of a new one."""
    new = action == "create_network"
    check_admin(request[IDENTITY], action, (n for n in OF_ADMINS if n in words and not (new and words[n] is False)))


def _check_alone(database: Database, network: Network) -> None:
    if any(port.project_id != network.project_id for port in database.ports_of(network.id)):
        raise InvalidSharedSetting(network.name)


NETWORK_ROUTES = (
    web.get("/v2.0/networks", list_networks),
    web.post("/v2.0/networks", create_network),
    web.get("/v2.0/networks/{network_id}", show_network),
    web.put("/v2.0/networks/{network_id}", update_network),
    web.delete("/v2.0/networks/{network_id}", delete_network),
)
