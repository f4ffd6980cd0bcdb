"""The plugin that makes a Dask worker one of schedkit's; only such a worker imports this."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from distributed import WorkerPlugin

from schedkit.core.execution.cluster.messages import PLUGIN
from schedkit.core.execution.cluster.worker import WorkerSide

__all__ = ["Plugin", "attach"]


class Plugin(WorkerPlugin):  # type: ignore[misc]  # mypy is told to skip Dask
    """Begins and ends with a Dask worker, and notes which of its tasks nobody wants any more.

    Parameters
    ----------
    make : callable
        Makes the worker's side from the Dask worker.
    """

    name = PLUGIN

    def __init__(self, make: Callable[[Any], WorkerSide]) -> None:
        self._make = make
        self.side: WorkerSide | None = None

    def setup(self, worker: Any) -> None:
        """Begin."""
        self.side = self._make(worker)
        self.side.begin()

    def teardown(self, worker: Any) -> None:
        """End."""
        if self.side is not None:
            self.side.end()

    def transition(self, key: str, start: str, finish: str, **more: Any) -> None:
        """End a call whose task is cancelled while it is carried out."""
        if finish == "cancelled" and self.side is not None:
            self.side.unwanted(key)


async def attach(worker: Any, make: Callable[[Any], WorkerSide]) -> None:
    """Make a Dask worker one of schedkit's."""
    await worker.plugin_add(Plugin(make), catch_errors=False)
