"""Faults of connections: one that the peer sees reset."""

import socket
import struct

from aiohttp import web
from aiohttp.typedefs import Handler

from emulator.runtime.fault_injection.work import ConnectionReset

__all__ = ["resetting_connections"]

NO_LINGER = struct.pack("ii", 1, 0)
"""SO_LINGER of no seconds: closing the socket sends a RST instead of a FIN."""


@web.middleware
async def resetting_connections(request: web.Request, handler: Handler) -> web.StreamResponse:
    """For ConnectionReset, break the connection as a crash would: the peer sees a reset, and loses what is unread."""
    try:
        return await handler(request)
    except ConnectionReset:
        if request.transport is not None:
            request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            request.transport.abort()
        return web.Response()  # aiohttp wants one; there is no way left to send it
