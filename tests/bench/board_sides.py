"""One server with boards open, in a process of its own: ``python -m bench.board_sides SIDE JSON``."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RUNS = 20


def serve(run: dict[str, Any]) -> dict[str, Any]:
    """Serve a board that changes so often a second, to so many readers; return the CPU that it took.

    The changes are progress of runs, told to the board directly: what the scheduler itself costs is not in.
    """
    from support.run_events import RunEvents, changed

    from schedkit.core.api.scheduler import Scheduler
    from schedkit.server import Server, ServerOptions, asgi

    with tempfile.TemporaryDirectory() as folder:
        sched = Scheduler(str(Path(folder) / "ledger.db"))
        sched.start()
        board, tell = sched.screens.live_board(), RunEvents(datetime.now(UTC))
        for number in range(RUNS):
            board.fold(changed(f"task {number}"))
            board.fold(tell.queued(str(number), f"task {number}"))
            board.fold(tell.started(str(number), f"task {number}"))
        ended = threading.Event()

        def change() -> None:
            done = 0
            while not ended.wait(RUNS / run["updates"]):
                done += 1
                for number in range(RUNS):
                    facts = {"stage": "extract", "done": done, "total": 100_000}
                    board.fold(tell.progressed(str(number), f"task {number}", done, **facts))

        changing = threading.Thread(target=change, daemon=True)
        changing.start()
        try:
            with Server(asgi(sched), ServerOptions(port=0)) as server:
                return measured(run, server.url)
        finally:
            ended.set()
            changing.join()
            sched.stop("1s")


def measured(run: dict[str, Any], url: str) -> dict[str, Any]:
    """Return the CPU seconds of this process while others read, and what they read."""
    if not run["readers"]:
        time.sleep(1)
        before = time.process_time()
        time.sleep(run["seconds"])
        return {"cpu": time.process_time() - before, "messages": 0}
    asked = json.dumps({"url": url, "readers": run["readers"], "seconds": run["seconds"] + 2})
    command = [sys.executable, "-m", "bench.board_sides", "read", asked]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reading:
        time.sleep(1.5)  # all have their snapshot
        before = time.process_time()
        time.sleep(run["seconds"])
        cpu = time.process_time() - before
        told: dict[str, Any] = json.loads(reading.communicate()[0])
    return {**told, "cpu": cpu}


def read(run: dict[str, Any]) -> dict[str, Any]:
    """Read the events of a board with several connections; return how many there were."""
    host, port = run["url"].removeprefix("http://").split(":")
    counts = {"messages": 0, "bytes": 0}

    async def follow() -> None:
        reader, writer = await asyncio.open_connection(host, int(port), limit=2**22)
        writer.write(f"GET /api/v1/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        while line := await reader.readline():
            counts["messages"] += line.startswith(b"data: {")
            counts["bytes"] += len(line)

    async def all_of_them() -> None:
        tasks = [asyncio.create_task(follow()) for _ in range(run["readers"])]
        await asyncio.sleep(run["seconds"])
        for task in tasks:
            task.cancel()

    asyncio.run(all_of_them())
    return counts


if __name__ == "__main__":
    print(json.dumps({"serve": serve, "read": read}[sys.argv[1]](json.loads(sys.argv[2]))))
