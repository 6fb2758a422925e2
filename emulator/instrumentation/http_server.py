"""An HTTP server's SERVER span around an aiohttp handler, as a child of the caller's span in the headers.

HTTP semantic conventions 1.44, "HTTP server span".
"""

from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Tracer
from yarl import URL

from emulator.instrumentation import errors, propagation
from emulator.instrumentation.errors import mark_failed, record_error, valid_text
from emulator.instrumentation.http_attributes import method_attributes, redacted, span_name
from emulator.instrumentation.spans import Attributes, present, span

__all__ = [
    "OUTCOME",
    "Outcome",
    "handle",
    "headers_of",
    "middleware",
    "origin",
    "record_failure",
    "record_status",
]


@dataclass(slots=True)
class Outcome:
    """How a request ended: on its span, and for metrics. Those cannot read a span, least of all an unsampled one."""

    span: Span
    status: int | None = None
    error_type: str | None = None

    def answered(self, status: int) -> None:
        """Record the status that the client receives: the first one, for a response cannot begin twice."""
        if self.status is None:
            self.status = status
            self.span.set_attribute("http.response.status_code", status)


OUTCOME = web.RequestKey("outcome", Outcome)


def middleware(tracer: Tracer, attributes: Attributes | None = None) -> Middleware:
    """Return a middleware that makes a span for every request. It should be the outermost one."""

    @web.middleware
    async def trace(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await handle(tracer, request, handler, attributes=attributes)

    return trace


async def handle(
    tracer: Tracer,
    request: web.Request,
    handler: Handler,
    *,
    context: Context | None = None,
    attributes: Attributes | None = None,
) -> web.StreamResponse:
    """Answer a request under a SERVER span. `context` is the caller's, by default the one in the request's headers."""
    received = propagation.extract(headers_of(request)) if context is None else context
    resource = request.match_info.route.resource
    route = None if resource is None else resource.canonical
    described = {**_request_attributes(request, route), **(attributes or {})}
    with (
        propagation.attached(received),
        span(tracer, span_name(request.method, route), SpanKind.SERVER, described) as serving,
    ):
        outcome = request[OUTCOME] = Outcome(serving)
        try:
            response = await handler(request)
        except web.HTTPException as answer:  # aiohttp handlers may raise their answers; a 404 is no server error
            response = answer
        except Exception as error:
            outcome.error_type = errors.error_type(error)
            if request.transport is not None:  # the client is still there, and aiohttp will answer
                outcome.answered(504 if isinstance(error, TimeoutError) else 500)
            raise
        _record_answer(outcome, response)
    if isinstance(response, web.HTTPException):
        raise response
    return response


async def record_status(request: web.Request, response: web.StreamResponse) -> None:
    """Record the status when a response begins. Add it to an application's `on_response_prepare`.

    Otherwise the span of a stream that breaks off would lack the status that the client has already received.
    """
    if OUTCOME in request:
        request[OUTCOME].answered(response.status)


def record_failure(request: web.Request, error: Exception, error_type: str | None = None) -> None:
    """Record an exception on a request's span. For middlewares that turn exceptions into answers of 500 or above.

    `error.type` is `error_type` if that is not None, else the name of the exception.
    """
    if OUTCOME in request:
        outcome = request[OUTCOME]
        record_error(outcome.span, error)
        outcome.error_type = error_type or errors.error_type(error)
        outcome.span.set_attribute("error.type", outcome.error_type)


def headers_of(request: web.Request) -> dict[str, str]:
    """Return the headers of a request by lower-case name, with the values of repeated headers joined by commas.

    RFC 9110, section 5.3. W3C Trace Context, section 3.3.1.1, and W3C Baggage, section 3.2, rely on it. Bytes that are
    not UTF-8, which aiohttp keeps as surrogates, become `?`: OpenTelemetry raises on them.
    """
    return {name.lower(): valid_text(",".join(request.headers.getall(name))) for name in request.headers}


def origin(request: web.Request) -> URL | None:
    """Return the origin that a request was sent to; None if its Host header is invalid."""
    try:
        return request.url.origin()
    except ValueError:
        return None


def _request_attributes(request: web.Request, route: str | None) -> Attributes:
    server = origin(request)
    return present(
        {
            **method_attributes(request.method),
            "http.route": route,
            "url.path": request.rel_url.raw_path,
            "url.query": redacted(request.rel_url).raw_query_string or None,
            "url.scheme": request.scheme,
            "server.address": server.host if server is not None else None,
            "server.port": server.port if server is not None else None,
            "client.address": request.remote or None,  # a Unix socket has none
            "user_agent.original": valid_text(request.headers.get(hdrs.USER_AGENT, "")) or None,
            "network.protocol.version": f"{request.version.major}.{request.version.minor}",
        }
    )


def _record_answer(outcome: Outcome, response: web.StreamResponse) -> None:
    """Record the outcome: for a server, only a status of 500 or above is an error ("Status")."""
    outcome.answered(response.status)
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR and outcome.error_type is None:
        outcome.error_type = str(response.status)
        mark_failed(outcome.span, outcome.error_type)
