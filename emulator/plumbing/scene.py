"""Who is acting, and for which request: what a span, a step or an outgoing call takes from its surroundings.

A scene is set anew at every door (an HTTP request that came in, a message that was delivered), from headers only. It
never crosses to another service by memory, also where one process hosts them all.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import Tracer, get_current_span

from emulator.plumbing.chance import Chance

__all__ = ["REQUEST_ID", "Actor", "Duration", "Scene", "acting", "annotate", "current_scene"]


@dataclass(frozen=True, slots=True)
class Duration:
    """A pretended duration: log-normal, `median` in seconds, `sigma` the deviation of its logarithm."""

    median: float
    sigma: float = 0.25


@dataclass(frozen=True, slots=True)
class Actor:
    """A service as its own code sees it. `pace` scales `durations`: 1 as in a small cloud, 0 none."""

    service: str
    tracer: Tracer
    chance: Chance
    pace: float = 0.0
    durations: Mapping[str, Duration] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """An actor at work for one request. `attributes` go on every span that it begins."""

    actor: Actor
    request_id: str
    attributes: dict[str, str | int | bool]


REQUEST_ID = "X-OpenStack-Request-ID"
"""The header that carries a request id."""

WELL_FORMED = re.compile(r"req-[0-9a-fA-F-]{32,36}")

_scene: ContextVar[Scene] = ContextVar("scene")


def current_scene() -> Scene:
    """Return the scene that this code runs in; raises LookupError outside of any."""
    return _scene.get()


@contextmanager
def acting(actor: Actor, request_id: str | None = None, context: Context | None = None) -> Iterator[Scene]:
    """Open a scene. `context` is what the caller's headers carried; without it the next span is a root.

    A `request_id` that has not the form of one is replaced: what comes from outside is not put on spans unseen.
    """
    if request_id is None or not WELL_FORMED.fullmatch(request_id):
        request_id = "req-" + actor.chance.uuid("request", actor.service)
    scene = Scene(actor, request_id, {"openstack.request.id": request_id})
    reset = _scene.set(scene)
    token = otel_context.attach(Context() if context is None else context)
    try:
        yield scene
    finally:
        otel_context.detach(token)
        _scene.reset(reset)


def annotate(**attributes: str | int | bool | None) -> None:
    """Put `openstack.*` attributes on the current span and on all that this scene begins from now on.

    A double underscore stands for a dot: `annotate(server__id=…)` sets `openstack.server.id`. None is left out.
    """
    named = {f"openstack.{key.replace('__', '.')}": value for key, value in attributes.items() if value is not None}
    current_scene().attributes.update(named)
    if get_current_span().is_recording():  # a deadline acts when the span that set it has ended
        get_current_span().set_attributes(named)
