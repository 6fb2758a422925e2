"""Token revocation: keystone broadcasts the revoked tokens, again and again, so that APIs that were down catch up.

A message identifies tokens by their audit ids, which are not credentials. It never contains a token.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import msgspec
from aiohttp import web

from emulator.runtime.amqp_bus import Consumer, Unroutable
from emulator.runtime.amqp_session import BusUnavailable
from emulator.runtime.amqp_topology import Destination
from emulator.runtime.heartbeats import heartbeat
from emulator.runtime.request_context import request_scope
from emulator.runtime.service import SERVICE_CONTEXT, Service
from emulator.services.auth.fernet_tokens import Tokens
from emulator.services.oslo.messaging import cast, consumer

__all__ = ["RevokeTokens", "publish_revocation", "repeat_revocations", "with_revocation"]

KEYSTONE_FANOUT = Destination("keystone_fanout", fanout=True)

log = logging.getLogger(__name__)


class RevokeTokens(msgspec.Struct, frozen=True):
    """The message to every API: these tokens are revoked."""

    METHOD: ClassVar[str] = "revoke_tokens"
    until: dict[str, float]
    """The times at which they would have expired, in seconds since the epoch, by audit id."""


async def publish_revocation(app: web.Application, expiries: dict[str, float]) -> None:
    """Broadcast revoked tokens to all running APIs, as expiry times by audit id. Raises BusUnavailable."""
    try:
        await cast(app, KEYSTONE_FANOUT, RevokeTokens(expiries))
    except Unroutable:
        log.debug("no API is running to receive revocations; APIs that start later get them with the next repetition")


async def repeat_revocations(app: web.Application, tokens: Tokens, seconds: float) -> None:
    """Publish all revoked tokens that have not expired, every `seconds`: a heartbeat, in a trace of its own."""
    working = True
    while True:
        await asyncio.sleep(seconds)
        tokens.forget_expired()
        if tokens.revoked:
            with request_scope(app[SERVICE_CONTEXT]), heartbeat():
                try:
                    await publish_revocation(app, {**tokens.revoked})
                    working = True
                except BusUnavailable as error:
                    if working:  # else it is known already
                        log.warning("cannot publish revoked tokens, trying every %g s: %s", seconds, error)
                    working = False


def with_revocation(service: Service, tokens: Tokens) -> Service:
    """Return the service with a consumer that adds the broadcast revocations to its `tokens`."""

    async def revoke_tokens(_: web.Application, call: RevokeTokens) -> None:
        # The clean-up walks through all revoked tokens, so it is done on repetitions, which are rare, and not for each
        # token that is revoked.
        if call.until.keys() <= tokens.revoked.keys():
            tokens.forget_expired()
        tokens.revoke(call.until)

    def consumers(app: web.Application) -> Sequence[Consumer]:
        own = service.consumers(app) if service.consumers is not None else ()
        revocations = consumer(app, KEYSTONE_FANOUT, {RevokeTokens: revoke_tokens}, repeated=(RevokeTokens,))
        return [revocations, *own]

    return replace(service, consumers=consumers)
