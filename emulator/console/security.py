"""Who may use the console: pages of its own, opened by its own address. Other sites' pages may not, nor embed it."""

import secrets
from collections.abc import Collection, Mapping
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from emulator.runtime.errors import ApiError
from emulator.runtime.http_server import json_response

__all__ = ["HEADERS", "TOKEN_HEADER", "Forbidden", "guarding"]

TOKEN_HEADER = "X-Console-Token"  # noqa: S105 - where it is, not what it is
READING = {"GET", "HEAD"}

HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Forbidden(ApiError):
    """A request that did not come from a page of the console."""

    status = HTTPStatus.FORBIDDEN


def guarding(token: str, host_names: Collection[str]) -> Middleware:
    """Refuse what other sites' pages could send, with 403.

    Everything must be asked for under an IP address or one of `host_names`, or a name that an attacker points here
    would make his page one of ours (DNS rebinding). What changes something must also come from our own origin, with
    the token that only our own page can read.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _check_host(request, host_names)
            _check_origin(request)
            if request.method not in READING:
                _check_token(request, token)
            response = await handler(request)
        except ApiError as error:
            response = json_response({"error": str(error)}, status=error.status)
        except web.HTTPException as refusal:
            response = json_response({"error": refusal.reason}, status=refusal.status)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    return guard


def _check_host(request: web.Request, host_names: Collection[str]) -> None:
    name = _hostname(f"//{request.headers.get(hdrs.HOST, '')}")
    if name not in host_names and not _is_address(name):
        raise Forbidden(f"Open the console by its address, not as {name!r}.")


def _check_origin(request: web.Request) -> None:
    origin, site = request.headers.get(hdrs.ORIGIN), request.headers.get("Sec-Fetch-Site", "none")
    if origin is not None and origin.partition("://")[2] != request.headers.get(hdrs.HOST):
        raise Forbidden(f"Pages of {origin} may not use the console.")
    is_opened = request.headers.get("Sec-Fetch-Mode") == "navigate" and request.method in READING
    if site not in {"same-origin", "none"} and not is_opened:
        raise Forbidden("Pages of other sites may not use the console.")


def _check_token(request: web.Request, token: str) -> None:
    if not secrets.compare_digest(request.headers.get(TOKEN_HEADER, "").encode(), token.encode()):
        raise Forbidden(f"The header {TOKEN_HEADER} is missing or outdated: reload the page.")
    if request.can_read_body and request.content_type != "application/json":
        raise Forbidden("The body is not application/json.")


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
