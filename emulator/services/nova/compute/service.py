"""nova-compute: builds servers on its host. It asks keystone, neutron and glance for what they need: Figure 1.8."""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import aiohttp
import msgspec
from aiohttp import web

from emulator.runtime.amqp_bus import Unroutable
from emulator.runtime.http_client import UnexpectedAnswer
from emulator.runtime.request_context import annotate
from emulator.runtime.service import HTTP, Service
from emulator.runtime.simulated_work import simulated_work
from emulator.services.auth.session import Access, Session, log_in
from emulator.services.config import ServiceConfig
from emulator.services.nova.compute.hypervisor import HYPERVISOR, ComputeResourcesUnavailable, Hypervisor, Instance
from emulator.services.nova.compute.networking import AttachedNetwork, CannotAttach, attach, networks_of, release_ports
from emulator.services.nova.compute.power_actions import GUEST_METHODS
from emulator.services.nova.compute.resource_reports import keep_reporting, report_capacity, report_leaving
from emulator.services.nova.messages import (
    API,
    SCHEDULER,
    SCHEDULER_FANOUT,
    BuildAndRunInstance,
    BuildRequest,
    DeleteInstanceInfo,
    InstanceUpdate,
    SelectDestinations,
    Size,
    TerminateInstance,
    compute,
)
from emulator.services.oslo.messaging import cast, consumer
from emulator.services.seed_data import HOST, USERS

__all__ = ["service"]

ATTEMPTS = 3
"""How many hosts are tried for a server, nova's `max_attempts`."""

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


class ImageNotActive(Exception):
    """Nobody has uploaded the image yet."""

    def __init__(self, image_id: str) -> None:
        super().__init__(f"Image {image_id} is not active.")


class SpawnFailed(Exception):
    """The hypervisor could not start the server, for reasons of its own: another host may."""

    def __init__(self, server_id: str, host: str) -> None:
        super().__init__(f"Failed to spawn instance {server_id} on host {host}")


class MaxRetriesExceeded(Exception):
    """The server failed on as many hosts as are tried."""

    def __init__(self, server_id: str, last: Exception) -> None:
        super().__init__(
            f"Exceeded maximum number of retries. Exceeded max scheduling attempts {ATTEMPTS} "
            f"for instance {server_id}. Last exception: {last}"
        )


def service(config: ServiceConfig) -> Service:
    """Build nova-compute for `config.host`. It logs in at keystone, and finds the other services in the catalog."""
    host, user = config.host, next(user for user in USERS if user.name == "nova")
    total = Size(HOST.ram_mb, HOST.vcpus, HOST.disk_gb)
    return Service(
        "nova-compute",
        state={HYPERVISOR: Hypervisor(host, total, config.endpoints[KEYSTONE], user)},
        lock=f"nova-compute.{host}",
        consumers=lambda app: [
            consumer(
                app,
                compute(host),
                {
                    BuildAndRunInstance: build_and_run_instance,
                    TerminateInstance: terminate_instance,
                    **GUEST_METHODS,
                },
            )
        ],
        start=report_capacity,
        background=keep_reporting,
        leave=report_leaving,
        resource={"host.name": host},
    )


async def build_and_run_instance(app: web.Application, call: BuildAndRunInstance) -> None:
    """Build a server, telling nova-api of every state. What fails is undone, and raised when all know of it."""
    annotate(server__id=call.request.server_id)
    try:
        instance = app[HYPERVISOR].claim(call.request, call.limits)
    except ComputeResourcesUnavailable as error:
        await _try_elsewhere(app, call, error)
        raise
    async with instance.lock:
        try:
            async with instance.interruptible():
                if instance.state == "building":  # else the message came again after the work was done
                    await _build(app, call.request, instance)
                await _tell_of(app, instance)
        except SpawnFailed as error:
            await _try_elsewhere(app, call, error)
            raise
        except Exception as error:
            await _give_up(app, call, str(error))
            raise


async def _try_elsewhere(app: web.Application, call: BuildAndRunInstance, error: Exception) -> None:
    """Ask the scheduler for another host; a server that has failed on `ATTEMPTS` of them is given up."""
    hypervisor, request = app[HYPERVISOR], call.request
    tried = (*call.tried, hypervisor.host)
    if len(tried) >= ATTEMPTS:
        await _give_up(app, call, str(MaxRetriesExceeded(request.server_id, error)))
        return
    try:
        await (_release if request.server_id in hypervisor.instances else _unclaim)(app, request.server_id)
        await _tell(app, InstanceUpdate(request.server_id, "building", "scheduling"))
        await cast(app, SCHEDULER, SelectDestinations(request, tried, str(error)))
    except Exception as failed:
        fault = f"{error}. It was not rescheduled: {failed}"
        await _tell(app, InstanceUpdate(request.server_id, "error", fault=fault))
        raise


async def _give_up(app: web.Application, call: BuildAndRunInstance, fault: str) -> None:
    try:
        await _tell(app, InstanceUpdate(call.request.server_id, "error", fault=fault))
    finally:
        await _release(app, call.request.server_id)


async def _build(app: web.Application, request: BuildRequest, instance: Instance) -> None:
    server_id = request.server_id
    await _tell(app, InstanceUpdate(server_id, "building", "networking"))
    with _aborting(server_id, "(1)", KEYSTONE):
        session = instance.session = await _session(app, step_numbers="1,2")
    instance.asked_for_ports = bool(request.networks)
    with _aborting(server_id, "(3)", NEUTRON):
        instance.networks = await _attach_all(session, request, app[HYPERVISOR].host)
    await _tell(app, InstanceUpdate(server_id, "building", "spawning"))
    with _aborting(server_id, "(5)", GLANCE):
        await _download(session, request)
    async with simulated_work("spawn", fails=lambda: SpawnFailed(server_id, app[HYPERVISOR].host)):
        instance.state = "active"
        instance.console.boots()


async def _attach_all(session: Session, request: BuildRequest, host: str) -> list[AttachedNetwork]:
    """Put a server onto its networks; return them in the order that they were asked for.

    Ports that are there come last: a network on which a server has a port already would give it no new one.
    """
    wanted = await networks_of(session, request)
    attached = {
        each: await attach(session, request, each, host)
        for each in sorted(wanted, key=lambda each: each.port is not None)
    }
    return [attached[each] for each in wanted]


async def _session(app: web.Application, step_numbers: str | None = None) -> Session:
    """Log in, and again whenever the token is refused."""
    return Session(app[HTTP], lambda: _log_in(app), await _log_in(app, step_numbers))


async def _log_in(app: web.Application, step_numbers: str | None = None) -> Access:
    """Ask keystone for a token of the service user."""
    hypervisor = app[HYPERVISOR]
    user, url = hypervisor.user, hypervisor.keystone_url
    return await log_in(
        app[HTTP],
        url,
        username=user.name,
        password=user.password,
        project=user.project,
        interface="internal",
        step=step_numbers,
    )


async def _download(session: Session, request: BuildRequest) -> None:
    """Steps (5) and (6): ask glance for the image, and check that it came whole."""
    image_id, digest = request.image_id, hashlib.md5(usedforsecurity=False)
    path = f"/v2/images/{image_id}/file?project_id={request.project_id}"
    answer = await session.fetch("GET", "image", path, step="5,6", sink=digest.update)
    answer.check()
    if answer.status == HTTPStatus.NO_CONTENT:
        raise ImageNotActive(image_id)
    expected = answer.headers.get("Content-MD5", "")
    if digest.hexdigest() != expected:
        raise ImageCorrupt(image_id, expected, digest.hexdigest())


@contextmanager
def _aborting(server_id: str, step_number: str, asked: str) -> Iterator[None]:
    """Turn what a service failed with into words that name the step."""
    try:
        yield
    except UnexpectedAnswer as error:
        raise BuildAborted(server_id, step_number, asked, f"{error.message} (HTTP {error.status})") from error
    except (aiohttp.ClientError, TimeoutError, LookupError, ImageCorrupt, ImageNotActive, CannotAttach) as error:
        raise BuildAborted(server_id, step_number, asked, str(error) or type(error).__name__) from error


async def terminate_instance(app: web.Application, call: TerminateInstance) -> None:
    """Destroy a server, ending its build if that goes on, and release what it had. Failing is told, too."""
    annotate(server__id=call.server_id)
    instances = app[HYPERVISOR].instances
    instance = instances.get(call.server_id)
    try:
        if instance is not None:
            instance.interrupt()
            async with instance.lock:
                if call.server_id in instances:
                    async with simulated_work("destroy"):
                        instance.state = "deleted"
                    await _release(app, call.server_id, call.kept_ports)
        else:
            await _release(app, call.server_id, call.kept_ports)
    except Exception as error:
        fault = f"Deletion of instance {call.server_id} aborted: {error}"
        await _tell(app, InstanceUpdate(call.server_id, "error", "deleting", fault=fault))
        raise
    await _tell(app, InstanceUpdate(call.server_id, "deleted"))


async def _release(app: web.Application, server_id: str, kept_ports: tuple[str, ...] = ()) -> None:
    """Give back what the server claimed, here and at the schedulers, and its ports.

    A server that is not known here may have been built before a restart: its ports are looked for all the same.
    """
    hypervisor = app[HYPERVISOR]
    instance = hypervisor.instances.pop(server_id, None)
    await _unclaim(app, server_id)
    if instance is None:
        await release_ports(await _session(app), server_id, kept_ports)
    elif instance.asked_for_ports:
        await release_ports(instance.session or await _session(app), server_id, instance.request.kept_ports)


async def _unclaim(app: web.Application, server_id: str) -> None:
    """Tell the schedulers that a server takes nothing of this host any more."""
    try:
        await cast(app, SCHEDULER_FANOUT, DeleteInstanceInfo(app[HYPERVISOR].host, server_id))
    except Unroutable:
        log.debug("no scheduler is there to hear that %s is gone; the next reports say so", server_id)


async def _tell_of(app: web.Application, instance: Instance) -> None:
    """Tell nova-api of a server that is built."""
    server_id, state = instance.request.server_id, instance.state
    addresses, interfaces = instance.addresses, instance.interfaces
    await _tell(app, InstanceUpdate(server_id, state, addresses=addresses, interfaces=interfaces))


async def _tell(app: web.Application, update: InstanceUpdate) -> None:
    """Tell nova-api what has become of a server, and where."""
    await cast(app, API, msgspec.structs.replace(update, host=app[HYPERVISOR].host))
