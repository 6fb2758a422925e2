"""glance-api as a service: its routes, the format of its errors, and the handlers for images, tags and status.

Source: https://docs.openstack.org/api-ref/image/v2/
"""

from http import HTTPStatus
from typing import Any

from aiohttp import web

from emulator.runtime.errors import ApiError, NotFound
from emulator.runtime.http_server import IDENTITY, json_response
from emulator.runtime.service import SERVICE_CONTEXT, Service
from emulator.services.auth import with_revocation
from emulator.services.config import ServiceConfig
from emulator.services.glance.filters import select_images
from emulator.services.glance.image_data_api import download_image, upload_image
from emulator.services.glance.image_requests import apply_patch, read_new_image, set_tags
from emulator.services.glance.images import IMAGES, ImageForbidden, find_image, find_modifiable_image, seed_images
from emulator.services.glance.json_patches import read_patch
from emulator.services.glance.members import MEMBER_ROUTES
from emulator.services.glance.schemas import SCHEMA_ROUTES
from emulator.services.oslo.discovery import Version, list_versions
from emulator.services.oslo.pagination import page

__all__ = ["service"]

VERSIONS = (
    Version("v2.17", "CURRENT", "/v2/"),
    *(Version(f"v2.{minor}", "SUPPORTED", "/v2/") for minor in range(16, -1, -1)),
)
STATUS_AFTER = {"deactivate": "deactivated", "reactivate": "active"}


class TagNotFound(NotFound):
    """The image has no such tag."""

    error_type = "glance.TagNotFound"

    def __init__(self, tag: str) -> None:
        super().__init__(f"The image has no tag {tag}.")


def service(config: ServiceConfig) -> Service:
    """Build glance, with the images of the seed data."""
    service = Service(
        "glance-api",
        public=[
            web.get("/", list_versions(*VERSIONS, status=HTTPStatus.MULTIPLE_CHOICES)),
            web.get("/versions", list_versions(*VERSIONS)),
            web.get("/versions/", list_versions(*VERSIONS)),
        ],
        routes=[
            web.get("/v2/images", list_images),
            web.post("/v2/images", create_image),
            web.get("/v2/images/{image_id}", show_image),
            web.patch("/v2/images/{image_id}", update_image),
            web.delete("/v2/images/{image_id}", delete_image),
            web.get("/v2/images/{image_id}/file", download_image, allow_head=False),
            web.put("/v2/images/{image_id}/file", upload_image),
            web.put("/v2/images/{image_id}/tags/{tag}", add_tag),
            web.delete("/v2/images/{image_id}/tags/{tag}", remove_tag),
            web.get("/v2/info/import", show_import_methods),
            web.post("/v2/images/{image_id}/actions/{action:deactivate|reactivate}", change_status),
            *MEMBER_ROUTES,
            *SCHEMA_ROUTES,
        ],
        identify=config.tokens.validate_scoped,
        error_shape=error_body,
        state={IMAGES: seed_images()},
        lock="glance-api",
    )
    return with_revocation(service, config.tokens)


def error_body(error: ApiError) -> dict[str, Any]:
    """Return the body of an error answer, in the format that glance has for clients that accept JSON."""
    status = HTTPStatus(error.status)
    return {"message": str(error), "code": f"{status.value} {status.phrase}", "title": status.phrase}


async def list_images(request: web.Request) -> web.Response:
    """List the images that the caller may see and that match the query."""
    shown = page(request, select_images(request), lambda image: image.id)
    first = request.rel_url.with_query({key: value for key, value in request.query.items() if key != "marker"})
    body: dict[str, Any] = {
        "images": [image.describe() for image in shown.items],
        "first": str(first),
        "schema": "/v2/schemas/images",
    }
    if shown.next is not None:  # a relative link, as all of glance's are
        body["next"] = str(request.rel_url.update_query(marker=shown.items[-1].id))
    return json_response(body)


async def create_image(request: web.Request) -> web.Response:
    """Create an image without data. It is `queued` until that is uploaded."""
    images = request.app[IMAGES]
    image = await read_new_image(request, images, request[IDENTITY], request.app[SERVICE_CONTEXT].rng)
    images.add(image)
    location = f"{request.url.origin()}/v2/images/{image.id}"
    return json_response(image.describe(), HTTPStatus.CREATED, {"Location": location})


async def show_image(request: web.Request) -> web.Response:
    """Show an image."""
    return json_response(find_image(request).describe())


async def update_image(request: web.Request) -> web.Response:
    """Change the attributes of an image with a JSON patch."""
    find_modifiable_image(request, "modify")  # before the body is read: without permission a 403, not a 400
    patch = await read_patch(request)
    image = find_modifiable_image(
        request, "modify"
    )  # again: it may have been changed or deleted while the body arrived
    apply_patch(image, patch, request[IDENTITY])
    return json_response(image.describe())


async def delete_image(request: web.Request) -> web.Response:
    """Delete an image and its data. Servers that were built from it stay."""
    image = find_modifiable_image(request, "delete")
    if image.protected:
        raise ImageForbidden(f"Image {image.id} is protected and cannot be deleted.")
    request.app[IMAGES].remove(image)
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def change_status(request: web.Request) -> web.Response:
    """Deactivate or reactivate an image: only admins can download one that is deactivated."""
    image, status = find_modifiable_image(request, "modify"), STATUS_AFTER[request.match_info["action"]]
    if image.contents is None:
        raise ImageForbidden(f"Not allowed to {request.match_info['action']} image in status '{image.status}'")
    image.status = status
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def add_tag(request: web.Request) -> web.Response:
    """Add a tag to an image."""
    image = find_modifiable_image(request, "modify")
    set_tags(image, [*image.tags, request.match_info["tag"]])
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def remove_tag(request: web.Request) -> web.Response:
    """Remove a tag from an image."""
    image, tag = find_modifiable_image(request, "modify"), request.match_info["tag"]
    if tag not in image.tags:
        raise TagNotFound(tag)
    image.tags.remove(tag)
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def show_import_methods(_: web.Request) -> web.Response:
    """List the import methods. There are none: image data can only be uploaded."""
    return json_response({"import-methods": {"description": "Import methods available.", "type": "array", "value": []}})
