"""A Jaeger's HTTP query API in its two forms: how to ask, and how to parse what it answers.

API v3 answers in OTLP (in Jaeger's source: apiv3/http_gateway.go and apiv3/query_parser.go). The legacy API, which
VictoriaTraces and others serve as well, answers in Jaeger's own JSON (http_handler.go and uimodel/model.go).
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlencode, urlsplit
from urllib.request import Request, urlopen

from spantree.formats.jaeger_json import ADDED_BY_JAEGER, spans_of_traces
from spantree.formats.otlp_json import spans_of_documents
from spantree.formats.shape_errors import WRONG_SHAPE, describe
from spantree.span import Span

__all__ = [
    "LEGACY",
    "V3",
    "Answer",
    "Api",
    "Jaeger",
    "JaegerUnavailable",
    "NotServed",
    "TooDeep",
    "Window",
    "get_trace",
    "list_services",
    "parse_url",
    "search_traces",
    "unavailable",
]

Parsed = TypeVar("Parsed")

UI_PATH = re.compile(r"(?P<base>.*?)(?:/search|/trace/(?P<trace_id>[0-9a-fA-F]+))?/*")

API_STATUSES = {HTTPStatus.OK, HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
"""Statuses of a server that has the API, and of one that lacks it: VictoriaTraces answers 400 for an unknown path."""

DEPTH_REFUSED = b"search depth"
"""In the answer, with status 500, of a storage that does not search so deep: memory/memory.go refuses more than its
`max_traces`, and clickhouse/tracestore/query_builder.go more than its `max_search_depth`."""

IDS = {"traceId", "spanId", "parentSpanId"}
MOST_BYTES = 256 * 2**20
"""The size at which the answer to a search is given up, because parsing it takes several times as much memory."""
BASE64_ID = re.compile(r"[A-Za-z0-9+/]{22}==|[A-Za-z0-9+/]{11}=")


class JaegerUnavailable(Exception):
    """Jaeger cannot be reached, or its answer cannot be read. The message is one line: URL (no password) and reason."""


class NotServed(Exception):
    """The server does not serve API v3."""


class TooDeep(Exception):
    """Jaeger's storage does not search so deep."""


@dataclass(frozen=True, slots=True)
class Window:
    """A range of time, in microseconds since the epoch."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The spans of the traces that a search found, and the size of the answer in bytes."""

    spans: list[Span]
    size: int


@dataclass(frozen=True, slots=True)
class Jaeger:
    """A Jaeger: its URL with the base path and no slash at the end, its credentials, and a timeout in seconds."""

    url: str
    authorization: str
    timeout: float


@dataclass(frozen=True, slots=True)
class Response:
    """A response of the server."""

    status: int
    body: bytes

    def __str__(self) -> str:
        return f"HTTP {self.status}: {self.body[:200].decode(errors='replace')}"


@dataclass(frozen=True, slots=True)
class Api:
    """One of the two APIs: how to query it and how to parse its responses.

    `read` returns an empty list if nothing was found. It raises NotServed and ValueError.
    """

    root: str
    query: Callable[[str, Window, int], Mapping[str, Any]]
    read: Callable[[Response], list[Any]]
    services: Callable[[list[Any]], list[str]]
    spans: Callable[[list[Any]], list[Span]]


def parse_url(url: str, timeout: float) -> tuple[Jaeger, str | None]:
    """Return the Jaeger, and the trace id if the URL is that of a trace's page in its UI."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise unavailable(url, error) from error
    userinfo, _, host = parts.netloc.rpartition("@")
    page = UI_PATH.fullmatch(parts.path)
    if parts.scheme not in {"http", "https"} or not host or page is None:
        raise unavailable(url, "not the URL of a Jaeger; write it like http://localhost:16686")
    user, _, password = (unquote(part) for part in userinfo.partition(":"))
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    authorization = f"Basic {credentials}" if userinfo else ""
    return Jaeger(f"{parts.scheme}://{host}{page['base']}", authorization, timeout), page["trace_id"]


def unavailable(url: str, reason: object) -> JaegerUnavailable:
    message = f"{re.sub('//.*@', '//', url)}: {str(reason) or type(reason).__name__}"
    return JaegerUnavailable(" ".join(message.split()))


def get_trace(jaeger: Jaeger, api: Api, trace_id: str) -> list[Span]:
    """Return the spans of a trace, none if Jaeger does not have it. Raises JaegerUnavailable and NotServed."""
    return _ask(jaeger, f"{api.root}/traces/{quote(trace_id, safe='')}", lambda got: api.spans(api.read(got)))


def list_services(jaeger: Jaeger, api: Api) -> list[str]:
    """Return the names of all services. Raises JaegerUnavailable and NotServed."""
    return _ask(jaeger, f"{api.root}/services", lambda got: api.services(api.read(got)))


def search_traces(jaeger: Jaeger, api: Api, service: str, window: Window, depth: int) -> Answer:
    """Return up to `depth` traces with a span of `service` that began in the window.

    Raises TooDeep, JaegerUnavailable and NotServed.
    """
    path = f"{api.root}/traces?{urlencode(api.query(service, window, depth))}"
    return _ask(jaeger, path, lambda got: Answer(api.spans(api.read(got)), len(got.body)), MOST_BYTES)


def _ask(jaeger: Jaeger, path: str, parse: Callable[[Response], Parsed], most_bytes: int | None = None) -> Parsed:
    url = f"{jaeger.url}{path}"
    shown = url.partition("?")[0]
    try:
        return parse(_get(jaeger, url, most_bytes))
    except WRONG_SHAPE as error:
        raise unavailable(shown, f"not a response of Jaeger's: {describe(error)}") from error
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, TimeoutError):
            raise unavailable(shown, f"timed out after {jaeger.timeout:g} s") from error
        # Without "[Errno 111]", which says less than the words behind it.
        text = reason.strerror if isinstance(reason, OSError) and reason.strerror else reason
        raise unavailable(shown, text) from error


def _get(jaeger: Jaeger, url: str, most_bytes: int | None) -> Response:
    request = Request(url, headers={"Accept": "application/json"})  # noqa: S310 - parse_url accepts http and https only
    if jaeger.authorization:
        request.add_unredirected_header("Authorization", jaeger.authorization)  # a redirect must not pass it on
    try:
        with urlopen(request, timeout=jaeger.timeout) as reply:  # noqa: S310 - as above
            response = Response(reply.status, _read_body(reply, most_bytes))
    except HTTPError as error:
        with error:
            response = Response(error.code, error.read())
    if response.status not in API_STATUSES:
        if DEPTH_REFUSED in response.body:
            raise TooDeep(str(response))
        raise ValueError(str(response))
    return response


def _read_body(reply: HTTPResponse, most_bytes: int | None) -> bytes:
    if most_bytes is None:
        return reply.read()
    body = reply.read(most_bytes + 1)
    if len(body) > most_bytes:
        raise ValueError(f"the answer is larger than {most_bytes} bytes; choose a smaller limit, or a single trace")
    if reply.length:  # unlike read(), read(n) does not say that the server hung up before the end
        raise IncompleteRead(body, reply.length)
    return body


def _v3_query(service: str, window: Window, depth: int) -> Mapping[str, Any]:
    start, end = (
        datetime.fromtimestamp(at / 10**6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") for at in (window.start, window.end)
    )
    values = (
        (service, ("serviceName", "service_name")),
        (start, ("startTimeMin", "start_time_min")),
        (end, ("startTimeMax", "start_time_max")),
        (depth, ("searchDepth", "search_depth", "num_traces")),
    )
    # Newer Jaegers read camelCase, older ones snake_case or num_traces. Each ignores what it does not know.
    return {f"query.{name}": value for value, names in values for name in names}


def _v3_read(response: Response) -> list[Any]:
    try:
        documents = _documents(response.body.decode())
    except ValueError as error:
        if response.status == HTTPStatus.OK and not response.body.lstrip().startswith(b"<"):
            raise ValueError(f"not JSON: {response}") from error
        raise NotServed from error  # without API v3, Jaeger returns its UI's page, and other servers return text
    for document in documents:
        refusal = document.get("error") if isinstance(document, dict) else None
        if isinstance(refusal, dict):
            if HTTPStatus.NOT_FOUND in {response.status, refusal.get("httpCode"), refusal.get("http_code")}:
                return []
            raise ValueError(f"HTTP {response.status}: {refusal.get('message', refusal)}")
    if response.status != HTTPStatus.OK:
        raise NotServed
    return [document.get("result", document) for document in documents]


def _documents(text: str) -> list[Any]:
    """Parse concatenated documents, as gRPC gateways write a stream. The elements of an array count as documents."""
    decoder, text, at = json.JSONDecoder(), text.strip(), 0
    documents: list[Any] = []
    while True:
        document, at = decoder.raw_decode(text, at)
        documents += document if isinstance(document, list) else [document]
        while text[at : at + 1].isspace():
            at += 1
        if at == len(text):
            return documents


def _v3_services(documents: list[Any]) -> list[str]:
    return [name for document in documents if document for name in document["services"]]


def _v3_spans(documents: list[Any]) -> list[Span]:
    for resource_spans in (each for document in documents if document for each in document["resourceSpans"] or ()):
        # OTLP before 0.15 called scopeSpans instrumentationLibrarySpans, and gRPC gateways of that time wrote ids in
        # base64, as plain protobuf JSON does.
        scope_spans = resource_spans.setdefault("scopeSpans", resource_spans.get("instrumentationLibrarySpans"))
        for span in (each for scope in scope_spans or () for each in scope.get("spans") or ()):
            attributes = span.get("attributes") or ()
            span["attributes"] = [pair for pair in attributes if not pair["key"].startswith(ADDED_BY_JAEGER)]
            for holder in (span, *(span.get("links") or ())):
                holder.update({name: _hex(holder[name]) for name in IDS & holder.keys()})
    return spans_of_documents(document for document in documents if document)


def _hex(value: Any) -> Any:  # noqa: ANN401 - anything but base64 is left to the reader of OTLP
    return base64.b64decode(value).hex() if isinstance(value, str) and BASE64_ID.fullmatch(value) else value


def _legacy_query(service: str, window: Window, depth: int) -> Mapping[str, Any]:
    return {"service": service, "limit": depth, "start": window.start, "end": window.end}


def _legacy_read(response: Response) -> list[Any]:
    try:
        document = json.loads(response.body)
    except ValueError:
        document = None
    match document, response.status:
        case {"data": list() | None as data}, HTTPStatus.OK | HTTPStatus.NOT_FOUND:
            return data or []
        case {"data": _}, _:
            raise ValueError(str(response))
    raise ValueError(f"neither Jaeger's API v3 nor its legacy one: {response}")


V3 = Api("/api/v3", _v3_query, _v3_read, _v3_services, _v3_spans)
LEGACY = Api("/api", _legacy_query, _legacy_read, list, spans_of_traces)
