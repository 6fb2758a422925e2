"""What is on its way, for those who await it and for those who wait."""

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError, Future
from typing import Generic, NoReturn, TypeVar

__all__ = ["Pending"]

T = TypeVar("T")


class Pending(Generic[T]):
    """A result to come: `await` it in asyncio, or call `wait()` elsewhere.

    If it has not come `seconds` after that, it is what `late` returns instead, or the error that `late` raises.
    """

    def __init__(self, future: Future[T], seconds: float, late: Callable[[], T]) -> None:
        self._future = future
        self._seconds = seconds
        self._late = late

    def wait(self) -> T:
        """Block until the result is there, and return it."""
        __tracebackhide__ = True
        try:
            return self._future.result(self._seconds)
        except (TimeoutError, CancelledError):
            return self._expired()

    def then(self, call: Callable[[T], object]) -> None:
        """Call with the result as soon as it is there, in the thread that brings it."""

        def called(done: Future[T]) -> None:
            if not done.cancelled() and done.exception() is None:
                call(done.result())

        self._future.add_done_callback(called)

    def __await__(self) -> Generator[None, None, T]:
        return self._awaited().__await__()

    async def _awaited(self) -> T:
        __tracebackhide__ = True
        if self._future.cancelled():
            return self._late()
        try:
            async with asyncio.timeout(self._seconds) as patience:
                return await asyncio.wrap_future(self._future)
        except TimeoutError:
            if not patience.expired():
                raise  # the result is an error of this class
        return self._expired()

    def _expired(self) -> T:
        """Give up, unless the result has come at this very moment."""
        __tracebackhide__ = True
        if self._future.cancel() or self._future.cancelled():
            return self._late()
        return self._future.result()

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{name!r} is asked of what is still to come: `await` it, or call `wait()`, first")

    def __repr__(self) -> str:
        return "<still to come: await it, or call wait()>"
