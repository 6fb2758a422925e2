"""Spans out of a running Jaeger, by its HTTP query API.

There are two APIs: v3 answers in OTLP (in Jaeger's source apiv3/http_gateway.go and apiv3/query_parser.go), and the
legacy one, which VictoriaTraces and others have, too, in Jaeger's own JSON (http_handler.go and uimodel/model.go).
"""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlencode, urlsplit
from urllib.request import Request, urlopen

from spantree.formats.jaeger_json_reader import ADDED_BY_JAEGER, WRONG_SHAPE, spans_of_traces
from spantree.formats.otlp_json import spans_from_json
from spantree.span import Span

__all__ = ["JaegerUnavailable", "jaeger_spans"]

Understood = TypeVar("Understood")

PAGE = re.compile(r"(?P<base>.*?)(?:/search|/trace/(?P<trace_id>[0-9a-fA-F]+))?/*")
AHEAD = 60 * 10**6
"""Microseconds by which the clocks of Jaeger and of the services may be ahead of ours."""

READABLE = {HTTPStatus.OK, HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
"""What an API says, and a server without it: VictoriaTraces has 400 for a path that it does not know."""

IDS = {"traceId", "spanId", "parentSpanId"}
BASE64 = re.compile(r"[A-Za-z0-9+/]{22}==|[A-Za-z0-9+/]{11}=")


class JaegerUnavailable(Exception):
    """No Jaeger answered, or not as one does. The message is one line: the URL, without a password, and the reason."""


class NotServed(Exception):
    """The server has no API v3."""


def jaeger_spans(
    url: str,
    *,
    trace_id: str | None = None,
    service: str | None = None,
    limit: int = 20,
    lookback_seconds: int = 3600,
    timeout: float = 10,
) -> list[Span]:
    """Read spans out of the Jaeger at `url`, `http://localhost:16686` say; the page of a trace in its UI is that trace.

    With `trace_id`, in hex: the spans of this trace, none if Jaeger does not have it. With `service`: those of the
    latest `limit` traces in which it took part, of the last `lookback_seconds`. With neither: those of the latest
    `limit` traces of each service but Jaeger's own. No span comes twice. `timeout` is in seconds, for each wait.

    From a Jaeger without API v3 they are as `spans_from_jaeger_json` has them.

    Raises JaegerUnavailable.
    """
    jaeger, shown = _jaeger_at(url, timeout)
    now = time.time_ns() // 1000
    search = Search(limit, max(0, now - lookback_seconds * 10**6), now + AHEAD)
    wanted = shown if trace_id is None else trace_id
    try:
        found = _read(jaeger, V3, wanted, service, search)
    except NotServed:
        found = _read(jaeger, LEGACY, wanted, service, search)
    return list({(span.trace_id, span.span_id): span for span in found}.values())


@dataclass(frozen=True, slots=True)
class Jaeger:
    """Where one is, with the base path but no slash at the end, and how to ask it."""

    url: str
    authorization: str
    timeout: float


@dataclass(frozen=True, slots=True)
class Search:
    """How many traces, and when they began, in microseconds since the epoch."""

    limit: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    status: int
    body: bytes

    def __str__(self) -> str:
        return f"HTTP {self.status}: {self.body[:200].decode(errors='replace')}"


@dataclass(frozen=True, slots=True)
class Api:
    """How to ask, and how to understand. `read` gives nothing where nothing is found; raises NotServed, ValueError."""

    root: str
    query: Callable[[str, Search], Mapping[str, Any]]
    read: Callable[[Answer], list[Any]]
    services: Callable[[list[Any]], list[str]]
    spans: Callable[[list[Any]], list[Span]]


def _jaeger_at(url: str, timeout: float) -> tuple[Jaeger, str | None]:
    """Return the Jaeger, and the trace whose page the URL is."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _unavailable(url, error) from error
    userinfo, _, host = parts.netloc.rpartition("@")
    page = PAGE.fullmatch(parts.path)
    if parts.scheme not in {"http", "https"} or not host or page is None:
        raise _unavailable(url, "not a URL as http://localhost:16686 is one")
    user, _, password = (unquote(part) for part in userinfo.partition(":"))
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    authorization = f"Basic {credentials}" if userinfo else ""
    return Jaeger(f"{parts.scheme}://{host}{page['base']}", authorization, timeout), page["trace_id"]


def _unavailable(url: str, reason: object) -> JaegerUnavailable:
    known = f"{re.sub('//.*@', '//', url)}: {str(reason) or type(reason).__name__}"
    return JaegerUnavailable(" ".join(known.split()))


def _read(jaeger: Jaeger, api: Api, trace_id: str | None, service: str | None, search: Search) -> list[Span]:
    if trace_id is not None:
        return _ask(jaeger, api, f"/traces/{quote(trace_id, safe='')}", api.spans)
    known = [service] if service is not None else _ask(jaeger, api, "/services", api.services)
    wanted = [name for name in known if name == service or not name.startswith("jaeger")]
    return [span for name in wanted for span in _ask(jaeger, api, "/traces", api.spans, api.query(name, search))]


def _ask(
    jaeger: Jaeger,
    api: Api,
    path: str,
    understand: Callable[[list[Any]], Understood],
    query: Mapping[str, Any] | None = None,
) -> Understood:
    url = f"{jaeger.url}{api.root}{path}"
    try:
        return understand(api.read(_get(jaeger, f"{url}?{urlencode(query)}" if query else url)))
    except WRONG_SHAPE as error:
        raise _unavailable(url, f"not as Jaeger answers: {type(error).__name__} {error}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise _unavailable(url, error.reason if isinstance(error, URLError) else error) from error


def _get(jaeger: Jaeger, url: str) -> Answer:
    request = Request(url, headers={"Accept": "application/json"})  # noqa: S310 - _jaeger_at lets pass http and https
    if jaeger.authorization:
        request.add_unredirected_header("Authorization", jaeger.authorization)  # it is for this host alone
    try:
        with urlopen(request, timeout=jaeger.timeout) as response:  # noqa: S310 - as above
            answer = Answer(response.status, response.read())
    except HTTPError as error:
        with error:
            answer = Answer(error.code, error.read())
    if answer.status not in READABLE:
        raise ValueError(str(answer))
    return answer


def _v3_query(service: str, search: Search) -> Mapping[str, Any]:
    start, end = (
        datetime.fromtimestamp(at / 10**6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") for at in (search.start, search.end)
    )
    values = (
        (service, ("serviceName", "service_name")),
        (start, ("startTimeMin", "start_time_min")),
        (end, ("startTimeMax", "start_time_max")),
        (search.limit, ("searchDepth", "search_depth", "num_traces")),
    )
    # Jaeger had snake_case first, and calls it deprecated since it has camelCase. What it does not know it ignores.
    return {f"query.{name}": value for value, names in values for name in names}


def _v3_read(answer: Answer) -> list[Any]:
    try:
        documents = _documents(answer.body.decode())
    except ValueError as error:
        if answer.status == HTTPStatus.OK and not answer.body.lstrip().startswith(b"<"):
            raise ValueError(f"not JSON: {answer}") from error
        raise NotServed from error  # Jaeger's UI has a page for each path, other servers have a text
    for document in documents:
        refusal = document.get("error") if isinstance(document, dict) else None
        if isinstance(refusal, dict):
            if HTTPStatus.NOT_FOUND in {answer.status, refusal.get("httpCode"), refusal.get("http_code")}:
                return []
            raise ValueError(f"HTTP {answer.status}: {refusal.get('message', refusal)}")
    if answer.status != HTTPStatus.OK:
        raise NotServed
    return [document.get("result", document) for document in documents]


def _documents(text: str) -> list[Any]:
    """Read one document after the other: gRPC gateways write a stream like that. An array is its elements."""
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
    for of_resource in (each for document in documents if document for each in document["resourceSpans"] or ()):
        # Before OTLP 0.15 they had another name, and gRPC gateways of that time wrote ids in base64.
        of_scopes = of_resource.setdefault("scopeSpans", of_resource.get("instrumentationLibrarySpans"))
        for span in (each for of_scope in of_scopes or () for each in of_scope.get("spans") or ()):
            attributes = span.get("attributes") or ()
            span["attributes"] = [pair for pair in attributes if not pair["key"].startswith(ADDED_BY_JAEGER)]
            for holder in (span, *(span.get("links") or ())):
                holder.update({name: _hex(holder[name]) for name in IDS & holder.keys()})
    return spans_from_json(json.dumps(documents))


def _hex(raw: Any) -> Any:  # noqa: ANN401 - what is no base64 is left to the reader of OTLP
    return base64.b64decode(raw).hex() if isinstance(raw, str) and BASE64.fullmatch(raw) else raw


def _legacy_query(service: str, search: Search) -> Mapping[str, Any]:
    return {"service": service, "limit": search.limit, "start": search.start, "end": search.end}


def _legacy_read(answer: Answer) -> list[Any]:
    try:
        document = json.loads(answer.body)
    except ValueError:
        document = None
    match document, answer.status:
        case {"data": list() | None as data}, HTTPStatus.OK | HTTPStatus.NOT_FOUND:
            return data or []
        case {"data": _}, _:
            raise ValueError(str(answer))
    raise ValueError(f"neither Jaeger's API v3 nor its legacy one: {answer}")


V3 = Api("/api/v3", _v3_query, _v3_read, _v3_services, _v3_spans)
LEGACY = Api("/api", _legacy_query, _legacy_read, list, spans_of_traces)
