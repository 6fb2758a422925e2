"""What a presenter orders from the page: servers to boot, with faults or without, and servers to delete."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated

import msgspec
from aiohttp import web

from emulator import client
from emulator.client import MAX_CONCURRENT_BOOTS, BootRequest, Credentials, numbered_requests
from emulator.faults import FAULTS
from emulator.runtime.errors import ApiError, BadRequest
from emulator.runtime.http_client import HttpClient
from emulator.runtime.http_server import json_response, read_json
from emulator.runtime.propagation import carries_baggage
from emulator.runtime.request_context import ServiceContext
from emulator.runtime.tasks import Tasks

__all__ = ["Desk", "order_routes"]

LONGEST_NAME = 252
"""Characters of a name that a number is put behind: nova takes 255."""

Named = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /boots`."""

    name: Named = "demo"
    image: Named = "cirros"
    flavor: Named = "m1.tiny"
    network: Named = "private"
    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_CONCURRENT_BOOTS)] = 1
    fault: str = ""


class TooMany(ApiError):
    """So many servers are on order that no more can be taken."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, wanted: int, under_way: int) -> None:
        super().__init__(
            f"{under_way} servers are on order; {wanted} more would be over {MAX_CONCURRENT_BOOTS}: wait a moment"
        )


@dataclass(slots=True)
class Desk:
    """Takes orders: `actor` carries them out with `http`, as the user with these `credentials`, in `tasks`."""

    service_context: ServiceContext
    http: HttpClient
    credentials: Credentials
    tasks: Tasks
    faults: bool
    under_way: int = field(default=0)

    def take(self, wanted: Wanted) -> None:
        """Begin to boot what is wanted. Raises BadRequest, which names the field, and TooMany."""
        orders = self._orders(wanted)
        if self.under_way + len(orders) > MAX_CONCURRENT_BOOTS:
            raise TooMany(len(orders), self.under_way)
        self.under_way += len(orders)
        for order in orders:
            self.tasks.start(self._boot(order))

    def delete(self, server_id: str) -> None:
        """Begin to delete a server."""
        self.tasks.start(self._delete(server_id))

    def _orders(self, wanted: Wanted) -> list[BootRequest]:
        for name in ("name", "image", "flavor", "network"):
            if not getattr(wanted, name).isprintable():
                raise BadRequest(f"Invalid input for field {name}: it has characters that cannot be printed.")
        fault = FAULTS.get(wanted.fault)
        if wanted.fault and fault is None:
            raise BadRequest(f"Invalid input for field fault: there is no {wanted.fault!r}.")
        if fault is not None and not (self.faults and carries_baggage()):
            raise BadRequest("Invalid input for field fault: this emulator lets none in.")
        if wanted.count > 1 and len(wanted.name) > LONGEST_NAME:
            raise BadRequest(
                f"Invalid input for field name: with a number behind it, it has over {LONGEST_NAME} characters."
            )
        return numbered_requests(
            BootRequest(wanted.name, wanted.image, wanted.flavor, wanted.network, fault), wanted.count
        )

    async def _delete(self, server_id: str) -> None:
        await client.delete(self.service_context, self.http, self.credentials, server_id)

    async def _boot(self, order: BootRequest) -> None:
        try:
            await client.boot(self.service_context, self.http, self.credentials, order)
        finally:
            self.under_way -= 1


def order_routes(desk: Desk) -> list[web.RouteDef]:
    """Return the routes by which the page orders. What comes of an order is seen in its spans."""

    async def boot(request: web.Request) -> web.Response:
        wanted = await read_json(request, Wanted)
        desk.take(wanted)
        return json_response({"ordered": wanted.count}, status=202)

    async def delete(request: web.Request) -> web.Response:
        desk.delete(request.match_info["server_id"])
        return json_response({}, status=202)

    return [web.post("/boots", boot), web.delete("/servers/{server_id:[0-9a-fA-F-]{36}}", delete)]
