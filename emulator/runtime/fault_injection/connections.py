"""Faults of HTTP connections: resets the connection to the caller."""

import socket
import struct

from aiohttp import web
from aiohttp.typedefs import Handler

from emulator.runtime.fault_injection.work import ConnectionReset

__all__ = ["resetting_connections"]

NO_LINGER = struct.pack("ii", 1, 0)
"""SO_LINGER with a timeout of 0: closing the socket sends a RST instead of a FIN (socket(7))."""


@web.middleware
async def resetting_connections(request: web.Request, handler: Handler) -> web.StreamResponse:
    """On ConnectionReset, break the connection as a crash would: the peer sees a reset, and loses unread data."""
    try:
        return await handler(request)
    except ConnectionReset:
        if request.transport is not None:
            request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            request.transport.abort()
        return web.Response()  # aiohttp requires a response, but cannot send it any more
