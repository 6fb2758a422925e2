"""Filters and weighers, by which the scheduler chooses a host. Both are recorded as events on the span.

See https://docs.openstack.org/nova/latest/admin/scheduling.html for nova's own.
"""

from collections.abc import Callable, Mapping

from opentelemetry.trace import Span
from opentelemetry.util.types import AnyValue

from emulator.runtime.seeded_random import SeededRandom
from emulator.runtime.simulated_work import value_or_fault
from emulator.services.nova.messages import SelectDestinations, Size
from emulator.services.nova.scheduler.hosts import Host

__all__ = ["NoValidHost", "choose_host"]

Filter = Callable[[Host, Size], bool]

FILTERS: Mapping[str, Filter] = {
    "ComputeFilter": lambda host, _: host.is_up,
    "RamFilter": lambda host, size: host.free.ram_mb >= size.ram_mb,
    "CoreFilter": lambda host, size: host.free.vcpus >= size.vcpus,
    "DiskFilter": lambda host, size: host.free.disk_gb >= size.disk_gb,
}
"""The filters for every server, in order. In nova, placement does the work of the last three."""


class NoValidHost(Exception):
    """No host passes all filters."""

    error_type = "nova.NoValidHost"

    def __init__(self, size: Size, largest_free_mb: int, hosts: int, requested_host: str | None) -> None:
        only = "" if requested_host is None else f", requested_host={requested_host}"
        super().__init__(
            "No valid host was found. There are not enough hosts available: "
            f"requested_ram_mb={size.ram_mb}, requested_vcpus={size.vcpus}, requested_disk_gb={size.disk_gb}, "
            f"largest_free_ram_mb={largest_free_mb}, hosts={hosts}{only}."
        )


def choose_host(hosts: list[Host], call: SelectDestinations, rng: SeededRandom, span: Span) -> Host:
    """Return the host with the most free RAM of those that pass all filters. Raises NoValidHost."""
    passed = _filter(hosts, call, span)
    request = call.request
    if not passed:
        largest = max((host.free.ram_mb for host in hosts), default=0)
        raise NoValidHost(request.size, largest, len(hosts), request.requested_host)
    most = max(host.free.ram_mb for host in passed)
    best = [host for host in passed if host.free.ram_mb == most]
    # Random among hosts of equal weight, as with nova's `shuffle_best_same_weighed_hosts`: otherwise the servers of an
    # empty cloud would all go to its first host.
    chosen = rng.draw("tie", request.server_id, *call.tried).choice(best)
    names, weights = [host.name for host in passed], [host.free.ram_mb for host in passed]
    weighed: dict[str, AnyValue] = {
        "openstack.scheduler.weigher": "RAMWeigher",
        "openstack.scheduler.hosts.weighed": names,
        "openstack.scheduler.weights": weights,
    }
    span.add_event("weigher", weighed)
    span.set_attribute("openstack.scheduler.host", chosen.name)
    return chosen


def _filter(hosts: list[Host], call: SelectDestinations, span: Span) -> list[Host]:
    """Return the hosts that pass all filters. Each filter is an event on the span."""
    for name, passes in {**_request_filters(call), **FILTERS}.items():
        before = hosts
        hosts = value_or_fault(name, right=[host for host in before if passes(host, call.request.size)], wrong=list)
        attributes = {
            "openstack.scheduler.filter": name,
            "openstack.scheduler.hosts.before": [host.name for host in before],
            "openstack.scheduler.hosts.after": [host.name for host in hosts],
        }
        span.add_event("filter", attributes)
    return hosts


def _request_filters(call: SelectDestinations) -> dict[str, Filter]:
    """Return the filters that only some requests need: for a requested host, and for hosts that were tried.

    Nova reschedules a build to one of the alternates that its first scheduling returned, and needs no such filter.
    """
    requested_host, tried = call.request.requested_host, call.tried
    filters: dict[str, Filter] = {}
    if requested_host is not None:
        filters["RequestedDestinationFilter"] = lambda host, _: host.name == requested_host
    if tried:
        filters["RetryFilter"] = lambda host, _: host.name not in tried
    return filters
