"""How users see a server: more of it the newer their microversion is, and some of it if they are admins."""

import hashlib
from typing import Any

from aiohttp import web

from emulator.runtime.http_server import IDENTITY
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.nova.api.links import bookmark, links_to
from emulator.services.nova.api.microversions import Version, microversion
from emulator.services.nova.field_types import ZONE
from emulator.services.nova.objects.server import Server
from emulator.services.oslo.timeutils import isotime, isotime_without_zone

__all__ = ["describe", "summarize"]

ROOT_DEVICE = "/dev/vda"


def summarize(request: web.Request, server: Server) -> dict[str, Any]:
    """Return a server as short lists show it."""
    return {"id": server.id, "name": server.name, "links": links_to(request, "servers", server.id)}


def describe(request: web.Request, server: Server, *, alone: bool = False) -> dict[str, Any]:
    """Return a server as it is shown in detail; a little more where it is shown `alone`."""
    version, user = microversion(request), request[IDENTITY]
    options = server.options
    described = {
        **summarize(request, server),
        **_state(server),
        "tenant_id": server.project_id,
        "user_id": server.user_id,
        "metadata": server.metadata,
        "hostId": _host_id(server),
        "image": {"id": server.image_id, "links": [bookmark(request, "images", server.image_id)]},
        "flavor": _flavor(request, server, version),
        "created": isotime(server.created),
        "updated": isotime(server.updated),
        "addresses": server.all_addresses,
        "accessIPv4": options.access_ipv4,
        "accessIPv6": options.access_ipv6,
        "OS-DCF:diskConfig": options.disk_config,
        "OS-EXT-AZ:availability_zone": options.availability_zone or (ZONE if server.host else ""),
        "config_drive": "True" if options.config_drive else "",
        "key_name": options.key_name,
        "os-extended-volumes:volumes_attached": [],
        "security_groups": [{"name": name} for name in options.security_groups],
        **_since(server, version),
    }
    if alone and version >= (2, 71):
        described["server_groups"] = []
    return {**described, **_for_admins(server, user, version)}


def _state(server: Server) -> dict[str, Any]:
    """What is going on with it."""
    state: dict[str, Any] = {
        "status": server.status,
        "OS-EXT-STS:task_state": server.task_state,
        "OS-EXT-STS:vm_state": server.vm_state,
        "OS-EXT-STS:power_state": server.power_state,
        "OS-SRV-USG:launched_at": _moment(server),
        "OS-SRV-USG:terminated_at": None,
    }
    if server.status in {"ACTIVE", "BUILD"}:
        state["progress"] = 0
    if server.status == "ERROR" and server.fault is not None:
        state["fault"] = {"code": 500, "created": isotime(server.updated), "message": server.fault}
    return state


def _since(server: Server, version: Version) -> dict[str, Any]:
    """What came with later microversions."""
    came: dict[Version, dict[str, Any]] = {
        (2, 9): {"locked": server.locked},
        (2, 19): {"description": server.description},
        (2, 26): {"tags": list(server.options.tags)},
        (2, 63): {"trusted_image_certificates": server.options.trusted_image_certificates},
        (2, 73): {"locked_reason": server.locked_reason},
        (2, 90): {"OS-EXT-SRV-ATTR:hostname": server.options.hostname},
        (2, 96): {"pinned_availability_zone": server.options.availability_zone},
    }
    return {name: value for since, fields in came.items() if version >= since for name, value in fields.items()}


def _for_admins(server: Server, user: Identity, version: Version) -> dict[str, Any]:
    """What tells of the inside of the cloud."""
    if not user.is_admin:
        return {}
    shown: dict[str, Any] = {
        "host": server.host,
        "hypervisor_hostname": server.host,
        "instance_name": f"instance-{server.number:08x}",
    }
    if version >= (2, 3):
        shown |= {
            "hostname": server.options.hostname,
            "reservation_id": server.options.reservation_id,
            "launch_index": server.options.launch_index,
            "kernel_id": "",
            "ramdisk_id": "",
            "root_device_name": ROOT_DEVICE if server.host else None,
            "user_data": server.options.user_data,
        }
    named = {f"OS-EXT-SRV-ATTR:{name}": value for name, value in shown.items()}
    return {**named, "host_status": "UP" if server.host else ""} if version >= (2, 16) else named


def _flavor(request: web.Request, server: Server, version: Version) -> dict[str, Any]:
    """The flavor that the server was built with: a reference at first, later a copy, since it may be gone."""
    flavor = server.flavor
    if version < (2, 47):
        return {"id": flavor.id, "links": [bookmark(request, "flavors", flavor.id)]}
    return {
        "original_name": flavor.name,
        "ram": flavor.ram_mb,
        "vcpus": flavor.vcpus,
        "disk": flavor.disk_gb,
        "ephemeral": flavor.ephemeral_gb,
        "swap": flavor.swap_mb,
        "extra_specs": flavor.extra_specs,
    }


def _host_id(server: Server) -> str:
    """Return what tells a project which of its servers are on one host, and nothing else."""
    return hashlib.sha224(f"{server.project_id}{server.host}".encode()).hexdigest() if server.host else ""


def _moment(server: Server) -> str | None:
    return None if server.launched_at is None else isotime_without_zone(server.launched_at.replace(microsecond=0))
