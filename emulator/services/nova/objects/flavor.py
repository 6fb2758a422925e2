"""Flavors, and which projects may use them. A server keeps a copy of its flavor, which may be deleted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aiohttp import web

from emulator.runtime.errors import Conflict, NotFound
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.seed_data import FLAVORS as SEED_FLAVORS

__all__ = ["FLAVORS", "Flavor", "FlavorAccessNotFound", "FlavorNotFound", "Flavors"]


class FlavorNotFound(NotFound):
    """No flavor has this id."""

    error_type = "nova.FlavorNotFound"

    def __init__(self, flavor_id: str) -> None:
        super().__init__(f"Flavor {flavor_id} could not be found.")


class FlavorExists(Conflict):
    """A flavor has this name already."""

    error_type = "nova.FlavorExists"

    def __init__(self, name: str) -> None:
        super().__init__(f"Flavor with name {name} already exists.")


class FlavorIdExists(Conflict):
    """A flavor has this id already."""

    error_type = "nova.FlavorIdExists"

    def __init__(self, flavor_id: str) -> None:
        super().__init__(f"Flavor with ID {flavor_id} already exists.")


class FlavorAccessExists(Conflict):
    """The project already has access to the flavor."""

    error_type = "nova.FlavorAccessExists"

    def __init__(self, flavor_id: str, project_id: str) -> None:
        super().__init__(f"Flavor access already exists for flavor {flavor_id} and project {project_id} combination.")


class FlavorAccessNotFound(NotFound):
    """The project does not have the access to the flavor that is to be removed."""

    error_type = "nova.FlavorAccessNotFound"

    def __init__(self, flavor_id: str, project_id: str) -> None:
        super().__init__(f"Flavor access not found for {flavor_id} / {project_id} combination.")


@dataclass(frozen=True, slots=True)
class Flavor:
    """A server size. A flavor that is not public can be used by its `projects` and by admins."""

    id: str
    name: str
    ram_mb: int
    vcpus: int
    disk_gb: int
    ephemeral_gb: int = 0
    swap_mb: int = 0
    rxtx_factor: float = 1.0
    is_public: bool = True
    description: str | None = None
    extra_specs: Mapping[str, str] = field(default_factory=dict)
    projects: frozenset[str] = frozenset()

    def is_visible_to(self, user: Identity) -> bool:
        """Whether a user may see the flavor and build servers with it."""
        return self.is_public or user.is_admin or user.project_id in self.projects


class Flavors:
    """All flavors by id, in the order of their creation. The ids of the seed data's flavors are their names."""

    def __init__(self) -> None:
        self._flavors = {
            each.name: Flavor(each.name, each.name, each.ram_mb, each.vcpus, each.disk_gb) for each in SEED_FLAVORS
        }

    def visible_to(self, user: Identity) -> list[Flavor]:
        """Return the flavors that a user may see."""
        return [flavor for flavor in self._flavors.values() if flavor.is_visible_to(user)]

    def find(self, flavor_id: str, user: Identity) -> Flavor:
        """Return a flavor. Raises FlavorNotFound, also if the user may not see it."""
        flavor = self._flavors.get(flavor_id)
        if flavor is None or not flavor.is_visible_to(user):
            raise FlavorNotFound(flavor_id)
        return flavor

    def add(self, flavor: Flavor) -> None:
        """Add a flavor. Raises FlavorExists or FlavorIdExists."""
        if any(other.name == flavor.name for other in self._flavors.values()):
            raise FlavorExists(flavor.name)
        if flavor.id in self._flavors:
            raise FlavorIdExists(flavor.id)
        self._flavors[flavor.id] = flavor

    def remove(self, flavor: Flavor) -> None:
        """Delete a flavor."""
        del self._flavors[flavor.id]

    def set_description(self, flavor: Flavor, description: str | None) -> Flavor:
        """Change a flavor's description. Returns the changed flavor."""
        return self._replace(replace(flavor, description=description))

    def set_extra_specs(self, flavor: Flavor, extra_specs: Mapping[str, str]) -> Flavor:
        """Replace a flavor's extra specs. Returns the changed flavor."""
        return self._replace(replace(flavor, extra_specs=extra_specs))

    def add_access(self, flavor: Flavor, project_id: str) -> Flavor:
        """Give a project access to a flavor. Returns the changed flavor. Raises FlavorAccessExists."""
        if project_id in flavor.projects:
            raise FlavorAccessExists(flavor.id, project_id)
        return self._replace(replace(flavor, projects=flavor.projects | {project_id}))

    def remove_access(self, flavor: Flavor, project_id: str) -> Flavor:
        """End a project's access to a flavor. Returns the changed flavor. Raises FlavorAccessNotFound."""
        if project_id not in flavor.projects:
            raise FlavorAccessNotFound(flavor.id, project_id)
        return self._replace(replace(flavor, projects=flavor.projects - {project_id}))

    def _replace(self, flavor: Flavor) -> Flavor:
        self._flavors[flavor.id] = flavor
        return flavor


FLAVORS = web.AppKey("flavors", Flavors)
