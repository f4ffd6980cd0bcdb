"""One measured run of a scheduler, in a process of its own: ``python -m bench.clock_runs JSON``.

Ours and its peer do the same: so many schedules, an empty coroutine each, and every start writes down
how late it is.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

LATE: list[float] = []
BASE = 0.0
PERIOD = 0.0


async def note(offset: float) -> None:
    """The job of every schedule: how long ago was my time? (Nobody is a whole period late.)"""
    LATE.append((time.time() - BASE - offset) % PERIOD)


async def watch_gaps(gaps: list[float], until: float) -> None:
    """Measure how long the running loop does not come back."""
    last = time.perf_counter()
    while time.time() < until:
        await asyncio.sleep(0)
        now = time.perf_counter()
        gaps.append(now - last)
        last = now
        await asyncio.sleep(0.0005)
        last = time.perf_counter()


def plan(run: dict[str, Any]) -> float:
    """Fix the times: schedule i fires at BASE + i * stagger, and every period from there."""
    global BASE, PERIOD
    BASE, PERIOD = float(int(time.time() + run["lead"])), run["period"]
    return BASE + run["seconds"]


def ours(run: dict[str, Any], folder: Path) -> dict[str, Any]:
    from schedkit.core.api.scheduler import Scheduler
    from schedkit.core.tasks.declare import declare
    from schedkit.core.triggers.constructors import every
    from schedkit.loop import service

    end = plan(run)
    sched = Scheduler(str(folder / "ledger.db"), concurrency=run["count"])
    for i in range(run["count"]):
        offset = i * run["stagger"]
        start = datetime.fromtimestamp(BASE, UTC) + timedelta(seconds=offset)
        trigger = every(run["period"], start=start)
        sched.add(declare(note, trigger, name=f"t{i}", params={"offset": offset}))
    tomorrow = every("1h", start=datetime.fromtimestamp(BASE, UTC) + timedelta(days=1))
    for i in range(run["sleeping"]):
        sched.add(declare(note, tomorrow, name=f"s{i}", params={"offset": 0.0}))
    sched.start()
    return measured(run, end, lambda gaps: service().submit(watch_gaps, gaps, end).result(), sched.stop)


def measured(run: dict[str, Any], end: float, watch: Any, stop: Any) -> dict[str, Any]:
    if run["freeze"]:
        gc.collect()
        gc.freeze()
        gc.disable()
    ready = time.time()
    if ready > BASE:
        raise RuntimeError(f"declared {ready - BASE:.1f} s too late; raise lead")
    gaps: list[float] = []
    watch(gaps)
    late = list(LATE)
    stop()
    return {"late": late, "gap": max(gaps)}


def apscheduler(run: dict[str, Any], folder: Path) -> dict[str, Any]:
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
    from apscheduler.schedulers.asyncio import AsyncIOScheduler
    from sqlalchemy import create_engine, event

    async def main() -> dict[str, Any]:
        end = plan(run)
        stores = {}
        if run["store"]:
            engine = create_engine(f"sqlite:///{folder / 'jobs.db'}")

            @event.listens_for(engine, "connect")
            def pragmas(connection: Any, record: Any) -> None:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")

            stores["default"] = SQLAlchemyJobStore(engine=engine)
        scheduler = AsyncIOScheduler(jobstores=stores, timezone=UTC)
        scheduler.start(paused=True)
        for i in range(run["count"]):
            offset = i * run["stagger"]
            start = datetime.fromtimestamp(BASE, UTC) + timedelta(seconds=offset)
            scheduler.add_job(
                "bench.clock_runs:note",
                "interval",
                seconds=run["period"],
                start_date=start,
                next_run_time=start,
                id=f"t{i}",
                args=[offset],
                misfire_grace_time=None,
            )
        scheduler.resume()
        if run["freeze"]:
            gc.collect()
            gc.freeze()
            gc.disable()
        if time.time() > BASE:
            raise RuntimeError("declared too late; raise lead")
        gaps: list[float] = []
        await watch_gaps(gaps, end)
        late = list(LATE)
        scheduler.shutdown()
        return {"late": late, "gap": max(gaps)}

    return asyncio.run(main())


def idle(run: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The machine's own share: a loop with nothing to do but to be measured."""

    async def main() -> dict[str, Any]:
        end = plan(run)
        gaps: list[float] = []
        late: list[float] = []

        async def one(at: float) -> None:
            await asyncio.sleep(max(at - time.time(), 0))
            late.append(max(time.time() - at, 0.0))

        async with asyncio.TaskGroup() as group:
            group.create_task(watch_gaps(gaps, end))
            for second in range(int(run["seconds"])):
                group.create_task(one(BASE + second))
        return {"late": late, "gap": max(gaps)}

    return asyncio.run(main())


KINDS = {"ours": ours, "apscheduler": apscheduler, "idle": idle}


def child(kind: str, **run: Any) -> dict[str, Any]:
    """Carry out one run in a new process and return what it measured."""
    defaults = {
        "count": 1000,
        "period": 5.0,
        "stagger": 0.0,
        "seconds": 3,
        "lead": 4,
        "store": False,
        "sleeping": 0,
    }
    text = json.dumps({**defaults, "freeze": False, **run, "kind": kind})
    done = subprocess.run(
        [sys.executable, "-m", "bench.clock_runs", text], capture_output=True, text=True, timeout=300
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    # The jobs are imported by name: both must be the same module.
    from bench import clock_runs

    wanted = json.loads(sys.argv[1])
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps(clock_runs.KINDS[wanted["kind"]](wanted, Path(temporary))))
