"""The states of a server as nova-api knows them, how it words them, and what it refuses because of them."""

from collections.abc import Mapping

from emulator.runtime.errors import Conflict

__all__ = ["SETTLED", "InstanceInvalidState", "InstanceIsLocked", "InstanceNotReady", "power_state_of", "status_of"]

SETTLED = frozenset({"active", "paused", "suspended", "stopped"})
"""The states of a server that is built, and well: then there may be other words on it."""

STATUSES: Mapping[str, str] = {
    "building": "BUILD",
    "active": "ACTIVE",
    "stopped": "SHUTOFF",
    "paused": "PAUSED",
    "suspended": "SUSPENDED",
    "error": "ERROR",
}
"""The `status` of a server, by its `vm_state`."""

REBOOTING: Mapping[str, str] = {
    "rebooting": "REBOOT",
    "reboot_started": "REBOOT",
    "rebooting_hard": "HARD_REBOOT",
    "reboot_started_hard": "HARD_REBOOT",
}
"""The `status` of an active server that is about to boot again, by its `task_state`."""

POWER_STATES: Mapping[str, int] = {"active": 1, "paused": 3, "stopped": 4, "suspended": 4}
"""What the hypervisor says, by `vm_state`; 0 is no state at all."""


class InstanceInvalidState(Conflict):
    """The server is in no state for this."""

    error_type = "nova.InstanceInvalidState"

    def __init__(self, action: str, server_id: str, attribute: str | None = None, state: str | None = None) -> None:
        if attribute is None or state is None:
            super().__init__(f"Instance {server_id} is in an invalid state for '{action}'")
        else:
            super().__init__(f"Cannot '{action}' instance {server_id} while it is in {attribute} {state}")


class InstanceIsLocked(Conflict):
    """Only admins may do something with the server."""

    error_type = "nova.InstanceIsLocked"

    def __init__(self, server_id: str) -> None:
        super().__init__(f"Instance {server_id} is locked")


class InstanceNotReady(Conflict):
    """The server is on no host yet."""

    error_type = "nova.InstanceNotReady"

    def __init__(self, server_id: str) -> None:
        super().__init__(f"Instance {server_id} is not ready")


def status_of(vm_state: str, task_state: str | None) -> str:
    """Return the one word that users see."""
    status = STATUSES[vm_state]
    return REBOOTING.get(task_state or "", status) if vm_state == "active" else status


def power_state_of(vm_state: str) -> int:
    """Return libvirt's number for what the guest does."""
    return POWER_STATES.get(vm_state, 0)
