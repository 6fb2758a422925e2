"""The states of a server, as users see them, and the errors for requests that a state does not allow."""

from collections.abc import Mapping

from emulator.runtime.errors import Conflict, NotFound

__all__ = [
    "STABLE_VM_STATES",
    "InstanceInvalidState",
    "InstanceIsLocked",
    "InstanceNotFound",
    "InstanceNotReady",
    "power_state_of",
    "status_of",
]

STABLE_VM_STATES = frozenset({"active", "paused", "suspended", "stopped"})
"""The states of a server that is built and has not failed. Only then can metadata and tags be changed."""

STATUSES: Mapping[str, str] = {
    "building": "BUILD",
    "active": "ACTIVE",
    "stopped": "SHUTOFF",
    "paused": "PAUSED",
    "suspended": "SUSPENDED",
    "error": "ERROR",
    "deleted": "DELETED",
}
"""The `status` of a server by its `vm_state`, as in `nova.api.openstack.common._STATE_MAP`."""

REBOOTING: Mapping[str, str] = {
    "rebooting": "REBOOT",
    "reboot_started": "REBOOT",
    "rebooting_hard": "HARD_REBOOT",
    "reboot_started_hard": "HARD_REBOOT",
}
"""The `status` of an active server that is being rebooted, by its `task_state`."""

POWER_STATES: Mapping[str, int] = {"active": 1, "paused": 3, "stopped": 4, "suspended": 4}
"""`nova.compute.power_state` by `vm_state`: running, paused, shut down. 0 is NOSTATE."""


class InstanceInvalidState(Conflict):
    """The server's state does not allow the action."""

    error_type = "nova.InstanceInvalidState"

    def __init__(self, action: str, server_id: str, attribute: str | None = None, state: str | None = None) -> None:
        if attribute is None or state is None:
            super().__init__(f"Instance {server_id} is in an invalid state for '{action}'")
        else:
            super().__init__(f"Cannot '{action}' instance {server_id} while it is in {attribute} {state}")


class InstanceIsLocked(Conflict):
    """The server is locked: only admins may change it."""

    error_type = "nova.InstanceIsLocked"

    def __init__(self, server_id: str) -> None:
        super().__init__(f"Instance {server_id} is locked")


class InstanceNotFound(NotFound):
    """There is no such server, or the project does not own it, or it is not on this host."""

    error_type = "nova.InstanceNotFound"

    def __init__(self, server_id: str) -> None:
        super().__init__(f"Instance {server_id} could not be found.")


class InstanceNotReady(Conflict):
    """The server has no host yet."""

    error_type = "nova.InstanceNotReady"

    def __init__(self, server_id: str) -> None:
        super().__init__(f"Instance {server_id} is not ready")


def status_of(vm_state: str, task_state: str | None) -> str:
    """Return the `status` that users see."""
    status = STATUSES[vm_state]
    return REBOOTING.get(task_state or "", status) if vm_state == "active" else status


def power_state_of(vm_state: str) -> int:
    """Return nova's number for the power state."""
    return POWER_STATES.get(vm_state, 0)
