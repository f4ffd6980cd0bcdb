"""The endpoints of documents 002, 003 and 004."""

from __future__ import annotations

import msgspec
from support.rest import Rest, ended
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler
from schedkit.server import shapes

NAME = "JIRA Extraction - Root Ticket ü"


def test_status_has_the_fields_of_all_three(rest: Rest, sched: Scheduler) -> None:
    answer = rest.get("/scheduler/status")
    assert answer.status_code == 200
    status = msgspec.json.decode(answer.content, type=shapes.Status)
    assert (status.status, status.is_running, status.running) == ("running", True, True)
    assert status.task_count == status.jobs_count == status.job_count == 4
    assert [task.name for task in status.tasks] == [NAME, "crawl_site", "fails", "waits"]
    crawl = status.tasks[1]
    assert (crawl.schedule_type, crawl.cron_expression, crawl.description) == (
        "cron",
        "0 2 * * *",
        "定时爬取站点内容",
    )
    assert status.why == [each.text for each in sched.why()]
    told = sched.get_status()
    assert set(answer.json()) == set(told)
    assert answer.json()["jobs"] == told["jobs"]


def test_the_same_status_is_not_sent_again(rest: Rest) -> None:
    first = rest.get("/scheduler/status")
    again = rest.get("/scheduler/status", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    rest.post("/scheduler/tasks/crawl_site/disable")
    changed = rest.get("/scheduler/status", headers={"if-none-match": first.headers["etag"]})
    assert changed.status_code == 200
    rest.post("/scheduler/tasks/crawl_site/enable")


def test_tasks_one_by_one(rest: Rest) -> None:
    tasks = rest.get("/scheduler/tasks").json()
    for task in tasks:
        assert rest.get(f"/scheduler/tasks/{task['name']}").json()["name"] == task["name"]
    missing = rest.get("/scheduler/tasks/crawl_sit")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
    assert missing.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "no task is called 'crawl_sit'",
        "hint": "did you mean 'crawl_site'?",
    }


def test_trigger_and_history(rest: Rest) -> None:
    made = rest.post("/scheduler/tasks/crawl_site/trigger").json()
    assert (made["name"], made["message"]) == ("crawl_site", "task crawl_site is queued")
    assert ended(rest, made["run_id"])["state"] == "DONE"
    (entry,) = rest.get("/scheduler/tasks/crawl_site/history", params={"limit": 1}).json()
    assert (set(entry), entry["status"]) == ({"started_at", "status", "message"}, "success")
    wait_until(lambda: rest.get("/scheduler/tasks/crawl_site").json()["run_count"])
    task = rest.get("/scheduler/tasks/crawl_site").json()
    assert (task["last_result"], task["fail_count"], task["status"]) == ("success", 0, "idle")


def test_a_failure_is_told(rest: Rest) -> None:
    run = rest.post("/scheduler/tasks/fails/trigger").json()["run_id"]
    ended(rest, run)
    (entry,) = rest.get("/scheduler/tasks/fails/history?limit=1").json()
    assert entry["status"] == "failed"
    assert "no such project" in entry["message"]


def test_pause_and_resume_by_both_documents(rest: Rest, sched: Scheduler) -> None:
    for stop, go in (("disable", "enable"),):
        assert rest.post(f"/scheduler/tasks/{NAME}/{stop}").json() == {"message": f"task {NAME} is disabled"}
        assert rest.get(f"/scheduler/tasks/{NAME}").json()["enabled"] is False
        assert rest.post(f"/scheduler/tasks/{NAME}/{go}").status_code == 200
        assert rest.get(f"/scheduler/tasks/{NAME}").json()["status"] == "idle"
    assert rest.post("/scheduler/jobs/crawl_site/pause").json() == {"message": "job crawl_site is paused"}
    assert sched.tasks["crawl_site"].paused
    assert rest.post("/scheduler/jobs/crawl_site/resume").json() == {"message": "job crawl_site is resumed"}
    assert not sched.tasks["crawl_site"].paused


def test_wrong_parameters(rest: Rest) -> None:
    for limit in ("0", "-1", "x", "1e9", "9" * 30):
        answer = rest.get("/scheduler/tasks/crawl_site/history", params={"limit": limit})
        assert answer.status_code == 422
        assert "limit" in answer.json()["detail"]
    assert rest.post("/scheduler/tasks/a%2Fb/trigger").status_code == 404
    assert rest.get("/scheduler/tasks/%1b%5b31m").status_code == 422
    assert rest.request("DELETE", "/scheduler/tasks/crawl_site").status_code == 405
    assert rest.get("/crawl/all").status_code == 404
