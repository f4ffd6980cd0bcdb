"""One of two processes at a PostgreSQL server that share no-ops, ours or Procrastinate's.

Run as ``python -m bench.two_nodes SIDE WHERE NAME COUNT``: it says "ready" when it is warm, and for the line
that it is then told how many seconds its half has taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import threading
import time
from pathlib import Path

WARM = 200


def ours(where: str, name: str, count: int) -> None:
    """The home of a task whose runs it submits and runs in threads."""
    from schedkit.core.api.scheduler import Scheduler
    from schedkit.core.events import RunEnded

    results = Path(tempfile.mkdtemp())
    sched = Scheduler(where, name=name, concurrency=200, threads=200, results=results)
    sched.task(name=f"idle-{name}", overlap="allow")(lambda: None)
    ended = threading.Semaphore(0)
    mine = f"idle-{name}"
    sched.subscribe(lambda event: ended.release() if type(event) is RunEnded and event.task == mine else None)
    with sched:

        def go(number: int) -> float:
            begun = time.perf_counter()
            sched.submit_many(mine, [{}] * number)
            for _ in range(number):
                ended.acquire()
            return time.perf_counter() - begun

        go(WARM)
        print("ready", flush=True)
        sys.stdin.readline()
        print(go(count), flush=True)
        sys.stdin.readline()  # the other one may not have ended


def procrastinate(where: str, name: str, count: int) -> None:
    """A worker of a queue whose jobs it defers as one batch."""
    import procrastinate as peer

    app = peer.App(connector=peer.PsycopgConnector(conninfo=where, max_size=20))

    async def main() -> None:
        ended = asyncio.Semaphore(0)

        @app.task(queue=name)
        async def job() -> None:
            ended.release()

        async def go(number: int) -> float:
            begun = time.perf_counter()
            await job.batch_defer_async(*({} for _ in range(number)))
            for _ in range(number):
                await ended.acquire()
            return time.perf_counter() - begun

        async with app.open_async():
            working = app.run_worker_async(
                queues=[name],
                concurrency=20,
                wait=True,
                install_signal_handlers=False,
                fetch_job_polling_interval=0.1,
            )
            worker = asyncio.create_task(working)
            await go(WARM)
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            print(await go(count), flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await worker

    asyncio.run(main())


SIDES = {"ours": ours, "procrastinate": procrastinate}

if __name__ == "__main__":
    side, where, name, count = sys.argv[1:]
    SIDES[side](where, name, int(count))
