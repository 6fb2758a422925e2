"""Nova's microversions: a request names the version it was written for, and the response names the one it has.

See https://docs.openstack.org/nova/latest/reference/api-microversion-history.html. Versions compare as tuples.
"""

import re
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from emulator.runtime.errors import ApiError, BadRequest, ErrorShape
from emulator.runtime.http_server import json_response

__all__ = ["NEWEST", "OLDEST", "Microversion", "format_version", "microversion", "negotiate_microversion"]

Microversion = tuple[int, int]

OLDEST: Microversion = (2, 1)
NEWEST: Microversion = (2, 96)

STANDARD_HEADER, LEGACY_HEADER = "OpenStack-API-Version", "X-OpenStack-Nova-API-Version"
SERVICE_TYPE = "compute"
VERSION = re.compile(r"([1-9]\d{0,5})\.(0|[1-9]\d{0,5})", re.ASCII)

MICROVERSION: web.RequestKey[Microversion] = web.RequestKey("microversion", tuple)


class InvalidAPIVersionString(BadRequest):
    """The requested version is not of the form 2.n."""

    error_type = "nova.InvalidAPIVersionString"

    def __init__(self, version: str) -> None:
        super().__init__(f"API Version String {version} is of invalid format. Must be of format MajorNum.MinorNum.")


class InvalidGlobalAPIVersion(ApiError):
    """The requested version is not supported."""

    error_type = "nova.InvalidGlobalAPIVersion"
    status = HTTPStatus.NOT_ACCEPTABLE

    def __init__(self, version: str) -> None:
        super().__init__(
            f"Version {version} is not supported by the API. "
            f"Minimum is {format_version(OLDEST)} and maximum is {format_version(NEWEST)}."
        )


def format_version(version: Microversion) -> str:
    """Format a version for headers and documents: `2.96`."""
    return f"{version[0]}.{version[1]}"


def microversion(request: web.Request) -> Microversion:
    """Return the version that a request is answered in."""
    return request[MICROVERSION] if MICROVERSION in request else OLDEST  # noqa: SIM401 - get() does not accept a RequestKey


def negotiate_microversion(prefix: str, error_shape: ErrorShape) -> Middleware:
    """Return the middleware that reads the requested version, for paths under `prefix`, and adds it to responses.

    Error answers have the headers as well, except for an unsupported version, to which no version applies.
    """

    @web.middleware
    async def negotiate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(prefix):
            return await handler(request)
        response: web.StreamResponse
        try:
            version = request[MICROVERSION] = _requested_version(request)
        except ApiError as error:
            response = json_response(error_shape(error), error.status)
        else:
            response = await handler(request)
            response.headers[STANDARD_HEADER] = f"{SERVICE_TYPE} {format_version(version)}"
            response.headers[LEGACY_HEADER] = format_version(version)
        response.headers.add("Vary", STANDARD_HEADER)
        response.headers.add("Vary", LEGACY_HEADER)
        return response

    return negotiate


def _requested_version(request: web.Request) -> Microversion:
    """Return the version in the headers, by default the oldest. Raises ApiError for an invalid or unsupported one."""
    text = _version_header(request)
    if text is None:
        return OLDEST
    if text == "latest":
        return NEWEST
    match = VERSION.fullmatch(text)
    if match is None:
        raise InvalidAPIVersionString("".join(filter(str.isprintable, text[:64])))
    version = int(match[1]), int(match[2])
    if not OLDEST <= version <= NEWEST:
        raise InvalidGlobalAPIVersion(text)
    return version


def _version_header(request: web.Request) -> str | None:
    """Return the compute service's version in the standard header, or else the version in the legacy header.

    The standard header can list several services; the last entry for compute counts, as in `microversion_parse`.
    """
    for entry in reversed(",".join(request.headers.getall(STANDARD_HEADER, [])).split(",")):
        service, _, version = entry.strip().partition(" ")
        if service.lower() == SERVICE_TYPE and version:
            return version.strip()
    return request.headers.get(LEGACY_HEADER)
