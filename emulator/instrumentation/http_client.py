"""An HTTP client's CLIENT span around an aiohttp request, from before it is sent until its answer has been read.

HTTP semantic conventions 1.44, "HTTP client span".
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import aiohttp
from opentelemetry.trace import Span, SpanKind, Tracer
from yarl import URL

from emulator.instrumentation import propagation
from emulator.instrumentation.errors import mark_failed
from emulator.instrumentation.http_attributes import method_attributes, redacted, span_name
from emulator.instrumentation.spans import Attributes, present, span

__all__ = ["request"]


@asynccontextmanager
async def request(
    tracer: Tracer,
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    url_template: str | None = None,
    attributes: Attributes | None = None,
    inject: propagation.Inject = propagation.inject,
    **options: Any,  # noqa: ANN401 - aiohttp's own
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Send a request; read the answer in the block. The span is current, and lasts as long as the block.

    `url_template` names the span, as in `GET /users/{id}`. `options` are those of `ClientSession.request`. To retry,
    call this again and pass the attribute `http.request.resend_count`: each attempt has its own span ("HTTP request
    retries and redirects").
    """
    described = _request_attributes(method, URL(url), url_template)
    with span(tracer, span_name(method, url_template), SpanKind.CLIENT, {**described, **(attributes or {})}) as calling:
        carrier = dict(headers or {})
        inject(carrier)
        async with session.request(method, url, headers=carrier, **options) as response:
            _record_response(calling, response)
            yield response


def _request_attributes(method: str, url: URL, url_template: str | None) -> Attributes:
    return present(
        {
            **method_attributes(method),
            "server.address": url.host or "",
            "server.port": url.port or 0,
            "url.full": str(redacted(url).with_user(None)),  # credentials must not be on spans (`url.full`)
            "url.template": url_template,
        }
    )


def _record_response(calling: Span, response: aiohttp.ClientResponse) -> None:
    """Record the outcome: for a client, every status of 400 or above is an error ("Status")."""
    calling.set_attribute("http.response.status_code", response.status)
    if response.version is not None:
        calling.set_attribute("network.protocol.version", f"{response.version.major}.{response.version.minor}")
    if response.status >= HTTPStatus.BAD_REQUEST:
        mark_failed(calling, str(response.status))
