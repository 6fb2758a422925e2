"""A tracer that decides for each span anew how to start it, also where it decorates functions."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from inspect import iscoroutinefunction
from types import TracebackType
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Tracer, use_span
from opentelemetry.util.types import Attributes

__all__ = ["LateTracer"]


class LateTracer(Tracer):
    """A tracer whose `start_as_current_span` calls its `start_span` when a block is entered or a function called."""

    @abstractmethod
    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span:
        """Start a span."""

    # The API's result has the same methods, but a private class.
    def start_as_current_span(  # type: ignore[override]  # noqa: PLR0913, PLR0917 - the API's parameters
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> "_CurrentSpan":
        """Return a context manager, which is also a decorator, that starts a span and makes it the current one."""

        def begin() -> AbstractContextManager[Span]:
            span = self.start_span(
                name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
            )
            return use_span(span, end_on_exit, record_exception, set_status_on_exception)

        return _CurrentSpan(begin)


class _CurrentSpan:
    def __init__(self, begin: Callable[[], AbstractContextManager[Span]]) -> None:
        self._begin = begin

    def __enter__(self) -> Span:
        self._entered = self._begin()
        return self._entered.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return self._entered.__exit__(kind, error, traceback)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if iscoroutinefunction(function):

            @wraps(function)
            async def call_async(*args: Any, **more: Any) -> Any:  # noqa: ANN401 - any function's
                with self._begin():
                    return await function(*args, **more)

            return call_async

        @wraps(function)
        def call(*args: Any, **more: Any) -> Any:  # noqa: ANN401 - any function's
            with self._begin():
                return function(*args, **more)

        return call
