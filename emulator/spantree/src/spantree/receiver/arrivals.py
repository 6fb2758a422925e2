"""Hands an item to the callers that wait for one like it, as soon as it arrives."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Generic, TypeVar

from spantree.receiver.pending import Pending

__all__ = ["Arrivals"]

T = TypeVar("T")


class Arrivals(Generic[T]):
    """Callers that wait for items, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[Callable[[T], bool], Future[T]]] = []

    def add(self, keep: Callable[[], Iterable[T]]) -> None:
        """Keep items that have arrived, and hand them out. `keep` stores them and returns them as they are then."""
        with self._lock:
            arrived = list(keep())
            served = [(future, self._first(accepts, arrived)) for accepts, future in self._waiting]
            done = {id(future) for future, first in served if first or future.done()}
            self._waiting = [waiting for waiting in self._waiting if id(waiting[1]) not in done]
        for future, first in served:  # outside the lock: callbacks of the future may ask for more items
            if first and future.set_running_or_notify_cancel():
                first(future)

    def wait(
        self,
        known: Callable[[], Iterable[T]],
        accepts: Callable[[T], bool],
        seconds: float,
        on_timeout: Callable[[], T],
    ) -> Pending[T]:
        """Return the first item that is accepted, of those that are known already or of those that will arrive."""
        future: Future[T] = Future()
        with self._lock:
            first = self._first(accepts, known())
            if first is None:
                self._waiting.append((accepts, future))
        if first is not None:
            first(future)
        return Pending(future, seconds, on_timeout)

    @staticmethod
    def _first(accepts: Callable[[T], bool], items: Iterable[T]) -> Callable[[Future[T]], None] | None:
        """Return what to tell the caller: the first item that is accepted, or the error of a test of the caller's.

        An assertion that fails is no error: the item that it is about may still get there.
        """
        for item in items:
            try:
                if accepts(item):
                    return lambda future, item=item: future.set_result(item)  # type: ignore[misc] # mypy cannot infer it
            except AssertionError:
                continue
            except Exception as error:  # noqa: BLE001 - any error of the caller's function belongs to the caller
                return lambda future, error=error: future.set_exception(error)  # type: ignore[misc] # as above
        return None
