"""nova-compute: builds, changes and destroys servers on one host, and reports its resources to the schedulers."""

from typing import Any

from emulator.runtime.service import Service
from emulator.services.config import ServiceConfig
from emulator.services.nova.compute.build import build_and_run_instance
from emulator.services.nova.compute.hypervisor import HYPERVISOR, Hypervisor
from emulator.services.nova.compute.power_actions import INSTANCE_METHODS
from emulator.services.nova.compute.resource_reports import keep_reporting, report_resources, report_shutdown
from emulator.services.nova.compute.terminate import terminate_instance
from emulator.services.nova.messages import BuildAndRunInstance, Size, TerminateInstance, compute
from emulator.services.oslo.messaging import Handler, consumer
from emulator.services.seed_data import HOST, USERS

__all__ = ["service"]


def service(config: ServiceConfig) -> Service:
    """Build nova-compute for `config.host`. It logs in at keystone, and finds the other services in the catalog."""
    host, user = config.host, next(user for user in USERS if user.name == "nova")
    total = Size(HOST.ram_mb, HOST.vcpus, HOST.disk_gb)
    methods: dict[type[Any], Handler] = {
        BuildAndRunInstance: build_and_run_instance,
        TerminateInstance: terminate_instance,
        **INSTANCE_METHODS,
    }
    return Service(
        "nova-compute",
        state={HYPERVISOR: Hypervisor(host, total, config.endpoints["keystone"], user)},
        lock=f"nova-compute.{host}",  # two processes would share the queue, and each know some of the servers
        consumers=lambda app: [consumer(app, compute(host), methods)],
<<<<<<< HEAD
        queues=[compute(host)],
        start=report_resources,
=======
        start=report_resources,  # at once, since a scheduler knows only hosts that have reported
>>>>>>> main
        background=keep_reporting,
        leave=report_shutdown,
        resource={"host.name": host},
    )
