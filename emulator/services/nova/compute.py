"""nova-compute: builds servers on its host. It asks keystone, neutron and glance for what they need: Figure 1.8."""

import asyncio
import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Literal

import aiohttp
from aiohttp import web

from emulator.plumbing.amqp import Unroutable
from emulator.plumbing.amqp_link import BusUnavailable
from emulator.plumbing.http_client import HttpClient, UnexpectedAnswer, message_in
from emulator.plumbing.scene import acting, annotate
from emulator.plumbing.service import ACTOR, HTTP, Service
from emulator.plumbing.steps import step
from emulator.services.fresh import HOST, User
from emulator.services.login import Access, log_in
from emulator.services.nova.hypervisor import Hypervisor, Instance, NetworkAnswer, PortsAnswer
from emulator.services.nova.messages import (
    API,
    SCHEDULER_FANOUT,
    BuildAndRunInstance,
    BuildRequest,
    DeleteInstanceInfo,
    InstanceUpdate,
    Size,
    TerminateInstance,
    UpdateServiceCapabilities,
    cast,
    compute,
    consumer,
)

__all__ = ["service"]

REPORT_SECONDS = 10.0
RETRY_REPORT_SECONDS = 1.0  # while no scheduler listens yet

log = logging.getLogger(__name__)

KEYSTONE, NEUTRON, GLANCE = "keystone", "neutron-server", "glance-api"


class BuildAborted(Exception):
    """A server that could not be built, with the step of Figure 1.8 at which it broke."""

    def __init__(self, server_id: str, step_number: str, asked: str, why: object) -> None:
        super().__init__(f"Build of instance {server_id} aborted at step {step_number}, {asked}: {why}")


class ImageCorrupt(Exception):
    """The bytes that came are not those that glance has."""

    def __init__(self, image_id: str, expected: str, found: str) -> None:
        super().__init__(f"image {image_id} has checksum {found}, glance said {expected}")


HYPERVISOR = web.AppKey("hypervisor", Hypervisor)


def service(host: str, keystone_url: str, user: User) -> Service:
    """A compute host. It logs in at `keystone_url` as `user`, and finds the other services in the catalog."""
    total = Size(HOST.ram_mb, HOST.vcpus, HOST.disk_gb)
    return Service(
        "nova-compute",
        state={HYPERVISOR: Hypervisor(host, total, keystone_url, user)},
        consumers=lambda app: [
            consumer(
                app,
                compute(host),
                {BuildAndRunInstance: build_and_run_instance, TerminateInstance: terminate_instance},
            )
        ],
        start=report_capacity,
        background=keep_reporting,
        resource={"host.name": host},
    )


async def build_and_run_instance(app: web.Application, call: BuildAndRunInstance) -> None:
    """Build a server, telling nova-api of every state. What fails is undone, and raised when all know of it."""
    request, hypervisor = call.request, app[HYPERVISOR]
    annotate(server__id=request.server_id)
    try:
        instance = hypervisor.claim(request)
        async with instance.lock:
            if not instance.running:  # else the message came again after the work was done
                await _build(app, request, instance)
            await _tell(app, request.server_id, "active", addresses=instance.addresses)
    except Exception as error:
        try:
            await _tell(app, request.server_id, "error", fault=str(error))
        finally:
            await _release(app, request.server_id)
        raise


async def _build(app: web.Application, request: BuildRequest, instance: Instance) -> None:
    http, server_id = app[HTTP], request.server_id
    await _tell(app, server_id, "building", "networking")
    with _aborting(server_id, "(1)", KEYSTONE):
        access = await _log_in(app, step_numbers="1,2")
    instance.asked_for_ports = bool(request.network_ids)
    with _aborting(server_id, "(3)", NEUTRON):
        for network_id in request.network_ids:
            url = f"{access.url('network')}/v2.0/networks/{network_id}?device_id={server_id}"
            answer = await http.fetch("GET", url, token=access.token, step="3,4")
            instance.networks.append(answer.read(NetworkAnswer).network)
    await _tell(app, server_id, "building", "spawning")
    with _aborting(server_id, "(5)", GLANCE):
        await _download(
            http, f"{access.url('image')}/v2/images/{request.image_id}/file", access.token, request.image_id
        )
    async with step("spawn"):
        instance.running = True


async def _log_in(app: web.Application, step_numbers: str | None = None) -> Access:
    """Ask keystone for a token of the service user."""
    hypervisor = app[HYPERVISOR]
    user, url = hypervisor.user, hypervisor.keystone_url
    return await log_in(
        app[HTTP], url, username=user.name, password=user.password, project=user.project, step=step_numbers
    )


async def _download(http: HttpClient, url: str, token: str, image_id: str) -> None:
    """Steps (5) and (6): ask glance for the image, and check that it came whole."""
    digest, refusal = hashlib.md5(usedforsecurity=False), b""
    async with http.stream("GET", url, token=token, step="5,6") as response:
        if response.ok:
            async for chunk in response.content.iter_any():
                digest.update(chunk)
        else:
            refusal = await response.read()
    if not response.ok:
        raise UnexpectedAnswer("GET", url, response.status, message_in(refusal, response.status))
    expected = response.headers.get("Content-MD5", "")
    if digest.hexdigest() != expected:
        raise ImageCorrupt(image_id, expected, digest.hexdigest())


@contextmanager
def _aborting(server_id: str, step_number: str, asked: str) -> Iterator[None]:
    """Turn what a service failed with into words that name the step."""
    try:
        yield
    except UnexpectedAnswer as error:
        raise BuildAborted(server_id, step_number, asked, f"{error.message} (HTTP {error.status})") from error
    except (aiohttp.ClientError, TimeoutError, LookupError, ImageCorrupt) as error:
        raise BuildAborted(server_id, step_number, asked, str(error) or type(error).__name__) from error


async def terminate_instance(app: web.Application, call: TerminateInstance) -> None:
    """Destroy a server, when what is being done with it is done, and release what it had. Failing is told, too."""
    annotate(server__id=call.server_id)
    instance = app[HYPERVISOR].instances.get(call.server_id)
    try:
        if instance is not None:
            async with instance.lock, step("destroy"):
                instance.running = False
        await _release(app, call.server_id)
    except Exception as error:
        fault = f"Deletion of instance {call.server_id} aborted: {error}"
        await _tell(app, call.server_id, "error", "deleting", fault=fault)
        raise
    await _tell(app, call.server_id, "deleted")


async def _release(app: web.Application, server_id: str) -> None:
    """Give back what the server claimed, here and at the schedulers, and its ports.

    A server that is not known here may have been built before a restart: its ports are looked for all the same.
    """
    hypervisor = app[HYPERVISOR]
    instance = hypervisor.instances.pop(server_id, None)
    try:
        await cast(app, SCHEDULER_FANOUT, DeleteInstanceInfo(hypervisor.host, server_id))
    except Unroutable:
        log.debug("no scheduler is there to hear that %s is gone; the next reports say so", server_id)
    if instance is None or instance.asked_for_ports:
        await _release_ports(app, server_id)


async def _release_ports(app: web.Application, server_id: str) -> None:
    """Delete the server's ports: those that neutron has, whatever became of its answers."""
    access = await _log_in(app)
    ports = f"{access.url('network')}/v2.0/ports"
    found = (await app[HTTP].fetch("GET", f"{ports}?device_id={server_id}", token=access.token)).read(PortsAnswer)
    for port in found.ports:
        answer = await app[HTTP].fetch("DELETE", f"{ports}/{port.id}", token=access.token)
        if answer.status not in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND}:
            raise UnexpectedAnswer("DELETE", answer.url, answer.status, message_in(answer.body, answer.status))


async def _tell(
    app: web.Application,
    server_id: str,
    vm_state: Literal["building", "active", "error", "deleted"],
    task_state: str | None = None,
    addresses: dict[str, list[dict[str, Any]]] | None = None,
    fault: str | None = None,
) -> None:
    """Tell nova-api what has become of a server."""
    host = app[HYPERVISOR].host
    await cast(app, API, InstanceUpdate(server_id, vm_state, task_state, host, addresses, fault))


async def report_capacity(app: web.Application) -> None:
    """Tell every scheduler what this host has. A report is a trace of its own."""
    hypervisor = app[HYPERVISOR]
    instances = {server_id: instance.size for server_id, instance in hypervisor.instances.items()}
    report = UpdateServiceCapabilities(hypervisor.host, hypervisor.total, instances)
    with acting(app[ACTOR]):
        try:
            await cast(app, SCHEDULER_FANOUT, report)
            hypervisor.heard = True
        except BusUnavailable:  # no scheduler is up, or no broker: the next report comes soon
            hypervisor.heard = False


async def keep_reporting(app: web.Application) -> None:
    """Report every REPORT_SECONDS, and sooner where nobody has heard the last one."""
    while True:
        await asyncio.sleep(REPORT_SECONDS if app[HYPERVISOR].heard else RETRY_REPORT_SECONDS)
        await report_capacity(app)
