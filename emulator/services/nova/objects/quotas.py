"""How much a project may have: instances, cores and RAM of them, and what else nova counts. -1 is any number."""

from collections.abc import Iterable, Mapping

from aiohttp import web

from emulator.runtime.errors import Forbidden
from emulator.services.nova.objects.flavor import Flavor
from emulator.services.nova.objects.server import Server
from emulator.services.seed_data import PROJECTS

__all__ = ["DEFAULTS", "QUOTAS", "Limits", "QuotaExceeded", "Quotas", "usage"]

Limits = Mapping[str, int]

DEFAULTS: Limits = {
    "instances": 10,
    "cores": -1,  # so that a flavor which no host can hold is the scheduler's to refuse
    "ram": -1,
    "key_pairs": 100,
    "metadata_items": 128,
    "server_groups": 10,
    "server_group_members": 10,
    "injected_files": 5,
    "injected_file_content_bytes": 10240,
    "injected_file_path_bytes": 255,
    "floating_ips": -1,
    "fixed_ips": -1,
    "security_groups": -1,
    "security_group_rules": -1,
}
"""What a project has of which nothing else is said."""

FRESH = {project.id: {"instances": project.instances} for project in PROJECTS}


class QuotaExceeded(Forbidden):
    """The project may not have that much."""

    error_type = "nova.QuotaExceeded"

    def __init__(self, over: Iterable[str], requested: Limits, used: Limits, limits: Limits, count: str) -> None:
        over = sorted(over)
        asked = [count if each == "instances" else str(requested[each]) for each in over]
        super().__init__(
            f"Quota exceeded for {', '.join(over)}: Requested {', '.join(asked)}, but already used "
            f"{', '.join(str(used[each]) for each in over)} of {', '.join(str(limits[each]) for each in over)} "
            f"{', '.join(over)}"
        )


def usage(servers: Iterable[Server]) -> dict[str, int]:
    """Return what servers take, as quotas count it."""
    flavors = [server.flavor for server in servers]
    return {
        "instances": len(flavors),
        "cores": sum(flavor.vcpus for flavor in flavors),
        "ram": sum(flavor.ram_mb for flavor in flavors),
    }


class Quotas:
    """The limits of projects: those of a fresh cloud, until an admin sets others."""

    def __init__(self) -> None:
        self._set: dict[str, dict[str, int]] = {}

    def of(self, project_id: str) -> dict[str, int]:
        """Return the limits of a project."""
        return {**DEFAULTS, **FRESH.get(project_id, {}), **self._set.get(project_id, {})}

    def set(self, project_id: str, limits: Limits) -> None:
        """Give a project other limits; what is not named stays."""
        self._set.setdefault(project_id, {}).update(limits)

    def reset(self, project_id: str) -> None:
        """Give a project the limits back that it had in the fresh cloud."""
        self._set.pop(project_id, None)

    def allow(self, project_id: str, used: Limits, flavor: Flavor, least: int, most: int) -> int:
        """Return how many servers of a flavor a project may have more: `most`, or fewer, but not less than `least`.

        So nova does it. Raises QuotaExceeded.
        """
        limits = self.of(project_id)
        each = {"instances": 1, "cores": flavor.vcpus, "ram": flavor.ram_mb}
        fit = {
            name: max(limits[name] - used[name], 0) // size if limits[name] >= 0 and size else most
            for name, size in each.items()
        }
        count = min(most, *fit.values())
        if count < least:
            requested = {name: size * most for name, size in each.items()}
            over = [name for name, fits in fit.items() if fits < most]
            words = str(least) if least == most else f"{least}-{most}"
            raise QuotaExceeded(over, requested, used, limits, words)
        return count


QUOTAS = web.AppKey("quotas", Quotas)
