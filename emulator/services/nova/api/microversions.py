"""Nova's microversions: a client names the one that it speaks, is answered in it, and is told which it was."""

import re
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from emulator.runtime.errors import ApiError, BadRequest, ErrorShape
from emulator.runtime.http_server import json_response

__all__ = ["NEWEST", "OLDEST", "format_version", "microversion", "negotiate_microversion"]

Version = tuple[int, int]

OLDEST: Version = (2, 1)
NEWEST: Version = (2, 96)

STANDARD, LEGACY = "OpenStack-API-Version", "X-OpenStack-Nova-API-Version"
SERVICE = "compute"
WELL_FORMED = re.compile(r"([1-9]\d{0,5})\.(0|[1-9]\d{0,5})", re.ASCII)

MICROVERSION: web.RequestKey[Version] = web.RequestKey("microversion", tuple)


class InvalidAPIVersionString(BadRequest):
    """What the client names as a version is none."""

    error_type = "nova.InvalidAPIVersionString"

    def __init__(self, said: str) -> None:
        super().__init__(f"API Version String {said} is of invalid format. Must be of format MajorNum.MinorNum.")


class InvalidGlobalAPIVersion(ApiError):
    """There is no such version here."""

    error_type = "nova.InvalidGlobalAPIVersion"

    status = HTTPStatus.NOT_ACCEPTABLE

    def __init__(self, said: str) -> None:
        super().__init__(
            f"Version {said} is not supported by the API. Minimum is {format_version(OLDEST)} and maximum is {format_version(NEWEST)}."
        )


def format_version(version: Version) -> str:
    """Return a version as headers and documents have it."""
    return f"{version[0]}.{version[1]}"


def microversion(request: web.Request) -> Version:
    """Return the version that a request is answered in. Versions compare as they follow one another."""
    return request[MICROVERSION] if MICROVERSION in request else OLDEST  # noqa: SIM401 - get() knows no keys


def negotiate_microversion(under: str, shape: ErrorShape) -> Middleware:
    """Find out which version a request `under` a path wants, and put it on the answer, errors included."""

    @web.middleware
    async def negotiate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(under):
            return await handler(request)
        response: web.StreamResponse
        try:
            version = request[MICROVERSION] = _wanted(request)
        except ApiError as refusal:
            response = json_response(shape(refusal), refusal.status)
        else:
            response = await handler(request)
            response.headers[STANDARD] = f"{SERVICE} {format_version(version)}"
            response.headers[LEGACY] = format_version(version)
        response.headers.add("Vary", STANDARD)
        response.headers.add("Vary", LEGACY)
        return response

    return negotiate


def _wanted(request: web.Request) -> Version:
    """Return the version that the headers name, the oldest if they name none."""
    said = _said(request)
    if said is None:
        return OLDEST
    if said == "latest":
        return NEWEST
    found = WELL_FORMED.fullmatch(said)
    if found is None:
        raise InvalidAPIVersionString("".join(filter(str.isprintable, said[:64])))
    version = int(found[1]), int(found[2])
    if not OLDEST <= version <= NEWEST:
        raise InvalidGlobalAPIVersion(said)
    return version


def _said(request: web.Request) -> str | None:
    """The standard header names versions of services, of which the last one counts; it goes before the old header."""
    for part in reversed(",".join(request.headers.getall(STANDARD, [])).split(",")):
        service, _, version = part.strip().partition(" ")
        if service.lower() == SERVICE and version:
            return version.strip()
    return request.headers.get(LEGACY)
