"""The plugin that makes a Dask worker one of schedkit's; only such a worker imports this."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schedkit.core.execution.cluster.messages import PLUGIN
from schedkit.core.execution.cluster.worker import WorkerSide

__all__ = ["attach", "plugin"]


async def attach(worker: Any, make: Callable[[Any], WorkerSide]) -> None:
    """Make a Dask worker one of schedkit's; `make` makes the worker's side from it."""
    await worker.plugin_add(plugin(make), catch_errors=False)


def plugin(make: Callable[[Any], WorkerSide]) -> Any:
    """Return what begins and ends with a Dask worker, and notes which of its tasks nobody wants any more."""
    from distributed import WorkerPlugin  # Dask is loaded where there is a worker, nowhere else

    class Plugin(WorkerPlugin):  # type: ignore[misc]  # mypy is told to skip Dask
        name = PLUGIN
        side: WorkerSide | None = None

        def setup(self, worker: Any) -> None:
            self.side = make(worker)
            self.side.begin()

        def teardown(self, worker: Any) -> None:
            if self.side is not None:
                self.side.end()

        def transition(self, key: str, start: str, finish: str, **more: Any) -> None:
            if finish == "cancelled" and self.side is not None:
                self.side.unwanted(key)

    return Plugin()
