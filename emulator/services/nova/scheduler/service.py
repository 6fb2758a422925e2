"""nova-scheduler: its RPC methods. It chooses a host for each server, claims resources on it and sends it the build.

Real nova-scheduler replies to nova-conductor, which sends the build. This is the shorter sequence of Figure 1.8.
"""

from aiohttp import web
from opentelemetry.trace import Span

from emulator.runtime.amqp_session import BusUnavailable
from emulator.runtime.request_context import annotate
from emulator.runtime.service import SERVICE_CONTEXT, Service
from emulator.runtime.simulated_work import simulated_work, value_or_fault
from emulator.services.config import ServiceConfig
from emulator.services.nova.messages import (
    API,
    SCHEDULER,
    SCHEDULER_FANOUT,
    BuildAndRunInstance,
    DeleteInstanceInfo,
    HostSummary,
    InstanceUpdate,
    ListHosts,
    MaxRetriesExceeded,
    SelectDestinations,
    Size,
    UpdateServiceCapabilities,
    compute,
)
from emulator.services.nova.scheduler.filters import NoValidHost, choose_host
from emulator.services.nova.scheduler.hosts import Host, Hosts
from emulator.services.oslo.messaging import cast, consumer

__all__ = ["service"]

HOSTS = web.AppKey("hosts", Hosts)


def service(config: ServiceConfig) -> Service:
    """Build nova-scheduler. Its cloud is ready when all `config.hosts` have reported: the first boot can choose any."""
    return Service(
        "nova-scheduler",
        state={HOSTS: Hosts()},
        lock="nova-scheduler",
        consumers=lambda app: [
            consumer(
                app,
                SCHEDULER_FANOUT,
                {UpdateServiceCapabilities: update_service_capabilities, DeleteInstanceInfo: delete_instance_info},
                repeated=(UpdateServiceCapabilities,),
            ),
            consumer(app, SCHEDULER, {SelectDestinations: select_destinations, ListHosts: list_hosts}),
        ],
        queues=[SCHEDULER],
        cloud_ready=lambda app: app[HOSTS].wait_for(len(config.hosts)),
    )


async def select_destinations(app: web.Application, call: SelectDestinations) -> None:
    """Choose a host and send it the build. After a failure, notify nova-api and raise it."""
    request, hosts = call.request, app[HOSTS]
    annotate(server__id=request.server_id)
    try:
        async with simulated_work("select_destinations") as span:
            await hosts.wait_for()
            host = _claim_host(app, call, span)
            limits = value_or_fault("limits", right=host.total, wrong=lambda: Size(0, 0, 0))
        try:
            await cast(app, compute(host.name), BuildAndRunInstance(request, limits, call.tried))
        except BusUnavailable:
            hosts.release(host.name, request.server_id)
            raise
    except Exception as error:
        fault = error
        if isinstance(error, NoValidHost) and call.tried:
            reason = "Exhausted all hosts available for retrying build failures"
            fault = MaxRetriesExceeded(reason, request.server_id, call.last_error)
        await cast(app, API, InstanceUpdate(request.server_id, vm_state="error", fault=str(fault)))
        raise


def _claim_host(app: web.Application, call: SelectDestinations, span: Span) -> Host:
    """Choose a host that was not tried yet, and claim the server's resources on it. Raises NoValidHost."""
    hosts, request = app[HOSTS], call.request
    for name in call.tried:
        hosts.release(name, request.server_id)
    claimed = hosts.claimed_for(request.server_id)
    if claimed is not None:  # the message was redelivered: keep the first choice
        return claimed
    host = choose_host(hosts.by_name(), call, app[SERVICE_CONTEXT].rng, span)
    host.claim(request.server_id, request.size)
    return host


async def list_hosts(app: web.Application, _: ListHosts) -> list[HostSummary]:
    """Reply with all hosts."""
    return app[HOSTS].summaries()


async def update_service_capabilities(app: web.Application, call: UpdateServiceCapabilities) -> None:
    """Record a host's report."""
    app[HOSTS].apply_report(call)


async def delete_instance_info(app: web.Application, call: DeleteInstanceInfo) -> None:
    """Release a server's claim."""
    annotate(server__id=call.server_id)
    app[HOSTS].release(call.host, call.server_id)
