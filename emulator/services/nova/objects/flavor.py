"""The flavors that there are, in the order of their creation. What a server was built with stays its flavor."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aiohttp import web

from emulator.runtime.errors import Conflict, NotFound
from emulator.services import seed_data as fresh
from emulator.services.auth.fernet_tokens import Identity

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
    """The project may use the flavor already."""

    error_type = "nova.FlavorAccessExists"

    def __init__(self, flavor_id: str, project_id: str) -> None:
        super().__init__(f"Flavor access already exists for flavor {flavor_id} and project {project_id} combination.")


class FlavorAccessNotFound(NotFound):
    """The project may not use the flavor, so that this cannot be ended."""

    error_type = "nova.FlavorAccessNotFound"

    def __init__(self, flavor_id: str, project_id: str) -> None:
        super().__init__(f"Flavor access not found for {flavor_id} / {project_id} combination.")


@dataclass(frozen=True, slots=True)
class Flavor:
    """The size of a server. One that is not public is for the projects that it names, and for admins."""

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

    def is_for(self, user: Identity) -> bool:
        """Whether a user may see it, and build servers with it."""
        return self.is_public or user.is_admin or user.project_id in self.projects


class Flavors:
    """All flavors, by id. A fresh cloud's are called by their names."""

    def __init__(self) -> None:
        self._flavors = {
            each.name: Flavor(each.name, each.name, each.ram_mb, each.vcpus, each.disk_gb) for each in fresh.FLAVORS
        }

    def visible_to(self, user: Identity) -> list[Flavor]:
        """Return the flavors that are for a user."""
        return [flavor for flavor in self._flavors.values() if flavor.is_for(user)]

    def find(self, flavor_id: str, user: Identity) -> Flavor:
        """Return a flavor. Raises FlavorNotFound, also for one that is not for the user."""
        flavor = self._flavors.get(flavor_id)
        if flavor is None or not flavor.is_for(user):
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
        """Forget a flavor."""
        del self._flavors[flavor.id]

    def describe(self, flavor: Flavor, description: str | None) -> Flavor:
        """Say something else of a flavor; return it."""
        return self._put(replace(flavor, description=description))

    def specify(self, flavor: Flavor, extra_specs: Mapping[str, str]) -> Flavor:
        """Give a flavor other extra specs; return it."""
        return self._put(replace(flavor, extra_specs=extra_specs))

    def admit(self, flavor: Flavor, project_id: str) -> Flavor:
        """Let a project use a flavor; return it. Raises FlavorAccessExists."""
        if project_id in flavor.projects:
            raise FlavorAccessExists(flavor.id, project_id)
        return self._put(replace(flavor, projects=flavor.projects | {project_id}))

    def exclude(self, flavor: Flavor, project_id: str) -> Flavor:
        """Let a project use a flavor no more; return it. Raises FlavorAccessNotFound."""
        if project_id not in flavor.projects:
            raise FlavorAccessNotFound(flavor.id, project_id)
        return self._put(replace(flavor, projects=flavor.projects - {project_id}))

    def _put(self, flavor: Flavor) -> Flavor:
        self._flavors[flavor.id] = flavor
        return flavor


FLAVORS = web.AppKey("flavors", Flavors)
