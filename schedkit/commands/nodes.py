"""``schedkit nodes``: the processes at a ledger, listed and ended."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import Any

import msgspec

from schedkit.commands.ledgers import asking, looking
from schedkit.commands.output import moment, print_json, print_line, print_table
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.store.lives import NodeRow
from schedkit.core.store.workers import kept_workers
from schedkit.core.worker_facts import WorkerFacts
from schedkit.errors import NotRunningError
from schedkit.values.durations import elapsed_text

__all__ = ["end_node", "show_nodes"]

# How long the runs of a process that is ended may continue, and how much later it must have ended.
PATIENCE_SECONDS, MORE_SECONDS = 30.0, 15.0
LOOK_SECONDS = 0.1


def show_nodes(ledger: str | None, *, as_json: bool) -> None:
    """Print a line for each process that runs tasks of the ledger, and one for each worker that they hear."""
    with looking(ledger) as scheduler:
        rows, workers = _rows(scheduler), scheduler.queries.workers()
    if as_json:
        print_json(rows)
        return
    print_table(("name", "kind", "pid", "host", "since", "runs", "would take over"), map(_cells, rows))
    if workers:
        print_line("")
        print_table(("worker", "pid", "host", "running", "memory", "heard"), map(_worker_cells, workers))


def _rows(scheduler: Scheduler) -> list[dict[str, Any]]:
    at_home = defaultdict[str, list[str]](list)
    for task in scheduler.queries.ledger.tasks():
        at_home[task.home].append(task.name)
    heirs = scheduler.queries.heirs()
    # Tasks that every process declares are listed once they have been used, as on the board.
    listed = {task["name"] for task in scheduler.screens.board()["tasks"]}
    workers = kept_workers(scheduler.queries.ledger.store)
    return [
        {
            "name": node.name,
            "kind": node.kind,
            "pid": node.pid,
            "host": node.host,
            "since": node.since,
            "life": node.life,
            "tasks": [name for name in at_home[node.life] if name in listed],
            "standing_by": [name for name in heirs.get(node.life, []) if name in listed],
            "workers": [msgspec.to_builtins(worker) for worker in workers.get(node.life, [])],
        }
        for node in scheduler.nodes
    ]


def _cells(row: dict[str, Any]) -> list[str]:
    tasks, standing_by = (", ".join(row[name]) for name in ("tasks", "standing_by"))
    return [row["name"], row["kind"], str(row["pid"]), row["host"], moment(row["since"]), tasks, standing_by]


def _worker_cells(row: WorkerFacts) -> list[str]:
    running, memory = f"{row.running} of {row.threads}", f"{row.memory / 2**20:.0f} MiB"
    return [row.name, str(row.pid), row.host, running, memory, moment(row.seen_at)]


def end_node(wanted: str, *, ledger: str | None) -> None:
    """Have a process stop running tasks, and wait until it has.

    Raises
    ------
    UsageError
        No process, or more than one, matches.
    NotRunningError
        It does not answer, or continues.
    """
    with asking(ledger) as scheduler:
        node = scheduler.end_node(wanted, PATIENCE_SECONDS)
        print_line(
            f"{node} was told to end; what runs there may continue for {elapsed_text(PATIENCE_SECONDS)}",
            stderr=True,
        )
        _wait_for_end(scheduler, node)
    print_line(f"ended {node.name}")


def _wait_for_end(scheduler: Scheduler, node: NodeRow) -> None:
    end, pause = time.monotonic() + PATIENCE_SECONDS + MORE_SECONDS, threading.Event()
    while any(other.life == node.life for other in scheduler.nodes):
        if time.monotonic() > end:
            raise NotRunningError(f"{node} has not ended", hint=f"end it on {node.host}: kill {node.pid}")
        pause.wait(LOOK_SECONDS)
