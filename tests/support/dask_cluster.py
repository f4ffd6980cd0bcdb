"""A Dask cluster of one worker process on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

__all__ = ["dask_client"]


@contextmanager
def dask_client() -> Iterator[Any]:
    """Yield a client of a new cluster; without Dask the test is skipped."""
    dask = pytest.importorskip("dask", reason="distributed is absent")
    distributed = pytest.importorskip("distributed")
    dask.config.set({"distributed.scheduler.allowed-failures": 0, "distributed.worker.daemon": True})
    # Without an address its HTTP server takes port 8787, which another cluster may have.
    address = "127.0.0.1:0"
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=address, host="127.0.0.1"
    )
    with cluster, distributed.Client(cluster) as client:
        yield client
