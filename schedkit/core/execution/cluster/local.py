"""A cluster of this machine, for a process that names none: Dask's scheduler here, a worker beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import IO

__all__ = ["LocalWorker"]


class LocalWorker:
    """The worker of such a cluster.

    Parameters
    ----------
    places : int
        How many calls it carries out at once.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._process: subprocess.Popen[bytes] | None = None
        self._open = ExitStack()
        self._output: IO[bytes] | None = None

    @asynccontextmanager
    async def cluster(self) -> AsyncIterator[str]:
        """Make a Dask cluster without workers in the block, and yield its address."""
        import distributed

        # Only for processes of this machine, and without Dask's web page, whose port another may have.
        local = distributed.LocalCluster(
            n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0", asynchronous=True, silence_logs=50
        )
        async with local:
            yield local.scheduler_address

    def start(self, address: str, files: Sequence[str]) -> None:
        """Start the worker as a process that runs these files."""
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        command = [sys.executable, "-m", "schedkit", "worker", "--dask", address]
        command += ["--threads", str(self._places), *files]
        with tempfile.TemporaryFile() as output:
            self._output = self._open.enter_context(os.fdopen(os.dup(output.fileno()), "w+b"))
        self._process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._output,
        )

    def failure(self) -> str:
        """Return why it has ended, empty if it has not."""
        if self._process is None or self._output is None or self._process.poll() is None:
            return ""
        self._output.seek(0)
        lines = self._output.read().decode(errors="replace").strip().splitlines()
        told = f": {lines[-1]}" if lines else ""
        return f"the worker of this process ended with exit code {self._process.returncode}{told}"

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        self._open.close()
