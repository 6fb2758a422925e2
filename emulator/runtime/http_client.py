"""The services' HTTP client: its requests carry the current request's id, context and fault. Reads whole answers."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self, TypeVar

import aiohttp
import msgspec

from emulator import __version__
from emulator.instrumentation import AttributeValue, Inject, http_client
from emulator.instrumentation.url_template import TemplatedUrl
from emulator.runtime.fault_injection.traces import injection_with_fault
from emulator.runtime.request_context import (
    FAULT_SPENT,
    OWN_HOST,
    OWN_REQUEST_ID,
    REQUEST_ID,
    current_request,
    inject_request,
)
from emulator.runtime.spans import request_attributes, request_tracer
from emulator.urls import without_user

__all__ = ["Answer", "HttpClient", "UnexpectedAnswer"]

CONNECT_SECONDS = 15.0
"""Includes the DNS look-up. Resolvers retry after 5 s (resolv.conf(5), `timeout`), so one lost datagram is harmless."""
ANSWER_SECONDS = 30.0  # up to pace 1; at a slower pace, answers may take longer
T = TypeVar("T")


class UnexpectedAnswer(Exception):
    """A service answered with an error, or with a body that its caller cannot use. The service's span shows why."""

    error_type = "emulator.UnexpectedAnswer"

    def __init__(self, method: str, url: str, status: int, message: str) -> None:
        super().__init__(f"{method} {url} answered {status}: {message}")
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer. `url` has no user and no password."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def check(self) -> None:
        """Raise UnexpectedAnswer for a status of 400 or above."""
        if self.status >= HTTPStatus.BAD_REQUEST:
            raise UnexpectedAnswer(self.method, self.url, self.status, _message_in(self.body, self.status))

    def read(self, form: type[T]) -> T:
        """Decode the body as `form`. Raises UnexpectedAnswer for a status of 400 or above, and for another form."""
        self.check()
        try:
            return msgspec.json.decode(self.body, type=form)
        except msgspec.DecodeError as error:
            raise UnexpectedAnswer(self.method, self.url, self.status, f"not what was expected: {error}") from None


def _message_in(body: bytes, status: int) -> str:
    """Return the message in an error body of any service's shape, or else the phrase of the status."""
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        found = None
    for shape in (found, *(found.values() if isinstance(found, dict) else ())):
        if isinstance(shape, dict) and isinstance(shape.get("message"), str):
            return str(shape["message"])
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "unknown status"


class HttpClient:
    """Sends a service's requests. The id, context and fault of the current request travel in their headers.

    So does the name of its `host`, if the service runs on a compute host. At a `pace` above 1 answers may take that
    much longer.
    """

    def __init__(self, service: str, pace: float = 0.0, host: str | None = None) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # aiohttp's default of 100 would make concurrent boots queue up
            timeout=aiohttp.ClientTimeout(connect=CONNECT_SECONDS, sock_read=ANSWER_SECONDS * max(1.0, pace)),
            headers={"User-Agent": f"{service}/{__version__}", **({} if host is None else {OWN_HOST: host})},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def fetch(
        self,
        method: str,
        url: TemplatedUrl,
        *,
        body: object = None,
        token: str | None = None,
        step: str | None = None,
        resend: int = 0,
        sink: Callable[[bytes], object] | None = None,
    ) -> Answer:
        """Send a request and read the whole answer. `body` is sent as JSON; `step` is a step of Figure 1.8.

        `resend` is how often the request was sent before. The body of a status below 400 goes to `sink`, if that is
        set, in pieces. Raises aiohttp.ClientError and TimeoutError; a status of 400 or above is not an error.
        """
        async with self._stream(method, url, body=body, token=token, step=step, resend=resend) as response:
            if sink is None or not response.ok:
                received = await response.read()
            else:
                received = b""
                async for piece in response.content.iter_any():
                    sink(piece)
            return Answer(method, without_user(str(url.url)), response.status, response.headers, received)

    @asynccontextmanager
    async def _stream(
        self, method: str, url: TemplatedUrl, *, body: object, token: str | None, step: str | None, resend: int
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; the span lasts as long as the block that reads the answer."""
        request = current_request()
        headers = {
            OWN_REQUEST_ID: request.request_id,
            REQUEST_ID: request.global_request_id or request.request_id,
            "Accept": "application/json",
        }
        if token is not None:
            headers["X-Auth-Token"] = token
        if body is not None:
            headers["Content-Type"] = "application/json"
        attributes = dict[str, AttributeValue](request_attributes())
        inject: Inject = inject_request
        if resend:
            attributes["http.request.resend_count"] = resend
        if step is not None:
            inject, marks = injection_with_fault(f"step {step}")
            attributes |= {"openstack.boot.step": step, **marks}
        async with http_client.request(
            request_tracer(),
            self._session,
            method,
            url,
            headers=headers,
            attributes=attributes,
            inject=inject,
            data=None if body is None else msgspec.json.encode(body),
        ) as response:
            if FAULT_SPENT in response.headers:
                request.spend()
            yield response
