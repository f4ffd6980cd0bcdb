"""The ends of other processes of this machine, told by the system where it does: by Linux's pidfds."""

from __future__ import annotations

import os
from collections.abc import Set as AbstractSet

import anyio

__all__ = ["DeathWatch"]


class DeathWatch:
    """Wakes the task that waits when one of some processes has ended; on our loop."""

    def __init__(self) -> None:
        self._watched: dict[int, int] = {}  # process → file descriptor
        self._woken = anyio.Event()

    def watch(self, pids: AbstractSet[int]) -> None:
        """Watch these processes from the next `wait` on, and no others."""
        for pid in self._watched.keys() - pids:
            self._forget(pid)
        if hasattr(os, "pidfd_open"):
            for pid in pids - self._watched.keys():
                self._begin(pid)

    def watches_all(self, pids: AbstractSet[int]) -> bool:
        """Tell whether the end of each of these processes would be told."""
        return pids <= self._watched.keys()

    def _begin(self, pid: int) -> None:
        try:
            self._watched[pid] = os.pidfd_open(pid)
        except OSError:  # it has ended, is of another container, or the system does not do it
            return

    def _forget(self, pid: int) -> None:
        watched = self._watched.pop(pid)
        anyio.notify_closing(watched)
        os.close(watched)

    def wake(self) -> None:
        """Wake the task that waits."""
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        """Wait until a process ends or `wake`, for so many seconds at most."""
        with anyio.move_on_after(seconds):
            async with anyio.create_task_group() as group:
                for pid, watched in self._watched.items():
                    group.start_soon(self._wait_for, pid, watched)
                await self._woken.wait()
                group.cancel_scope.cancel()
        self._woken = anyio.Event()

    async def _wait_for(self, pid: int, watched: int) -> None:
        try:
            await anyio.wait_readable(watched)
        except anyio.ClosedResourceError:  # it is watched no more
            return
        if self._watched.get(pid) == watched:  # else it was found dead, and forgotten, in the same moment
            self._forget(pid)  # its end is told once
        self.wake()
