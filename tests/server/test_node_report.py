"""What a server beside a process that runs tasks shows of that process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from support.boards import board_now
from support.rest import Rest
from support.waiting import wait_until

from schedkit.core.api.live_view import LiveView
from schedkit.core.api.process_report import LedgerFigures, ProcessReport
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.engine.obstacles import Obstacle
from schedkit.server import ServerOptions
from schedkit.server.adapter import SchedulerVerbs
from schedkit.server.app import ServerApp
from schedkit.server.node_report import SILENT_SECONDS, HeardNode, NodeReport, node_report
from schedkit.server.service import Service
from schedkit.telemetry.process import ProcessFigures


class Beside:
    """A process that runs a task, one that watches it, and the server of the latter."""

    def __init__(self, folder: Path) -> None:
        self.runs = Scheduler(str(folder / "ledger.db"), name="runs")
        self.runs.task(name="one")(lambda: 1)
        self.runs.start()
        self.watches = Scheduler(str(folder / "ledger.db"), name="watches")
        self.watches.watch()
        self.now = 100.0
        self.node = HeardNode(self.watches, lambda: self.now)
        view, verbs = LiveView(self.watches), SchedulerVerbs(self.watches)
        service = Service(view, verbs, figures=self.node.figures, trouble=self.node.trouble)
        self.rest = Rest(ServerApp(service, ServerOptions()))


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Beside]:
    made = Beside(tmp_path)
    yield made
    made.watches.stop()
    made.runs.stop()


def test_it_is_ready_as_long_as_that_process_is_heard(beside: Beside) -> None:
    def ready() -> tuple[int, str]:
        answer = beside.rest.get("/readyz")
        return answer.status_code, answer.json()["status"]

    assert ready() == (503, "the process that runs the tasks has not been heard yet")
    beside.node.hear(node_report(beside.runs))
    assert ready() == (200, "ok")
    beside.now += SILENT_SECONDS + 1
    assert ready() == (503, "the process that runs the tasks has not been heard for 16s")
    assert beside.rest.get("/healthz").status_code == 200
    beside.node.hear(node_report(beside.runs))
    assert ready() == (200, "ok")


def test_the_metrics_are_of_that_process(beside: Beside) -> None:
    process = ProcessFigures(cpu_seconds=1234.5, resident_bytes=77, open_files=5, started=12.0)
    writes = LedgerFigures(transactions=42, transaction_seconds=1.5, beat_age=0.25)
    report = NodeReport(process=process, scheduler=ProcessReport(writes=writes))
    assert "\nschedkit_beat_age_seconds " not in beside.rest.get("/metrics").text
    beside.node.hear(as_line(report))
    wanted = {
        "process_cpu_seconds_total 1234.5",
        "process_resident_memory_bytes 77",
        "schedkit_ledger_transaction_seconds_count 42",
        "schedkit_beat_age_seconds 0.25",
        "schedkit_ledger_up 1",
    }
    # A picture of the board is a quarter of a second old at most.
    wait_until(lambda: wanted <= set(beside.rest.get("/metrics").text.splitlines()))


def test_what_keeps_its_runs_from_starting_is_on_the_board(beside: Beside) -> None:
    full = Obstacle(kind="concurrency", text="all places are taken (concurrency=1)", task="one")
    report = NodeReport(process=ProcessFigures(cpu_seconds=1.0), scheduler=ProcessReport(obstacles=(full,)))
    assert list(beside.watches.why()) == []
    beside.node.hear(as_line(report))
    assert list(beside.watches.why()) == [full]
    wait_until(lambda: full.text in beside.rest.get("/scheduler/status").json()["why"])


def test_a_ledger_that_takes_no_writes_is_told_once(beside: Beside) -> None:
    away = Obstacle(kind="ledger", text="the ledger has taken no writes since 07:00", wrong=True)
    report = NodeReport(process=ProcessFigures(cpu_seconds=1.0), scheduler=ProcessReport(obstacles=(away,)))
    beside.watches.pause()  # which the ledger itself tells
    beside.node.hear(as_line(report))
    assert list(beside.watches.why()) == [away]


def test_a_process_that_runs_tasks_shows_what_it_knows_itself(beside: Beside) -> None:
    told = ProcessReport(writes=LedgerFigures(transactions=10**9))
    beside.runs.screens.hear(told)
    assert beside.runs.screens.ledger_figures().transactions != 10**9
    assert beside.watches.screens.report() == ProcessReport(state="watching")


def test_the_board_has_the_state_of_that_process(beside: Beside) -> None:
    def shown() -> str:
        return str(board_now(beside.watches)["scheduler"]["state"])

    assert shown() == "watching"
    beside.node.hear(node_report(beside.runs))
    assert shown() == "running"
    beside.runs.stop()
    beside.node.hear(node_report(beside.runs))
    assert shown() == "stopped"


def as_line(report: NodeReport) -> bytes:
    return msgspec.json.encode(report)
