"""From an order to the records of the servers that it is for, if the project may have them."""

import re
from collections.abc import Iterable
from dataclasses import replace

from aiohttp import web

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY
from emulator.runtime.request_context import current_request
from emulator.runtime.service import SERVICE_CONTEXT
from emulator.services.nova.api.microversions import Version, microversion
from emulator.services.nova.api.servers.create_request import NewServer, check
from emulator.services.nova.api.servers.validation import check_metadata
from emulator.services.nova.field_types import as_bool
from emulator.services.nova.objects.flavor import FLAVORS, FlavorNotFound
from emulator.services.nova.objects.keypair import KEYPAIRS
from emulator.services.nova.objects.quotas import QUOTAS, usage
from emulator.services.nova.objects.server import SERVERS, Server, ServerOptions
from emulator.services.seed_data import default_group

__all__ = ["new_servers"]

DESCRIBED, TAGGED, CERTIFIED, NAMED = (2, 19), (2, 52), (2, 63), (2, 90)
"""The microversions from which on a new server may have a description, tags, certificates, a host name."""


DEFAULT_GROUP = "default"


class SecurityGroupNotFound(BadRequest):
    """The project has no security group of this name or id."""

    error_type = "nova.SecurityGroupNotFound"

    def __init__(self, name_or_id: str) -> None:
        super().__init__(f"Security group {name_or_id} not found.")


def new_servers(request: web.Request, wanted: NewServer) -> list[Server]:
    """Return records of the servers that are wanted. Raises BadRequest, Forbidden and QuotaExceeded."""
    app, owner, version = request.app, request[IDENTITY], microversion(request)
    image_id = check(wanted)
    check_metadata(wanted.metadata, app[QUOTAS].of_project(owner.project_id)["metadata_items"], "server.metadata")
    try:
        flavor = app[FLAVORS].find(wanted.flavor_id, owner)
    except FlavorNotFound as missing:
        raise BadRequest(f"Invalid input for field server.flavorRef: {missing}") from None
    if wanted.key_name is not None and wanted.key_name not in {
        key.name for key in app[KEYPAIRS].of_user(owner.user_id)
    }:
        raise BadRequest("Invalid key_name provided.")
    groups = _group_names((group.name for group in wanted.security_groups), owner.project_id)
    used = usage(app[SERVERS].of_project(owner.project_id))
    count = app[QUOTAS].allowed_count(owner.project_id, used, flavor, *wanted.counts)
    rng, request_id = app[SERVICE_CONTEXT].rng, current_request().request_id
    reservation_id = f"r-{rng.draw('reservation', request_id).getrandbits(32):08x}"
    options = _options(wanted, reservation_id, groups, version)
    return [
        Server(
            id=rng.uuid("server", request_id, number),
            name=wanted.name if count == 1 else f"{wanted.name}-{number}",
            project_id=owner.project_id,
            user_id=owner.user_id,
            image_id=image_id,
            flavor=flavor,
            metadata=dict(wanted.metadata),
            description=wanted.description if version >= DESCRIBED else None,
            options=replace(options, launch_index=number - 1),
        )
        for number in range(1, count + 1)
    ]


def _options(wanted: NewServer, reservation_id: str, groups: tuple[str, ...], version: Version) -> ServerOptions:
    certificates = wanted.trusted_image_certificates
    return ServerOptions(
        reservation_id=reservation_id,
        hostname=(wanted.hostname if version >= NAMED else None) or _host_name(wanted.name),
        key_name=wanted.key_name,
        security_groups=groups,
        availability_zone=wanted.place[0] or None,
        config_drive=as_bool(wanted.config_drive),
        disk_config=wanted.disk_config,
        user_data=wanted.user_data,
        tags=tuple(wanted.tags) if version >= TAGGED else (),
        trusted_image_certificates=None if certificates is None or version < CERTIFIED else tuple(certificates),
        access_ipv4=wanted.access_ipv4,
        access_ipv6=wanted.access_ipv6,
    )


def _group_names(requested: Iterable[str], project_id: str) -> tuple[str, ...]:
    """Return the names of security groups that are requested by name or neutron's id. Raises SecurityGroupNotFound.

    A project has one group here, `default`.
    """
    for name_or_id in requested:
        if name_or_id not in {DEFAULT_GROUP, default_group(project_id)}:
            raise SecurityGroupNotFound(name_or_id)
    return (DEFAULT_GROUP,)


def _host_name(name: str) -> str:
    """Return what nova makes of a server's name for its guest: letters, digits, dots and dashes."""
    return re.sub(r"[^a-z0-9.-]+", "", re.sub(r"[ _]", "-", name.lower())).strip("-.")[:63] or "server"
