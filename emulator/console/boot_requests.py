"""The actions of the page: boot servers, with a fault or without, and delete servers."""

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

__all__ = ["BootRequests", "action_routes"]

LONGEST_NAME = 252
"""The longest name to which a number such as `-50` can be appended: nova accepts 255 characters."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class BootForm(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /boots`."""

    name: Name = "demo"
    image: Name = "cirros"
    flavor: Name = "m1.tiny"
    network: Name = "private"
    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_CONCURRENT_BOOTS)] = 1
    fault: str = ""


class TooManyBoots(ApiError):
    """The request would exceed the limit of concurrent boots."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    error_type = "emulator.TooManyBoots"

    def __init__(self, requested: int, in_progress: int) -> None:
        super().__init__(
            f"{in_progress} servers are booting; {requested} more would exceed the limit of {MAX_CONCURRENT_BOOTS}: "
            "try again in a moment"
        )


@dataclass(slots=True)
class BootRequests:
    """Boots and deletes servers in `tasks`, as the user with these `credentials`. `faults` allows fault injection."""

    service_context: ServiceContext
    http: HttpClient
    credentials: Credentials
    tasks: Tasks
    faults: bool
    in_progress: int = field(default=0)

    def start(self, form: BootForm) -> None:
        """Start to boot servers. Raises BadRequest, which names the field, and TooManyBoots."""
        requests = self._requests(form)
        if self.in_progress + len(requests) > MAX_CONCURRENT_BOOTS:
            raise TooManyBoots(len(requests), self.in_progress)
        self.in_progress += len(requests)
        for request in requests:
            self.tasks.start(self._boot(request))

    def delete(self, server_id: str) -> None:
        """Start to delete a server."""
        self.tasks.start(self._delete(server_id))

    def _requests(self, form: BootForm) -> list[BootRequest]:
        for name in ("name", "image", "flavor", "network"):
            if not getattr(form, name).isprintable():
                raise BadRequest(f"Invalid input for field {name}: it has characters that cannot be printed.")
        fault = FAULTS.get(form.fault)
        if form.fault and fault is None:
            raise BadRequest(f"Invalid input for field fault: there is no fault {form.fault!r}.")
        if fault is not None and not (self.faults and carries_baggage()):
            raise BadRequest("Invalid input for field fault: fault injection is switched off.")
        if form.count > 1 and len(form.name) > LONGEST_NAME:
            raise BadRequest(f"Invalid input for field name: with a count it may have {LONGEST_NAME} characters.")
        request = BootRequest(form.name, form.image, form.flavor, form.network, fault)
        return numbered_requests(request, form.count)

    async def _delete(self, server_id: str) -> None:
        await client.delete(self.service_context, self.http, self.credentials, server_id)

    async def _boot(self, request: BootRequest) -> None:
        try:
            await client.boot(self.service_context, self.http, self.credentials, request)
        finally:
            self.in_progress -= 1


def action_routes(boot_requests: BootRequests) -> list[web.RouteDef]:
    """Return the routes of the actions. They answer 202 immediately; the outcome is visible in the spans."""

    async def boot(request: web.Request) -> web.Response:
        form = await read_json(request, BootForm)
        boot_requests.start(form)
        return json_response({"booting": form.count}, status=202)

    async def delete(request: web.Request) -> web.Response:
        boot_requests.delete(request.match_info["server_id"])
        return json_response({}, status=202)

    return [web.post("/boots", boot), web.delete("/servers/{server_id:[0-9a-fA-F-]{36}}", delete)]
