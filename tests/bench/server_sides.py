"""One measured run of a server, in a process of its own: ``python -m bench.server_sides SIDE JSON``.

The load comes from another process: so many requests a second for the status of all tasks, over ten
connections that each name the ETag they have.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schedkit.core.api.scheduler import Scheduler

CONNECTIONS = 10
LATE: list[float] = []
BASE, PERIOD = 0.0, 5.0


async def note(offset: float) -> None:
    """The job of every schedule: how long ago was my time?"""
    LATE.append((time.time() - BASE - offset) % PERIOD)


def ours(run: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Serve our own status, with schedules that fire meanwhile if `run` says so.

    The server is in this process, or `beside` it in its own, as ``schedkit serve FILE`` has it. With
    `stand_in`, the load asks another process, which takes that much CPU a request and knows no ledger.
    """
    global BASE
    from schedkit.core.api.scheduler import Scheduler
    from schedkit.core.tasks.declare import declare
    from schedkit.core.triggers.constructors import every

    BASE = float(int(time.time() + 10))  # by then all is declared, and the server has begun
    sched = Scheduler(str(folder / "ledger.db"), concurrency=run["tasks"])
    for number in range(run["tasks"]):
        offset = number * PERIOD / run["tasks"]
        start = datetime.fromtimestamp(BASE, UTC) + timedelta(seconds=offset)
        trigger = every(PERIOD if run["fires"] else 3600, start=start if run["fires"] else None)
        sched.add(declare(note, trigger, name=f"task {number}", params={"offset": offset}))
    sched.start()
    try:
        with _beside(sched) if run["beside"] else _inside(sched) as (url, pid), _asked(run, url) as asked:
            time.sleep(max(0.0, BASE - time.time()))
            before = cpu_of(pid)
            told = measured(run, asked)
            return {**told, "server": cpu_of(pid) - before, "late": LATE[:]}
    finally:
        sched.stop("1s")


@contextlib.contextmanager
def _inside(sched: Scheduler) -> Iterator[tuple[str, int]]:
    from schedkit.server import Server, ServerOptions, asgi

    with Server(asgi(sched), ServerOptions(port=0)) as server:
        yield server.url, os.getpid()


@contextlib.contextmanager
def _beside(sched: Scheduler) -> Iterator[tuple[str, int]]:
    from schedkit.commands.server_process import ServerProcess
    from schedkit.server import ServerOptions

    server = ServerProcess(ServerOptions(port=0), sched.ledger)
    try:
        server.ready(sched)
        yield server.url, server.pid
    finally:
        server.stop()


@contextlib.contextmanager
def _asked(run: dict[str, Any], url: str) -> Iterator[str]:
    """Yield what the load asks: the server's status, or a process that only takes as much CPU."""
    if not run.get("stand_in"):
        yield f"{url}/scheduler/status"
        return
    command = [sys.executable, "-m", "bench.server_sides", "stand_in", json.dumps(run["stand_in"])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def stand_in(cpu: float) -> None:
    """Answer each request with 304 once this process has taken `cpu` seconds for it; read no ledger."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal due
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                due = max(due, time.process_time() - cpu) + cpu
                while time.process_time() < due:
                    pass
                writer.write(b"HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n")

    async def serve() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
        await server.serve_forever()

    due = time.process_time()
    asyncio.run(serve())


def cpu_of(pid: int) -> float:
    """Return the CPU seconds that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peer(run: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Serve the same data as FastAPI does by itself: by a model, checked and encoded each time."""
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Task(BaseModel):
        name: str
        description: str
        enabled: bool
        schedule_type: str
        cron_expression: str | None
        interval_seconds: float | None
        status: str
        next_run_at: str | None
        last_run_at: str | None
        last_result: str | None
        run_count: int
        fail_count: int

    class Status(BaseModel):
        running: bool
        task_count: int
        tasks: list[Task]

    task = dict.fromkeys(("cron_expression", "last_run_at", "last_result")) | {
        "description": "",
        "enabled": True,
        "schedule_type": "interval",
        "interval_seconds": 3600.0,
        "status": "idle",
        "next_run_at": "2026-11-29T00:00:00+00:00",
        "run_count": 0,
        "fail_count": 0,
    }
    tasks = [{**task, "name": f"task {number}"} for number in range(run["tasks"])]
    app = FastAPI()

    @app.get("/scheduler/status", response_model=Status)
    async def status() -> Any:
        return {"running": True, "task_count": len(tasks), "tasks": tasks}

    sock = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    threading.Thread(target=server.run, args=([sock],), daemon=True).start()
    return measured(run, f"http://127.0.0.1:{sock.getsockname()[1]}/scheduler/status")


def measured(run: dict[str, Any], url: str) -> dict[str, Any]:
    """Return what the load got, and the CPU that this process took meanwhile."""
    time.sleep(1)
    before = time.process_time()
    if run["rate"]:
        asked = json.dumps({"url": url, "rate": run["rate"], "seconds": run["seconds"]})
        command = [sys.executable, "-m", "bench.server_sides", "load", asked]
        told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    else:
        time.sleep(run["seconds"])
        told = {"requests": 0, "unchanged": 0}
    return {**told, "cpu": time.process_time() - before}


def load(run: dict[str, Any]) -> dict[str, Any]:
    """Ask at a steady rate; return how often, and how often nothing had changed."""
    host, _, path = run["url"].removeprefix("http://").partition("/")
    name, port = host.split(":")
    counts = {"requests": 0, "unchanged": 0}

    async def ask(number: int, until: float) -> None:
        reader, writer = await asyncio.open_connection(name, int(port))
        etag, pause = b"none", CONNECTIONS / run["rate"]
        following = time.monotonic() + number * pause / CONNECTIONS
        while time.monotonic() < until:
            await asyncio.sleep(max(0.0, following - time.monotonic()))
            following += pause
            writer.write(
                b"GET /%b HTTP/1.1\r\nHost: %b\r\nIf-None-Match: %b\r\n\r\n"
                % (path.encode(), host.encode(), etag)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            fields = {
                line.partition(b":")[0].lower(): line.partition(b":")[2].strip()
                for line in head.split(b"\r\n")[1:]
            }
            etag = fields.get(b"etag", etag)
            counts["requests"] += 1
            if head.startswith(b"HTTP/1.1 304"):
                counts["unchanged"] += 1
            else:
                await reader.readexactly(int(fields[b"content-length"]))
        writer.close()

    async def all_of_them() -> None:
        until = time.monotonic() + run["seconds"]
        await asyncio.gather(*(ask(number, until) for number in range(CONNECTIONS)))

    asyncio.run(all_of_them())
    return counts


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


if __name__ == "__main__":
    wanted = json.loads(sys.argv[2])
    if sys.argv[1] == "load":
        print(json.dumps(load(wanted)))
    elif sys.argv[1] == "stand_in":
        stand_in(wanted)
    else:
        with folder() as where:
            print(json.dumps({"ours": ours, "peer": peer}[sys.argv[1]](wanted, where)))
