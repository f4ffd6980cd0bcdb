"""Metrics: what a scrape of 1,000 tasks costs, and what counting an event costs."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from support.run_events import RunEvents
from support.telemetry_boards import LEDGER, counts_of, many

from bench.common import Row, cpu_seconds, median
from schedkit.core.board.run_counts import BOUNDS
from schedkit.telemetry.metrics import exposition

TASKS, ROUNDS = 1000, 15
SCRAPE_MS = 50.0
EVENTS = 3000
COUNT_US = 11.0  # what the client library's counters took of each run


def client() -> CollectorRegistry:
    """Return a registry of the client library with a part of the same figures."""
    registry, label = CollectorRegistry(), ["task_name"]
    for name in ("duration_seconds", "lateness_seconds"):
        histogram = Histogram(name, name, label, buckets=BOUNDS, registry=registry)
        for number in range(TASKS):
            histogram.labels(f"task {number}").observe(7)
    for number, kind in enumerate((Counter, Counter, Gauge, Gauge, Gauge)):
        metric = kind(f"figure_{number}", "figure", label, registry=registry)
        for task in range(TASKS):
            metric.labels(f"task {task}").inc()
    return registry


def rows() -> Iterator[Row]:
    board, counts = many(TASKS)
    snapshot, tasks = board.snapshot(), board.tasks()

    def scrape() -> object:
        return exposition(snapshot, tasks, counts.copy(), LEDGER)

    ours = median(cpu_seconds(scrape) for _ in range(ROUNDS)) * 1000
    yield Row(
        "telemetry: scrape, 1,000 tasks", ours, SCRAPE_MS, "budget", "ms CPU", ours / SCRAPE_MS, 1.0, "<="
    )
    registry = client()
    theirs = median(cpu_seconds(lambda: generate_latest(registry)) for _ in range(3)) * 1000
    yield Row("telemetry: the same", ours, theirs, "prometheus_client", "ms CPU", theirs / ours, None)
    tell, counted = RunEvents(), counts_of()
    events = [
        replace(event, seq=number)
        for number in range(1, EVENTS)
        for event in (tell.started(f"r{number}", "a"), tell.ended(f"r{number}", "a"))
    ]
    taken = cpu_seconds(lambda: [counted.add(event) for event in events]) / EVENTS * 1e6
    yield Row("telemetry: counting a run", taken, COUNT_US, "budget", "us CPU", taken / COUNT_US, 1.0, "<=")
