"""A real kernel, private and on loopback only, driven cell by cell without a browser."""

from __future__ import annotations

import os
import queue
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client import BlockingKernelClient, KernelManager

from schedkit.notebook.own_kernel import own_kernel

PRIVATE = ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")
SECONDS = 60.0


@dataclass
class Cell:
    """A cell that was sent, and what it has shown so far."""

    id: str
    stdout: str = ""
    stderr: str = ""
    error: str = ""
    traceback: str = ""
    shown: list[dict[str, Any]] = field(default_factory=list)
    ended: bool = False


class Kernel:
    """One kernel; `run` a cell to its end, or `begin` it and look on."""

    def __init__(self, manager: KernelManager) -> None:
        self._manager = manager
        self._cells: dict[str, Cell] = {}
        self._client = self._connected()

    def _connected(self) -> BlockingKernelClient:
        client = self._manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        return client

    def begin(self, code: str, name: str = "") -> Cell:
        """Send a cell; a front end gives it a `name` of its own, the same at every run."""
        content = {"code": code, "silent": False, "store_history": True, "stop_on_error": True}
        message = self._client.session.msg("execute_request", content, metadata={"cellId": name})
        self._client.shell_channel.send(message)
        id = message["header"]["msg_id"]
        cell = self._cells[id] = Cell(id)
        return cell

    def run(self, code: str) -> Cell:
        """Run a cell that must succeed."""
        cell = self.end(self.begin(code))
        assert not cell.error, cell.traceback
        return cell

    def say(self, code: str) -> str:
        """Return what a cell prints."""
        return self.run(code).stdout.strip()

    def until(self, cell: Cell, text: str) -> None:
        """Wait until a cell has printed `text`."""
        self._hear(lambda: text in cell.stdout)

    def end(self, cell: Cell, seconds: float = SECONDS) -> Cell:
        """Wait for a cell's end."""
        self._hear(lambda: cell.ended, seconds)
        return cell

    def interrupt(self) -> None:
        """Press the notebook's stop button."""
        self._manager.interrupt_kernel()

    def restart(self, *, now: bool) -> None:
        """Restart it, as the menu does, or `now`: killed at once."""
        self._client.stop_channels()
        self._manager.restart_kernel(now=now)
        self._client = self._connected()

    def close(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def _hear(self, enough: Any, seconds: float = SECONDS) -> None:
        end = time.monotonic() + seconds
        while not enough():
            left = end - time.monotonic()
            assert left > 0, "the kernel said nothing of the kind"
            try:
                message = self._client.get_iopub_msg(timeout=left)
            except queue.Empty:
                continue
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        cell = self._cells.get(message["parent_header"].get("msg_id", ""))
        if cell is None:
            return
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                setattr(cell, content["name"], getattr(cell, content["name"]) + content["text"])
            case "error":
                cell.error, cell.traceback = content["ename"], "\n".join(content["traceback"])
            case "display_data" | "execute_result" | "update_display_data":
                cell.shown.append(content["data"])
            case "status":
                cell.ended = content["execution_state"] == "idle"


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return a kernel's environment: nothing of this user's, and no coverage (it hangs kernels)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
    return {**kept, **{name: str(home / name.lower()) for name in PRIVATE}, **more}


@contextmanager
def kernel(cwd: Path, home: Path, **more: str) -> Iterator[Kernel]:
    """Start a kernel of this Python in the folder `cwd`; `more` environment variables."""
    with own_kernel() as own:
        yield from _started(KernelManager(kernel_name="python3", **own.options), cwd, home, more)


def _started(manager: KernelManager, cwd: Path, home: Path, more: dict[str, str]) -> Iterator[Kernel]:
    manager.connection_file = str(home / "kernel.json")
    manager.kernel_spec.argv[0] = sys.executable
    manager.shutdown_wait_time = SECONDS  # after which it is killed, and what ends in order is not tested
    manager.start_kernel(cwd=str(cwd), env=environment(home, **more))
    try:
        started = Kernel(manager)
        try:
            yield started
        finally:
            started.close()
    finally:
        if manager.has_kernel:
            manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
        manager.context.destroy() if manager.context else None
