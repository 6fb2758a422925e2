"""Nova's rules of who may do what, by the names and in the words that nova has for them."""

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from emulator.runtime.http_server import IDENTITY
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.oslo.policy import PolicyNotAuthorized, admins_only

__all__ = ["check_project_access", "not_authorized", "require_admin"]


def require_admin(rule: str) -> Callable[[Handler], Handler]:
    """Let only admins through to a handler, by the name of the rule for it."""
    return admins_only(_words(rule))


def not_authorized(rule: str, family: str = "os_compute_api") -> PolicyNotAuthorized:
    """Return what to raise where a rule is against it; nova has two families of them."""
    return PolicyNotAuthorized(_words(rule, family))


def check_project_access(request: web.Request, project_id: str, rule: str) -> None:
    """Raise PolicyNotAuthorized unless the caller is of the project, or an admin."""
    user: Identity = request[IDENTITY]
    if not user.is_admin and user.project_id != project_id:
        raise not_authorized(rule)


def _words(rule: str, family: str = "os_compute_api") -> str:
    return f"Policy doesn't allow {family}:{rule} to be performed."
