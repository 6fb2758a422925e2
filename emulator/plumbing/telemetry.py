"""OpenTelemetry for services: spans that know their scene, and failures recorded once, where they happened."""

import random
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, get_current_span, use_span

from emulator.plumbing.chance import Chance
from emulator.plumbing.scene import current_scene

__all__ = ["AttributeValue", "FreshIds", "NamedIds", "fail", "failed_with", "span"]

AttributeValue = str | bool | int | float | Sequence[str]

_name: ContextVar[str] = ContextVar("name", default="")
"""What the span that is about to begin is called: the SDK asks its id generator for an id and tells it nothing."""


@contextmanager
def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, AttributeValue] | None = None,
    links: Sequence[Link] = (),
) -> Iterator[Span]:
    """Begin a span of the current scene and make it current. An exception that passes through marks it as failed."""
    scene = current_scene()
    _name.set(f"{scene.actor.service} {name}")
    begun = scene.actor.tracer.start_span(
        name, kind=kind, attributes={**scene.attributes, **(attributes or {})}, links=links
    )
    with use_span(begun, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield begun
        except Exception as error:
            fail(begun, error)
            raise


def fail(failed: Span, error: Exception) -> None:
    """Mark a span as failed by `error`. Its `exception` event goes on the innermost span alone."""
    failed_with(failed, qualified_name(error), str(error))
    if _is_recorded(error):
        return
    error.__dict__["_recorded_on_span"] = True
    failed.add_event(
        "exception",
        {
            "exception.type": qualified_name(error),
            "exception.message": str(error),
            "exception.stacktrace": "".join(traceback.format_exception(error)),
        },
    )


def failed_with(failed: Span, error_type: str, message: str = "") -> None:
    """Mark a span as failed without an exception, by an HTTP status for one."""
    failed.set_attribute("error.type", error_type)
    failed.set_status(Status(StatusCode.ERROR, message or None))


def qualified_name(error: BaseException) -> str:
    """Return the class of an error as `error.type` wants it: with its module, but for builtins."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _is_recorded(error: BaseException | None) -> bool:
    while error is not None:
        if getattr(error, "_recorded_on_span", False):
            return True
        error = error.__cause__ or error.__context__
    return False


class FreshIds(IdGenerator):
    """Trace and span ids at random, from a source of our own.

    The SDK's come from the module `random`: a program that seeds it gets the same ids again, and one that looks after
    its state, as hypothesis does, finds it changed by a cloud in the background.
    """

    def __init__(self) -> None:
        self._random = random.Random()  # noqa: S311 - no secrets

    def generate_span_id(self) -> int:
        return self._random.getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        return self._random.getrandbits(128) or 1

    def is_trace_id_random(self) -> bool:
        """Return True: the bits are evenly spread."""
        return True


class NamedIds(IdGenerator):
    """Trace and span ids drawn by the parent's id and the span's name, so that a seed fixes them."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    def generate_span_id(self) -> int:
        parent = get_current_span().get_span_context().span_id
        return self._chance.draw("span", parent, _name.get()).getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        return self._chance.draw("trace", _name.get()).getrandbits(128) or 1

    def is_trace_id_random(self) -> bool:
        """Return True: the bits are evenly spread, also where a seed chose them."""
        return True
