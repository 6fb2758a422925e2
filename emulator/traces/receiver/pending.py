"""What is on its way, for those who await it and for those who wait."""

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Generic, TypeVar

__all__ = ["Pending"]

T = TypeVar("T")


class Pending(Generic[T]):
    """A result to come: `await` it in asyncio, or call `wait()` elsewhere.

    If it has not come `seconds` after that, the error that `late` makes is raised.
    """

    def __init__(self, future: Future[T], seconds: float, late: Callable[[], Exception]) -> None:
        self._future = future
        self._seconds = seconds
        self._late = late

    def wait(self) -> T:
        """Block until the result is there, and return it."""
        __tracebackhide__ = True
        try:
            return self._future.result(self._seconds)
        except TimeoutError:
            if self._future.done() and not self._future.cancelled():
                raise  # the result is an error of this class
            self._future.cancel()
            raise self._late() from None

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
        try:
            async with asyncio.timeout(self._seconds) as patience:
                return await asyncio.wrap_future(self._future)
        except TimeoutError:
            if not patience.expired():
                raise  # the result is an error of this class
            raise self._late() from None
