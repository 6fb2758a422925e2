"""What keystone refuses, in its words."""

from emulator.runtime.errors import NotFound
from emulator.services.oslo.policy import PolicyNotAuthorized

__all__ = ["ForbiddenAction", "ResourceNotFound"]


class ForbiddenAction(PolicyNotAuthorized):
    """The caller has not the role for an action of keystone's policy."""

    error_type = "keystone.ForbiddenAction"

    def __init__(self, action: str) -> None:
        super().__init__(f"You are not authorized to perform the requested action: identity:{action}.")


class ResourceNotFound(NotFound):
    """Nothing of a kind has this id."""

    error_type = "keystone.ResourceNotFound"

    def __init__(self, kind: str, wanted: str) -> None:
        super().__init__(f"Could not find {kind}: {wanted}.")
