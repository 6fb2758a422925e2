"""Task groups whose tasks can be waited for or cancelled. A task never outlives its owner."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

__all__ = ["SharedTimeout", "Tasks", "task_group", "unless"]


class Tasks:
    """A task group that knows its tasks, so that they can be waited for or cancelled."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self.over = False
        """Whether no more tasks may be started."""
        self._group = group
        self._running: set[asyncio.Task[None]] = set()

    def start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task. If it fails, its owner fails with the same error."""
        task = self._group.create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def finish(self, seconds: float) -> None:
        """Wait at most `seconds` until the tasks have ended; cancel those that have not."""
        if self._running and seconds:
            await asyncio.wait(self._running, timeout=seconds)
        for task in list(self._running):
            task.cancel()


class SharedTimeout:
    """A timeout that several users share, one after the other. It starts when the first of them calls `left`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: float | None = None

    def left(self) -> float:
        """Return the seconds that are left. The first call starts the clock."""
        now = asyncio.get_running_loop().time()
        self._until = now + self._seconds if self._until is None else self._until
        return max(self._until - now, 0.0)


@asynccontextmanager
async def task_group() -> AsyncIterator[Tasks]:
    """Run tasks while the block lasts and until they have ended. A single error is raised by itself, not in a group."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = Tasks(group)
            try:
                yield tasks
            finally:
                tasks.over = True
    except BaseExceptionGroup as errors:
        if len(errors.exceptions) == 1:
            raise errors.exceptions[0] from None
        raise


async def unless(stopping: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until it ends or `stopping` is set. Raises what `work` raises."""

    async def stopped() -> None:
        await stopping.wait()

    async with task_group() as tasks:
        either = [tasks.start(work), tasks.start(stopped())]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        await tasks.finish(0)
