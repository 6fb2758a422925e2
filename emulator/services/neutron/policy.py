"""Who may see and use what, and who may change it: the policy of a fresh neutron, in its words."""

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.runtime.errors import BadRequest
from emulator.services.auth import Identity
from emulator.services.neutron.models import Network, Record
from emulator.services.oslo.policy import PolicyNotAuthorized

__all__ = [
    "check_admin",
    "check_owner",
    "check_project",
    "may_attach",
    "may_see_network",
    "may_use_network",
    "refuse",
    "shown",
]

OF_ADMINS = (
    "provider:network_type",
    "provider:physical_network",
    "provider:segmentation_id",
    "binding:host_id",
    "binding:profile",
    "binding:vif_type",
    "binding:vif_details",
)
"""What only those that see all are shown."""


def may_see_network(who: Identity, network: Network) -> bool:
    """Whether a network is there, as far as somebody can tell."""
    return who.sees_all or network.external or may_use_network(who.project_id, network)


def may_use_network(project_id: str, network: Network) -> bool:
    """Whether ports of a project may be on a network."""
    return network.shared or network.project_id == project_id


def may_attach(who: Identity) -> bool:
    """Whether somebody puts devices on networks by asking for them: services alone, not even admins."""
    return "service" in who.roles


def shown(who: Identity, described: Mapping[str, Any]) -> dict[str, Any]:
    """Return what somebody may see of a description."""
    return {key: value for key, value in described.items() if who.sees_all or key not in OF_ADMINS}


def refuse(action: str, *attributes: str) -> PolicyNotAuthorized:
    """Return the error for an action that somebody may not do, at all or with these attributes."""
    rules = " and ".join(f"rule:{rule}" for rule in (action, *(f"{action}:{name}" for name in attributes)))
    return PolicyNotAuthorized(f"{f'({rules})' if attributes else rules} is disallowed by policy")


def check_owner(who: Identity, record: Record, action: str) -> None:
    """Let those change a record whose project has it, and those that see all. Raises PolicyNotAuthorized."""
    if not (who.sees_all or who.project_id == record.project_id):
        raise refuse(action)


def check_admin(who: Identity, action: str, attributes: Iterable[str]) -> None:
    """Let only admins set these attributes. Raises PolicyNotAuthorized."""
    given = tuple(attributes)
    if given and not who.is_admin:
        raise refuse(action, *given)


def check_project(who: Identity, project_id: str | None) -> str:
    """Return the project that something new is to belong to. Raises BadRequest for one that is not theirs."""
    if project_id not in {None, who.project_id} and not who.sees_all:
        raise BadRequest(
            "Specifying 'project_id' or 'tenant_id' other than the authenticated project in request "
            "requires admin or advsvc privileges"
        )
    return project_id or who.project_id
