"""A loopback port whose connections are answered by a thread each, and which ends without a trace."""

import threading
from collections.abc import Callable
from contextlib import suppress
from socket import SHUT_RDWR, create_connection, create_server, socket

__all__ = ["Listener"]

OUT_OF_BREATH_SECONDS = 0.05


class Listener:
    """Passes every connection to `answer`, which returns when it is over. `close` ends those that are not."""

    def __init__(self, port: int, answer: Callable[[socket], None]) -> None:
        self._answer = answer
        self._socket = create_server(("127.0.0.1", port), backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._open: dict[socket, threading.Thread] = {}
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """End every connection and stop listening. Returns when no thread is left."""
        self._closing.set()
        with suppress(OSError):  # wakes the thread that waits for a connection, on Linux
            self._socket.shutdown(SHUT_RDWR)
        with suppress(OSError):  # and elsewhere
            create_connection(("127.0.0.1", self.port)).close()
        self._accepting.join()
        self._socket.close()
        with self._lock:
            left = dict(self._open)
        for connection in left:
            with suppress(OSError):
                connection.shutdown(SHUT_RDWR)
        for thread in left.values():
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # it is over; or a connection was gone before it was there, or there are too many
                if self._closing.wait(OUT_OF_BREATH_SECONDS):
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
                self._answer(connection)
        finally:
            with self._lock:
                del self._open[connection]
