"""Keystone's errors, with the names and messages of `keystone.exception`."""

from emulator.runtime.errors import NotFound
from emulator.services.oslo.policy import PolicyNotAuthorized

__all__ = ["ForbiddenAction", "ResourceNotFound"]


class ForbiddenAction(PolicyNotAuthorized):
    """The caller lacks the role for an action of keystone's policy."""

    error_type = "keystone.ForbiddenAction"

    def __init__(self, action: str) -> None:
        super().__init__(f"You are not authorized to perform the requested action: identity:{action}.")


class ResourceNotFound(NotFound):
    """There is no resource of this kind with this id."""

    error_type = "keystone.ResourceNotFound"

    def __init__(self, kind: str, resource_id: str) -> None:
        super().__init__(f"Could not find {kind}: {resource_id}.")
