"""The options of a scheduler as the configuration of its node."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from typing import Any

from schedkit.core.api.front_end import front_end
from schedkit.core.node.config import NodeConfig
from schedkit.core.store.database import Store
from schedkit.core.store.retention import Retention
from schedkit.core.tasks.origin import notebook_file

__all__ = ["node_config", "process_of_kind", "results_folder"]

_process: ContextVar[tuple[str, str]] = ContextVar("kind and name of this process", default=("", ""))


@contextmanager
def process_of_kind(kind: str, name: str = "") -> Iterator[None]:
    """Say what kind of process this is, for the schedulers that are made in the block.

    Parameters
    ----------
    kind : {"background", "headless", "server", "worker"}
        The background process of a notebook, ``schedkit run``, ``schedkit serve``, ``schedkit worker``.
        Elsewhere a process is a kernel or a script, as its front end tells.
    name : str
        What it is called, unless the options say; by default after its program.
    """
    token = _process.set((kind, name))
    try:
        yield
    finally:
        _process.reset(token)


def node_config(options: Mapping[str, Any]) -> NodeConfig:
    """Return how a node works that is made with all these options of a scheduler."""
    keep_runs: float | None = options["keep_runs"]
    kind, name = _process.get()
    return NodeConfig(
        name=options["name"] or name or _program_name(),
        kind=kind or front_end().kind,
        concurrency=options["concurrency"],
        threads=options["threads"],
        processes=options["processes"],
        dask=options["dask"],
        tag_limits=options["limits"],
        tz=options["tz"],
        most_interruptions=options["interruptions"],
        cancel_grace=options["cancel_grace"],
        write_patience=options["write_patience"],
        retention=Retention(
            None if keep_runs is None else timedelta(seconds=keep_runs), options["keep_results"]
        ),
    )


def _program_name() -> str:
    program = notebook_file() or Path(os.environ.get("JPY_SESSION_NAME") or sys.argv[0] or "python")
    # `python -m schedkit` has the path of a file that every package may have.
    return (program.parent if program.name == "__main__.py" else program).name or "python"


def results_folder(store: Store) -> Path:
    """Return the folder of results by default: beside the ledger's file."""
    if store.path is not None:
        return store.path.with_suffix(".results")
    return Path("schedkit-results").absolute()
