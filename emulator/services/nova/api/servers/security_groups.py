"""The security groups of new servers: a project has one, `default`, and it may be named by its id in neutron, too."""

from collections.abc import Iterable

from emulator.runtime.errors import BadRequest
from emulator.services.seed_data import default_group

__all__ = ["DEFAULT", "group_names"]

DEFAULT = "default"


class SecurityGroupNotFound(BadRequest):
    """The project has no such group."""

    error_type = "nova.SecurityGroupNotFound"

    def __init__(self, said: str) -> None:
        super().__init__(f"Security group {said} not found.")


def group_names(asked: Iterable[str], project_id: str) -> tuple[str, ...]:
    """Return the names of the groups that are asked for by names or ids. Raises SecurityGroupNotFound."""
    for said in asked:
        if said not in {DEFAULT, default_group(project_id)}:
            raise SecurityGroupNotFound(said)
    return (DEFAULT,)
