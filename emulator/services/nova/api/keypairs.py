"""`/os-keypairs`: users import their public keys, for SSH or X.509, or have nova generate a key pair."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY, json_response, read_json
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.nova.api.key_generation import GENERATORS
from emulator.services.nova.api.microversions import microversion
from emulator.services.nova.api.policy import not_authorized
from emulator.services.nova.objects.keypair import KEYPAIRS, Keypair
from emulator.services.nova.objects.quotas import QUOTAS
from emulator.services.oslo.pagination import page
from emulator.services.oslo.timeutils import isotime_without_zone

__all__ = ["KEYPAIR_ROUTES"]

TYPES_SINCE, OTHER_USERS_SINCE, PAGES_SINCE = (2, 2), (2, 10), (2, 35)
GENERATION_UNTIL = (2, 92)
"""Since this microversion nova generates no key pairs."""


class NewKeypair(msgspec.Struct):
    """A key pair to import or generate."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9@._ -]*$")]
    public_key: Annotated[str, msgspec.Meta(min_length=1, max_length=65535)] | None = None
    type: Literal["ssh", "x509"] = "ssh"
    user_id: Annotated[str, msgspec.Meta(min_length=1)] | None = None


class CreateKeypair(msgspec.Struct):
    """The body of `POST /os-keypairs`."""

    keypair: NewKeypair


async def list_keypairs(request: web.Request) -> web.Response:
    """List the caller's key pairs."""
    own = request.app[KEYPAIRS].of_user(_owner(request, request.query.get("user_id")))
    if microversion(request) < PAGES_SINCE:
        return json_response({"keypairs": [{"keypair": _describe(request, keypair)} for keypair in own]})
    shown = page(request, own, lambda keypair: keypair.name)
    listed = [{"keypair": _describe(request, keypair)} for keypair in shown.items]
    return json_response({"keypairs": listed, **shown.links("keypairs")})


async def show_keypair(request: web.Request) -> web.Response:
    """Show one of the caller's key pairs."""
    keypair = _find(request)
    more = {
        "id": keypair.id,
        "user_id": keypair.user_id,
        "created_at": isotime_without_zone(keypair.created.replace(microsecond=0)),
        "updated_at": None,
        "deleted": False,
        "deleted_at": None,
    }
    return json_response({"keypair": {**_describe(request, keypair), **more}})


async def create_keypair(request: web.Request) -> web.Response:
    """Import a public key or a certificate. Without one, before 2.92, generate a pair and return the private key.

    The private key is not kept.
    """
    new, version = (await read_json(request, CreateKeypair)).keypair, microversion(request)
    user_id = _owner(request, new.user_id)
    if new.public_key is None and version >= GENERATION_UNTIL:
        raise BadRequest("Invalid input for field keypair.public_key: it is a required property.")
    keypairs, limit = request.app[KEYPAIRS], request.app[QUOTAS].of_project(request[IDENTITY].project_id)["key_pairs"]
    keypairs.check_new(new.name, user_id, limit)
    private_key, public_key = (
        ("", new.public_key) if new.public_key else await asyncio.to_thread(GENERATORS[new.type], user_id)
    )
    keypairs.check_new(
        new.name, user_id, limit
    )  # again: another request may have been faster while the key was generated
    keypair = keypairs.add(new.name, user_id, public_key, new.type)
    answer = {**_describe(request, keypair), "user_id": user_id}
    if private_key:
        answer["private_key"] = private_key
    return json_response({"keypair": answer}, HTTPStatus.CREATED if version >= TYPES_SINCE else HTTPStatus.OK)


async def delete_keypair(request: web.Request) -> web.Response:
    """Delete one of the caller's key pairs. Servers keep the key they were built with."""
    request.app[KEYPAIRS].remove(_find(request))
    return web.Response(status=HTTPStatus.NO_CONTENT if microversion(request) >= TYPES_SINCE else HTTPStatus.ACCEPTED)


def _owner(request: web.Request, user_id: str | None) -> str:
    """Return the id of the user whose key pairs are requested: the caller, or since 2.10 for an admin, `user_id`."""
    user: Identity = request[IDENTITY]
    if user_id is None or microversion(request) < OTHER_USERS_SINCE or user_id == user.user_id:
        return user.user_id
    if not user.is_admin:
        raise not_authorized("os-keypairs")
    return user_id


def _find(request: web.Request) -> Keypair:
    return request.app[KEYPAIRS].find(request.match_info["name"], _owner(request, request.query.get("user_id")))


def _describe(request: web.Request, keypair: Keypair) -> dict[str, Any]:
    described = {"name": keypair.name, "public_key": keypair.public_key, "fingerprint": keypair.fingerprint}
    return {**described, "type": keypair.kind} if microversion(request) >= TYPES_SINCE else described


KEYPAIR_ROUTES = (
    web.get("/v2.1/os-keypairs", list_keypairs),
    web.post("/v2.1/os-keypairs", create_keypair),
    web.get("/v2.1/os-keypairs/{name}", show_keypair),
    web.delete("/v2.1/os-keypairs/{name}", delete_keypair),
)
