"""Builds a server on a compute host: steps (1) to (6) of Figure 1.8, then the spawn. Reschedules it if that fails."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from aiohttp import web

from emulator.runtime.http_client import UnexpectedAnswer
from emulator.runtime.request_context import annotate
from emulator.runtime.simulated_work import simulated_work
from emulator.services.auth.session import Session
from emulator.services.nova.compute.hypervisor import HYPERVISOR, ComputeResourcesUnavailable, Instance
from emulator.services.nova.compute.image_download import ImageCorrupt, ImageNotActive, download
from emulator.services.nova.compute.networking import AttachedNetwork, CannotAttach, attach, networks_of
from emulator.services.nova.compute.session import open_session
from emulator.services.nova.compute.terminate import release, release_claim
from emulator.services.nova.compute.updates import send_built, send_update
from emulator.services.nova.messages import (
    SCHEDULER,
    BuildAndRunInstance,
    BuildRequest,
    InstanceUpdate,
    MaxRetriesExceeded,
    SelectDestinations,
)
from emulator.services.oslo.messaging import cast

__all__ = ["build_and_run_instance"]

MAX_ATTEMPTS = 3
"""On how many hosts a build is tried: nova's `[scheduler] max_attempts`."""

KEYSTONE, NEUTRON, GLANCE = "keystone", "neutron-server", "glance-api"


class BuildAborted(Exception):
    """The build failed at a step of Figure 1.8. Another host would fail as well, so it is not rescheduled."""

    error_type = "nova.BuildAborted"

    def __init__(self, server_id: str, step_number: str, service: str, reason: object) -> None:
        super().__init__(f"Build of instance {server_id} aborted at step {step_number}, {service}: {reason}")


class SpawnFailed(Exception):
    """The hypervisor could not start the server. Another host may succeed."""

    error_type = "nova.SpawnFailed"

    def __init__(self, server_id: str, host: str) -> None:
        super().__init__(f"Failed to spawn instance {server_id} on host {host}")


async def build_and_run_instance(app: web.Application, call: BuildAndRunInstance) -> None:
    """Build a server, with an update to nova-api for each state. After a failure, clean up, report it and raise it."""
    annotate(server__id=call.request.server_id)
    try:
        instance = app[HYPERVISOR].claim(call.request, call.limits)
    except ComputeResourcesUnavailable as error:
        await _reschedule(app, call, error)
        raise
    async with instance.lock:
        try:
            async with instance.interruptible():
                if instance.state == "building":  # otherwise the message was redelivered after the build
                    await _build(app, call.request, instance)
                await send_built(app, instance)
        except SpawnFailed as error:
            await _reschedule(app, call, error)
            raise
        except Exception as error:
            await _fail(app, call, str(error))
            raise


async def _build(app: web.Application, request: BuildRequest, instance: Instance) -> None:
    server_id, host = request.server_id, app[HYPERVISOR].host
    await send_update(app, InstanceUpdate(server_id, "building", "networking"))
    with _aborting(server_id, "(1)", KEYSTONE):
        session = instance.session = await open_session(app, step_numbers="1,2")
    # Set before the ports exist: if the answer is lost, they have to be released all the same.
    instance.ports_requested = bool(request.networks)
    with _aborting(server_id, "(3)", NEUTRON):
        instance.networks = await _attach_all(session, request, host)
    await send_update(app, InstanceUpdate(server_id, "building", "spawning"))
    with _aborting(server_id, "(5)", GLANCE):
        await download(session, request)
    async with simulated_work("spawn", fails=lambda: SpawnFailed(server_id, host)):
        instance.state = "active"
        instance.console.record_boot()


async def _attach_all(session: Session, request: BuildRequest, host: str) -> list[AttachedNetwork]:
    """Attach a server to its networks, and return them in the order of the request."""
    attached, interfaces = list[AttachedNetwork](), Counter[str | None]()
    for network in await networks_of(session, request):
        attached.append(await attach(session, request, network, host, interfaces[network.uuid]))
        if network.port is None:
            interfaces[network.uuid] += 1
    return attached


@contextmanager
def _aborting(server_id: str, step_number: str, service: str) -> Iterator[None]:
    """Turn the error of a service, or of the network, into a BuildAborted that names the step."""
    try:
        yield
    except UnexpectedAnswer as error:
        raise BuildAborted(server_id, step_number, service, f"{error.message} (HTTP {error.status})") from error
    except (aiohttp.ClientError, TimeoutError, LookupError, ImageCorrupt, ImageNotActive, CannotAttach) as error:
        raise BuildAborted(server_id, step_number, service, str(error) or type(error).__name__) from error


async def _reschedule(app: web.Application, call: BuildAndRunInstance, error: Exception) -> None:
    """Ask the scheduler for another host. After MAX_ATTEMPTS hosts the server goes to ERROR.

    Real nova-compute casts `build_instances` to nova-conductor, which takes the next of the scheduler's alternates.
    """
    hypervisor, request = app[HYPERVISOR], call.request
    tried = (*call.tried, hypervisor.host)
    if len(tried) >= MAX_ATTEMPTS:
        reason = f"Exceeded max scheduling attempts {MAX_ATTEMPTS}"
        await _fail(app, call, str(MaxRetriesExceeded(reason, request.server_id, error)))
        return
    try:
        if request.server_id in hypervisor.instances:
            await release(app, request.server_id)
        else:  # the host could not claim the resources, so the server has nothing here but the scheduler's claim
            await release_claim(app, request.server_id)
        await send_update(app, InstanceUpdate(request.server_id, "building", "scheduling"))
        await cast(app, SCHEDULER, SelectDestinations(request, tried, str(error)))
    except Exception as reschedule_error:
        fault = f"{error}. It was not rescheduled: {reschedule_error}"
        await send_update(app, InstanceUpdate(request.server_id, "error", fault=fault))
        raise


async def _fail(app: web.Application, call: BuildAndRunInstance, fault: str) -> None:
    """Put the server into ERROR and release its resources."""
    try:
        await send_update(app, InstanceUpdate(call.request.server_id, "error", fault=fault))
    finally:
        await release(app, call.request.server_id)
