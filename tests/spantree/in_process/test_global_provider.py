"""`tracing.as_global()`: code that asks for its tracer at import.

A process can set its provider once, so each of these tests has a process of its own.
"""

import subprocess
import sys
from textwrap import dedent

import pytest

BEGIN = """
import asyncio, threading
from concurrent.futures import ThreadPoolExecutor
from opentelemetry import trace
from spantree import in_process_tracing, tree

tracer = trace.get_tracer("at.import", "1")

@tracer.start_as_current_span("work")
def work():
    tracer.start_span("step").end()

WORK = tree("test: work\\n  test: step")
"""
SDK = """
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

provider = TracerProvider(resource=Resource({"service.name": "test"}))
trace.set_tracer_provider(provider)
"""


def run(*code: str) -> str:
    """Run code in a process of its own; return what it prints."""
    text = "".join(dedent(part) for part in code)
    ended = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-W", "error", "-c", text], check=False, capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
    return ended.stdout


both = pytest.mark.parametrize("provider", ["", SDK], ids=["no provider yet", "the SDK's provider"])


@both
def test_tracers_made_at_import_make_the_spans_of_each_test(provider: str) -> None:
    run(
        BEGIN,
        provider,
        """
        work()
        for _ in range(2):
            with in_process_tracing() as tracing:
                work()
                assert tracing.spans == []
                with tracing.as_global():
                    work()
                work()
                assert tracing.trace() == WORK, tracing.traces
        later = trace.get_tracer("later")
        with in_process_tracing() as tracing, tracing.as_global():
            later.start_span("later").end()
            assert tracing.trace() == tree("test: later")
        """,
    )


@both
def test_threads_without_a_context_belong_to_the_only_test(provider: str) -> None:
    run(
        BEGIN,
        provider,
        """
        with in_process_tracing() as tracing, tracing.as_global():
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            assert tracing.trace() == WORK
        """,
    )


@both
def test_tasks_at_the_same_time_do_not_mix(provider: str) -> None:
    run(
        BEGIN,
        provider,
        """
        async def one(number, barrier):
            with in_process_tracing() as tracing, tracing.as_global():
                with tracer.start_as_current_span(f"root {number}"):
                    await barrier.wait()
                    await asyncio.to_thread(work)
                await barrier.wait()
                assert tracing.trace() == tree(f"test: root {number}\\n  test: work\\n    test: step"), tracing.traces

        async def main():
            barrier = asyncio.Barrier(5)
            await asyncio.gather(*(one(number, barrier) for number in range(5)))

        asyncio.run(main())
        """,
    )


def test_a_span_that_another_test_has_started_is_not_collected() -> None:
    run(
        BEGIN,
        SDK,
        """
        early = tracer.start_span("early")
        with in_process_tracing() as tracing, tracing.as_global():
            early.end()
            assert tracing.spans == []
        """,
    )


def test_a_provider_that_is_not_the_sdks_is_refused_by_name() -> None:
    printed = run(
        BEGIN,
        """
        trace.set_tracer_provider(trace.NoOpTracerProvider())
        with in_process_tracing() as tracing:
            try:
                with tracing.as_global():
                    pass
            except RuntimeError as error:
                print(error)
        """,
    )
    assert "NoOpTracerProvider, not the SDK's: its spans cannot be collected" in printed


def test_deterministic_ids_and_times_hold_for_the_global_provider() -> None:
    run(
        BEGIN,
        """
        def ids():
            with in_process_tracing(deterministic=True) as tracing, tracing.as_global():
                work()
                return [(span.span_id, span.start, span.end) for span in tracing.trace().spans]

        assert ids() == ids()
        """,
    )


def test_without_the_sdk_the_error_says_what_to_install() -> None:
    printed = run(
        """
        import sys
        sys.modules["opentelemetry.sdk"] = None
        from spantree import in_process_tracing
        try:
            with in_process_tracing():
                pass
        except ModuleNotFoundError as error:
            print(error)
        """
    )
    assert "pip install opentelemetry-sdk" in printed
