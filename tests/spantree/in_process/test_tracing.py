"""`in_process_tracing()`: a tracer provider of a test's own, and the traces that were made with it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer

from spantree import NotOneTrace, Tracing, in_process_tracing, otlp_json, tree

ORDER = tree("""
    shop: order (server)
      shop: pay !
      bank: charge (client)
""")


@pytest.fixture
def tracing() -> Iterator[Tracing]:
    with in_process_tracing("shop") as tracing:
        yield tracing


def order(tracing: Tracing) -> None:
    with tracing.tracer("shop").start_as_current_span("order", kind=SpanKind.SERVER):
        with tracing.tracer("shop").start_as_current_span("pay") as span:
            span.add_event("declined", {"card": "1"})
            span.set_status(StatusCode.ERROR)
        tracing.tracer("bank").start_span("charge", kind=SpanKind.CLIENT).end()


def test_spans_of_several_services_make_one_tree(tracing: Tracing) -> None:
    order(tracing)
    assert tracing.trace() == ORDER
    assert tracing.trace().services == ["shop", "bank"]
    assert [span.name for span in tracing.spans] == ["pay", "charge", "order"]


def test_the_global_tracer_provider_is_not_touched(tracing: Tracing) -> None:
    before = trace.get_tracer_provider()
    order(tracing)
    trace.get_tracer("other").start_span("of nobody").end()
    assert trace.get_tracer_provider() is before
    assert len(tracing.spans) == 3


def test_a_library_that_takes_a_provider_is_traced(tracing: Tracing) -> None:
    tracer = trace.get_tracer("a.library", "1.0", tracer_provider=tracing.provider)
    tracer.start_span("GET").end()
    assert tracing.trace() == tree("shop: GET")


def test_a_provider_of_the_code_under_test_gets_the_processor(tracing: Tracing) -> None:
    provider = TracerProvider(resource=Resource({"service.name": "theirs"}), shutdown_on_exit=False)
    provider.add_span_processor(tracing.processor)
    provider.get_tracer("theirs").start_span("work").end()
    assert tracing.trace() == tree("theirs: work")


def test_no_span_of_one_test_is_seen_by_another() -> None:
    with in_process_tracing() as first:
        late = first.tracer().start_span("late")
        context.attach(trace.set_span_in_context(late))  # and never detached
        with in_process_tracing() as second:
            second.tracer().start_span("own").end()
            late.end()
            assert second.trace() == tree("test: own")
    with in_process_tracing() as third:
        late.end()
        first.tracer().start_span("after the end").end()
        assert third.spans == []
        assert len(first.spans) == 1
    context.attach(context.Context())


async def test_tasks_that_run_at_the_same_time_have_traces_of_their_own() -> None:
    together = asyncio.Barrier(8)

    async def one(number: int) -> None:
        with in_process_tracing(f"shop-{number}", deterministic=True) as tracing:
            with tracing.tracer().start_as_current_span("order"):
                await together.wait()
                await asyncio.gather(*(step(tracing) for _ in range(3)))
            assert tracing.trace() == tree(f"shop-{number}: order\n  shop-{number}: step +")
            assert len(tracing.spans) == 4

    async def step(tracing: Tracing) -> None:
        with tracing.tracer().start_as_current_span("step"):
            await asyncio.sleep(0)

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(one(number))


def test_threads_add_spans_without_losing_one(tracing: Tracing) -> None:
    with tracing.tracer().start_as_current_span("order") as root:
        parent = trace.set_span_in_context(root)
        with ThreadPoolExecutor(8) as pool:
            for _ in range(400):
                pool.submit(lambda: tracing.provider_of("worker").get_tracer("w").start_span("work", parent).end())
    assert len(tracing.trace()) == 401


class TestTheOnlyTrace:
    """`tracing.trace()` says why there is not exactly one complete trace."""

    def test_none(self, tracing: Tracing) -> None:
        with pytest.raises(NotOneTrace, match="no span was made: does the code under test use"):
            tracing.trace()

    def test_several(self, tracing: Tracing) -> None:
        for name in ("GET /a", "GET /b"):
            tracing.tracer().start_span(name).end()
        with pytest.raises(NotOneTrace, match=r"there are 2 traces(?s:.)*\n  trace [0-9a-f]{32}: shop: GET /a\n"):
            tracing.trace()
        assert tracing.trace(name="GET /b").roots[0].name == "GET /b"
        with pytest.raises(NotOneTrace, match=r"no trace has such a root\. There are:\n  trace "):
            tracing.trace("bank")

    def test_a_span_that_has_not_ended(self, tracing: Tracing) -> None:
        with tracing.tracer().start_as_current_span("order", kind=SpanKind.SERVER):
            with pytest.raises(NotOneTrace, match=r"no trace yet: shop: order \(server\) has not ended"):
                tracing.trace()
            tracing.tracer().start_span("pay").end()
            with pytest.raises(NotOneTrace, match=r"not complete: shop: order \(server\) has not ended\n\nshop: pay"):
                tracing.trace()


class TestDeterministic:
    """With `deterministic=True`, all ids and times are the same in every run."""

    def test_two_runs_are_equal_to_the_last_bit(self) -> None:
        def snapshot() -> str:
            with in_process_tracing(deterministic=True) as tracing:
                order(tracing)
                return json.dumps(otlp_json(tracing.trace().spans))

        assert snapshot() == snapshot()

    def test_ids_count_up_and_each_reading_of_the_clock_takes_1_ms(self) -> None:
        with in_process_tracing(deterministic=True) as tracing:
            order(tracing)
        root, pay, charge = tracing.trace().spans
        assert (root.trace_id, root.span_id) == (f"{1:032x}", f"{1:016x}")
        assert [span.span_id[-1] for span in (root, pay, charge)] == ["1", "2", "3"]
        ms = 1_000_000
        assert [(span.start // ms, span.end // ms) for span in (root, pay, charge)] == [(1, 7), (2, 4), (5, 6)]
        assert [event.time // ms for event in pay.events] == [3]

    def test_times_that_the_code_gives_are_kept(self) -> None:
        with in_process_tracing(deterministic=True) as tracing:
            span = tracing.tracer().start_span("job", start_time=5)
            span.add_event("half", timestamp=6)
            span.end(7)
        [job] = tracing.spans
        assert (job.start, job.events[0].time, job.end) == (5, 6, 7)

    async def test_a_recorded_exception_and_decorators_tick_too(self) -> None:
        with in_process_tracing(deterministic=True) as tracing:
            tracer: Tracer = tracing.tracer()

            @tracer.start_as_current_span("blocking")
            def blocking() -> str:
                return "done"

            @tracer.start_as_current_span("async")
            async def awaiting() -> None:
                await asyncio.sleep(0)
                raise ValueError("no")

            assert blocking() == blocking() == "done"
            with pytest.raises(ValueError, match="no"):
                await awaiting()
        first, second, failed = (each.spans[0] for each in tracing.traces)
        assert first.end < second.start < second.end < failed.start < failed.events[0].time < failed.end
        assert failed.failed
        assert failed.end == 7_000_000

    def test_spans_are_still_the_sdks(self) -> None:
        with in_process_tracing(deterministic=True) as tracing:
            span: Span = tracing.tracer().start_span("a")
            assert span.is_recording()
            assert type(span).__module__ == "opentelemetry.sdk.trace"
            assert tracing.tracer().resource.attributes["service.name"] == "test"  # type: ignore[attr-defined]
            span.end()


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_SAMPLER", "always_off")], ids=lambda text: text
)
def test_variables_that_silence_the_sdk_do_not_matter(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with in_process_tracing() as tracing:
        tracing.tracer().start_span("order").end()
        assert len(tracing.trace()) == 1


def test_a_remote_parent_leaves_an_orphan_as_in_any_trace(tracing: Tracing) -> None:
    remote = trace.SpanContext(7, 8, is_remote=True)
    parent = trace.set_span_in_context(trace.NonRecordingSpan(remote))
    tracing.tracer().start_span("order", parent).end()
    [orphan] = tracing.trace().orphans
    assert (orphan.trace_id, orphan.parent_id) == (f"{7:032x}", f"{8:016x}")


def test_no_thread_is_left() -> None:
    before = threading.active_count()
    with in_process_tracing() as tracing:
        order(tracing)
    assert threading.active_count() == before
