"""RPC methods for existing servers: power actions (stop, start, reboot, pause, suspend …) and the console log."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import web

from emulator.runtime.request_context import annotate
from emulator.runtime.simulated_work import simulated_work
from emulator.services.nova.compute.hypervisor import HYPERVISOR, Instance, VmState
from emulator.services.nova.compute.updates import send_update
from emulator.services.nova.messages import (
    ConsoleOutput,
    GetConsoleOutput,
    InstanceUpdate,
    PauseInstance,
    RebootInstance,
    ResumeInstance,
    StartInstance,
    StopInstance,
    SuspendInstance,
    UnpauseInstance,
)
from emulator.services.nova.objects import InstanceNotFound
from emulator.services.oslo.messaging import Handler

__all__ = ["INSTANCE_METHODS"]


@dataclass(frozen=True, slots=True)
class PowerAction:
    """An instance action: its name, the name of its simulated work, and the state that it leads to."""

    action: str
    work: str
    state: VmState


PowerCall = (
    StopInstance | StartInstance | RebootInstance | PauseInstance | UnpauseInstance | SuspendInstance | ResumeInstance
)

POWER_ACTIONS: Mapping[type[PowerCall], PowerAction] = {
    StopInstance: PowerAction("stop", "power off", "stopped"),
    StartInstance: PowerAction("start", "power on", "active"),
    RebootInstance: PowerAction("reboot", "reboot", "active"),
    PauseInstance: PowerAction("pause", "pause", "paused"),
    UnpauseInstance: PowerAction("unpause", "unpause", "active"),
    SuspendInstance: PowerAction("suspend", "suspend", "suspended"),
    ResumeInstance: PowerAction("resume", "resume", "active"),
}


async def run_power_action(app: web.Application, call: PowerCall) -> None:
    """Change a server's power state, and send the result or the failure to nova-api. A deletion interrupts it."""
    annotate(server__id=call.server_id)
    power_action = POWER_ACTIONS[type(call)]
    update = InstanceUpdate(call.server_id, None, action=power_action.action, began=datetime.now(UTC))
    try:
        async with _locked_instance(app, call.server_id) as instance:
            if isinstance(call, RebootInstance):
                started = "reboot_started" if call.reboot_type == "SOFT" else "reboot_started_hard"
                await send_update(app, msgspec.structs.replace(update, task_state=started))
            async with simulated_work(power_action.work):
                _write_console(call, instance)
                instance.state = power_action.state
            await send_update(app, msgspec.structs.replace(update, vm_state=power_action.state))
    except Exception as error:
        await send_update(app, msgspec.structs.replace(update, fault=str(error)))
        raise


@asynccontextmanager
async def _locked_instance(app: web.Application, server_id: str) -> AsyncIterator[Instance]:
    """Lock a server for the block, which ends early if the server is deleted. Raises InstanceNotFound."""
    instance = app[HYPERVISOR].instances.get(server_id)
    if instance is None:
        raise InstanceNotFound(server_id)
    async with instance.lock, instance.interruptible():
        if instance.state in {"building", "deleted"}:  # deleted while this call waited for the lock
            raise InstanceNotFound(server_id)
        yield instance


def _write_console(call: PowerCall, instance: Instance) -> None:
    """Record what the server writes to its console. While paused or suspended it writes nothing."""
    shuts_down = isinstance(call, StopInstance) or (isinstance(call, RebootInstance) and call.reboot_type == "SOFT")
    if shuts_down and instance.state == "active":
        instance.console.record_shutdown()
    if isinstance(call, StartInstance | RebootInstance):
        instance.console.record_boot()


async def get_console_output(app: web.Application, call: GetConsoleOutput) -> ConsoleOutput:
    """Reply with the last lines of a server's console log."""
    annotate(server__id=call.server_id)
    instance = app[HYPERVISOR].instances.get(call.server_id)
    if instance is None:
        return ConsoleOutput(None)
    return ConsoleOutput(instance.console.tail(instance.request, instance.networks, call.tail_length))


INSTANCE_METHODS: Mapping[type[Any], Handler] = {
    **dict.fromkeys(POWER_ACTIONS, run_power_action),
    GetConsoleOutput: get_console_output,
}
"""The handlers by message class."""
