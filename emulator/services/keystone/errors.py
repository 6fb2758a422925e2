"""What keystone refuses, in its words."""

from emulator.runtime.errors import NotFound
from emulator.services.oslo.policy import PolicyNotAuthorized

__all__ = ["NotAuthorized", "Unknown"]


class NotAuthorized(PolicyNotAuthorized):
    """The caller has not the role for an action of keystone's policy."""

    def __init__(self, action: str) -> None:
        super().__init__(f"You are not authorized to perform the requested action: identity:{action}.")


class Unknown(NotFound):
    """Nothing of a kind has this id."""

    def __init__(self, kind: str, wanted: str) -> None:
        super().__init__(f"Could not find {kind}: {wanted}.")
