"""Builds the records of new servers from the body of `POST /v2.1/servers`, as far as the quota allows them."""

import re
from dataclasses import replace

from aiohttp import web

from emulator.runtime.errors import BadRequest, Forbidden
from emulator.runtime.http_server import IDENTITY
from emulator.runtime.request_context import current_request
from emulator.runtime.service import SERVICE_CONTEXT
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.nova.api.microversions import Microversion, microversion
from emulator.services.nova.api.servers.create_request import NewServer, validate
from emulator.services.nova.api.servers.validation import check_metadata
from emulator.services.nova.field_types import as_bool, canonical_address
from emulator.services.nova.objects import FLAVORS, KEYPAIRS, QUOTAS, SERVERS, Flavor, FlavorNotFound, Server
from emulator.services.nova.objects.quotas import usage
from emulator.services.nova.objects.server import ServerOptions

__all__ = ["new_servers"]

DESCRIPTION_SINCE, TAGS_SINCE, CERTIFICATES_SINCE, HOST_NAME_SINCE = (2, 19), (2, 52), (2, 63), (2, 90)


MAX_SERVERS = 1000
"""How many servers one request may create if the quota allows more. Nova has no such limit, and no laptop to run on."""


class TooManyServers(Forbidden):
    """The request needs more servers than the emulator creates for one request."""

    error_type = "nova.TooManyServers"

    def __init__(self, min_count: int) -> None:
        super().__init__(f"{min_count} servers are requested; one request can create {MAX_SERVERS} at most.")


def new_servers(request: web.Request, new: NewServer) -> list[Server]:
    """Return the records of the servers to create. Raises BadRequest, Forbidden and QuotaExceeded."""
    app, owner, version = request.app, request[IDENTITY], microversion(request)
    image_id = validate(new)
    check_metadata(new.metadata, app[QUOTAS].of_project(owner.project_id)["metadata_items"], "server.metadata")
    flavor = _find_flavor(app, new, owner)
    _check_key_name(app, new, owner)
    used = usage(app[SERVERS].of_project(owner.project_id))
    count = app[QUOTAS].allowed_count(owner.project_id, used, flavor, *new.counts)
    if new.counts[0] > MAX_SERVERS:
        raise TooManyServers(new.counts[0])
    count = min(count, MAX_SERVERS)
    rng, request_id = app[SERVICE_CONTEXT].rng, current_request().request_id
    reservation_id = f"r-{rng.draw('reservation', request_id).getrandbits(32):08x}"
    options = _options(new, reservation_id, version)
    return [
        Server(
            id=rng.uuid("server", request_id, number),
            name=new.name if count == 1 else f"{new.name}-{number}",
            project_id=owner.project_id,
            user_id=owner.user_id,
            image_id=image_id,
            flavor=flavor,
            metadata=dict(new.metadata),
            description=new.description if version >= DESCRIPTION_SINCE else None,
            options=replace(options, launch_index=number - 1),
        )
        for number in range(1, count + 1)
    ]


def _find_flavor(app: web.Application, new: NewServer, owner: Identity) -> Flavor:
    try:
        return app[FLAVORS].find(new.flavor_id, owner)
    except FlavorNotFound as error:
        raise BadRequest(f"Invalid input for field server.flavorRef: {error}") from None


def _check_key_name(app: web.Application, new: NewServer, owner: Identity) -> None:
    if new.key_name is not None and new.key_name not in {key.name for key in app[KEYPAIRS].of_user(owner.user_id)}:
        raise BadRequest("Invalid key_name provided.")


def _options(new: NewServer, reservation_id: str, version: Microversion) -> ServerOptions:
    """Return a new server's options. Options that the microversion does not have are ignored; nova answers 400."""
    certificates = None
    if new.trusted_image_certificates is not None and version >= CERTIFICATES_SINCE:
        certificates = tuple(new.trusted_image_certificates)
    return ServerOptions(
        reservation_id=reservation_id,
        hostname=(new.hostname if version >= HOST_NAME_SINCE else None) or _host_name(new.name),
        key_name=new.key_name,
        availability_zone=new.zone_host_node[0] or None,
        config_drive=as_bool(new.config_drive),
        disk_config=new.disk_config,
        user_data=new.user_data,
        tags=tuple(new.tags) if version >= TAGS_SINCE else (),
        trusted_image_certificates=certificates,
        access_ipv4=new.access_ipv4,
        access_ipv6=canonical_address(new.access_ipv6),
    )


def _host_name(name: str) -> str:
    """Return the host name that nova derives from a server's name (`nova.utils.sanitize_hostname`)."""
    return re.sub(r"[^a-z0-9.-]+", "", re.sub(r"[ _]", "-", name.lower())).strip("-.")[:63] or "server"
