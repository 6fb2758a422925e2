"""The JSON of a server. Which fields it has depends on the microversion, and on whether the user is an admin."""

import hashlib
from datetime import datetime
from typing import Any

from aiohttp import web

from emulator.runtime.http_server import IDENTITY
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.nova.api.links import bookmark, links_to
from emulator.services.nova.api.microversions import Microversion, microversion
from emulator.services.nova.field_types import ZONE
from emulator.services.nova.objects.server import Server
from emulator.services.oslo.timeutils import isotime, isotime_without_zone

__all__ = ["describe", "describe_updated", "host_id", "summarize"]

ALL_AFTER_UPDATE_SINCE = (2, 75)

ROOT_DEVICE = "/dev/vda"

PREFIXES = ("OS-EXT-AZ:", "OS-EXT-SRV-ATTR:", "OS-EXT-STS:", "OS-SRV-USG:", "os-extended-volumes:")
EXTENSIONS = frozenset({"config_drive", "host_status", "key_name", "security_groups"})
"""With PREFIXES, the fields that extensions of API v2.0 added to a server, and not to the answer to an update."""


def summarize(request: web.Request, server: Server) -> dict[str, Any]:
    """Return a server as `GET /servers` lists it."""
    return {"id": server.id, "name": server.name, "links": links_to(request, "servers", server.id)}


def describe(request: web.Request, server: Server, *, listed: bool = True) -> dict[str, Any]:
    """Return a server with all details. A server that is not in a list has `server_groups` as well, since 2.71."""
    version, user = microversion(request), request[IDENTITY]
    options = server.options
    described = {
        **summarize(request, server),
        **_state(server),
        "tenant_id": server.project_id,
        "user_id": server.user_id,
        "metadata": server.metadata,
        "hostId": host_id(server.project_id, server.host),
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
        **_versioned_fields(server, version),
    }
    if server.security_groups:  # without a port, or without a group on any, nova omits the field
        described["security_groups"] = [{"name": name} for name in server.security_groups]
    if not listed and version >= (2, 71):
        described["server_groups"] = []
    return {**described, **_admin_fields(server, user, version)}


def describe_updated(request: web.Request, server: Server) -> dict[str, Any]:
    """Return a server as the answer to `PUT /servers/{id}` shows it: before 2.75 without the extensions of API v2.0.

    Source: `ServersController.update` in `nova.api.openstack.compute.servers`.
    """
    described = describe(request, server, listed=False)
    if microversion(request) >= ALL_AFTER_UPDATE_SINCE:
        return described
    addresses = {
        network: [{key: address[key] for key in ("version", "addr")} for address in listed]
        for network, listed in described["addresses"].items()
    }
    kept = {key: value for key, value in described.items() if not (key in EXTENSIONS or key.startswith(PREFIXES))}
    return {**kept, "addresses": addresses}


def host_id(project_id: str, host: str | None) -> str:
    """Return the `hostId`: a project can tell which of its servers share a host, but not which host that is.

    Source: `nova.utils.generate_hostid`.
    """
    return hashlib.sha224(f"{project_id}{host}".encode()).hexdigest() if host else ""


def _state(server: Server) -> dict[str, Any]:
    state: dict[str, Any] = {
        "status": server.status,
        "OS-EXT-STS:task_state": server.task_state,
        "OS-EXT-STS:vm_state": server.vm_state,
        "OS-EXT-STS:power_state": server.power_state,
        "OS-SRV-USG:launched_at": _in_seconds(server.launched_at),
        "OS-SRV-USG:terminated_at": _in_seconds(server.terminated_at),
    }
    if server.status in {"ACTIVE", "BUILD"}:
        state["progress"] = 0
    if server.status in {"ERROR", "DELETED"} and server.fault is not None:
        state["fault"] = {"code": 500, "created": isotime(server.updated), "message": server.fault}
    return state


def _versioned_fields(server: Server, version: Microversion) -> dict[str, Any]:
    """Return the fields that later microversions added."""
    added: dict[Microversion, dict[str, Any]] = {
        (2, 9): {"locked": server.locked},
        (2, 19): {"description": server.description},
        (2, 26): {"tags": list(server.options.tags)},
        (2, 63): {"trusted_image_certificates": server.options.trusted_image_certificates},
        (2, 73): {"locked_reason": server.locked_reason},
        (2, 90): {"OS-EXT-SRV-ATTR:hostname": server.options.hostname},
        (2, 96): {"pinned_availability_zone": server.options.availability_zone},
    }
    return {name: value for since, fields in added.items() if version >= since for name, value in fields.items()}


def _admin_fields(server: Server, user: Identity, version: Microversion) -> dict[str, Any]:
    """Return the fields about the cloud's infrastructure, which only admins see."""
    if not user.is_admin:
        return {}
    fields: dict[str, Any] = {
        "host": server.host,
        "hypervisor_hostname": server.host,
        "instance_name": f"instance-{server.number:08x}",
    }
    if version >= (2, 3):
        fields |= {
            "hostname": server.options.hostname,
            "reservation_id": server.options.reservation_id,
            "launch_index": server.options.launch_index,
            "kernel_id": "",
            "ramdisk_id": "",
            "root_device_name": ROOT_DEVICE if server.host else None,
            "user_data": server.options.user_data,
        }
    prefixed = {f"OS-EXT-SRV-ATTR:{name}": value for name, value in fields.items()}
    return {**prefixed, "host_status": "UP" if server.host else ""} if version >= (2, 16) else prefixed


def _flavor(request: web.Request, server: Server, version: Microversion) -> dict[str, Any]:
    """Return the flavor: before 2.47 a reference, then a copy, because the flavor may have been deleted."""
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


def _in_seconds(time: datetime | None) -> str | None:
    return None if time is None else isotime_without_zone(time.replace(microsecond=0))
