"""Access control: only pages that the console has served from its own address may use it, and no site may embed it."""

import secrets
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from emulator.runtime.errors import ApiError, Forbidden
from emulator.runtime.http_server import json_response

__all__ = ["HEADERS", "TOKEN_HEADER", "security_middleware"]

TOKEN_HEADER = "X-Console-Token"  # noqa: S105 - the header's name, not the token
SAFE_METHODS = {"GET", "HEAD"}

HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def security_middleware(token: str, host_names: Collection[str]) -> Middleware:
    """Return a middleware that answers 403 to requests that pages of other sites could send.

    The Host header must be an IP address or one of `host_names`: otherwise an attacker's host name that resolves to
    this machine would give the attacker's page the console's origin (DNS rebinding). Actions must also come from the
    console's origin, with the token that only its own page can read.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _check_host(request, host_names)
            _check_origin(request)
            if request.method not in SAFE_METHODS:
                _check_token(request, token)
            response = await handler(request)
        except ApiError as error:
            response = json_response({"error": str(error)}, status=error.status)
        except web.HTTPException as error:
            response = json_response({"error": error.reason}, status=error.status)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    return check


def _check_host(request: web.Request, host_names: Collection[str]) -> None:
    name = _hostname(f"//{request.headers.get(hdrs.HOST, '')}")
    if name not in host_names and not _is_address(name):
        raise Forbidden(f"Open the console under its IP address or as localhost, not as {name!r}.")


def _check_origin(request: web.Request) -> None:
    # Browsers set both headers, and scripts cannot change them: https://www.w3.org/TR/fetch-metadata/
    origin, site = request.headers.get(hdrs.ORIGIN), request.headers.get("Sec-Fetch-Site", "none")
    if origin is not None and origin.partition("://")[2] != request.headers.get(hdrs.HOST):
        raise Forbidden(f"Pages of {origin} may not use the console.")
    is_navigation = request.headers.get("Sec-Fetch-Mode") == "navigate" and request.method in SAFE_METHODS
    if site not in {"same-origin", "none"} and not is_navigation:
        raise Forbidden("Pages of other sites may not use the console.")


def _check_token(request: web.Request, token: str) -> None:
    if not secrets.compare_digest(request.headers.get(TOKEN_HEADER, "").encode(), token.encode()):
        raise Forbidden(f"The header {TOKEN_HEADER} is missing or outdated: reload the page.")
    # A form on another site can send text/plain without a CORS preflight, but not JSON.
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
