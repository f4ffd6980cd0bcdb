"""The options of a scheduler as the configuration of its node."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from schedkit.core.node.config import NodeConfig
from schedkit.core.store.database import Store
from schedkit.core.store.retention import Retention

__all__ = ["node_config", "results_folder"]


def node_config(options: Mapping[str, Any]) -> NodeConfig:
    """Return how a node works that is made with all these options of a scheduler."""
    keep_runs: float | None = options["keep_runs"]
    return NodeConfig(
        name=options["name"] or _process_name(),
        concurrency=options["concurrency"],
        threads=options["threads"],
        processes=options["processes"],
        tag_limits=options["limits"],
        tz=options["tz"],
        most_interruptions=options["interruptions"],
        cancel_grace=options["cancel_grace"],
        write_patience=options["write_patience"],
        retention=Retention(
            None if keep_runs is None else timedelta(seconds=keep_runs), options["keep_results"]
        ),
    )


def _process_name() -> str:
    notebook = os.environ.get("JPY_SESSION_NAME")
    return Path(notebook or sys.argv[0] or "python").name or "python"


def results_folder(store: Store) -> Path:
    """Return the folder of results by default: beside the ledger's file."""
    if store.path is not None:
        return store.path.with_suffix(".results")
    return Path("schedkit-results").absolute()
