"""The serial console log of a server: kernel and cloud-init messages, generated from what the host knows of it.

The log of each boot ends with the id of the trace of that boot.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from opentelemetry.trace import format_trace_id, get_current_span

from emulator.services.nova.compute.networking import AttachedNetwork
from emulator.services.nova.messages import BuildRequest

__all__ = ["Console"]

HISTORY_LENGTH = 32  # boots and shutdowns; a real console buffer is limited, too
TABLE_RULE = "+--------+------+-----------------+-------------------+"


@dataclass(frozen=True, slots=True)
class _Boot:
    trace_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _Shutdown:
    at: datetime


@dataclass(slots=True)
class Console:
    """The console of one server. Only events are stored; the text is generated when it is read."""

    _history: deque[_Boot | _Shutdown] = field(default_factory=lambda: deque(maxlen=HISTORY_LENGTH))

    def record_boot(self) -> None:
        """Record that the server boots, in the current trace."""
        self._history.append(_Boot(format_trace_id(get_current_span().get_span_context().trace_id), datetime.now(UTC)))

    def record_shutdown(self) -> None:
        """Record a clean shutdown of the operating system."""
        self._history.append(_Shutdown(datetime.now(UTC)))

    def tail(self, request: BuildRequest, networks: Sequence[AttachedNetwork], lines: int | None) -> str:
        """Return the last `lines` of the log, or all of it for None."""
        written: list[str] = []
        for entry in self._history:
            written += _boot(entry, request, networks) if isinstance(entry, _Boot) else _shutdown(entry)
        # not written[-lines:], which is everything for 0 lines
        return "\n".join(written if lines is None else written[len(written) - min(lines, len(written)) :])


def _boot(boot: _Boot, request: BuildRequest, networks: Sequence[AttachedNetwork]) -> Iterator[str]:
    yield from _kernel(request, networks)
    yield from _cloud_init(boot, request, networks)
    yield ""
    yield f"{request.name} login: "
    yield f"trace_id={boot.trace_id}"


def _kernel(request: BuildRequest, networks: Sequence[AttachedNetwork]) -> Iterator[str]:
    size = request.size
    kilobytes = size.ram_mb * 1024
    messages = [
        (0.0, "Linux version 6.12.0-emulated (openstack-boot-emulator) #1 SMP PREEMPT_DYNAMIC"),
        (0.0, "Command line: BOOT_IMAGE=/boot/vmlinuz root=LABEL=rootfs ro console=tty1 console=ttyS0"),
        (0.0, "DMI: OpenStack Foundation OpenStack Nova, BIOS 1.16.3 04/01/2014"),
        (0.0, "Hypervisor detected: KVM"),
        (0.0214, f"Memory: {kilobytes * 15 // 16}K/{kilobytes}K available"),
        (0.0981, f"smp: Brought up 1 node, {size.vcpus} CPU{'s' * (size.vcpus > 1)}"),
        (0.4127, f"virtio_blk virtio1: [vda] {size.disk_gb * 2097152} 512-byte logical blocks ({size.disk_gb} GiB)"),
        *((0.5309, f"virtio_net eth{number}: {net.port.mac_address}") for number, net in enumerate(networks)),
        (0.8736, "EXT4-fs (vda1): mounted filesystem with ordered data mode"),
        (0.9412, f"systemd[1]: Hostname set to <{request.name}>."),
    ]
    for seconds, message in messages:
        yield f"[{seconds:12.6f}] {message}"


def _cloud_init(boot: _Boot, request: BuildRequest, networks: Sequence[AttachedNetwork]) -> Iterator[str]:
    at = boot.at.strftime("%a, %d %b %Y %H:%M:%S +0000")
    yield f"cloud-init[312]: Cloud-init v. 25.1 running 'init' at {at}. Up 1.87 seconds."
    yield f"ci-info: {TABLE_RULE}"
    yield f"ci-info: | {'Device':6} | {'Up':4} | {'Address':15} | {'Hw-Address':17} |"
    yield f"ci-info: {TABLE_RULE}"
    for number, network in enumerate(networks):
        for fixed in network.port.fixed_ips:
            yield f"ci-info: | eth{number:<3} | True | {fixed.ip_address:15} | {network.port.mac_address} |"
    yield f"ci-info: | lo     | True | {'127.0.0.1':15} | {'.':17} |"
    yield f"ci-info: {TABLE_RULE}"
    yield f"cloud-init[312]: instance-id: {request.server_id}"
    yield f"cloud-init[498]: Cloud-init v. 25.1 finished at {at}. Datasource DataSourceOpenStack. Up 2.64 seconds"


def _shutdown(shutdown: _Shutdown) -> Iterator[str]:
    at = shutdown.at.strftime("%a, %d %b %Y %H:%M:%S +0000")
    yield f"systemd-logind[287]: System is powering down at {at}."
    yield "systemd[1]: Reached target poweroff.target - System Power Off."
    yield "reboot: Power down"
