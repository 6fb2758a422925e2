"""Who is acting, and for which request: what a span, a step or an outgoing call takes from its surroundings.

A scene is set anew at every door (an HTTP request that came in, a message that was delivered), from headers only. It
never crosses to another service by memory, also where one process hosts them all.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum

from opentelemetry import context as otel_context
from opentelemetry.trace import Tracer, get_current_span

from emulator.faults import Fault
from emulator.runtime.osprofiler import Profiled
from emulator.runtime.propagation import Carried, carried_in
from emulator.runtime.seeded_random import SeededRandom

__all__ = [
    "FAULT_SPENT",
    "GLOBAL_REQUEST_ID",
    "OWN_REQUEST_ID",
    "REQUEST_ID",
    "Duration",
    "MessagingContext",
    "RequestContext",
    "ServiceContext",
    "annotate",
    "apply_fault",
    "carrying_fault",
    "current_request",
    "fault_at",
    "request_scope",
]


@dataclass(frozen=True, slots=True)
class Duration:
    """A pretended duration: log-normal, `median` in seconds, `sigma` the deviation of its logarithm."""

    median: float
    sigma: float = 0.25


class MessagingContext(StrEnum):
    """How the span that processes a message is related to the one that published it."""

    PARENT = "parent"
    """It is its child."""
    LINK = "link"
    """It begins a trace of its own, and links to it."""
    BOTH = "both"
    """It is its child, and links to it."""


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """A service as its own code sees it. `pace` scales `durations`: 1 as in a small cloud, 0 none.

    `faults` are those that may act here, by name; `profiler_keys` those that osprofiler's headers may be signed with.
    """

    service: str
    tracer: Tracer
    rng: SeededRandom
    pace: float = 0.0
    durations: Mapping[str, Duration] = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
    messaging_context: MessagingContext = MessagingContext.BOTH
    profiler_keys: Sequence[str] = field(default=(), repr=False)


@dataclass(slots=True)
class RequestContext:
    """An actor at work for one request. `attributes` go on every span that it begins.

    The `request_id` is the emulator's own for all that follows from one call of its API; the `global_request_id` is one
    that the caller chose, if it did. `fault` is the one that the request carries; `spent` is set when it has acted and
    acts no more; `profiled` is osprofiler's trace that it belongs to. `ignored` tells what of the baggage was not
    taken, and `untrusted` what of osprofiler's headers.
    """

    service_context: ServiceContext
    request_id: str
    attributes: dict[str, str | int | bool]
    global_request_id: str | None = None
    fault: Fault | None = None
    spent: bool = False
    ignored: str = ""
    profiled: Profiled | None = None
    untrusted: str = ""

    def spend(self) -> None:
        """Carry the fault no further."""
        self.fault, self.spent = None, True


REQUEST_ID = "X-OpenStack-Request-ID"
"""The header of a request that carries its global id, and of an answer that carries the service's own."""

OWN_REQUEST_ID = "X-Emulator-Request-ID"
"""The header by which one service of the emulator tells another that its request is part of one that has an id.

Real services give each of their requests an id of its own; here one id is to find a whole boot by.
"""

GLOBAL_REQUEST_ID = "openstack-global-request-id"
"""The header of a message that carries the global id of a request."""

FAULT_SPENT = "X-Emulator-Fault-Spent"
"""The header of an answer that tells the caller to carry its fault no further."""

WELL_FORMED = re.compile(r"req-[0-9a-fA-F-]{32,36}")

_scene: ContextVar[RequestContext] = ContextVar("scene")


def current_request() -> RequestContext:
    """Return the scene that this code runs in; raises LookupError outside of any."""
    return _scene.get()


@contextmanager
def request_scope(
    service_context: ServiceContext,
    request_id: str | None = None,
    headers: Mapping[str, str] | None = None,
    global_request_id: str | None = None,
) -> Iterator[RequestContext]:
    """Open a scene. `headers` are those that came in; without a caller's context in them the next span is a root.

    An id that has not the form of one is replaced, or left out: what comes from outside is not put on spans unseen.
    """
    own = _well_formed(request_id) or "req-" + service_context.rng.uuid("request", service_context.service)
    came = Carried() if headers is None else carried_in(headers, service_context.faults, service_context.profiler_keys)
    scene = RequestContext(
        service_context,
        own,
        {"openstack.request.id": own},
        fault=came.fault,
        ignored=came.ignored,
        profiled=came.profiled,
        untrusted=came.untrusted,
    )
    if came.profiled is not None:
        scene.attributes["openstack.osprofiler.base_id"] = str(came.profiled.base_id)
    if (chosen := _well_formed(global_request_id)) not in {None, own}:
        scene.global_request_id = scene.attributes["openstack.global_request.id"] = chosen
    reset = _scene.set(scene)
    token = otel_context.attach(came.context)
    try:
        yield scene
    finally:
        otel_context.detach(token)
        _scene.reset(reset)


def _well_formed(request_id: str | None) -> str | None:
    return request_id if request_id is not None and WELL_FORMED.fullmatch(request_id) else None


@contextmanager
def carrying_fault(fault: Fault | None) -> Iterator[None]:
    """Send a fault along with the requests of the block."""
    scene = current_request()
    scene.fault, before = fault, scene.fault
    try:
        yield
    finally:
        scene.fault = before


def fault_at(at: str) -> Fault | None:
    """Return the fault that the request carries, if it acts here: `at` some work or a span."""
    scene = current_request()
    fault = scene.fault
    return fault if fault is not None and (fault.service, fault.at) == (scene.service_context.service, at) else None


def apply_fault(at: str) -> Fault | None:
    """Let the fault act, if it does so here: return it, and put its name on the current span.

    One that acts once is spent by that.
    """
    fault = fault_at(at)
    if fault is not None:
        get_current_span().set_attribute("openstack.fault.name", fault.name)
        if fault.once:
            current_request().spend()
    return fault


def annotate(**attributes: str | int | bool | None) -> None:
    """Put `openstack.*` attributes on the current span and on all that this scene begins from now on.

    A double underscore stands for a dot: `annotate(server__id=…)` sets `openstack.server.id`. None is left out.
    """
    named = {f"openstack.{key.replace('__', '.')}": value for key, value in attributes.items() if value is not None}
    current_request().attributes.update(named)
    if get_current_span().is_recording():  # a deadline acts when the span that set it has ended
        get_current_span().set_attributes(named)
