"""The server side of HTTP: what every API of the emulator does alike, as three middlewares.

`tracing` makes one SERVER span of a request, `answering` turns errors into the service's own shape, `authenticating`
wants a token. Handlers know about none of them.
"""

import logging
import re
import socket
import struct
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from opentelemetry.trace import Span, SpanKind, get_current_span
from yarl import URL

from emulator.runtime.errors import ApiError, BadRequest, ErrorShape, Unauthorized
from emulator.runtime.request_context import (
    FAULT_SPENT,
    OWN_REQUEST_ID,
    REQUEST_ID,
    RequestContext,
    ServiceContext,
    request_scope,
)
from emulator.runtime.simulated_work import ConnectionReset
from emulator.runtime.spans import AttributeValue, fail, failed_with, report_ignored, span

__all__ = [
    "IDENTITY",
    "answering",
    "authenticating",
    "json_response",
    "on_prepare",
    "read_json",
    "tracing",
]

KNOWN_METHODS = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}

T = TypeVar("T")

IDENTITY: web.RequestKey[Any] = web.RequestKey("identity", object)
"""Whom the token of a request speaks for."""

REQUEST_CONTEXT = web.RequestKey("scene", RequestContext)
SERVING: web.RequestKey[Span] = web.RequestKey("serving", Span)
NO_LINGER = struct.pack("ii", 1, 0)
LONGEST_MESSAGE = 1000
"""How many characters of an error are answered: it may repeat what the caller sent."""

log = logging.getLogger(__name__)


class _Refused(ApiError):
    """An error that aiohttp raised: an unknown route or method, a body over the limit."""

    WORDS: Mapping[int, str] = {
        404: "The resource could not be found.",
        405: "The method {method} is not allowed for this resource.",
        413: "The request body is too large: the limit is {limit} bytes.",
    }

    def __init__(self, refusal: web.HTTPException, request: web.Request) -> None:
        words = self.WORDS.get(refusal.status, refusal.reason)
        super().__init__(words.format(method=request.method, limit=request.client_max_size))
        self.status = HTTPStatus(refusal.status)


def tracing(service_context: ServiceContext, untraced: Collection[str] = ()) -> Middleware:
    """Make one SERVER span of every request but those to `untraced` paths, below the caller's that the headers name."""

    @web.middleware
    async def trace(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in untraced:
            return await handler(request)
        method = request.method if request.method in KNOWN_METHODS else "_OTHER"
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else None
        name = " ".join(filter(None, ("HTTP" if method == "_OTHER" else method, route)))
        headers = {key.lower(): ",".join(request.headers.getall(key)) for key in request.headers}
        own, chosen = request.headers.get(OWN_REQUEST_ID), request.headers.get(REQUEST_ID)
        with request_scope(service_context, own, headers, global_request_id=chosen) as scene:
            request[REQUEST_CONTEXT] = scene
            try:
                with span(name, SpanKind.SERVER, _attributes(request, method, route)) as serving:
                    request[SERVING] = serving
                    report_ignored(serving)
                    response = await handler(request)
                    serving.set_attribute("http.response.status_code", response.status)
            except ConnectionReset:
                _reset_connection(request)
                return web.Response()  # for aiohttp; there is no way left to send it
            return response

    return trace


def _reset_connection(request: web.Request) -> None:
    """Break the connection off as a crash would: what was not read yet is lost, and the peer sees a reset."""
    if request.transport is not None:
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        request.transport.abort()


async def on_prepare(request: web.Request, response: web.StreamResponse) -> None:
    """Put the request id on every answer, on streams too. For an application's `on_response_prepare`."""
    if REQUEST_CONTEXT not in request:
        return
    response.headers[REQUEST_ID] = request[REQUEST_CONTEXT].request_id
    if request[REQUEST_CONTEXT].spent:
        response.headers[FAULT_SPENT] = "1"
    if SERVING in request and request[SERVING].is_recording():  # a stream, whose handler has not ended
        request[SERVING].set_attribute("http.response.status_code", response.status)


def _attributes(request: web.Request, method: str, route: str | None) -> dict[str, AttributeValue]:
    host = _host(request)
    attributes: dict[str, AttributeValue | None] = {
        "http.request.method": method,
        "http.request.method_original": request.method if method == "_OTHER" else None,
        "http.route": route,
        "url.path": request.path,
        "url.query": request.query_string or None,
        "url.scheme": request.scheme,
        "server.address": host.host if host is not None else None,
        "server.port": host.port if host is not None else None,
        "client.address": request.remote,
        "user_agent.original": request.headers.get(hdrs.USER_AGENT),
        "network.protocol.version": f"{request.version.major}.{request.version.minor}",
    }
    return {key: value for key, value in attributes.items() if value is not None}


def _host(request: web.Request) -> URL | None:
    """Where the request was sent to, None where its Host header makes no sense."""
    try:
        return request.url.origin()
    except ValueError:
        return None


def _check_host(request: web.Request) -> None:
    if _host(request) is None:
        raise BadRequest("Invalid input for header Host: it names no host.")


def answering(shape: ErrorShape) -> Middleware:
    """Answer every error in the service's own shape. What no one foresaw is a 500 that tells nothing of the inside."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _check_host(request)
            return await handler(request)
        except ApiError as error:
            if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                fail(get_current_span(), error)
                failed_with(get_current_span(), str(int(error.status)), str(error))
            return _error_response(error, shape)
        except web.HTTPException as refusal:
            response = _error_response(_Refused(refusal, request), shape)
            if hdrs.ALLOW in refusal.headers:
                response.headers[hdrs.ALLOW] = refusal.headers[hdrs.ALLOW]
            return response
        except ConnectionReset:
            raise
        except ConnectionError:  # the caller left; what is answered reaches nobody
            return _error_response(BadRequest("The caller closed the connection."), shape)
        except Exception as unforeseen:
            fail(get_current_span(), unforeseen)
            log.exception("%s %s failed in a way that nobody foresaw", request.method, request.path)
            return _error_response(ApiError("The server could not comply with the request: see its trace."), shape)

    return answer


def _error_response(error: ApiError, shape: ErrorShape) -> web.Response:
    message = str(error)
    if len(message) > LONGEST_MESSAGE:
        error.args = (message[:LONGEST_MESSAGE] + "…",)
    return json_response(shape(error), status=error.status)


def authenticating(identify: Callable[[str], Any], public: frozenset[tuple[str, str]]) -> Middleware:
    """Let a request through only with a token that `identify` knows, but for the methods and routes in `public`.

    The identity is then `request[IDENTITY]`. `identify` raises Unauthorized.
    """

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        method = "GET" if request.method == "HEAD" else request.method
        if resource is not None and (method, resource.canonical) not in public:
            try:
                request[IDENTITY] = identify(request.headers.get("X-Auth-Token", ""))
            except Unauthorized as refusal:
                # keystonemiddleware answers this for every service, in keystone's shape
                body = {"error": {"code": 401, "title": "Unauthorized", "message": str(refusal)}}
                return json_response(body, status=401, headers={hdrs.WWW_AUTHENTICATE: "Keystone"})
        return await handler(request)

    return authenticate


def json_response(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer `body`, encoded as JSON."""
    return web.Response(body=msgspec.json.encode(body), status=status, headers=headers, content_type="application/json")


async def read_json(request: web.Request, form: type[T], *, strict: bool = True) -> T:
    """Read the body of a request as `form`; raises BadRequest that names the field which does not fit.

    Where it is not `strict`, numbers and booleans may come as strings: `"512"`, `"true"`.
    """
    try:
        return msgspec.json.decode(await request.read(), type=form, strict=strict)
    except msgspec.ValidationError as error:
        raise BadRequest(_name_the_field(str(error))) from None
    except web.RequestPayloadError:
        raise BadRequest("The body cannot be read: it is not encoded as its headers say.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from None


def _name_the_field(complaint: str) -> str:
    """Turn ``Expected `int`, got `str` - at `$.server.min_count` `` into words that begin with the field.

    Where msgspec does not tell which key of a mapping it was, the field is the mapping.
    """
    what, _, where = complaint.partition(" - at ")
    field = where.removeprefix("`key` in ").strip("`").removeprefix("$").replace("[...]", "").removeprefix(".")
    inside = re.search(r"(?:missing required|contains unknown) field `([^`]+)`", what)
    if inside:
        field = f"{field}.{inside[1]}".lstrip(".")
    return f"Invalid input for field {field}: {what}." if field else f"Invalid input: {what}."
