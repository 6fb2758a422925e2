"""Instance actions and their events: which request did what to a server, when, and with what result.

nova-api records an action when it starts it, and events when the scheduler and the compute hosts send updates.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

from emulator.runtime.request_context import current_request
from emulator.services.nova.messages import InstanceUpdate

__all__ = ["INSTANCE_ACTIONS", "InstanceAction", "InstanceActions", "InstanceEvent"]

MAX_DELETED_SERVERS = 1000
"""The number of deleted servers whose actions are kept."""

NOT_SCHEDULED = "conductor_schedule_and_build_instances"
"""Nova's event for a build that reached no host: the conductor fails it (`_bury_in_cell0`)."""

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
"""Nova's name for the event of each action: the daemon, and its method that does the work."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class InstanceEvent:
    """One daemon's part of an action. `result` is Success or Error, None while the event is in progress."""

    name: str
    host: str | None
    started: datetime
    finished: datetime | None = None
    result: str | None = None
    details: str | None = None


@dataclass(slots=True)
class InstanceAction:
    """An action by a user, with the user's `project_id` and `user_id`. `message` is Error if any event failed."""

    action: str
    server_id: str
    project_id: str
    user_id: str
    request_id: str
    started: datetime = field(default_factory=_now)
    updated: datetime = field(default_factory=_now)
    message: str | None = None
    finished: bool = False
    events: list[InstanceEvent] = field(default_factory=list)

    def open_event(self, host: str | None, name: str | None = None, started: datetime | None = None) -> InstanceEvent:
        """Return the host's unfinished event, or add one that starts at `started`, by default now."""
        for event in self.events:
            if event.finished is None and host in {None, event.host}:
                return event
        self.events.append(InstanceEvent(name or EVENTS[self.action], host, started or _now()))
        self.updated = _now()
        return self.events[-1]

    def finish_event(self, event: InstanceEvent, error: str | None = None) -> None:
        """Finish an event, successfully if there is no error."""
        event.finished = self.updated = _now()
        event.result, event.details = ("Success", None) if error is None else ("Error", error)
        if error is not None:
            self.message = "Error"


class InstanceActions:
    """The actions of all servers. Those of the last MAX_DELETED_SERVERS deleted servers are kept as well."""

    def __init__(self) -> None:
        self._actions: dict[str, list[InstanceAction]] = {}
        self._deleted: OrderedDict[str, None] = OrderedDict()

    def of_server(self, server_id: str) -> list[InstanceAction]:
        """Return a server's actions, the oldest first."""
        return self._actions.get(server_id, [])

    def start(self, server_id: str, action: str, project_id: str, user_id: str) -> InstanceAction:
        """Record an action that the current request starts."""
        started = InstanceAction(action, server_id, project_id, user_id, current_request().request_id)
        self._actions.setdefault(server_id, []).append(started)
        return started

    def withdraw(self, action: InstanceAction) -> None:
        """Remove an action that could not be started."""
        self._actions[action.server_id].remove(action)

    def server_deleted(self, server_id: str) -> None:
        """Keep a deleted server's actions until MAX_DELETED_SERVERS other servers have been deleted."""
        self._deleted[server_id] = None
        if len(self._deleted) > MAX_DELETED_SERVERS:
            self._actions.pop(self._deleted.popitem(last=False)[0], None)

    def apply_update(self, update: InstanceUpdate, request_id: str) -> None:
        """Record what a daemon reports about the unfinished action that this request has started."""
        deleting = update.vm_state == "deleted" or update.task_state == "deleting"
        name = "delete" if deleting else update.action or "create"
        action = self._unfinished(update.server_id, name, request_id)
        if action is None:
            return
        in_progress = any(event.finished is None for event in action.events)
        unscheduled = action.action == "create" and update.host is None and not in_progress
        if unscheduled:
            event = action.open_event(None, NOT_SCHEDULED, action.started)
        else:
            event = action.open_event(update.host, started=update.began)
        # "scheduling": the build is rescheduled, which leaves a successful event on its first host, as in nova.
        if update.task_state in {None, "scheduling", "deleting"}:
            action.finish_event(event, update.fault)
        action.finished = update.task_state in {None, "deleting"}

    def _unfinished(self, server_id: str, name: str, request_id: str) -> InstanceAction | None:
        for action in reversed(self.of_server(server_id)):
            if (action.action, action.request_id) == (name, request_id) and not action.finished:
                return action
        return None


INSTANCE_ACTIONS = web.AppKey("instance_actions", InstanceActions)
