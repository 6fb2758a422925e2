"""glance-api over HTTP: its routes, its errors, and what is done to images, but for their bytes."""

from http import HTTPStatus
from typing import Any

from aiohttp import web

from emulator.runtime.errors import ApiError, NotFound
from emulator.runtime.http_server import IDENTITY, json_response
from emulator.runtime.service import SERVICE_CONTEXT, Service
from emulator.services.auth.revocation import with_revocation
from emulator.services.config import ServiceConfig
from emulator.services.glance.filters import select
from emulator.services.glance.image_data_api import download_image, upload_image
from emulator.services.glance.image_requests import apply_patch, read_new_image, read_patch, set_tags
from emulator.services.glance.images import IMAGES, NotPermitted, find, find_to_change, fresh_images
from emulator.services.glance.members import MEMBER_ROUTES
from emulator.services.glance.schemas import SCHEMA_ROUTES
from emulator.services.oslo.pagination import page

__all__ = ["service"]


STATUSES = {"deactivate": "deactivated", "reactivate": "active"}


class TagNotFound(NotFound):
    """The image has no such tag."""

    def __init__(self, tag: str) -> None:
        super().__init__(f"The image has no tag {tag}.")


def service(config: ServiceConfig) -> Service:
    """Build glance, with the images of the seed data."""
    service = Service(
        "glance-api",
        public=[
            web.get("/", list_versions),
            web.get("/versions", list_all_versions),
            web.get("/versions/", list_all_versions),
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
        identify=config.tokens.open,
        error_shape=word_error,
        state={IMAGES: fresh_images()},
        lock="glance-api",
    )
    return with_revocation(service, config.tokens)


def word_error(error: ApiError) -> dict[str, Any]:
    """Word an error as glance does for callers that accept JSON."""
    status = HTTPStatus(error.status)
    return {"message": str(error), "code": f"{status.value} {status.phrase}", "title": status.phrase}


async def list_versions(request: web.Request) -> web.Response:
    """Answer the discovery document, with the status that says to choose one."""
    return json_response({"versions": _versions(request)}, HTTPStatus.MULTIPLE_CHOICES)


async def list_all_versions(request: web.Request) -> web.Response:
    """Answer the discovery document, where it was asked for by name."""
    return json_response({"versions": _versions(request)})


def _versions(request: web.Request) -> list[dict[str, Any]]:
    link = {"rel": "self", "href": f"{request.url.origin()}/v2/"}
    current = [{"id": "v2.17", "status": "CURRENT", "links": [link]}]
    older = [{"id": f"v2.{minor}", "status": "SUPPORTED", "links": [link]} for minor in range(16, -1, -1)]
    return current + older


async def list_images(request: web.Request) -> web.Response:
    """List the images that the caller may see, as its query asks for them."""
    shown = page(request, select(request), lambda image: image.id)
    first = request.rel_url.with_query({key: value for key, value in request.query.items() if key != "marker"})
    body: dict[str, Any] = {
        "images": [image.describe() for image in shown.items],
        "first": str(first),
        "schema": "/v2/schemas/images",
    }
    if shown.next is not None:
        body["next"] = str(request.rel_url.update_query(marker=shown.items[-1].id))
    return json_response(body)


async def create_image(request: web.Request) -> web.Response:
    """Make an image without bytes. 201: it is queued until they are uploaded."""
    images = request.app[IMAGES]
    image = await read_new_image(request, images, request[IDENTITY], request.app[SERVICE_CONTEXT].rng)
    images.add(image)
    location = f"{request.url.origin()}/v2/images/{image.id}"
    return json_response(image.describe(), HTTPStatus.CREATED, {"Location": location})


async def show_image(request: web.Request) -> web.Response:
    """Show an image."""
    return json_response(find(request).describe())


async def update_image(request: web.Request) -> web.Response:
    """Change what is said of an image, by a JSON patch."""
    find_to_change(request, "modify")  # so that who may not is told that first
    patch = await read_patch(request)
    image = find_to_change(request, "modify")
    apply_patch(image, patch, request[IDENTITY])
    return json_response(image.describe())


async def delete_image(request: web.Request) -> web.Response:
    """Delete an image, with its bytes. Servers that were built from it stay."""
    image = find_to_change(request, "delete")
    if image.protected:
        raise NotPermitted(f"Image {image.id} is protected and cannot be deleted.")
    request.app[IMAGES].remove(image)
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def change_status(request: web.Request) -> web.Response:
    """Let nobody but admins download an image, or everybody again who may see it."""
    image, wanted = find_to_change(request, "modify"), STATUSES[request.match_info["action"]]
    if image.contents is None:
        raise NotPermitted(f"Not allowed to {request.match_info['action']} image in status '{image.status}'")
    image.status = wanted
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def add_tag(request: web.Request) -> web.Response:
    """Put a tag on an image, once."""
    image = find_to_change(request, "modify")
    set_tags(image, [*image.tags, request.match_info["tag"]])
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def remove_tag(request: web.Request) -> web.Response:
    """Take a tag off an image."""
    image, tag = find_to_change(request, "modify"), request.match_info["tag"]
    if tag not in image.tags:
        raise TagNotFound(tag)
    image.tags.remove(tag)
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def show_import_methods(_: web.Request) -> web.Response:
    """Say that bytes come by an upload, and in no other way."""
    return json_response({"import-methods": {"description": "Import methods available.", "type": "array", "value": []}})
