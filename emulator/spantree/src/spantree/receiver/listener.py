"""A TCP server with a thread per connection, which leaves no thread or socket behind."""

import errno
import threading
from collections.abc import Callable
from contextlib import suppress
from socket import AF_INET, AF_INET6, SHUT_RDWR, create_connection, create_server, socket

__all__ = ["Listener"]

ACCEPT_RETRY_SECONDS = 0.05
"""Pause after a failed accept: the process may be out of file descriptors for a while."""


class Listener:
    """Passes each connection to `serve`, in a thread of its own, which returns when the connection ends."""

    def __init__(self, address: str, port: int, serve: Callable[[socket], None]) -> None:
        self._serve_connection = serve
        self._socket = _listen(address, port)
        self._address = address
        self.port: int = self._socket.getsockname()[1]
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._open: dict[socket, threading.Thread] = {}
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Stop listening and end all connections. Returns when all threads have ended."""
        self._closing.set()
        with suppress(OSError):  # on Linux this wakes up accept()
            self._socket.shutdown(SHUT_RDWR)
        with suppress(OSError):  # on other systems a connection does
            create_connection((self._address, self.port)).close()
        self._accepting.join()
        self._socket.close()
        with self._lock:
            remaining = dict(self._open)
        for connection in remaining:
            with suppress(OSError):
                connection.shutdown(SHUT_RDWR)
        for thread in remaining.values():
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # closing, or the client was gone already, or there are too many open files
                if self._closing.wait(ACCEPT_RETRY_SECONDS):
                    return
                continue
            if self._closing.is_set():
                connection.close()
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            with self._lock:
                self._open[connection] = thread
            thread.start()

    def _serve(self, connection: socket) -> None:
        try:
            with connection:
                self._serve_connection(connection)
        finally:
            with self._lock:
                del self._open[connection]


def _listen(address: str, port: int) -> socket:
    try:
        return create_server((address, port), family=AF_INET6 if ":" in address else AF_INET, backlog=128)
    except TypeError as error:  # Python's for a name that cannot be written in ASCII (IDNA)
        raise OSError(errno.EADDRNOTAVAIL, "it is not the name of a host") from error
