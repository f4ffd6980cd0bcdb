"""A server that runs nothing: it shows what another scheduler runs, and passes on what it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.rest import Rest, ended, served
from support.waiting import wait_until

from schedkit import context
from schedkit.core.api.scheduler import Scheduler
from schedkit.server import asgi


def extracts() -> None:
    for rows in (100, 50):
        context.fact("extraction", {"requests": 2, "throttled": 1, "returned": rows})


@pytest.fixture(scope="module")
def rest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    folder: Path = tmp_path_factory.mktemp("watched")
    with served(folder) as (sched, _):
        sched.task(name="extracts")(extracts)
        watcher = Scheduler(str(folder / "ledger.db"), name="watcher")
        watcher.watch()
        yield Rest(asgi(watcher))
        watcher.stop()


def test_it_tells_that_the_tasks_are_run(rest: Rest) -> None:
    status = rest.get("/scheduler/status").json()
    assert (status["status"], status["is_running"], status["task_count"]) == ("running", True, 5)
    assert status["uptime"] >= 0
    assert 'scheduler_state{scheduler_state="running"} 1.0' in rest.get("/metrics").text


def test_what_it_is_asked_is_done_by_the_other(rest: Rest) -> None:
    run = rest.post("/scheduler/tasks/crawl_site/trigger").json()["run_id"]
    detail = ended(rest, run)
    assert (detail["state"], detail["actor"]) == ("DONE", "local")
    assert [line["message"] for line in detail["log"]] == ["crawled 1 pages"]
    rest.post("/scheduler/tasks/crawl_site/disable")
    wait_until(lambda: not rest.get("/scheduler/tasks/crawl_site").json()["enabled"])
    rest.post("/scheduler/tasks/crawl_site/enable")
    waiting = rest.post("/scheduler/tasks/waits/trigger").json()["run_id"]
    assert rest.post(f"/api/v1/runs/{waiting}/cancel").json() == {"cancelled": True}
    assert ended(rest, waiting)["state"] == "CANCELLED"


def test_a_request_becomes_a_task_of_the_other(rest: Rest) -> None:
    body = {"name": "nightly", "task": "crawl_site", "task_type": "SCHEDULED", "cron_expr": "0 1 * * *"}
    made = rest.post("/tasks", json=body)
    assert made.status_code == 201, made.text
    task = rest.get(f"/tasks/{made.json()['task_id']}").json()
    assert (task["name"], task["cron_expr"], task["status"]) == ("nightly", "0 1 * * *", "PENDING")


def test_all_extractions_of_a_run_elsewhere_are_counted(rest: Rest) -> None:
    rest.get("/metrics")  # counting begins with the first look
    run = rest.post("/scheduler/tasks/extracts/trigger").json()["run_id"]
    assert ended(rest, run)["state"] == "DONE"

    def counted() -> str:
        text: str = rest.get("/metrics").text
        return text if "_extractions_total{" in text else ""

    text = wait_until(counted)
    for what, figure in (("s", 2), ("_requests", 4), ("_throttled", 2), ("_rows", 150)):
        assert f'schedkit_task_extraction{what}_total{{task_name="extracts"}} {figure}' in text
