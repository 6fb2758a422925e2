"""`/os-hypervisors`: the compute hosts and their resources, for admins."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from emulator.runtime.errors import NotFound
from emulator.runtime.http_server import json_response
from emulator.services.nova.api.hosts import all_hosts, stable_id
from emulator.services.nova.api.microversions import microversion
from emulator.services.nova.api.policy import require_admin
from emulator.services.nova.messages import HostSummary
from emulator.services.nova.objects.server import SERVERS
from emulator.services.oslo.pagination import page
from emulator.services.oslo.strutils import bool_from_string

__all__ = ["HYPERVISOR_ROUTES"]

CPU_INFO_OBJECT_SINCE, PAGES_SINCE, SERVERS_SINCE = (2, 28), (2, 33), (2, 53)
RESOURCES_UNTIL = (2, 88)
"""The microversion that dropped the resources: since then placement shows them."""

HYPERVISOR_TYPE, HYPERVISOR_VERSION, HOST_IP = "QEMU", 8002002, "127.0.0.1"

NumberedHost = tuple[int, HostSummary]


class HypervisorNotFound(NotFound):
    """No hypervisor has this id."""

    error_type = "nova.HypervisorNotFound"

    def __init__(self, hypervisor_id: str) -> None:
        super().__init__(f"Hypervisor with ID '{hypervisor_id}' could not be found.")


@require_admin("os-hypervisors:list")
async def list_hypervisors(request: web.Request) -> web.Response:
    """List the hypervisors."""
    return await _list(request, detail=False)


@require_admin("os-hypervisors:list-detail")
async def list_hypervisors_in_detail(request: web.Request) -> web.Response:
    """List the hypervisors with their resources."""
    return await _list(request, detail=True)


async def _list(request: web.Request, *, detail: bool) -> web.Response:
    version, pattern = microversion(request), request.query.get("hypervisor_hostname_pattern")
    hosts: Sequence[NumberedHost] = list(enumerate(await all_hosts(request.app), 1))
    if pattern is not None and version >= SERVERS_SINCE:
        hosts = _matching(hosts, pattern)
    links: dict[str, Any] = {}
    if version >= PAGES_SINCE:
        shown = page(request, hosts, lambda each: str(_id(request, each)))
        hosts, links = shown.items, shown.links("hypervisors")
    return json_response({"hypervisors": [_describe(request, each, detail=detail) for each in hosts], **links})


@require_admin("os-hypervisors:search")
async def search_hypervisors(request: web.Request) -> web.Response:
    """List the hypervisors whose names contain the text in the path. Removed in 2.53, as is the next."""
    return await _search(request, with_servers=False)


@require_admin("os-hypervisors:servers")
async def list_hypervisors_servers(request: web.Request) -> web.Response:
    """List the hypervisors whose names contain the text in the path, with their servers."""
    return await _search(request, with_servers=True)


async def _search(request: web.Request, *, with_servers: bool) -> web.Response:
    if microversion(request) >= SERVERS_SINCE:
        raise NotFound("The resource could not be found.")
    found = _matching(list(enumerate(await all_hosts(request.app), 1)), request.match_info["hypervisor_id"])
    described = [_describe(request, each, detail=False) for each in found]
    if with_servers:
        for each in described:
            if servers := _servers_on(request, each["hypervisor_hostname"]):
                each["servers"] = servers
    return json_response({"hypervisors": described})


def _matching(hosts: Sequence[NumberedHost], pattern: str) -> list[NumberedHost]:
    found = [each for each in hosts if pattern in each[1].name]
    if not found:
        raise NotFound(f"No hypervisor matching '{pattern}' could be found.")
    return found


def _servers_on(request: web.Request, host: str) -> list[dict[str, str]]:
    servers = request.app[SERVERS].of_project(None)
    return [{"name": server.name, "uuid": server.id} for server in servers if server.host == host]


@require_admin("os-hypervisors:show")
async def show_hypervisor(request: web.Request) -> web.Response:
    """Show a hypervisor with its resources."""
    hypervisor_id = request.match_info["hypervisor_id"]
    for each in enumerate(await all_hosts(request.app), 1):
        if str(_id(request, each)) == hypervisor_id:
            return json_response({"hypervisor": _describe(request, each, detail=True)})
    raise HypervisorNotFound(hypervisor_id)


@require_admin("os-hypervisors:statistics")
async def show_statistics(request: web.Request) -> web.Response:
    """Show the sum of all hosts' resources. Removed in 2.88."""
    if microversion(request) >= RESOURCES_UNTIL:
        raise NotFound("The resource could not be found.")
    total: Counter[str] = Counter()
    for host in await all_hosts(request.app):
        total.update({"count": 1, **_resources(host)})
    return json_response({"hypervisor_statistics": dict(total)})


def _id(request: web.Request, each: NumberedHost) -> str | int:
    return stable_id("hypervisor", each[1].name, each[0], microversion(request))


def _describe(request: web.Request, each: NumberedHost, *, detail: bool) -> dict[str, Any]:
    number, host = each
    version = microversion(request)
    described: dict[str, Any] = {
        "id": _id(request, each),
        "hypervisor_hostname": host.name,
        "state": "up" if host.up else "down",
        "status": "enabled",
    }
    if version >= SERVERS_SINCE and bool_from_string(request.query.get("with_servers", "")):
        described["servers"] = _servers_on(request, host.name)
    if not detail:
        return described
    service = {
        "id": stable_id("nova-compute", host.name, number + 1, version),
        "host": host.name,
        "disabled_reason": None,
    }
    described |= {
        "service": service,
        "hypervisor_type": HYPERVISOR_TYPE,
        "hypervisor_version": HYPERVISOR_VERSION,
        "host_ip": HOST_IP,
    }
    if version >= RESOURCES_UNTIL:
        return {**described, "uptime": None}
    cpu_info = {} if version >= CPU_INFO_OBJECT_SINCE else ""
    return {**described, **_resources(host), "cpu_info": cpu_info}


def _resources(host: HostSummary) -> dict[str, int]:
    total, claimed = host.total, host.claimed
    return {
        "vcpus": total.vcpus,
        "vcpus_used": claimed.vcpus,
        "memory_mb": total.ram_mb,
        "memory_mb_used": claimed.ram_mb,
        "free_ram_mb": total.ram_mb - claimed.ram_mb,
        "local_gb": total.disk_gb,
        "local_gb_used": claimed.disk_gb,
        "free_disk_gb": total.disk_gb - claimed.disk_gb,
        "disk_available_least": total.disk_gb - claimed.disk_gb,
        "running_vms": host.servers,
        "current_workload": 0,
    }


HYPERVISOR_ROUTES = (
    web.get("/v2.1/os-hypervisors", list_hypervisors),
    web.get("/v2.1/os-hypervisors/detail", list_hypervisors_in_detail),
    web.get("/v2.1/os-hypervisors/statistics", show_statistics),
    web.get("/v2.1/os-hypervisors/{hypervisor_id}", show_hypervisor),
    web.get("/v2.1/os-hypervisors/{hypervisor_id}/search", search_hypervisors),
    web.get("/v2.1/os-hypervisors/{hypervisor_id}/servers", list_hypervisors_servers),
)
