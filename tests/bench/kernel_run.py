"""A schedule every 50 ms beside a real Jupyter kernel that sleeps 5 s in a cell."""

from __future__ import annotations

import json
import tempfile
from typing import Any

from jupyter_client.manager import start_new_kernel

# The cell of a person: a scheduler of ours, and the same work as a task on the kernel's own loop.
PREPARE = """
import asyncio, time
from datetime import UTC, datetime, timedelta
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.triggers.constructors import every
ours, theirs = [], []
start = datetime.now(UTC) + timedelta(seconds=1)
sched = Scheduler({ledger!r})
@sched.task(every("50ms", start=start), overlap="allow")
async def tick(run):
    ours.append((datetime.now(UTC) - run.scheduled_at).total_seconds())
async def ticking():
    due = start.timestamp()
    while True:
        await asyncio.sleep(max(due - time.time(), 0))
        theirs.append(time.time() - due)
        due += 0.05
kernel_task = asyncio.get_running_loop().create_task(ticking())
sched.start()
"""
WARM = "await asyncio.sleep(2); ours.clear(); theirs.clear()"
BLOCK = "time.sleep(5)"
# Only the ticks that were due while the cell slept, ours and theirs alike.
TELL = """
await asyncio.sleep(0.5)
kernel_task.cancel()
sched.stop()
import json
print(json.dumps({"ours": max(ours), "kernel": max(theirs), "ticks": len(ours)}))
"""


def beside_a_kernel() -> dict[str, Any]:
    """Return the worst lateness in seconds: ours, and that of a task on the kernel's own loop."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        with tempfile.TemporaryDirectory() as folder:
            for code in (PREPARE.format(ledger=f"{folder}/ledger.db"), WARM, BLOCK):
                _execute(client, code)
            found: dict[str, Any] = json.loads(_execute(client, TELL))
            return found
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _execute(client: Any, code: str) -> str:
    printed: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] == "error":
            raise RuntimeError("\n".join(content["traceback"]))
        if message["msg_type"] == "stream":
            printed.append(content["text"])

    client.execute_interactive(code, timeout=60, output_hook=hear)
    return "".join(printed)
