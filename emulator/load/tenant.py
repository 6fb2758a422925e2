"""A user whose servers come and go: each is booted, lives for a while, and is deleted, also where the cloud is away."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus

import aiohttp
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from emulator.client import boot_sequence as client
from emulator.client.boot_sequence import SIDE_BY_SIDE, BootRequest, BootResult, Credentials
from emulator.load.statistics import Tally
from emulator.runtime.http_client import HttpClient, UnexpectedAnswer
from emulator.runtime.request_context import ServiceContext
from emulator.runtime.seeded_random import SeededRandom
from emulator.runtime.tasks import SharedTimeout
from emulator.urls import without_user
from spantree import escaped

__all__ = ["SERVERS_AT_ONCE", "NoCloud", "Tenant"]

BOOTS_AT_ONCE = 200
"""How many boots may be under way. What would come on top is skipped: nothing grows while a cloud is slow."""
SERVERS_AT_ONCE = 500
"""How many servers there may be, with those that boot: a fresh cloud has the quota and the room for them."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
LOOK_SECONDS = 0.25
LEAST_SECONDS = 5.0
NO_ANSWER = (UnexpectedAnswer, aiohttp.ClientError, TimeoutError, LookupError)


class NoCloud(Exception):
    """There is no cloud that answers, or it does not let this user in."""

    def __init__(self, url: str, why: Exception) -> None:
        super().__init__(f"there is no cloud to boot on at {without_user(url)}: {_word(why)}")


@dataclass(slots=True)
class Tenant:
    """Boots as `actor` with `http` and these `credentials`; `tally` has what came of it.

    The names of all servers begin with `name`, which is nobody else's.
    """

    service_context: ServiceContext
    http: HttpClient
    credentials: Credentials
    name: str
    tally: Tally = field(default_factory=Tally)
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
    """When it is set, the lives of all servers are over."""
    _deleting: ServiceContext = field(init=False)
    _booting: int = 0
    _standing: int = 0
    _doubtful: int = 0
    """How many orders there are of which it is not sure that no server is left."""

    def __post_init__(self) -> None:
        """With a seed, the ids of boots shall not depend on when servers are deleted."""
        self._deleting = replace(
            self.service_context, rng=SeededRandom(self.service_context.rng.seed, owner="deleting")
        )

    @property
    def full(self) -> bool:
        """Whether there are too many boots or servers to ask for another."""
        return self._booting >= BOOTS_AT_ONCE or self._standing >= SERVERS_AT_ONCE

    async def reach(self, seconds: float) -> None:
        """Wait for the cloud, so long at the most. Raises NoCloud. This leaves no traces, with the services neither."""
        provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
        unseen = ServiceContext(self.service_context.service, provider.get_tracer("emulator"), SeededRandom())
        until = asyncio.get_running_loop().time() + seconds
        while True:
            left = until - asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(max(left, LEAST_SECONDS)):
                    await client.servers_like(unseen, self.http, self.credentials, f"^{self.name}-")
            except NO_ANSWER as error:
                if left <= 0 or _is_final(error):
                    raise NoCloud(self.credentials.auth_url, error) from error
            else:
                return
            await asyncio.sleep(min(LOOK_SECONDS, left))

    async def keep(self, order: BootRequest, due: float, lifetime: float) -> None:
        """Boot a server, let it live for `lifetime` seconds, and delete it. `due` is when by the clock of the loop."""
        self._standing += 1
        self._doubtful += 1
        try:
            booted = await self._boot(order, due)
            if booted.succeeded:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.leaving.wait(), lifetime)
            if booted.server_id:
                await self._delete(booted.server_id)
            if booted.server_id or booted.status != "REFUSED":
                self._doubtful -= 1  # where no answer came there may be one all the same
        finally:
            self._standing -= 1

    async def _boot(self, order: BootRequest, due: float) -> BootResult:
        self._booting += 1
        self.tally.begin(order)
        try:
            booted = await client.boot(self.service_context, self.http, self.credentials, order)
        except asyncio.CancelledError:
            self.tally.unfinished += 1
            raise
        finally:
            self._booting -= 1
        self.tally.count(booted, asyncio.get_running_loop().time() - due)
        return booted

    async def _delete(self, server_id: str) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not await client.delete(self._deleting, self.http, self.credentials, server_id):
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def leave(self, patience: SharedTimeout) -> str:
        """Look for servers that may be left, and delete them. Return why some could not be, if so."""
        if not self._doubtful:
            return ""
        try:
            async with asyncio.timeout(patience.left()):
                left = await client.servers_like(self._deleting, self.http, self.credentials, f"^{self.name}-")
                places = asyncio.Semaphore(SIDE_BY_SIDE)

                async def delete(server_id: str) -> bool:
                    async with places:
                        return await client.delete(self._deleting, self.http, self.credentials, server_id)

                gone = await asyncio.gather(*map(delete, left))
        except NO_ANSWER as error:
            return f"servers may be left on the cloud: {_word(error)}"
        return "" if all(gone) else f"{gone.count(False)} servers are left on the cloud, which did not delete them"


def _is_final(error: Exception) -> bool:
    if isinstance(error, UnexpectedAnswer):
        return error.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, LookupError)  # the catalog does not name nova


def _word(error: Exception) -> str:
    return escaped(str(error)) or "no answer in time"
