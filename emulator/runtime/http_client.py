"""The client side of HTTP: one CLIENT span a request, from the first byte sent until the body is read."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self, TypeVar

import aiohttp
import msgspec
from opentelemetry.trace import SpanKind
from yarl import URL

from emulator import __version__
from emulator.runtime.propagation import put_into
from emulator.runtime.request_context import FAULT_SPENT, OWN_REQUEST_ID, REQUEST_ID, apply_fault, current_request
from emulator.runtime.spans import AttributeValue, failed_with, span
from emulator.urls import without_user

__all__ = ["Answer", "HttpClient", "UnexpectedAnswer"]

CONNECT_SECONDS = 15.0
"""The look-up of the name is in it: resolvers ask again after 5 s, so one lost datagram is no failure."""
ANSWER_SECONDS = 30.0  # at the pace of a small cloud; services that take their time are given it
T = TypeVar("T")


class UnexpectedAnswer(Exception):
    """A service answered what its caller cannot use; look at the service's span below the caller's."""

    def __init__(self, method: str, url: str, status: int, message: str) -> None:
        super().__init__(f"{method} {url} answered {status}: {message}")
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer. In `url` there is no user and no password."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def check(self) -> None:
        """Raise UnexpectedAnswer for a status of 400 and more."""
        if self.status >= HTTPStatus.BAD_REQUEST:
            raise UnexpectedAnswer(self.method, self.url, self.status, _message_in(self.body, self.status))

    def read(self, form: type[T]) -> T:
        """Decode the body as `form`. Raises UnexpectedAnswer for a status of 400 and more, and for another form."""
        self.check()
        try:
            return msgspec.json.decode(self.body, type=form)
        except msgspec.DecodeError as error:
            raise UnexpectedAnswer(self.method, self.url, self.status, f"not what was expected: {error}") from None


def _message_in(body: bytes, status: int) -> str:
    """Return the message in an error body, in whichever shape a service words it; else the status in words."""
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        found = None
    for shape in (found, *(found.values() if isinstance(found, dict) else ())):
        if isinstance(shape, dict) and isinstance(shape.get("message"), str):
            return str(shape["message"])
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "unknown status"


class HttpClient:
    """Sends requests on behalf of one service. The scene goes along, in headers only.

    At a slow `pace` the others may take that much longer to answer.
    """

    def __init__(self, service: str, pace: float = 0.0) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(connect=CONNECT_SECONDS, sock_read=ANSWER_SECONDS * max(1.0, pace)),
            headers={"User-Agent": f"{service}/{__version__}"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        body: object = None,
        token: str | None = None,
        step: str | None = None,
        resend: int = 0,
        sink: Callable[[bytes], object] | None = None,
    ) -> Answer:
        """Send a request and read the whole answer. `body` is sent as JSON; `step` is a number of Figure 1.8.

        `resend` counts how often the request was sent before. What comes with a status below 400 goes to `sink`, if
        there is one, piece by piece. Raises aiohttp.ClientError and TimeoutError; an answer of any status is an answer.
        """
        async with self._stream(method, url, body=body, token=token, step=step, resend=resend) as response:
            if sink is None or not response.ok:
                received = await response.read()
            else:
                received = b""
                async for piece in response.content.iter_any():
                    sink(piece)
            return Answer(method, without_user(url), response.status, response.headers, received)

    @asynccontextmanager
    async def _stream(
        self, method: str, url: str, *, body: object, token: str | None, step: str | None, resend: int
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; the span lasts as long as the block that reads the answer."""
        scene = current_request()
        with span(method, SpanKind.CLIENT, _attributes(method, URL(url), step, resend)) as calling:
            headers = {
                OWN_REQUEST_ID: scene.request_id,
                REQUEST_ID: scene.global_request_id or scene.request_id,
                "Accept": "application/json",
            }
            if token is not None:
                headers["X-Auth-Token"] = token
            if body is not None:
                headers["Content-Type"] = "application/json"
            if step is None or apply_fault(f"step {step}") is None:  # else the context is lost
                put_into(headers, scene.fault, scene.profiled)
            data = None if body is None else msgspec.json.encode(body)
            async with self._session.request(method, url, data=data, headers=headers) as response:
                calling.set_attribute("http.response.status_code", response.status)
                if FAULT_SPENT in response.headers:
                    scene.spend()
                if response.version is not None:
                    version = f"{response.version.major}.{response.version.minor}"
                    calling.set_attribute("network.protocol.version", version)
                if response.status >= HTTPStatus.BAD_REQUEST:
                    failed_with(calling, str(response.status))
                yield response


def _attributes(method: str, url: URL, step: str | None, resend: int) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue | None] = {
        "http.request.method": method,
        "server.address": url.host or "",
        "server.port": url.port or 0,
        "url.full": str(url.with_user(None)),
        "http.request.resend_count": resend or None,
        "openstack.boot.step": step,
    }
    return {key: value for key, value in attributes.items() if value is not None}
