"""Both sides of the engine's benchmarks, each in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

THREADS = 100
WARM = 5 * THREADS
DONE = threading.Semaphore(0)


def noop() -> None:
    DONE.release()


def idle() -> None:
    """A no-op whose end nobody counts."""


def submit_from_threads(count: int, submit: Callable[[], object]) -> None:
    """Call `submit` so many times, spread over a hundred threads."""

    def work() -> None:
        for _ in range(count // THREADS):
            submit()

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def ours(where: str, count: int, kind: str, frozen: bool) -> float:
    """Runs per second from submit, durable when it returns, to the recorded finish."""
    from schedkit.core.api.scheduler import Scheduler
    from schedkit.core.events import RunEnded

    sched = Scheduler(where, concurrency=200, threads=200, results=tempfile.mkdtemp())
    sched.task(name="idle", overlap="allow")(idle)
    ended = threading.Semaphore(0)
    sched.subscribe(lambda event: ended.release() if type(event) is RunEnded else None)
    with sched:

        def go(number: int) -> float:
            start = time.perf_counter()
            if kind == "threads":
                submit_from_threads(number, lambda: sched.submit("idle"))
            else:
                sched.submit_many("idle", [{}] * number)
            for _ in range(number):
                ended.acquire()
            return number / (time.perf_counter() - start)

        go(WARM)  # threads, connections and caches are warm, as after the first minute of months
        if frozen:
            gc.collect()
            gc.freeze()
        return go(count)


def apscheduler(where: str, count: int, kind: str, frozen: bool) -> float:
    """The same with APScheduler 3.11 and its SQLAlchemyJobStore under the same pragmas."""
    import sqlalchemy as sa
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
    from apscheduler.schedulers.background import BackgroundScheduler

    store = SQLAlchemyJobStore(url=f"sqlite:///{where}")

    def tune(connection: Any, record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA busy_timeout=10000")

    sa.event.listen(store.engine, "connect", tune)
    scheduler = BackgroundScheduler(
        jobstores={"default": store}, executors={"default": ThreadPoolExecutor(200)}, timezone="UTC"
    )
    scheduler.start()
    from bench import engine_sides

    def go(number: int) -> float:
        start = time.perf_counter()

        def submit() -> None:
            scheduler.add_job(engine_sides.noop, misfire_grace_time=None)

        if kind == "threads":
            submit_from_threads(number, submit)
        else:
            for _ in range(number):
                submit()
        for _ in range(number):
            engine_sides.DONE.acquire()
        return number / (time.perf_counter() - start)

    go(WARM)
    rate = go(count)
    scheduler.shutdown()
    return rate


def procrastinate(where: str, count: int, kind: str, frozen: bool) -> float:
    """The same with Procrastinate's worker, its jobs deferred one by one or as one batch."""
    import procrastinate as peer

    async def main() -> float:
        app = peer.App(connector=peer.PsycopgConnector(conninfo=where, max_size=20))
        ended = asyncio.Semaphore(0)

        @app.task(queue="q")
        async def job() -> None:
            ended.release()

        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            worker = asyncio.create_task(
                app.run_worker_async(
                    queues=["q"],
                    concurrency=20,
                    wait=True,
                    install_signal_handlers=False,
                    fetch_job_polling_interval=0.1,
                )
            )

            async def go(number: int) -> float:
                start = time.perf_counter()
                if kind == "threads":

                    async def some() -> None:
                        for _ in range(number // THREADS):
                            await job.defer_async()

                    await asyncio.gather(*(some() for _ in range(THREADS)))
                else:
                    await job.batch_defer_async(*({} for _ in range(number)))
                for _ in range(number):
                    await ended.acquire()
                return number / (time.perf_counter() - start)

            await go(WARM)
            rate = await go(count)
            worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await worker
            return rate

    return asyncio.run(main())


def history(where: str, count: int, kind: str, frozen: bool) -> dict[str, float]:
    """Milliseconds of what the ledger at `where`, which has its history, is asked for in a day.

    Medians of single submissions, of submissions with their run, and of boards; and the mean of submissions
    in a row, each of which meets the end of the last one's run at the one writer, before or after it.
    """
    from support.lives import node_of

    from schedkit.core.api.scheduler import Scheduler
    from schedkit.core.api.screens import Screens
    from schedkit.core.api.why import Why

    sched = Scheduler(where)
    sched.task(name="idle", overlap="allow")(idle)
    with sched:

        def one(work: Callable[[], object], times: int, after: Callable[[Any], object]) -> float:
            spent = []
            for _ in range(times):
                start = time.perf_counter()
                given = work()
                spent.append(time.perf_counter() - start)
                after(given)
            return sorted(spent)[len(spent) // 2] * 1000

        def load_board() -> None:
            Screens(
                node_of(sched), sched.queries, Why(node_of(sched), sched.queries)
            ).board()  # one that is made now

        for _ in range(50):
            sched.submit("idle").result(10)
        start = time.perf_counter()
        runs = [sched.submit("idle") for _ in range(1000)]
        in_a_row = time.perf_counter() - start
        for run in runs:
            run.result(10)
        return {
            "row": in_a_row,
            "submit": one(lambda: sched.submit("idle"), 200, lambda run: run.result(10)),
            "claim": one(lambda: sched.submit("idle").result(10), 200, lambda _: None),
            "board": one(load_board, 20, lambda _: None),
        }


def history_filled(where: str, count: int, kind: str, frozen: bool) -> None:
    """Make a ledger at `where` with `count` ended runs."""
    from schedkit.core.api.scheduler import Scheduler

    with Scheduler(where) as sched:
        sched.task(name="idle", overlap="allow")(idle)
        sched.submit("idle").result(10)
    fill(where, count)


def fill(where: str, count: int) -> None:
    """Write so many ended runs, with what belongs to them, straight into the tables."""
    import sqlalchemy as sa

    from schedkit.core.events import StoreBack, encode
    from schedkit.core.ids import id_at
    from schedkit.core.store import schema
    from schedkit.core.store.database import Store

    store = Store(where)
    now = int(time.time() * 1e6)
    some_event = encode(StoreBack(at=datetime.now(UTC), seconds=0.1))  # what it says does not matter
    prefix = id_at(datetime(2026, 1, 1, tzinfo=UTC))[:8]
    names = [f"task {n}" for n in range(20)] + ["idle"]
    with store.connect() as connection:
        for begin in range(0, count, 20_000):
            ids = [f"{prefix}{n:08d}" for n in range(begin, min(begin + 20_000, count))]
            runs = [
                {
                    "id": id,
                    "task": names[n % 21],
                    "state": "DONE",
                    "cause": "submit",
                    "actor": "bench",
                    "scheduled_at": now - (count - n) * 1000 if n % 2 else None,
                    "due_at": now,
                    "queued_at": now,
                    "started_at": now,
                    "finished_at": now,
                    "priority": 10,
                    "attempt": 1,
                    "interruptions": 0,
                    "params": None,
                    "reason": "",
                    "error": None,
                    "result": None,
                    "waiting_for": None,
                }
                for n, id in enumerate(ids, begin)
            ]
            attempts = [
                {
                    "run": id,
                    "number": 1,
                    "started_at": now,
                    "finished_at": now,
                    "outcome": "done",
                    "error": None,
                    "life": "bench",
                }
                for id in ids
            ]
            events = [
                {
                    "seq": 1_000 + n,
                    "at": now,
                    "kind": "RunEnded",
                    "task": names[n % 21],
                    "run": id,
                    "actor": "",
                    "data": some_event,
                    "life": "bench",
                    "batch": 0,
                }
                for n, id in enumerate(ids, begin)
            ]
            with connection.begin():
                connection.execute(schema.runs.insert(), runs)
                connection.execute(schema.attempts.insert(), attempts)
                connection.execute(schema.events.insert(), events)
        with connection.begin():
            connection.execute(
                schema.tasks.insert(),
                [
                    {
                        "name": name,
                        "trigger": None,
                        "schedule_text": "",
                        "anchor": now,
                        "next_at": None,
                        "followed_seq": 0,
                        "paused": False,
                        "facts": "{}",
                        "id": name,
                        "home": "",
                        "home_by": "declared",
                        "place": "",
                        "created_at": now,
                        "updated_at": now,
                        "actor": "bench",
                    }
                    for name in names[:-1]
                ],
            )
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.runs)) > count
    store.close()


SIDES = {
    "ours": ours,
    "apscheduler": apscheduler,
    "procrastinate": procrastinate,
    "history": history,
    "history filled": history_filled,
}


def measured(side: str, where: str, count: int, kind: str = "batch", frozen: bool = False) -> Any:
    """Run one side in a process of its own and return its figure."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "bench.engine_sides", json.dumps([side, where, count, kind, frozen])],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")])},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def new_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="schedkit-bench-") as folder:
        yield Path(folder)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    side, *arguments = json.loads(sys.argv[1])
    print(json.dumps(SIDES[side](*arguments)))
