"""A result that has not arrived yet, for code that awaits and for code that blocks."""

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

__all__ = ["Pending"]

T = TypeVar("T")


class Pending(Generic[T]):
    """A result that has not arrived yet: `await` it in asyncio, or call `wait()` anywhere else.

    If it does not arrive within `seconds`, `on_timeout` decides: it returns a result instead, or raises.
    """

    def __init__(self, future: Future[T], seconds: float, on_timeout: Callable[[], T]) -> None:
        self._future = future
        self._seconds = seconds
        self._on_timeout = on_timeout

    def wait(self) -> T:
        """Block until the result is there, and return it."""
        __tracebackhide__ = True
        with suppress(TimeoutError, CancelledError):
            self._future.exception(self._seconds)
            return self._result()
        # Outside the block above: its exception would be the context of the next, and pytest would print both.
        return self._expire()

    def then(self, call: Callable[[T], object]) -> None:
        """Call with the result as soon as it is there, in the thread that delivers it."""

        def on_done(done: Future[T]) -> None:
            if not done.cancelled() and done.exception() is None:
                call(done.result())

        self._future.add_done_callback(on_done)

    def __await__(self) -> Generator[None, None, T]:
        return self._await().__await__()

    async def _await(self) -> T:
        __tracebackhide__ = True
        if self._future.cancelled():
            return self._on_timeout()
        try:
            async with asyncio.timeout(self._seconds) as timeout:
                return await asyncio.wrap_future(self._future)
        except TimeoutError:
            if not timeout.expired():
                raise  # the result itself is a TimeoutError
        return self._expire()

    def _expire(self) -> T:
        """Give up, unless the result came between the time-out and this call."""
        __tracebackhide__ = True
        if self._future.cancel() or self._future.cancelled():
            return self._on_timeout()
        return self._result()

    def _result(self) -> T:
        """Return the result that is there, or raise its error. `Future.result` would add a frame to the traceback."""
        __tracebackhide__ = True
        error = self._future.exception()
        if error is not None:
            raise error
        return self._future.result()

    if not TYPE_CHECKING:  # a type checker would take any attribute to exist

        def __getattr__(self, name: str) -> NoReturn:
            __tracebackhide__ = True
            raise AttributeError(
                f"a pending result has no attribute {name!r}: await it, or call wait(), to get the result"
            )

    def __repr__(self) -> str:
        return "<pending: await it, or call wait()>"
