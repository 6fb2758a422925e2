"""Networks over HTTP: list, create, update and delete them. `port_binding` has the handler that shows one.

Source: https://docs.openstack.org/api-ref/network/v2/#networks
"""

from http import HTTPStatus
from typing import Annotated, Any

from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType, field

from emulator.runtime.errors import Conflict
from emulator.runtime.http_server import IDENTITY, read_json
from emulator.services.neutron.creation import creates
from emulator.services.neutron.database import DATABASE, Database
from emulator.services.neutron.listing import answer_list, answer_one
from emulator.services.neutron.models import Network
from emulator.services.neutron.policy import check_admin, check_owner, project_for
from emulator.services.neutron.port_binding import show_network
from emulator.services.neutron.provider_segments import (
    NetworkType,
    SegmentationId,
    assign_provider_attributes,
    check_segmentation_id_change,
)
from emulator.services.neutron.quotas import check_quota
from emulator.services.neutron.request_bodies import (
    apply_attributes,
    check_read_only,
    check_supported,
    new_id,
    read_attributes,
)

__all__ = ["NETWORK_ROUTES"]

RECORD_FIELDS = {
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
ADMIN_ONLY = (
    "shared",
    "router:external",
    "provider:network_type",
    "provider:physical_network",
    "provider:segmentation_id",
)
READ_ONLY = ("project_id", "tenant_id", "provider:network_type", "provider:physical_network")


class NetworkInUse(Conflict):
    """The network has ports."""

    error_type = "neutron.NetworkInUse"

    def __init__(self, network_id: str) -> None:
        super().__init__(
            f"Unable to complete operation on network {network_id}. There are one or more ports in use on the network."
        )


class InvalidSharedSetting(Conflict):
    """Another project has ports on the network."""

    error_type = "neutron.InvalidSharedSetting"

    def __init__(self, name: str) -> None:
        super().__init__(f"Unable to reconfigure sharing settings for network {name}. Multiple tenants are using it.")


class NetworkAttributes(Struct):
    """The attributes of a network in a request."""

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
    """The body of a request that updates a network."""

    network: NetworkAttributes


async def list_networks(request: web.Request) -> web.Response:
    """List the networks that the caller may see."""
    database = request.app[DATABASE]
    found = (database.describe_network(network) for network in database.networks_for(request[IDENTITY]))
    return answer_list(request, "networks", found)


def create_network(request: web.Request, body: NetworkAttributes) -> dict[str, Any]:
    """Create a network, without a subnet, and describe it."""
    attributes = _read(body)
    project_id = project_for(request[IDENTITY], attributes)
    _check_privileges(request, "create_network", attributes)
    database = request.app[DATABASE]
    check_quota(database, project_id, "network")
    network = Network(new_id(request, "network"), "", project_id)
    apply_attributes(
        network, {**attributes, **assign_provider_attributes(attributes, database.networks.values())}, RECORD_FIELDS
    )
    database.networks[network.id] = network
    return database.describe_network(network)


async def update_network(request: web.Request) -> web.Response:
    """Update a network of the caller's project."""
    attributes = _read((await read_json(request, NetworkBody)).network)
    network = _find(request, "update_network")
    check_read_only(attributes, READ_ONLY)
    _check_privileges(request, "update_network", attributes)
    database = request.app[DATABASE]
    if attributes.get("shared", True) is False:
        _check_no_other_project(database, network)
    if "provider:segmentation_id" in attributes:
        check_segmentation_id_change(network, attributes["provider:segmentation_id"], database.networks.values())
    apply_attributes(network, attributes, RECORD_FIELDS)
    network.revision.bump()
    return answer_one(request, "network", database.describe_network(network))


async def delete_network(request: web.Request) -> web.Response:
    """Delete a network without ports, with its subnets and its floating IPs, if none of these is associated."""
    database, network = request.app[DATABASE], _find(request, "delete_network")
    floating_ips = [floating for floating in database.floating_ips.values() if floating.network_id == network.id]
    if database.ports_of(network.id) or any(floating.port_id for floating in floating_ips):
        raise NetworkInUse(network.id)
    # With the network go its unassociated floating IPs, as `delete_disassociated_floatingips` does in neutron.db.l3_db.
    for floating in floating_ips:
        del database.floating_ips[floating.id]
    for subnet in database.subnets_of(network.id):
        del database.subnets[subnet.id]
    del database.networks[network.id]
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _read(body: NetworkAttributes) -> dict[str, Any]:
    attributes = read_attributes(body)
    check_supported(attributes, ("segments",))
    if isinstance(number := attributes.get("provider:segmentation_id"), str):
        attributes["provider:segmentation_id"] = int(number)
    return attributes


def _remove(request: web.Request, network_id: str) -> None:
    del request.app[DATABASE].networks[network_id]


def _find(request: web.Request, action: str) -> Network:
    network = request.app[DATABASE].network(request.match_info["network_id"], request[IDENTITY])
    check_owner(request[IDENTITY], network, action)
    return network


def _check_privileges(request: web.Request, action: str, attributes: dict[str, Any]) -> None:
    """Check that only admins set the attributes in ADMIN_ONLY. A new network may have the value false for all users."""
    new = action == "create_network"
    admin_only = [name for name in ADMIN_ONLY if name in attributes and not (new and attributes[name] is False)]
    check_admin(request[IDENTITY], action, admin_only)


def _check_no_other_project(database: Database, network: Network) -> None:
    if any(port.project_id != network.project_id for port in database.ports_of(network.id)):
        raise InvalidSharedSetting(network.name)


NETWORK_ROUTES = (
    web.get("/v2.0/networks", list_networks),
    web.post("/v2.0/networks", creates("network", NetworkAttributes, create_network, undo=_remove)),
    web.get("/v2.0/networks/{network_id}", show_network),
    web.put("/v2.0/networks/{network_id}", update_network),
    web.delete("/v2.0/networks/{network_id}", delete_network),
)
