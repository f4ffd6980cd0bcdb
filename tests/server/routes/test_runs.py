"""Runs: listed, read whole, cancelled, run again; their files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from support.rest import AWAY, Rest, ended, token

from schedkit import context
from schedkit.core.api.scheduler import Scheduler
from schedkit.server import asgi, shapes


def submitted(rest: Rest, task: str, **params: Any) -> str:
    """Ask for a run; return its id."""
    answer = rest.post(f"/api/v1/tasks/{task}/runs", json={"params": params})
    assert answer.status_code == 201, answer.text
    (run,) = answer.json()["runs"]
    return str(run)


def test_pages_of_runs(rest: Rest) -> None:
    made = [submitted(rest, "crawl_site", pages=number) for number in range(5)]
    others = [submitted(rest, "fails"), submitted(rest, "crawl_site", pages=99)]
    for run in (*made, *others):
        ended(rest, run)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"task": "crawl_site", "state": "DONE", "limit": 2, **({"cursor": cursor} if cursor else {})}
        page = msgspec.json.decode(rest.get("/api/v1/runs", params=query).content, type=shapes.RunPage)
        assert {(run.task, run.state) for run in page.items} == {("crawl_site", "DONE")}
        seen += [run.id for run in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert [run for run in seen if run in (*made, *others)] == [others[1], *made[::-1]]
    assert len(seen) == len(set(seen))
    assert rest.get("/api/v1/runs", params={"task": "nobody"}).json() == {"items": [], "next": None}
    assert rest.get("/api/v1/runs", params={"state": "GONE"}).status_code == 422


def test_a_run_with_its_whole_log(rest: Rest) -> None:
    run = submitted(rest, "crawl_site", pages=7)
    ended(rest, run)
    detail = msgspec.json.decode(rest.get(f"/api/v1/runs/{run}").content, type=shapes.RunDetail)
    assert (detail.task, detail.state, detail.params, detail.actor) == (
        "crawl_site",
        "DONE",
        {"pages": 7},
        "local",
    )
    assert [line.message for line in detail.log] == ["crawled 7 pages"]
    assert [attempt.outcome for attempt in detail.attempts] == ["done"]
    assert rest.get("/api/v1/runs/0000000000000000").status_code == 404
    assert rest.get("/api/v1/runs/..%2f..%2fetc").status_code == 404
    assert rest.get("/api/v1/runs/a;b").status_code == 422


def test_a_log_is_not_cut(rest: Rest, sched: Scheduler) -> None:
    """The board shows the last 200 lines."""

    @sched.task
    def talks() -> None:
        for number in range(500):
            context.log(f"line {number}")

    run = submitted(rest, "talks")
    assert [line["message"] for line in ended(rest, run)["log"]] == [
        f"line {number}" for number in range(500)
    ]
    sched.remove("talks")


def test_readers_see_no_traceback_and_nobody_a_path(rest: Rest, app: Any, folder: Path) -> None:
    run = submitted(rest, "fails")
    ended(rest, run)
    reader = Rest(app, address=AWAY, authorization=f"Bearer {token(folder, 'reader', 'read')}")
    seen, acted = reader.get(f"/api/v1/runs/{run}"), rest.get(f"/api/v1/runs/{run}")
    assert "no such project in …/x.csv" in seen.json()["error"]["message"]
    assert "traceback" not in seen.json()["error"]
    assert "Traceback" in acted.json()["error"]["traceback"]
    board = reader.get("/api/v1/board")
    for answer in (seen, acted, board, rest.get("/api/v1/board"), rest.get("/api/v1/runs")):
        assert str(folder) not in answer.text
        assert str(Path.cwd()) not in answer.text
    assert "Traceback" not in board.text


def test_cancel(rest: Rest) -> None:
    run = submitted(rest, "waits")
    assert rest.post(f"/api/v1/runs/{run}/cancel").json() == {"cancelled": True}
    assert ended(rest, run)["state"] == "CANCELLED"
    assert rest.post(f"/api/v1/runs/{run}/cancel").json() == {"cancelled": False}
    assert rest.post("/api/v1/runs/0000000000000000/cancel").status_code == 404


def test_run_again_with_other_parameters(rest: Rest) -> None:
    run = submitted(rest, "crawl_site", pages=3)
    ended(rest, run)
    (same,) = rest.post(f"/api/v1/runs/{run}/retry").json()["runs"]
    (other,) = rest.post(f"/api/v1/runs/{run}/retry", json={"params": {"pages": 4}}).json()["runs"]
    assert ended(rest, same)["params"] == {"pages": 3}
    assert ended(rest, other)["params"] == {"pages": 4}
    wrong = rest.post(f"/api/v1/runs/{run}/retry", json={"params": {"page": 4}})
    assert (wrong.status_code, wrong.json()["type"]) == (422, "urn:schedkit:ParameterError")
    waiting = submitted(rest, "waits")
    assert rest.post(f"/api/v1/runs/{waiting}/retry").status_code == 409
    rest.post(f"/api/v1/runs/{waiting}/cancel")


def missing() -> None:
    raise KeyError


def test_all_that_failed_since(rest: Rest, sched: Scheduler) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    runs = [submitted(rest, "fails", why=f"reason {number}") for number in range(2)]
    for run in runs:
        ended(rest, run)
    made = rest.post("/api/v1/runs/retry", json={"since": before.isoformat(), "task": "fails"}).json()["runs"]
    again = [ended(rest, run) for run in made]
    assert {run["params"].get("why") for run in again} >= {"reason 0", "reason 1"}
    more = rest.post("/api/v1/runs/retry", json={"since": before.isoformat(), "task": "fails"}).json()["runs"]
    assert len(more) == len(made)
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert rest.post("/api/v1/runs/retry", json={"since": later}).json() == {"runs": [], "refused": {}}
    sched.task(name="gone")(missing)
    ended(rest, submitted(rest, "gone"))
    gone_run = rest.get("/api/v1/runs", params={"task": "gone"}).json()["items"][0]["id"]
    sched.remove("gone")
    answer = rest.post("/api/v1/runs/retry", json={"since": before.isoformat(), "task": "gone"}).json()
    assert (answer["runs"], set(answer["refused"])) == ([], {gone_run})
    for since in ("yesterday", "2026-11-29T00:00:00", 5, "0001-01-01T00:00:00+14:00"):
        assert rest.post("/api/v1/runs/retry", json={"since": since}).status_code == 422


def test_a_file_at_the_url_of_the_results(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/bucket"
    with Scheduler(tmp_path / "ledger.db", results=url) as sched:
        rest = Rest(asgi(sched, None))

        @sched.task(name="writes")
        def writes() -> None:
            (tmp_path / "Bücher 1.txt").write_bytes(b"rows")
            context.artifact(tmp_path / "Bücher 1.txt", "Books")

        run = submitted(rest, "writes")
        (file,) = ended(rest, run)["artifacts"]
        assert (file["name"], file["label"]) == ("Bücher 1.txt", "Books")
        (tmp_path / "Bücher 1.txt").unlink()
        answer = rest.get(file["href"])
        assert answer.content == b"rows"
        assert "filename*=utf-8''B%C3%BCcher%201.txt" in answer.headers["content-disposition"]
        (copy,) = (tmp_path / "bucket").rglob("*.txt")
        copy.unlink()
        assert rest.get(file["href"]).status_code == 404


def test_files_of_a_run(rest: Rest, folder: Path) -> None:
    run = submitted(rest, "JIRA Extraction - Root Ticket ü")
    detail = ended(rest, run)
    (file,) = detail["artifacts"]
    assert file == {"name": "report.xlsx", "label": "Report", "href": f"/api/v1/runs/{run}/artifacts/0"}
    answer = rest.get(file["href"])
    assert (answer.content, answer.headers["content-disposition"]) == (
        b"PK rows",
        'attachment; filename="report.xlsx"',
    )
    assert rest.get(f"/api/v1/runs/{run}/artifacts/1").status_code == 404
    assert rest.get(f"/api/v1/runs/{run}/artifacts/-1").status_code == 422
    (folder / "report.xlsx").unlink()
    gone = rest.get(file["href"])
    assert (gone.status_code, gone.json()["detail"]) == (
        404,
        f"the file report.xlsx of run {run} no longer exists",
    )


def test_bodies_that_are_not_what_they_should_be(rest: Rest, sched: Scheduler) -> None:
    path = "/api/v1/tasks/crawl_site/runs"
    for body in (
        b"{",
        b"[]",
        b'{"params": 1}',
        b'{"parms": {}}',
        b'{"params": {"pages": "\\ud800"}}',
        b"\xff",
    ):
        answer = rest.post(path, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 422, body
        assert answer.json()["status"] == 422
    deep = b'{"params": {"pages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    assert rest.post(path, content=deep, headers={"content-type": "application/json"}).status_code == 422
    assert rest.post(path, content=b"x" * 1_000_001).status_code == 413
    assert rest.post(path, content=b"{}", headers={"content-type": "text/plain"}).status_code == 415
    large = rest.post(path, json={"params": {"pages": 10**30}}).json()["runs"][0]
    assert rest.get(f"/api/v1/runs/{large}").json()["params"] == {"pages": 10**30}
    assert rest.post(path, json={"params": {"pages": "many"}}).json()["type"] == "urn:schedkit:ParameterError"


def first_of(rest: Rest, task: str) -> str:
    """Return a run of a task that has ended."""
    run = submitted(rest, task)
    ended(rest, run)
    return run


def test_a_request_that_is_sent_twice_makes_one_run(rest: Rest, app: Any, folder: Path) -> None:
    key = {"idempotency-key": "3f2a"}
    for path, body in (
        ("/api/v1/tasks/crawl_site/runs", {"params": {"pages": 5}}),
        ("/scheduler/tasks/crawl_site/trigger", None),
        (f"/api/v1/runs/{first_of(rest, 'crawl_site')}/retry", None),
        ("/tasks", {"tags": ["SITE"]}),
    ):
        key = {"idempotency-key": f"key of {path}".replace(" ", "-")}
        first, again = (rest.post(path, json=body, headers=key).json() for _ in range(2))
        assert first == again
        assert set(first) <= {"runs", "run_id", "name", "message", "task_id"}
    other = Rest(app, AWAY, authorization=f"Bearer {token(folder, 'other', 'act')}")
    assert other.post("/tasks", json={"tags": ["SITE"]}, headers=key).json() != first
    assert (
        rest.post("/tasks", json={"tags": ["SITE"]}, headers={"idempotency-key": "x" * 201}).status_code
        == 422
    )
