"""Routes spans of the process's global tracer provider to the test that asks for them.

The API lets a process set its global provider once, and has no way to take it back. So this sets one that makes no
spans unless a test asks for them; or, where the process has a provider of the SDK, it adds a processor to that.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.trace import Link, NoOpTracer, Span, SpanKind, Tracer
from opentelemetry.util.types import Attributes

from spantree.in_process.late_tracer import LateTracer
from spantree.in_process.providers import Providers

__all__ = ["routed_to"]

Route = tuple[Providers, str]
"""Where spans go: the providers of a test, and the service."""

_route: ContextVar[Route | None] = ContextVar("spantree_route", default=None)
_routes: list[Route] = []
"""All that are in use. A thread does not inherit a ContextVar: there, the only one is taken."""
_lock = threading.Lock()
_extended: WeakSet[TracerProvider] = WeakSet()
"""The providers that have our processor."""


@contextmanager
def routed_to(providers: Providers, service: str) -> Iterator[None]:
    """Let the spans of the global tracer provider come to these providers, or to their collector."""
    _connect()
    route = (providers, service)
    with _lock:
        _routes.append(route)
    before = _route.get()
    _route.set(route)
    try:
        yield
    finally:
        _route.set(before)  # not by a token: an async fixture may be torn down in another task than it was set up in
        with _lock:
            _routes.remove(route)


def _connect() -> None:
    """Make the global provider one whose spans can be routed, once."""
    with _lock:
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):  # the process has not set one
            trace.set_tracer_provider(_RoutingProvider())
        provider = trace.get_tracer_provider()
        if isinstance(provider, _RoutingProvider) or provider in _extended:
            return
        if not isinstance(provider, TracerProvider):
            kind = f"{type(provider).__module__}.{type(provider).__qualname__}"
            raise RuntimeError(  # noqa: TRY004 - no argument has a wrong type
                f"the global tracer provider is a {kind}, not the SDK's: its spans cannot be collected"
            )
        provider.add_span_processor(_RoutingProcessor())
        _extended.add(provider)


def _current() -> Route | None:
    route = _route.get()
    if route in _routes:
        return route
    return _routes[0] if len(_routes) == 1 else None


class _RoutingProvider(trace.TracerProvider):
    def get_tracer(self, *args: Any, **more: Any) -> Tracer:  # noqa: ANN401 - the parameters grow with the API
        return _RoutingTracer(args, more)


class _RoutingTracer(LateTracer):
    def __init__(self, args: tuple[Any, ...], more: dict[str, Any]) -> None:
        self._scope = args, more

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
        return self._tracer().start_span(
            name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
        )

    def _tracer(self) -> Tracer:
        route = _current()
        if route is None:
            return NoOpTracer()
        args, more = self._scope
        providers, service = route
        return providers.of(service).get_tracer(*args, **more)


class _RoutingProcessor(SpanProcessor):
    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        route = _current()
        if route is not None:
            route[0].collector.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        for providers, _ in tuple(_routes):
            providers.collector.on_end(span)  # only the one that saw it start keeps it
