"""Nova's policy checks, with the rule names of `nova.policies`."""

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from emulator.runtime.http_server import IDENTITY
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.oslo.policy import PolicyNotAuthorized, admins_only

__all__ = ["check_project_access", "not_authorized", "require_admin"]


def require_admin(rule: str) -> Callable[[Handler], Handler]:
    """Decorate a handler that only admins may call. `rule` is named in the 403 for others."""
    return admins_only(_message(rule))


def not_authorized(rule: str, prefix: str = "os_compute_api") -> PolicyNotAuthorized:
    """Return the error for a violated rule. Nova's rules have the prefix `os_compute_api`, a few `compute`."""
    return PolicyNotAuthorized(_message(rule, prefix))


def check_project_access(request: web.Request, project_id: str, rule: str) -> None:
    """Raise PolicyNotAuthorized unless the caller belongs to the project or is an admin."""
    user: Identity = request[IDENTITY]
    if not user.is_admin and user.project_id != project_id:
        raise not_authorized(rule)


def _message(rule: str, prefix: str = "os_compute_api") -> str:
    return f"Policy doesn't allow {prefix}:{rule} to be performed."
