"""The field `security_groups` of `POST /v2.1/servers`: groups by name or id, which nova-api looks up in neutron."""

from aiohttp import web

from emulator.runtime.http_server import IDENTITY
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.nova.api.neutron import neutron
from emulator.services.nova.api.security_groups import SecurityGroupNotFound, find_group, list_groups
from emulator.services.nova.api.servers.create_request import NewServer
from emulator.services.seed_data import default_group

__all__ = ["requested_groups"]

DEFAULT = "default"


async def requested_groups(request: web.Request, new: NewServer) -> tuple[str, ...]:
    """Return the ids of the requested groups; none if only the project's `default` is requested, or nothing.

    Neutron is asked only about other groups than `default`, as in nova's `_check_requested_secgroups`. Raises
    SecurityGroupNotFound, NoUniqueMatch and NetworkServiceError.
    """
    owner: Identity = request[IDENTITY]
    default = default_group(owner.project_id)
    requested = dict.fromkeys(default if group.name == DEFAULT else group.name for group in new.security_groups or ())
    if {*requested} <= {default}:
        return ()
    async with neutron(request) as session:
        groups = await list_groups(session)
    ids = list[str]()
    for name_or_id in requested:
        group = find_group(groups, name_or_id, owner.project_id)
        if group is None:
            raise SecurityGroupNotFound(name_or_id)
        ids.append(group.id)
    return tuple(dict.fromkeys(ids))
