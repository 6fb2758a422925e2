"""Three middlewares that all HTTP APIs of the emulator share. Handlers do not know about them.

`tracing` makes a SERVER span for each request, `answering` turns errors into answers of the service's own shape,
`authenticating` requires a token.
"""

import logging
import re
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from opentelemetry import context as otel_context
from opentelemetry.trace import get_current_span

from emulator.instrumentation import http_server
from emulator.runtime.errors import ApiError, BadRequest, ErrorShape, Unauthorized
from emulator.runtime.fault_injection.work import ConnectionReset
from emulator.runtime.request_context import (
    FAULT_SPENT,
    OWN_REQUEST_ID,
    REQUEST_ID,
    RequestContext,
    ServiceContext,
    request_scope,
)
from emulator.runtime.spans import report_ignored, request_attributes, request_tracer

__all__ = [
    "IDENTITY",
    "answering",
    "authenticating",
    "convert_json",
    "json_response",
    "on_prepare",
    "read_json",
    "tracing",
]

T = TypeVar("T")

IDENTITY: web.RequestKey[Any] = web.RequestKey("identity", object)
"""The identity of the caller, from its token."""

REQUEST_CONTEXT = web.RequestKey("request context", RequestContext)
LONGEST_MESSAGE = 1000
"""Longer error messages are cut off: a message may repeat what the caller sent."""

log = logging.getLogger(__name__)


class _Refused(ApiError):
    """An error that aiohttp raised: an unknown route or method, a body over the limit."""

    error_type = "emulator.Refused"
    MESSAGES: Mapping[int, str] = {
        404: "The resource could not be found.",
        405: "The method {method} is not allowed for this resource.",
        413: "The request body is too large: the limit is {limit} bytes.",
    }

    def __init__(self, refusal: web.HTTPException, request: web.Request) -> None:
        message = self.MESSAGES.get(refusal.status, refusal.reason)
        super().__init__(message.format(method=request.method, limit=request.client_max_size))
        self.status = HTTPStatus(refusal.status)


def tracing(service_context: ServiceContext, untraced: Collection[str] = ()) -> Middleware:
    """Make a SERVER span for every request, except to `untraced` paths, as a child of the caller's span."""

    @web.middleware
    async def trace(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in untraced:
            return await handler(request)

        async def handle(request: web.Request) -> web.StreamResponse:
            report_ignored(get_current_span())
            return await handler(request)

        own, chosen = request.headers.get(OWN_REQUEST_ID), request.headers.get(REQUEST_ID)
        with request_scope(service_context, own, http_server.headers_of(request), global_request_id=chosen) as opened:
            request[REQUEST_CONTEXT] = opened
            return await http_server.handle(
                request_tracer(), request, handle, context=otel_context.get_current(), attributes=request_attributes()
            )

    return trace


async def on_prepare(request: web.Request, response: web.StreamResponse) -> None:
    """Add the request id to every answer, including streams. For an application's `on_response_prepare`."""
    if REQUEST_CONTEXT not in request:
        return
    response.headers[REQUEST_ID] = request[REQUEST_CONTEXT].request_id
    if request[REQUEST_CONTEXT].spent:
        response.headers[FAULT_SPENT] = "1"
    await http_server.record_status(request, response)


def _check_host(request: web.Request) -> None:
    if http_server.origin(request) is None:
        raise BadRequest("Invalid input for header Host: it names no host.")


def answering(shape: ErrorShape) -> Middleware:
    """Answer every error in the service's own shape. For an unexpected error that is a 500 without its message."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _check_host(request)
            return await handler(request)
        except ApiError as error:
            if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                http_server.record_failure(request, error, error_type=str(int(error.status)))
            return _error_response(error, shape)
        except web.HTTPException as refusal:
            response = _error_response(_Refused(refusal, request), shape)
            if hdrs.ALLOW in refusal.headers:
                response.headers[hdrs.ALLOW] = refusal.headers[hdrs.ALLOW]
            return response
        except ConnectionReset:  # a fault: `resetting_connections` breaks the connection instead of answering
            raise
        except Exception as unexpected:
            if isinstance(unexpected, ConnectionError) and _caller_left(request):  # no answer reaches it
                return _error_response(BadRequest("The caller closed the connection."), shape)
            http_server.record_failure(request, unexpected)
            log.exception("%s %s failed unexpectedly", request.method, request.path)
            return _error_response(ApiError("The server could not comply with the request: see its trace."), shape)

    return answer


def _caller_left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _error_response(error: ApiError, shape: ErrorShape) -> web.Response:
    message = str(error)
    if len(message) > LONGEST_MESSAGE:
        error.args = (message[:LONGEST_MESSAGE] + "…",)
    return json_response(shape(error), status=error.status)


def authenticating(identify: Callable[[str], Any], public: frozenset[tuple[str, str]]) -> Middleware:
    """Require a token that `identify` accepts, except for the methods and routes in `public`.

    `request[IDENTITY]` is what `identify` returned. It raises Unauthorized for an invalid token.
    """

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        method = "GET" if request.method == "HEAD" else request.method  # aiohttp's GET routes also answer HEAD
        if resource is not None and (method, resource.canonical) not in public:
            try:
                request[IDENTITY] = identify(request.headers.get("X-Auth-Token", ""))
            except Unauthorized as refusal:
                # In every service, keystonemiddleware answers this, in keystone's shape.
                body = {"error": {"code": 401, "title": "Unauthorized", "message": str(refusal)}}
                return json_response(body, status=401, headers={hdrs.WWW_AUTHENTICATE: "Keystone"})
        return await handler(request)

    return authenticate


def json_response(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a response with `body` encoded as JSON."""
    return web.Response(body=msgspec.json.encode(body), status=status, headers=headers, content_type="application/json")


async def read_json(request: web.Request, form: type[T], *, strict: bool = True) -> T:
    """Decode the body of a request as `form`. Raises BadRequest, which names the invalid field.

    If not `strict`, numbers and booleans may be strings: `"512"`, `"true"`.
    """
    try:
        return msgspec.json.decode(await request.read(), type=form, strict=strict)
    except msgspec.ValidationError as error:
        raise BadRequest(_name_the_field(str(error))) from None
    except web.RequestPayloadError:
        raise BadRequest("The body cannot be read: it is not encoded as its headers say.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from None


def convert_json(value: object, form: type[T], path: str) -> T:
    """Convert decoded JSON, which is at `path` in the body. Raises BadRequest, which names the invalid field."""
    try:
        return msgspec.convert(value, form)
    except msgspec.ValidationError as error:
        raise BadRequest(_name_the_field(str(error), path)) from None


def _name_the_field(complaint: str, path: str = "") -> str:
    """Turn ``Expected `int`, got `str` - at `$.server.min_count` `` into a message that begins with the field.

    For an invalid key of a mapping, msgspec does not name the key, so the message names the mapping.
    """
    what, _, where = complaint.partition(" - at ")
    field = where.removeprefix("`key` in ").strip("`").removeprefix("$").replace("[...]", "")
    field = (path + field).removeprefix(".")
    inside = re.search(r"(?:missing required|contains unknown) field `([^`]+)`", what)
    if inside:
        field = f"{field}.{inside[1]}".lstrip(".")
    return f"Invalid input for field {field}: {what}." if field else f"Invalid input: {what}."
