"""Trace ids and span ids: random, or repeatable by a seed."""

import random
from collections.abc import Sequence
from contextvars import ContextVar

from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Link, get_current_span

from emulator.runtime.osprofiler import chosen_trace_id
from emulator.runtime.seeded_random import SeededRandom

__all__ = ["RandomIds", "SeededIds", "name_next_span"]

# The SDK does not pass the span to its IdGenerator, so `name_next_span` stores the name here before a span starts.
_next_span: ContextVar[str] = ContextVar("next_span", default="")


def name_next_span(service: str, request_id: str, name: str, links: Sequence[Link]) -> str:
    """Set the name by which the next span's ids are drawn, and return it."""
    named = " ".join([service, request_id, name, *(f"{link.context.span_id:x}" for link in links)])
    _next_span.set(named)
    return named


# Below, `or 1`: an id of zero is invalid (W3C Trace Context, section 3.2.2).


class RandomIds(IdGenerator):
    """Random trace and span ids, independent of the module `random`.

    The SDK's generator uses that module: a program that seeds it would get the same ids again, and one that checks its
    state, like hypothesis, would see it changed by a cloud in the background.
    """

    def __init__(self) -> None:
        self._random = random.Random()  # noqa: S311 - no secrets

    def generate_span_id(self) -> int:
        return self._random.getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        return chosen_trace_id() or self._random.getrandbits(128) or 1

    def is_trace_id_random(self) -> bool:
        """Return True: the bits are evenly spread."""
        return True


class SeededIds(IdGenerator):
    """Trace and span ids drawn by the parent's id and the span's name, so that a seed fixes them."""

    def __init__(self, rng: SeededRandom) -> None:
        self._rng = rng

    def generate_span_id(self) -> int:
        parent = get_current_span().get_span_context().span_id
        return self._rng.draw("span", parent, _next_span.get()).getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        return chosen_trace_id() or self._rng.draw("trace", _next_span.get()).getrandbits(128) or 1

    def is_trace_id_random(self) -> bool:
        """Return True: the bits are evenly spread, also where a seed chose them."""
        return True
