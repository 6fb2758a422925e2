"""nova-compute's keystone sessions, with the credentials of its service user."""

from aiohttp import web

from emulator.runtime.service import HTTP
from emulator.services.auth.session import Access, Session, log_in
from emulator.services.nova.compute.hypervisor import HYPERVISOR

__all__ = ["open_session"]


async def open_session(app: web.Application, step_numbers: str | None = None) -> Session:
    """Log in. The session logs in again whenever a service refuses its token."""
    return Session(app[HTTP], lambda: _log_in(app), await _log_in(app, step_numbers))


async def _log_in(app: web.Application, step_numbers: str | None = None) -> Access:
    hypervisor = app[HYPERVISOR]
    user = hypervisor.user
    return await log_in(
        app[HTTP],
        hypervisor.keystone_url,
        username=user.name,
        password=user.password,
        project=user.project,
        interface="internal",
        step=step_numbers,
    )
