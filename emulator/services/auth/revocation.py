"""Revoked tokens: keystone tells every API over the bus, again and again, so that one that was away hears of them.

A message names tokens by their audit ids, which are worth nothing to who sees them. It never holds a token.
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

__all__ = ["RevokeTokens", "keep_telling", "tell", "with_revocation"]

KEYSTONE_FANOUT = Destination("keystone_fanout", fanout=True)

log = logging.getLogger(__name__)


class RevokeTokens(msgspec.Struct, frozen=True):
    """To every API: some tokens hold no more."""

    METHOD: ClassVar[str] = "revoke_tokens"
    until: dict[str, float]
    """When they would have expired, in seconds since the epoch, by their audit ids."""


async def tell(app: web.Application, until: dict[str, float]) -> None:
    """Tell every API that is there which tokens are revoked. Raises BusUnavailable."""
    try:
        await cast(app, KEYSTONE_FANOUT, RevokeTokens(until))
    except Unroutable:
        log.debug("no API is there to hear of revoked tokens; one that comes will be told")


async def keep_telling(app: web.Application, tokens: Tokens, seconds: float) -> None:
    """Tell again every so many seconds, as long as any revoked token would hold otherwise, as a trace of its own."""
    while True:
        await asyncio.sleep(seconds)
        tokens.forget_expired()
        if tokens.revoked:
            with request_scope(app[SERVICE_CONTEXT]):
                try:
                    await tell(app, {**tokens.revoked})
                except BusUnavailable as away:
                    log.debug("revoked tokens are told of next time: %s", away)


def with_revocation(service: Service, tokens: Tokens) -> Service:
    """Return the service with a consumer that keeps `tokens`, with which it checks tokens, up to date."""

    async def revoke_tokens(_: web.Application, call: RevokeTokens) -> None:
        if call.until.keys() <= tokens.revoked.keys():  # it is told again, which is not often
            tokens.forget_expired()
        tokens.revoke(call.until)

    def consumers(app: web.Application) -> Sequence[Consumer]:
        own = service.consumers(app) if service.consumers is not None else ()
        heard = consumer(app, KEYSTONE_FANOUT, {RevokeTokens: revoke_tokens}, repeated=(RevokeTokens,))
        return [heard, *own]

    return replace(service, consumers=consumers)
