"""An HTTP client's CLIENT span around an aiohttp request, from before it is sent until its answer has been read.

HTTP semantic conventions 1.44, "HTTP client span".
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp.typedefs import LooseHeaders, Query
from multidict import CIMultiDict
from opentelemetry.trace import Span, SpanKind, Tracer
from yarl import URL

from emulator.instrumentation import propagation
from emulator.instrumentation.errors import mark_failed
from emulator.instrumentation.http_attributes import method_attributes, redacted, span_name
from emulator.instrumentation.spans import Attributes, AttributeValue, present, span
from emulator.instrumentation.url_template import TemplatedUrl

__all__ = ["request"]


@asynccontextmanager
async def request(
    tracer: Tracer,
    session: aiohttp.ClientSession,
    method: str,
    url: str | URL | TemplatedUrl,
    *,
    headers: LooseHeaders | None = None,
    attributes: Attributes | None = None,
    inject: propagation.Inject = propagation.inject,
    **options: Any,  # noqa: ANN401 - aiohttp's own
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Send a request, and only read its answer in the block: an error of your own in there would be the request's.

    The span is current, and lasts as long as the block. The template of a TemplatedUrl names it, as in
    `GET /users/{id}`; without one, its name is the method. `options` are those of `ClientSession.request`. To retry,
    call this again and pass the attribute `http.request.resend_count`: each attempt has its own span ("HTTP request
    retries and redirects"). But aiohttp follows redirects within one span, which then has the first URL and the last
    status; to see each, pass `allow_redirects=False`.
    """
    template, url = (url.template, url.url) if isinstance(url, TemplatedUrl) else (None, url)
    sent_to = _absolute(url, options.get("params"))
    described = {**_request_attributes(method, sent_to, template), **(attributes or {})}
    with span(tracer, span_name(method, template), SpanKind.CLIENT, described) as calling:
        carrier = CIMultiDict(headers or ())
        inject(carrier)
        try:
            async with session.request(method, url, headers=carrier, **options) as response:
                if sent_to is None:
                    calling.set_attributes(_url_attributes(response.request_info.url))
                _record_response(calling, response)
                yield response
        except aiohttp.ClientResponseError as refusal:  # as raise_for_status=True has it
            if refusal.status:
                calling.set_attribute("http.response.status_code", refusal.status)
            raise


def _absolute(url: str | URL, params: Query) -> URL | None:
    """Return where a request goes; None if only the session knows its base URL, or if aiohttp will refuse the URL."""
    try:
        absolute = URL(url).extend_query(params)
    except (TypeError, ValueError):
        return None
    return absolute if absolute.absolute else None


def _request_attributes(method: str, url: URL | None, template: str | None) -> Attributes:
    return present(
        {
            **method_attributes(method),
            **({} if url is None else _url_attributes(url)),
            "url.template": template,
        }
    )


def _url_attributes(url: URL) -> dict[str, AttributeValue]:
    return {"server.address": url.host or "", "server.port": url.port or 0, "url.full": str(redacted(url))}


def _record_response(calling: Span, response: aiohttp.ClientResponse) -> None:
    """Record the outcome: for a client, every status of 400 or above is an error ("Status")."""
    calling.set_attribute("http.response.status_code", response.status)
    if response.version is not None:
        calling.set_attribute("network.protocol.version", f"{response.version.major}.{response.version.minor}")
    if response.status >= HTTPStatus.BAD_REQUEST:
        mark_failed(calling, str(response.status))
