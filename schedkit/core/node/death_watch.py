"""The ends of other processes of this machine, told by the system where it does: by Linux's pidfds."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Set as AbstractSet

import anyio

__all__ = ["DeathWatch"]


class DeathWatch:
    """Wakes who waits when one of some processes has ended; on our loop."""

    def __init__(self) -> None:
        self._watched: dict[int, int] = {}  # process → file descriptor
        self._woken = anyio.Event()

    def watch(self, pids: AbstractSet[int]) -> None:
        """Watch these processes from now on, and no others."""
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
            watched = os.pidfd_open(pid)
        except OSError:  # it has ended, is of another container, or the system does not do it
            return
        self._watched[pid] = watched
        asyncio.get_running_loop().add_reader(watched, self._ended, pid)

    def _ended(self, pid: int) -> None:
        self._forget(pid)  # it is told once
        self.wake()

    def _forget(self, pid: int) -> None:
        watched = self._watched.pop(pid)
        asyncio.get_running_loop().remove_reader(watched)
        os.close(watched)

    def wake(self) -> None:
        """Wake who waits."""
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        """Wait until a process ends or `wake`, for so many seconds at most."""
        with anyio.move_on_after(seconds):
            await self._woken.wait()
        self._woken = anyio.Event()
