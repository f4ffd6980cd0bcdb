"""The board as a page, and what it asks for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from support.rest import AWAY, Rest, ended, token

from schedkit.core.api.scheduler import Scheduler


def command(rest: Rest, **fields: Any) -> Any:
    return rest.post("/api/v1/board/commands", json=fields)


def test_the_page_and_all_files_that_it_names(rest: Rest) -> None:
    page = rest.get("/board")
    assert page.headers["content-type"].startswith("text/html")
    named = set(re.findall(r'(?:href|src)="(web/[^"]+)"', page.text))
    assert {"web/page.js", "web/board.css", "web/page.css", "web/stream.js"} <= named
    for file in named:
        answer = rest.get(f"/{file}")
        assert answer.status_code == 200, file
        assert answer.headers["content-type"].startswith(("text/javascript", "text/css"))
        again = rest.get(f"/{file}", headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    for nothing in ("nothing.js", "board", "..%2Fcli.py", "__init__.py"):
        assert rest.get(f"/web/{nothing}").status_code == 404
    assert rest.get("/").headers["location"] == "board"


def test_a_person_without_a_token_is_asked_to_sign_in(app: Any) -> None:
    stranger = Rest(app, AWAY)
    asked = stranger.get("/board", headers={"accept": "text/html,*/*"})
    assert (asked.status_code, "Sign in" in asked.text) == (401, True)
    assert stranger.get("/board").headers["content-type"] == "application/problem+json"


def test_who_asks(app: Any, rest: Rest, folder: Path) -> None:
    assert rest.get("/api/v1/access").json() == {
        "actor": "local",
        "scopes": ["read", "act"],
        "signed_in": False,
    }
    reader = Rest(app, AWAY, authorization=f"Bearer {token(folder, 'anna', 'read')}")
    assert reader.get("/api/v1/access").json() == {"actor": "anna", "scopes": ["read"], "signed_in": True}
    assert command(reader, do="pause", task="crawl_site").status_code == 403


def test_buttons(rest: Rest, sched: Scheduler) -> None:
    made = command(rest, do="run", task="crawl_site", params={"pages": 3}).json()
    assert made["message"] == "crawl_site is queued"
    run = ended(rest, made["run"])
    assert (run["params"], run["actor"]) == ({"pages": 3}, "local")
    again = command(rest, do="again", run=made["run"], params={"pages": 4}).json()
    assert again["message"] == "crawl_site is queued again with these parameters"
    assert ended(rest, again["run"])["params"] == {"pages": 4}
    for verb, paused in (("pause", True), ("resume", False)):
        assert command(rest, do=verb, task="crawl_site").json()["run"] is None
        assert sched.tasks["crawl_site"].paused is paused
        assert command(rest, do=verb).json()["message"].startswith("The scheduler is ")
        assert sched.paused is paused
    waiting = command(rest, do="run", task="waits").json()["run"]
    assert command(rest, do="cancel", run=waiting).json()["message"] == "The run is asked to stop"
    assert ended(rest, waiting)["state"] == "CANCELLED"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"do": "run"}, 422),
        ({"do": "cancel", "task": "waits"}, 422),
        ({"do": "run", "task": "nobody"}, 404),
        ({"do": "cancel", "run": "nothing0"}, 404),
        ({"do": "run", "task": "crawl_site", "params": {"pages": "many"}}, 422),
        ({"do": "hand_over"}, 422),
        ({"do": "run", "task": "a\x00b"}, 422),
    ],
)
def test_what_a_button_cannot_do(rest: Rest, fields: dict[str, Any], status: int) -> None:
    answer = command(rest, **fields)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]


def test_history_and_calendar(rest: Rest) -> None:
    ended(rest, command(rest, do="run", task="fails").json()["run"])
    seen = rest.get("/api/v1/history", params={"task": "fails", "state": "FAILED"}).json()
    assert {run["task"] for run in seen["runs"]} == {"fails"}
    assert all("traceback" not in run["error"] for run in seen["runs"])
    assert rest.get("/api/v1/history", params={"hours": 0}).status_code == 422
    days = rest.get("/api/v1/calendar", params={"zone": "Europe/Berlin", "task": "crawl_site"}).json()
    assert (days["zone"], len(days["days"])) == ("Europe/Berlin", 7)
    assert {entry["task"] for day in days["days"] for entry in day["entries"]} == {"crawl_site"}
    refused = rest.get("/api/v1/calendar", params={"zone": "Mars/Olympus"})
    assert (refused.status_code, "Mars/Olympus" in refused.json()["detail"]) == (404, True)


def test_a_run_in_full_tells_no_path(rest: Rest, folder: Path) -> None:
    run = command(rest, do="run", task="JIRA Extraction - Root Ticket ü").json()["run"]
    ended(rest, run)
    row = rest.get(f"/api/v1/board/runs/{run}")
    assert [file["name"] for file in row.json()["artifacts"]] == ["report.xlsx"]
    assert str(folder) not in row.text
    assert rest.get("/api/v1/board/runs/nothing0").status_code == 404


def test_a_preview_of_a_frame(rest: Rest, sched: Scheduler) -> None:
    import pandas as pd

    @sched.task
    def frame() -> Any:
        return pd.DataFrame({"Key": ["A-1", "A-2"], "Rows": [1, None]})

    run = command(rest, do="run", task="frame").json()["run"]
    ended(rest, run)
    assert rest.get(f"/api/v1/runs/{run}/preview").json() == {
        "columns": ["Key", "Rows"],
        "data": [["A-1", "1.0"], ["A-2", ""]],
        "rows": 2,
    }
    other = command(rest, do="run", task="crawl_site").json()["run"]
    ended(rest, other)
    refused = rest.get(f"/api/v1/runs/{other}/preview")
    assert (refused.status_code, refused.json()["detail"]) == (422, f"run {other} returned int, no DataFrame")
    sched.remove("frame")


def test_the_form_of_a_task_is_on_the_board(rest: Rest) -> None:
    row = rest.get("/api/v1/tasks/crawl_site").json()
    assert row["signature"] == [{"name": "pages", "kind": "integer", "required": False, "default": 1}]
