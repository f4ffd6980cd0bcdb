"""Tasks as the board shows them, due times, and the feed."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

from support.rest import Rest, ended
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.tasks import origin
from schedkit.core.triggers.constructors import every


def test_tasks_by_page(rest: Rest) -> None:
    first = rest.get("/api/v1/tasks", params={"limit": 3}).json()
    assert [row["name"] for row in first["items"]] == [
        "JIRA Extraction - Root Ticket ü",
        "crawl_site",
        "fails",
    ]
    rest_of = rest.get("/api/v1/tasks", params={"limit": 3, "cursor": first["next"]}).json()
    assert ([row["name"] for row in rest_of["items"]], rest_of["next"]) == (["waits"], None)
    assert rest.get("/api/v1/tasks/crawl_site").json()["trigger"] == first["items"][1]["trigger"]
    assert rest.get("/api/v1/tasks/nobody").status_code == 404


def test_what_comes_and_what_came_of_it(rest: Rest, sched: Scheduler) -> None:
    times = rest.get("/api/v1/tasks/crawl_site/upcoming", params={"limit": 3}).json()["items"]
    moments = [datetime.fromisoformat(time) for time in times]
    assert moments[0] == sched.tasks["crawl_site"].next_run
    assert len(moments) == 3
    assert moments == sorted(moments)
    assert all(moment.tzinfo is not None for moment in moments)
    assert rest.get("/api/v1/tasks/fails/upcoming").json() == {"items": []}
    day = moments[0].date().isoformat()
    made = rest.post("/api/v1/tasks/crawl_site/backfill", json={"start": "2026-01-01", "end": "2026-01-02"})
    assert made.status_code == 201, made.text
    assert len(made.json()["runs"]) == 2
    for run in made.json()["runs"]:
        ended(rest, run)
    due = rest.get("/api/v1/tasks/crawl_site/due-times", params={"ran": True}).json()["items"]
    assert [(row["scheduled_at"], row["outcome"]) for row in due] == [
        ("2026-01-02T02:00:00+00:00", "DONE"),
        ("2026-01-01T02:00:00+00:00", "DONE"),
    ]
    assert {row["run"] for row in due} == set(made.json()["runs"])
    again = rest.post("/api/v1/tasks/crawl_site/backfill", json={"start": "2026-01-01", "end": "2026-01-02"})
    assert again.json() == {"runs": []}
    assert rest.get("/api/v1/tasks/crawl_site/due-times", params={"ran": False}).json() == {"items": []}
    for window in ({"start": day, "end": "2026-01-01"}, {"start": "x", "end": day}, {"start": day}):
        assert rest.post("/api/v1/tasks/crawl_site/backfill", json=window).status_code == 422


def test_a_due_time_that_made_no_run_says_why(rest: Rest, sched: Scheduler) -> None:
    go_on = threading.Event()

    def found(outcome: str) -> dict[str, Any] | None:
        rows = rest.get("/api/v1/tasks/slow/due-times?ran=false").json()["items"]
        return next((row for row in rows if row["outcome"] == outcome), None)

    sched.task(every("0.2s"), name="slow", overlap="skip")(lambda: go_on.wait(60) and None)
    try:
        row = wait_until(lambda: found("overlapped"))
        assert row["run"] is None
        assert row["reason"]
        assert row["scheduled_at"] <= row["until"]
    finally:
        go_on.set()
        sched.remove("slow")


def test_the_board_at_once(rest: Rest) -> None:
    board: dict[str, Any] = rest.get("/api/v1/board").json()
    assert (board["kind"], board["scheduler"]["state"]) == ("snapshot", "running")
    assert {"tasks", "runs", "queue"} <= set(board)


def test_a_built_in_task_is_listed_once_it_has_run(rest: Rest, sched: Scheduler) -> None:
    with origin.declared_in(origin.EVERYWHERE):
        export = sched.task(name="export")(lambda: 1)
    assert rest.get("/api/v1/tasks/export").json()["state"] == "idle"
    assert "export" not in {row["name"] for row in rest.get("/api/v1/tasks").json()["items"]}
    assert rest.post("/api/v1/tasks/export/runs", json={}).status_code == 201
    sched.run(export.runs()[0].id).wait("60s")
    assert "export" in {row["name"] for row in rest.get("/api/v1/tasks").json()["items"]}
    sched.remove("export")
