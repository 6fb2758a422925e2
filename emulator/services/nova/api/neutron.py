"""nova-api's requests to neutron, with the token of its own caller, so that neutron decides what that caller may do.

Compare `nova.network.neutron.get_client`. Neutron's URL comes from keystone's catalog; in a real nova-api,
keystonemiddleware gets the catalog with the validation of the token.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Never

import aiohttp
from aiohttp import web

from emulator.runtime.errors import ApiError, Unauthorized
from emulator.runtime.http_client import UnexpectedAnswer
from emulator.runtime.service import HTTP
from emulator.services.auth.session import Access, Session, access_of

__all__ = ["KEYSTONE_URL", "neutron"]

KEYSTONE_URL = web.AppKey("keystone_url", str)


class NetworkServiceError(ApiError):
    """Keystone or neutron cannot be reached, or answered with an error that nova does not expect."""

    error_type = "nova.NetworkServiceError"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, error: Exception) -> None:
        super().__init__(f"The network service did not do what the request needs: {error or type(error).__name__}")


@asynccontextmanager
async def neutron(request: web.Request) -> AsyncIterator[Session]:
    """Open a session in the caller's name for the block. What fails in the block raises NetworkServiceError."""
    token = request.headers["X-Auth-Token"]

    async def renew() -> Never:
        raise Unauthorized  # the token was revoked, and only the caller can get another

    try:
        access: Access = await access_of(request.app[HTTP], request.app[KEYSTONE_URL], token, "internal")
        yield Session(request.app[HTTP], renew, access)
    except (aiohttp.ClientError, TimeoutError, LookupError, UnexpectedAnswer) as error:
        raise NetworkServiceError(error) from error
