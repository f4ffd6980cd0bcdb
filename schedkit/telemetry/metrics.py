"""Metrics, folded from the board at each scrape: the names of design document 003, and a few of ours.

Labels are names of declared tasks, never of runs, so that their number does not grow with time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from schedkit import __version__
from schedkit.core.board.ledger_rows import DURATION_BOUNDS, RunCounts
from schedkit.core.states import State
from schedkit.values.extras import requires_extra
from schedkit.values.timezones import local_timezone, timezone_name

with requires_extra("server", "metrics"):
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
        InfoMetricFamily,
        StateSetMetricFamily,
    )
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
    from prometheus_client.metrics_core import Metric
    from prometheus_client.registry import Collector

__all__ = ["CONTENT_TYPE", "exposition"]

CONTENT_TYPE = CONTENT_TYPE_LATEST
# Document 003's words for how a run ended; it names these two.
_STATUS = {State.DONE: "success", State.FAILED: "failure", State.TIMEOUT: "failure"}


class BoardCollector(Collector):
    """One picture of a board as metrics.

    Parameters
    ----------
    snapshot : mapping
        The board.
    counts : RunCounts
        How many runs ended how, and how long they took.
    """

    def __init__(self, snapshot: Mapping[str, Any], counts: RunCounts) -> None:
        self._snapshot = snapshot
        self._counts = counts
        self._tasks = [row["name"] for row in snapshot["tasks"]]

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from self._of_scheduler()
        yield self._executions()
        yield self._durations()
        yield self._active()
        yield self._success_rates()

    def _of_scheduler(self) -> Iterator[Metric]:
        head = self._snapshot["scheduler"]
        info = InfoMetricFamily("scheduler", "Scheduler information")
        info.add_metric(
            [],
            {
                "version": __version__,
                "timezone": timezone_name(local_timezone()),
                "jobs_count": str(len(self._tasks)),
            },
        )
        yield info
        now = "paused" if head["state"] == "running" and head["paused"] else head["state"]
        state = StateSetMetricFamily("scheduler_state", "Scheduler state")
        state.add_metric([], {name: name == now for name in ("stopped", "running", "paused")})
        yield state
        yield GaugeMetricFamily("schedkit_queued_runs", "Runs that wait to start", head["queued"])
        yield GaugeMetricFamily("schedkit_running_runs", "Runs under way", head["running"])

    def _executions(self) -> Metric:
        metric = CounterMetricFamily(
            "scheduler_task_executions", "Runs that have ended", labels=("task_name", "status")
        )
        for task in self._tasks:
            ended: dict[str, int] = {}
            for state, count in self._counts.ended.get(task, {}).items():
                status = _STATUS.get(State(state), state.lower())
                ended[status] = ended.get(status, 0) + count
            for status, count in sorted(ended.items()):
                metric.add_metric([task, status], count)
        return metric

    def _durations(self) -> Metric:
        metric = HistogramMetricFamily(
            "scheduler_task_duration_seconds", "How long runs took", labels=("task_name",)
        )
        for task in self._tasks:
            if (known := self._counts.durations.get(task)) is not None:
                bounds = [
                    (str(float(bound)), count)
                    for bound, count in zip(DURATION_BOUNDS, known.within, strict=True)
                ]
                metric.add_metric([task], [*bounds, ("+Inf", known.runs)], known.seconds)
        return metric

    def _active(self) -> Metric:
        metric = GaugeMetricFamily("scheduler_active_tasks", "Runs under way", labels=("task_name",))
        running: dict[str, int] = {}
        for run in self._snapshot["runs"]:
            if run["state"] == State.RUNNING:
                running[run["task"]] = running.get(run["task"], 0) + 1
        for task in self._tasks:
            metric.add_metric([task], running.get(task, 0))
        return metric

    def _success_rates(self) -> Metric:
        metric = GaugeMetricFamily(
            "schedkit_task_success_rate", "Share of the latest runs that were DONE", labels=("task_name",)
        )
        for row in self._snapshot["tasks"]:
            if row["success_rate"] is not None:
                metric.add_metric([row["name"]], row["success_rate"])
        return metric


def exposition(snapshot: Mapping[str, Any], counts: RunCounts) -> bytes:
    """Return a board as text that Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(BoardCollector(snapshot, counts))
    return generate_latest(registry)
