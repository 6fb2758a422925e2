"""What a compute host does with servers that it has built: it switches them off and on, and reads their consoles."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import web

from emulator.runtime.request_context import annotate
from emulator.runtime.simulated_work import simulated_work
from emulator.services.nova.compute.hypervisor import HYPERVISOR, GuestState, Instance
from emulator.services.nova.messages import (
    API,
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
from emulator.services.oslo.messaging import Handler, cast

__all__ = ["GUEST_METHODS"]


class InstanceNotFound(Exception):
    """The host does not have the server, or no more."""

    error_type = "nova.InstanceNotFound"

    def __init__(self, server_id: str) -> None:
        super().__init__(f"Instance {server_id} could not be found.")


@dataclass(frozen=True, slots=True)
class Change:
    """What is done with a server: what users call it, the step that takes the time, and the state that comes of it."""

    action: str
    step: str
    state: GuestState


GuestCall = (
    StopInstance | StartInstance | RebootInstance | PauseInstance | UnpauseInstance | SuspendInstance | ResumeInstance
)

CHANGES: Mapping[type[GuestCall], Change] = {
    StopInstance: Change("stop", "power off", "stopped"),
    StartInstance: Change("start", "power on", "active"),
    RebootInstance: Change("reboot", "reboot", "active"),
    PauseInstance: Change("pause", "pause", "paused"),
    UnpauseInstance: Change("unpause", "unpause", "active"),
    SuspendInstance: Change("suspend", "suspend", "suspended"),
    ResumeInstance: Change("resume", "resume", "active"),
}


async def change(app: web.Application, call: GuestCall) -> None:
    """Bring a server into another state, and tell nova-api. Failing is told, too; deleting the server ends it."""
    annotate(server__id=call.server_id)
    wanted, began = CHANGES[type(call)], datetime.now(UTC)
    told = InstanceUpdate(call.server_id, None, host=app[HYPERVISOR].host, action=wanted.action, began=began)
    try:
        async with _at_hand(app, call.server_id) as instance:
            if isinstance(call, RebootInstance):
                started = "reboot_started" if call.reboot_type == "SOFT" else "reboot_started_hard"
                await cast(app, API, msgspec.structs.replace(told, task_state=started))
            async with simulated_work(wanted.step):
                _write(call, instance)
                instance.state = wanted.state
            await cast(app, API, msgspec.structs.replace(told, vm_state=wanted.state))
    except Exception as error:
        await cast(app, API, msgspec.structs.replace(told, fault=str(error)))
        raise


@asynccontextmanager
async def _at_hand(app: web.Application, server_id: str) -> AsyncIterator[Instance]:
    """Hold a server that is built, until the block ends or somebody deletes it."""
    instance = app[HYPERVISOR].instances.get(server_id)
    if instance is None:
        raise InstanceNotFound(server_id)
    async with instance.lock, instance.interruptible():
        if instance.state in {"building", "deleted"}:  # it went while others had the lock
            raise InstanceNotFound(server_id)
        yield instance


def _write(call: GuestCall, instance: Instance) -> None:
    """Let the guest write to its console what it does. One that is paused or suspended writes nothing."""
    stops = isinstance(call, StopInstance) or (isinstance(call, RebootInstance) and call.reboot_type == "SOFT")
    if stops and instance.state == "active":
        instance.console.shuts_down()
    if isinstance(call, StartInstance | RebootInstance):
        instance.console.boots()


async def get_console_output(app: web.Application, call: GetConsoleOutput) -> ConsoleOutput:
    """Reply with the end of a server's console log."""
    annotate(server__id=call.server_id)
    instance = app[HYPERVISOR].instances.get(call.server_id)
    if instance is None:
        return ConsoleOutput(None)
    return ConsoleOutput(instance.console.tail(instance.request, instance.networks, call.tail_length))


GUEST_METHODS: Mapping[type[Any], Handler] = {
    **dict.fromkeys(CHANGES, change),
    GetConsoleOutput: get_console_output,
}
"""What nova-compute listens to of these, by class of message."""
