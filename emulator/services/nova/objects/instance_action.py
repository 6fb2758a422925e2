"""What was done with each server, when and for which request: nova's instance actions and their events.

nova-api writes them down by what it orders, and by what it hears of that from scheduler and compute hosts.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

from emulator.runtime.request_context import current_request
from emulator.services.nova.messages import InstanceUpdate

__all__ = ["INSTANCE_ACTIONS", "InstanceAction", "InstanceActions", "InstanceEvent"]

DELETED_REMEMBERED = 1000
"""Of how many servers that are gone the actions are still there."""

NOBODY_BUILT = "conductor_schedule_and_build_instances"
EVENTS: Mapping[str, str] = {
    "create": "compute__do_build_and_run_instance",
    "delete": "compute_terminate_instance",
    "lock": "api_lock",
    "unlock": "api_unlock",
    **{
        action: f"compute_{action}_instance"
        for action in ("stop", "start", "reboot", "pause", "unpause", "suspend", "resume")
    },
}
"""What nova calls the event of an action."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class InstanceEvent:
    """A part of an action that one daemon did. `result` is Success or Error, None while it goes on."""

    name: str
    host: str | None
    started: datetime
    finished: datetime | None = None
    result: str | None = None
    details: str | None = None


@dataclass(slots=True)
class InstanceAction:
    """What a user asked for. `project_id` and `user_id` are the user's; `message` is Error if some of it failed."""

    action: str
    server_id: str
    project_id: str
    user_id: str
    request_id: str
    started: datetime = field(default_factory=_now)
    updated: datetime = field(default_factory=_now)
    message: str | None = None
    over: bool = False
    events: list[InstanceEvent] = field(default_factory=list)

    def event(self, host: str | None, name: str | None = None, began: datetime | None = None) -> InstanceEvent:
        """Return the event that goes on at a host; it begins now, or began then, if there is none."""
        for event in self.events:
            if event.finished is None and host in {None, event.host}:
                return event
        self.events.append(InstanceEvent(name or EVENTS[self.action], host, began or _now()))
        self.updated = _now()
        return self.events[-1]

    def finish(self, event: InstanceEvent, why_not: str | None = None) -> None:
        """End an event: in success, unless there is a reason why not."""
        event.finished = self.updated = _now()
        event.result, event.details = ("Success", None) if why_not is None else ("Error", why_not)
        if why_not is not None:
            self.message = "Error"


class InstanceActions:
    """The actions of all servers, also of those that are gone, for some time."""

    def __init__(self) -> None:
        self._actions: dict[str, list[InstanceAction]] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()

    def of(self, server_id: str) -> list[InstanceAction]:
        """Return what was done with a server, the oldest first."""
        return self._actions.get(server_id, [])

    def begin(self, server_id: str, action: str, project_id: str, user_id: str) -> InstanceAction:
        """Write down that an action begins, for the current request."""
        begun = InstanceAction(action, server_id, project_id, user_id, current_request().request_id)
        self._actions.setdefault(server_id, []).append(begun)
        return begun

    def withdraw(self, action: InstanceAction) -> None:
        """Forget an action that could not begin."""
        self._actions[action.server_id].remove(action)

    def forget(self, server_id: str) -> None:
        """The server is gone: keep its actions for as long as not too many others follow it."""
        self._gone[server_id] = None
        if len(self._gone) > DELETED_REMEMBERED:
            self._actions.pop(self._gone.popitem(last=False)[0], None)

    def hear(self, update: InstanceUpdate, request_id: str) -> None:
        """Write down what a daemon says of an action that goes on, for the request that began it."""
        deleting = update.vm_state == "deleted" or update.task_state == "deleting"
        wanted = "delete" if deleting else update.action or "create"
        action = self._going_on(update.server_id, wanted, request_id)
        if action is None:
            return
        going_on = any(event.finished is None for event in action.events)
        nobody = action.action == "create" and update.host is None and not going_on
        event = action.event(update.host, NOBODY_BUILT if nobody else None, action.started if nobody else update.began)
        if update.task_state in {None, "scheduling", "deleting"}:  # nova, too, calls it a success to try elsewhere
            action.finish(event, update.fault)
        action.over = update.task_state in {None, "deleting"}

    def _going_on(self, server_id: str, action: str, request_id: str) -> InstanceAction | None:
        for each in reversed(self.of(server_id)):
            if (each.action, each.request_id) == (action, request_id) and not each.over:
                return each
        return None


INSTANCE_ACTIONS = web.AppKey("instance_actions", InstanceActions)
