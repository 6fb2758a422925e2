"""The current request and the service that works on it: what spans, simulated work and outgoing requests need to know.

A request's context is made only from the headers of an incoming HTTP request or message. It never reaches another
service through memory, even if one process runs all services.
"""

import re
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from opentelemetry.trace import Tracer, get_current_span

from emulator.faults import Fault
from emulator.instrumentation import MessagingContext, attached
from emulator.runtime.osprofiler import Profiled
from emulator.runtime.propagation import Carried, carried_in, put_into
from emulator.runtime.seeded_random import SeededRandom

__all__ = [
    "FAULT_SPENT",
    "GLOBAL_REQUEST_ID",
    "OWN_HOST",
    "OWN_REQUEST_ID",
    "REQUEST_ID",
    "Duration",
    "MessagingContext",
    "RequestContext",
    "ServiceContext",
    "annotate",
    "carrying_fault",
    "current_request",
    "inject_request",
    "request_scope",
]


@dataclass(frozen=True, slots=True)
class Duration:
    """A simulated duration: log-normal, `median` in seconds, `sigma` the deviation of its logarithm."""

    median: float
    sigma: float = 0.25


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """What a service knows about itself. `pace` scales `durations`: 1 is a small cloud, 0 does not wait.

    `faults` are the ones that may act here, by name. `profiler_keys` are the keys of osprofiler's signatures.
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
    """One request in one service. `attributes` are set on every span that starts in it.

    `request_id` is the emulator's own, the same for everything that follows from one API call; `global_request_id` is
    the caller's, if it chose one. `fault` is the request's fault; `spent` is set when that has acted and will not act
    again. `profiled` is the osprofiler trace that the request belongs to. `ignored` says which part of the baggage was
    ignored, `untrusted` why osprofiler's headers were.
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
        """Stop carrying the fault."""
        self.fault, self.spent = None, True


REQUEST_ID = "X-OpenStack-Request-ID"
"""In a request, the header with its global id; in an answer, the header with the service's own id."""

OWN_HOST = "X-Emulator-Host"
"""The header in which nova-compute names its host, to which neutron then binds the ports of its servers."""
OWN_REQUEST_ID = "X-Emulator-Request-ID"
"""The header in which the emulator's services pass on the request id.

In a real cloud, each service chooses its own ids; here, one id finds all spans of a boot.
"""

GLOBAL_REQUEST_ID = "openstack-global-request-id"
"""The header of a message with the global id of its request."""

FAULT_SPENT = "X-Emulator-Fault-Spent"
"""The header of an answer that tells the caller to stop carrying its fault."""

WELL_FORMED = re.compile(r"req-[0-9a-fA-F-]{32,36}")

_current: ContextVar[RequestContext] = ContextVar("request_context")


def current_request() -> RequestContext:
    """Return the context of the current request. Raises LookupError if there is none."""
    return _current.get()


@contextmanager
def request_scope(
    service_context: ServiceContext,
    request_id: str | None = None,
    headers: Mapping[str, str] | None = None,
    global_request_id: str | None = None,
) -> Iterator[RequestContext]:
    """Make a request current while the block lasts. Without a caller's context in `headers`, the next span is a root.

    Malformed ids are replaced or left out: values from outside are not put on spans unchecked.
    """
    own = _well_formed(request_id) or "req-" + service_context.rng.uuid("request", service_context.service)
    carried = (
        Carried() if headers is None else carried_in(headers, service_context.faults, service_context.profiler_keys)
    )
    request = RequestContext(
        service_context,
        own,
        {"openstack.request.id": own},
        fault=carried.fault,
        ignored=carried.ignored,
        profiled=carried.profiled,
        untrusted=carried.untrusted,
    )
    if carried.profiled is not None:
        request.attributes["openstack.osprofiler.base_id"] = str(carried.profiled.base_id)
    if (chosen := _well_formed(global_request_id)) not in {None, own}:
        request.global_request_id = request.attributes["openstack.global_request.id"] = chosen
    reset = _current.set(request)
    try:
        with attached(carried.context):
            yield request
    finally:
        _current.reset(reset)


def _well_formed(request_id: str | None) -> str | None:
    return request_id if request_id is not None and WELL_FORMED.fullmatch(request_id) else None


@contextmanager
def carrying_fault(fault: Fault | None) -> Iterator[None]:
    """Send a fault along with the requests that are sent in the block. A fault that was spent there does not return."""
    request = current_request()
    request.fault, before = fault, request.fault
    try:
        yield
    finally:
        if not request.spent:
            request.fault = before


def inject_request(headers: MutableMapping[str, str]) -> None:
    """Inject the current request's context, fault and osprofiler trace into outgoing headers."""
    request = current_request()
    put_into(headers, request.fault, request.profiled)


def annotate(**attributes: str | int | bool | None) -> None:
    """Set `openstack.*` attributes on the current span and on all later spans of this request.

    A double underscore stands for a dot: `annotate(server__id=…)` sets `openstack.server.id`. None is left out.
    """
    named = {f"openstack.{key.replace('__', '.')}": value for key, value in attributes.items() if value is not None}
    current_request().attributes.update(named)
    if get_current_span().is_recording():  # it may have ended, as when a deadline passes that it has set
        get_current_span().set_attributes(named)
