"""A user who boots servers and deletes each one after a while; if the cloud goes away, it retries the deletes."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from itertools import chain
from math import inf

import aiohttp
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from emulator import client
from emulator.client import MAX_CONCURRENT_BOOTS, BootRequest, BootResult, Credentials
from emulator.load.statistics import Tally
from emulator.runtime.http_client import HttpClient, UnexpectedAnswer
from emulator.runtime.request_context import ServiceContext
from emulator.runtime.seeded_random import SeededRandom
from emulator.runtime.tasks import SharedTimeout
from emulator.urls import without_user
from spantree import escaped
from spantree.backoff import pauses

__all__ = ["SERVERS_AT_ONCE", "NoCloud", "Tenant"]

BOOTS_AT_ONCE = 200
"""How many boots may be in progress. More are skipped, so that memory does not grow while a cloud is slow."""
SERVERS_AT_ONCE = 500
"""How many servers may exist, including those that are booting: a new cloud has quota and capacity for them."""
SHORTEST_ATTEMPT_SECONDS = 5.0  # even with `--wait 0` a cloud gets the time for a login and a list
NO_ANSWER = (UnexpectedAnswer, aiohttp.ClientError, TimeoutError, LookupError)


class NoCloud(Exception):
    """No cloud answers at this URL, or it does not accept the user."""

    error_type = "emulator.NoCloud"

    def __init__(self, url: str, reason: Exception) -> None:
        super().__init__(f"no cloud to boot on at {without_user(url)}: {_message(reason)}")


@dataclass(slots=True)
class Tenant:
    """Boots servers as the user of the `credentials`, and counts them in `tally`.

    The names of all its servers begin with `name`, which no other client may use.
    """

    service_context: ServiceContext
    http: HttpClient
    credentials: Credentials
    name: str
    tally: Tally = field(default_factory=Tally)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Once set, servers are deleted immediately, whatever their lifetime."""
    _deleting: ServiceContext = field(init=False)
    _booting: int = 0
    _servers: int = 0
    _unaccounted: int = 0
    """How many requests may have left a server on the cloud."""

    def __post_init__(self) -> None:
        """Give deletions their own random source: with a seed, the ids of boots must not depend on when servers go."""
        self._deleting = replace(
            self.service_context, rng=SeededRandom(self.service_context.rng.seed, owner="deleting")
        )

    @property
    def full(self) -> bool:
        """Whether there are too many boots or servers to start another."""
        return self._booting >= BOOTS_AT_ONCE or self._servers >= SERVERS_AT_ONCE

    async def wait_for_cloud(self, seconds: float) -> None:
        """Wait until the cloud answers, for at most `seconds`. Leaves no spans, here or in the services.

        Raises NoCloud, immediately if a retry cannot help, as after a wrong password.
        """
        provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
        untraced = ServiceContext(self.service_context.service, provider.get_tracer("emulator"), SeededRandom())
        deadline = asyncio.get_running_loop().time() + seconds
        for pause in chain(pauses(seconds), [None]):
            left = deadline - asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(max(left, SHORTEST_ATTEMPT_SECONDS)):
                    await client.find_servers(untraced, self.http, self.credentials, f"^{self.name}-")
            except NO_ANSWER as error:
                if pause is None or _is_final(error):
                    raise NoCloud(self.credentials.auth_url, error) from error
                await asyncio.sleep(pause)
            else:
                return

    async def boot_and_delete(self, request: BootRequest, due: float, lifetime: float) -> None:
        """Boot a server, and delete it `lifetime` seconds after it became ACTIVE. `due` is a time of the event loop."""
        self._servers += 1
        self._unaccounted += 1
        try:
            result = await self._boot(request, due)
            if result.succeeded:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.stopping.wait(), lifetime)
            if result.server_id:
                await self._delete(result.server_id, request.name)
            if result.server_id or result.status != "REFUSED":
                self._unaccounted -= 1  # without an answer, the server may exist although its id is unknown
        finally:
            self._servers -= 1

    async def _boot(self, request: BootRequest, due: float) -> BootResult:
        self._booting += 1
        self.tally.begin(request)
        try:
            result = await client.boot(self.service_context, self.http, self.credentials, request)
        except asyncio.CancelledError:
            self.tally.unfinished += 1
            raise
        finally:
            self._booting -= 1
        self.tally.count(result, asyncio.get_running_loop().time() - due)
        return result

    async def _delete(self, server_id: str, name: str) -> None:
        for pause in pauses(inf, first=1.0, longest=30.0):  # without limit: `run_load` cancels it when time is up
            if await client.delete(self._deleting, self.http, self.credentials, server_id, name):
                return
            await asyncio.sleep(pause)

    async def delete_left_over(self, stop_timeout: SharedTimeout) -> str:
        """Delete the servers that may be left over. Return why some could not be deleted, or an empty text."""
        if not self._unaccounted:
            return ""
        try:
            async with asyncio.timeout(stop_timeout.left()):
                left_over = await client.find_servers(self._deleting, self.http, self.credentials, f"^{self.name}-")
                free = asyncio.Semaphore(MAX_CONCURRENT_BOOTS)

                async def delete(server_id: str) -> bool:
                    async with free:
                        return await client.delete(self._deleting, self.http, self.credentials, server_id)

                deleted = await asyncio.gather(*map(delete, left_over))
        except NO_ANSWER as error:
            return f"servers may be left on the cloud: {_message(error)}"
        return "" if all(deleted) else f"{deleted.count(False)} servers are left: the cloud did not delete them"


def _is_final(error: Exception) -> bool:
    if isinstance(error, UnexpectedAnswer):
        return error.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, LookupError)  # nova is not in the catalog


def _message(error: Exception) -> str:
    return escaped(str(error)) or "no answer in time"
