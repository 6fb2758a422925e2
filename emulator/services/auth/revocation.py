"""Token revocation: keystone broadcasts which tokens are revoked, periodically, so that APIs that were away catch up.

A message names tokens by their audit ids, which are no use as credentials. It never holds a token.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import msgspec
from aiohttp import web

from emulator.runtime.amqp_bus import Consumer, Unroutable
from emulator.runtime.amqp_connection import BusUnavailable
from emulator.runtime.amqp_topology import Destination
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
    """When they would have expired, in seconds since the epoch, by audit id."""


async def publish_revocation(app: web.Application, expiries: dict[str, float]) -> None:
    """Tell every running API which tokens are revoked, by audit id and expiry. Raises BusUnavailable."""
    try:
        await cast(app, KEYSTONE_FANOUT, RevokeTokens(expiries))
    except Unroutable:
        log.debug("no API is running to hear of revoked tokens; the next repetition reaches those that start")


async def repeat_revocations(app: web.Application, tokens: Tokens, seconds: float) -> None:
    """Publish the revoked tokens that have not expired, every `seconds`, each time as a trace of its own."""
    while True:
        await asyncio.sleep(seconds)
        tokens.forget_expired()
        if tokens.revoked:
            with request_scope(app[SERVICE_CONTEXT]):
                try:
                    await publish_revocation(app, {**tokens.revoked})
                except BusUnavailable as away:
                    log.debug("revoked tokens are published next time: %s", away)


def with_revocation(service: Service, tokens: Tokens) -> Service:
    """Return the service with a consumer that keeps `tokens`, with which it checks tokens, up to date."""

    async def revoke_tokens(_: web.Application, call: RevokeTokens) -> None:
        # A repetition, which is rare, is a good time for the clean-up, which takes long.
        if call.until.keys() <= tokens.revoked.keys():
            tokens.forget_expired()
        tokens.revoke(call.until)

    def consumers(app: web.Application) -> Sequence[Consumer]:
        own = service.consumers(app) if service.consumers is not None else ()
        revocations = consumer(app, KEYSTONE_FANOUT, {RevokeTokens: revoke_tokens}, repeated=(RevokeTokens,))
        return [revocations, *own]

    return replace(service, consumers=consumers)
