"""`/servers/{id}/os-instance-actions`: what was done to a server, even after it was deleted."""

from datetime import datetime
from typing import Any

from aiohttp import web

from emulator.runtime.errors import NotFound
from emulator.runtime.http_server import IDENTITY, json_response
from emulator.runtime.request_context import annotate
from emulator.services.nova.api.microversions import Microversion, microversion
from emulator.services.nova.api.servers.serializer import host_id
from emulator.services.nova.objects.instance_action import INSTANCE_ACTIONS, InstanceAction, InstanceEvent
from emulator.services.nova.objects.server import SERVERS
from emulator.services.nova.objects.states import InstanceNotFound
from emulator.services.oslo.pagination import page
from emulator.services.oslo.timeutils import isotime_without_zone, parse_isotime

__all__ = ["INSTANCE_ACTION_ROUTES"]

DELETED_SINCE, EVENTS_FOR_ALL_SINCE, PAGES_SINCE = (2, 21), (2, 51), (2, 58)
HOSTS_SINCE, DETAILS_SINCE = (2, 62), (2, 84)


class InstanceActionNotFound(NotFound):
    """The server has no action of this request."""

    error_type = "nova.InstanceActionNotFound"

    def __init__(self, request_id: str, server_id: str) -> None:
        super().__init__(f"Action for request_id {request_id} on instance {server_id} not found")


async def list_instance_actions(request: web.Request) -> web.Response:
    """List a server's actions, the latest first."""
    version, actions = microversion(request), _actions(request)[::-1]
    if version < PAGES_SINCE:
        return json_response({"instanceActions": [_describe(action, version) for action in actions]})
    actions = [action for action in actions if _within(request, action)]
    shown = page(request, actions, lambda action: action.request_id)
    links = {"links": [{"rel": "next", "href": shown.next}]} if shown.next is not None else {}
    return json_response({"instanceActions": [_describe(action, version) for action in shown.items], **links})


async def show_instance_action(request: web.Request) -> web.Response:
    """Show one action with its events, which before 2.51 only admins see."""
    version, request_id = microversion(request), request.match_info["request_id"]
    for action in reversed(_actions(request)):
        if action.request_id == request_id:
            is_admin = request[IDENTITY].is_admin
            described = _describe(action, version)
            if is_admin or version >= EVENTS_FOR_ALL_SINCE:
                described["events"] = [_describe_event(action, event, version, is_admin) for event in action.events]
            return json_response({"instanceAction": described})
    raise InstanceActionNotFound(request_id, request.match_info["server_id"])


def _actions(request: web.Request) -> list[InstanceAction]:
    """Return the actions of the server in the path. Raises InstanceNotFound."""
    server_id, user = request.match_info["server_id"], request[IDENTITY]
    actions = request.app[INSTANCE_ACTIONS].of_server(server_id)
    deleted = request.app[SERVERS].get(server_id) is None
    if not actions or (deleted and microversion(request) < DELETED_SINCE):
        raise InstanceNotFound(server_id)
    if actions[0].project_id != user.project_id and not user.is_admin:  # the first action is its creation
        raise InstanceNotFound(server_id)
    annotate(server__id=server_id)
    return actions


def _within(request: web.Request, action: InstanceAction) -> bool:
    since, before = _time(request, "changes-since"), _time(request, "changes-before")
    return (since is None or action.updated >= since) and (before is None or action.updated <= before)


def _time(request: web.Request, name: str) -> datetime | None:
    value = request.query.get(name)
    return None if value is None else parse_isotime(name, value)


def _describe(action: InstanceAction, version: Microversion) -> dict[str, Any]:
    described = {
        "action": action.action,
        "instance_uuid": action.server_id,
        "request_id": action.request_id,
        "user_id": action.user_id,
        "project_id": action.project_id,
        "start_time": isotime_without_zone(action.started),
        "message": action.message,
    }
    return {**described, "updated_at": isotime_without_zone(action.updated)} if version >= PAGES_SINCE else described


def _describe_event(
    action: InstanceAction, event: InstanceEvent, version: Microversion, is_admin: bool
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "event": event.name,
        "start_time": isotime_without_zone(event.started),
        "finish_time": None if event.finished is None else isotime_without_zone(event.finished),
        "result": event.result,
    }
    if is_admin:
        described["traceback"] = None
    if version >= HOSTS_SINCE:
        described["hostId"] = host_id(action.project_id, event.host)
        if is_admin:
            described["host"] = event.host
    if version >= DETAILS_SINCE and is_admin:
        described["details"] = event.details
    return described


INSTANCE_ACTION_ROUTES = (
    web.get("/v2.1/servers/{server_id}/os-instance-actions", list_instance_actions),
    web.get("/v2.1/servers/{server_id}/os-instance-actions/{request_id}", show_instance_action),
)
