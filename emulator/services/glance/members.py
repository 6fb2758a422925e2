"""Members of shared images: the projects that an image is shared with, and whether they accepted it.

Source: https://docs.openstack.org/api-ref/image/v2/#sharing
"""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

import msgspec
from aiohttp import web

from emulator.runtime.errors import Conflict, NotFound
from emulator.runtime.http_server import IDENTITY, json_response, read_json
from emulator.services.glance.images import (
    Image,
    ImageForbidden,
    Member,
    MemberStatus,
    find_image,
    find_modifiable_image,
)

__all__ = ["MEMBER_ROUTES"]


class NewMember(msgspec.Struct):
    """The body of `POST /v2/images/{id}/members`."""

    member: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class MemberUpdate(msgspec.Struct):
    """The body of `PUT /v2/images/{id}/members/{project}`."""

    status: MemberStatus


async def list_members(request: web.Request) -> web.Response:
    """List the members of an image. Its owner sees all of them, a member only itself."""
    image, caller = find_image(request), request[IDENTITY]
    if image.visibility == "public":
        raise ImageForbidden("Public images do not have members.")
    sees_all = caller.sees_all or caller.project_id == image.owner
    shown = [member for member in image.members.values() if sees_all or member.project_id == caller.project_id]
    return json_response({"members": [member.describe(image) for member in shown], "schema": "/v2/schemas/members"})


async def add_member(request: web.Request) -> web.Response:
    """Share an image with a project."""
    project_id = (await read_json(request, NewMember)).member
    image = find_modifiable_image(request, "modify")
    if image.visibility != "shared":
        raise ImageForbidden("Only shared images have members.")
    if project_id in image.members:
        raise Conflict(f"Member {project_id} is duplicated for image {image.id}")
    image.members[project_id] = member = Member(project_id)
    return json_response(member.describe(image))


async def show_member(request: web.Request) -> web.Response:
    """Show a member of an image."""
    image = find_image(request)
    return json_response(_find_member(request, image).describe(image))


async def update_member(request: web.Request) -> web.Response:
    """Set the status of a member to accepted, rejected or pending. Only the member itself and admins may do it."""
    update = await read_json(request, MemberUpdate)
    image, caller = find_image(request), request[IDENTITY]
    member = _find_member(request, image)
    if not caller.is_admin and caller.project_id != member.project_id:
        raise ImageForbidden(f"You are not permitted to modify the status of member {member.project_id}.")
    member.status, member.updated = update.status, datetime.now(UTC)
    return json_response(member.describe(image))


async def remove_member(request: web.Request) -> web.Response:
    """Stop sharing an image with a project."""
    image = find_modifiable_image(request, "modify")
    del image.members[_find_member(request, image).project_id]
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _find_member(request: web.Request, image: Image) -> Member:
    member, caller = image.members.get(request.match_info["member_id"]), request[IDENTITY]
    if member is None or not (caller.sees_all or caller.project_id in {image.owner, member.project_id}):
        raise NotFound(f"{request.match_info['member_id']} not found in the member list of the image {image.id}.")
    return member


MEMBER_ROUTES = (
    web.get("/v2/images/{image_id}/members", list_members),
    web.post("/v2/images/{image_id}/members", add_member),
    web.get("/v2/images/{image_id}/members/{member_id}", show_member),
    web.put("/v2/images/{image_id}/members/{member_id}", update_member),
    web.delete("/v2/images/{image_id}/members/{member_id}", remove_member),
)
