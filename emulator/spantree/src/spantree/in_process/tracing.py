"""`in_process_tracing()` and what it returns: tracer providers of a test's own, and the traces that they made.

Needs opentelemetry-sdk, which is imported when the first provider is made.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Unpack

from spantree.formats.sdk import spans_from_sdk
from spantree.queries import Criteria, select
from spantree.span import Span
from spantree.span_tree import SpanTree, trees

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import Tracer

    from spantree.in_process.providers import Providers

__all__ = ["NotOneTrace", "Tracing", "in_process_tracing"]


class NotOneTrace(AssertionError):
    """There is not exactly one complete trace that was asked for. The message lists what there is."""

    __module__ = "spantree"  # where users import it from, and what a failed test shows


class Tracing:
    """The tracing of one test in this process. Made by `in_process_tracing()`, and by the fixture `tracing`."""

    def __init__(self, providers: "Providers", service: str) -> None:
        self._providers = providers
        self._service = service

    @property
    def provider(self) -> "TracerProvider":
        """The tracer provider to pass to code under test and to instrumentation libraries (`tracer_provider=`)."""
        return self.provider_of(self._service)

    def provider_of(self, service: str) -> "TracerProvider":
        """Return the tracer provider of a service, by its name: several services may live in this process."""
        return self._providers.of(service)

    def tracer(self, service: str | None = None) -> "Tracer":
        """Return a tracer of a service."""
        name = self._service if service is None else service
        return self.provider_of(name).get_tracer(name)

    @property
    def processor(self) -> "SpanProcessor":
        """What collects the spans: `add_span_processor` of a provider that code under test has made takes it, too."""
        return self._providers.collector

    def as_global(self) -> AbstractContextManager[None]:
        """Collect the spans of the process's global tracer provider as well, inside the `with` block.

        For code that calls `trace.get_tracer()` at import. If the process has no global provider yet, it gets one, for
        good, that makes no spans outside of such blocks. If it has one of the SDK, that gets a processor, for good,
        which does nothing outside of such blocks; its ids and times stay its own. Raises RuntimeError for any other
        provider.
        """
        from spantree.in_process.global_provider import routed_to

        return routed_to(self._providers, self._service)

    @property
    def spans(self) -> list[Span]:
        """The spans that have ended so far, in order of their ends."""
        return spans_from_sdk(self._providers.collector.ended)

    @property
    def traces(self) -> list[SpanTree]:
        """All traces so far, complete or not, in order of their starts."""
        return trees(self.spans)

    def trace(self, service: str | None = None, **criteria: Unpack[Criteria]) -> SpanTree:
        """Return the only trace, or the only one whose root meets the criteria. Nothing needs to be waited for.

        Raises NotOneTrace if there is none, if there are several, or if spans of it have not ended.
        """
        __tracebackhide__ = True
        traces = self.traces
        found = [trace for trace in traces if select(trace.roots, service, **criteria)]
        if len(found) != 1:
            raise NotOneTrace(self._explain(traces, found, by_criteria=bool(service or criteria)))
        running = [name for trace_id, name in self._running() if trace_id == found[0].trace_id]
        if running:
            raise NotOneTrace(f"the trace is not complete: {', '.join(running)} has not ended\n\n{found[0]}")
        return found[0]

    def _running(self) -> list[tuple[str, str]]:
        """Return the trace id and a description of each span that has not ended."""
        running = self._providers.collector.running
        return [(f"{span.context.trace_id:032x}", _describe(span)) for span in running if span.context]

    def _explain(self, traces: list[SpanTree], found: list[SpanTree], *, by_criteria: bool) -> str:
        if found:
            asked = "traces have such a root" if by_criteria else "traces, not one"
            return f"there are {len(found)} {asked}; say which one by its root, or use traces:{_list(found)}"
        running = [name for _, name in self._running()]
        if traces:
            return f"no trace has such a root. There are:{_list(traces)}"
        if running:
            return f"there is no trace yet: {', '.join(running)} has not ended"
        return "no span was made: does the code under test use the provider or a tracer of this test?"


def _describe(span: object) -> str:
    [running] = spans_from_sdk([span])
    return str(running)


def _list(traces: list[SpanTree]) -> str:
    return "".join(f"\n  trace {trace.trace_id}: {trace.roots[0]}" for trace in traces)


@contextmanager
def in_process_tracing(service: str = "test", *, deterministic: bool = False) -> Iterator[Tracing]:
    """Collect the spans that the code in the `with` block makes with the tracers of the result.

    The process's global tracer provider is neither used nor changed, and a span that is current outside does not become
    a parent. `service` names the service of `Tracing.provider`. With `deterministic`, ids are 1, 2, 3, … and each
    reading of the clock is a millisecond after the one before, so that traces are equal in every run.
    """
    try:
        from spantree.in_process.providers import Providers, without_current_span
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"tracing in this process needs {error.name}: pip install opentelemetry-sdk"
        ) from None
    with Providers(deterministic=deterministic) as providers, without_current_span():
        yield Tracing(providers, service)
