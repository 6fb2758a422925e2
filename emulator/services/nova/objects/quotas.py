"""Quotas of projects, under nova's names for its resources. A limit of -1 means no limit."""

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
    "cores": -1,  # unlike nova's 20: m1.huge has to reach the scheduler and fail there
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
"""The limits of a project that has no others."""

INITIAL = {project.id: {"instances": project.instances} for project in PROJECTS}
"""The limits of the seed data's projects where they differ from the defaults."""


class QuotaExceeded(Forbidden):
    """The request would exceed the project's quota."""

    error_type = "nova.QuotaExceeded"

    def __init__(self, over: Iterable[str], requested: Limits, used: Limits, limits: Limits, count: str) -> None:
        over = sorted(over)
        amounts = [count if each == "instances" else str(requested[each]) for each in over]
        super().__init__(
            f"Quota exceeded for {', '.join(over)}: Requested {', '.join(amounts)}, but already used "
            f"{', '.join(str(used[each]) for each in over)} of {', '.join(str(limits[each]) for each in over)} "
            f"{', '.join(over)}"
        )


def usage(servers: Iterable[Server]) -> dict[str, int]:
    """Return how much of each quota the servers use."""
    flavors = [server.flavor for server in servers]
    return {
        "instances": len(flavors),
        "cores": sum(flavor.vcpus for flavor in flavors),
        "ram": sum(flavor.ram_mb for flavor in flavors),
    }


class Quotas:
    """The limits of all projects: the initial ones until an admin changes them."""

    def __init__(self) -> None:
        self._set: dict[str, dict[str, int]] = {}

    def of_project(self, project_id: str) -> dict[str, int]:
        """Return the limits of a project."""
        return {**DEFAULTS, **INITIAL.get(project_id, {}), **self._set.get(project_id, {})}

    def set(self, project_id: str, limits: Limits) -> None:
        """Change some of a project's limits."""
        self._set.setdefault(project_id, {}).update(limits)

    def reset(self, project_id: str) -> None:
        """Restore a project's initial limits."""
        self._set.pop(project_id, None)

    def allowed_count(self, project_id: str, used: Limits, flavor: Flavor, min_count: int, max_count: int) -> int:
        """Return how many servers of a flavor a project may create, from `min_count` to `max_count`.

        Raises QuotaExceeded if that is less than `min_count`. Source: `nova.compute.utils.check_num_instances_quota`.
        """
        limits = self.of_project(project_id)
        each = {"instances": 1, "cores": flavor.vcpus, "ram": flavor.ram_mb}
        headroom = {
            name: max(limits[name] - used[name], 0) // size if limits[name] >= 0 and size else max_count
            for name, size in each.items()
        }
        count = min(max_count, *headroom.values())
        if count < min_count:
            requested = {name: size * max_count for name, size in each.items()}
            over = [name for name, servers in headroom.items() if servers < max_count]
            number = str(min_count) if min_count == max_count else f"{min_count}-{max_count}"
            raise QuotaExceeded(over, requested, used, limits, number)
        return count


QUOTAS = web.AppKey("quotas", Quotas)
