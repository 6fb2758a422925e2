"""Neutron's default policy: which callers may see, use and change a resource."""

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.runtime.errors import BadRequest
from emulator.services.auth import Identity
from emulator.services.neutron.models import Network, Record
from emulator.services.oslo.policy import PolicyNotAuthorized

__all__ = [
    "check_admin",
    "check_owner",
    "may_bind_devices",
    "may_see_network",
    "may_use_network",
    "not_authorized",
    "project_for",
    "visible_attributes",
]

ADMIN_ONLY = (
    "provider:network_type",
    "provider:physical_network",
    "provider:segmentation_id",
    "binding:host_id",
    "binding:profile",
    "binding:vif_type",
    "binding:vif_details",
)
"""The attributes that only admins and services see."""


def may_see_network(caller: Identity, network: Network) -> bool:
    """Whether the caller may see a network."""
    return caller.sees_all or network.external or may_use_network(caller.project_id, network)


def may_use_network(project_id: str, network: Network) -> bool:
    """Whether ports of a project may be on a network."""
    return network.shared or network.project_id == project_id


def may_bind_devices(caller: Identity) -> bool:
    """Whether the caller may attach a device when it shows a network. Only services may, not even admins."""
    return "service" in caller.roles


def visible_attributes(caller: Identity, described: Mapping[str, Any]) -> dict[str, Any]:
    """Return those attributes of a described record that the caller may see."""
    return {key: value for key, value in described.items() if caller.sees_all or key not in ADMIN_ONLY}


def not_authorized(action: str, *attributes: str) -> PolicyNotAuthorized:
    """Return the error for a caller that may not do an action, or may not set these attributes in it."""
    rules = " and ".join(f"rule:{rule}" for rule in (action, *(f"{action}:{name}" for name in attributes)))
    return PolicyNotAuthorized(f"{f'({rules})' if attributes else rules} is disallowed by policy")


def check_owner(caller: Identity, record: Record, action: str) -> None:
    """Raise PolicyNotAuthorized for a record of another project, unless the caller is an admin or a service."""
    if not (caller.sees_all or caller.project_id == record.project_id):
        raise not_authorized(action)


def check_admin(caller: Identity, action: str, attributes: Iterable[str]) -> None:
    """Raise PolicyNotAuthorized if there are any of these admin-only attributes and the caller is not an admin."""
    admin_only = tuple(attributes)
    if admin_only and not caller.is_admin:
        raise not_authorized(action, *admin_only)


def project_for(caller: Identity, attributes: Mapping[str, Any]) -> str:
    """Return the project of a new record: the one in the request, or the caller's. Raises BadRequest for another's."""
    project_id = attributes.get("project_id") or attributes.get("tenant_id")
    if project_id not in {None, caller.project_id} and not caller.sees_all:
        raise BadRequest(
            "Specifying 'project_id' or 'tenant_id' other than the authenticated project in request "
            "requires admin or advsvc privileges"
        )
    return project_id or caller.project_id
