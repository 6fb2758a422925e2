"""SSH keys over HTTP: users bring their public ones, or have a pair made."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from emulator.runtime.errors import BadRequest
from emulator.runtime.http_server import IDENTITY, json_response, read_json
from emulator.services.auth.fernet_tokens import Identity
from emulator.services.nova.api.microversions import microversion
from emulator.services.nova.api.policy import not_authorized
from emulator.services.nova.objects.keypair import KEYPAIRS, Keypair
from emulator.services.nova.objects.quotas import QUOTAS
from emulator.services.oslo.pagination import page
from emulator.services.oslo.timeutils import isotime_without_zone

__all__ = ["KEYPAIR_ROUTES"]

TYPED, FOR_OTHERS, PAGED, NOT_MADE_HERE = (2, 2), (2, 10), (2, 35), (2, 92)
"""The microversions from which on keys have types, admins see others', lists have pages, and nova makes no keys."""

RSA_BITS = 2048


class NewKeypair(msgspec.Struct):
    """A key that nova is to know."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9@._ -]*$")]
    public_key: Annotated[str, msgspec.Meta(min_length=1, max_length=65535)] | None = None
    type: Literal["ssh", "x509"] = "ssh"
    user_id: str | None = None


class CreateKeypair(msgspec.Struct):
    """The body of `POST /os-keypairs`."""

    keypair: NewKeypair


async def list_keypairs(request: web.Request) -> web.Response:
    """List the caller's keys."""
    own = request.app[KEYPAIRS].of_user(_whose(request, request.query.get("user_id")))
    if microversion(request) < PAGED:
        return json_response({"keypairs": [{"keypair": _describe(request, keypair)} for keypair in own]})
    shown = page(request, own, lambda keypair: keypair.name)
    listed = [{"keypair": _describe(request, keypair)} for keypair in shown.items]
    return json_response({"keypairs": listed, **shown.links("keypairs")})


async def show_keypair(request: web.Request) -> web.Response:
    """Show one of the caller's keys."""
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
    """Remember a public key; without one, before 2.92, make a pair and answer its private half, which is not kept."""
    wanted, version = (await read_json(request, CreateKeypair)).keypair, microversion(request)
    user_id = _whose(request, wanted.user_id)
    if wanted.type != "ssh":
        raise BadRequest(f"Invalid input for field keypair.type: there are no keys of type {wanted.type} here.")
    if wanted.public_key is None and version >= NOT_MADE_HERE:
        raise BadRequest("Invalid input for field keypair.public_key: it is missing.")
    keypairs, limit = request.app[KEYPAIRS], request.app[QUOTAS].of_project(request[IDENTITY].project_id)["key_pairs"]
    keypairs.check_new(wanted.name, user_id, limit)
    private_key, public_key = ("", wanted.public_key) if wanted.public_key else await asyncio.to_thread(_make)
    keypairs.check_new(wanted.name, user_id, limit)  # another request may have come first
    keypair = keypairs.add(wanted.name, user_id, public_key, wanted.type)
    answer = {**_describe(request, keypair), "user_id": user_id}
    if private_key:
        answer["private_key"] = private_key
    return json_response({"keypair": answer}, HTTPStatus.CREATED if version >= TYPED else HTTPStatus.OK)


async def delete_keypair(request: web.Request) -> web.Response:
    """Forget one of the caller's keys. Servers keep what they were given."""
    request.app[KEYPAIRS].remove(_find(request))
    return web.Response(status=HTTPStatus.NO_CONTENT if microversion(request) >= TYPED else HTTPStatus.ACCEPTED)


def _make() -> tuple[str, str]:
    """Return a new pair: the private key in PEM, the public one in OpenSSH's format."""
    # imported here, since every start would wait for it, and few users have keys made
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    private = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return pem, f"{public} Generated-by-Nova"


def _whose(request: web.Request, asked: str | None) -> str:
    """Return whose keys are meant: the caller's, or those of whom an admin names."""
    user: Identity = request[IDENTITY]
    if asked is None or microversion(request) < FOR_OTHERS or asked == user.user_id:
        return user.user_id
    if not user.is_admin:
        raise not_authorized("os-keypairs")
    return asked


def _find(request: web.Request) -> Keypair:
    return request.app[KEYPAIRS].find(request.match_info["name"], _whose(request, request.query.get("user_id")))


def _describe(request: web.Request, keypair: Keypair) -> dict[str, Any]:
    described = {"name": keypair.name, "public_key": keypair.public_key, "fingerprint": keypair.fingerprint}
    return {**described, "type": keypair.kind} if microversion(request) >= TYPED else described


KEYPAIR_ROUTES = (
    web.get("/v2.1/os-keypairs", list_keypairs),
    web.post("/v2.1/os-keypairs", create_keypair),
    web.get("/v2.1/os-keypairs/{name}", show_keypair),
    web.delete("/v2.1/os-keypairs/{name}", delete_keypair),
)
