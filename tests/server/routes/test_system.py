"""Health, metrics, sign-in, the audit log, the documentation."""

from __future__ import annotations

import ast
import csv
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from support.rest import AWAY, Rest, ended, token
from support.waiting import wait_until

from schedkit.core.store.database import Store
from schedkit.core.store.tokens import Tokens


def admin(app: Any, folder: Path, name: str) -> Rest:
    """Return a client that may everything."""
    return Rest(app, address=AWAY, authorization=f"Bearer {token(folder, name, 'admin')}")


def test_health_is_open(app: Any) -> None:
    stranger = Rest(app, address=AWAY)
    assert stranger.get("/healthz").json() == {"status": "ok"}
    assert stranger.get("/readyz").json() == {"status": "ok"}
    assert stranger.get("/metrics").status_code == 401
    assert stranger.get("/metrics").headers["www-authenticate"] == "Bearer"


def test_metrics(rest: Rest) -> None:
    run = rest.post("/scheduler/tasks/crawl_site/trigger").json()["run_id"]
    ended(rest, run)
    samples: dict[str, float] = {}

    def counted() -> bool:
        text = rest.get("/metrics").text
        samples.update(
            {
                f"{sample.name}{sorted(sample.labels.items())}": sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            }
        )
        return bool(
            samples.get("scheduler_task_executions_total[('status', 'success'), ('task_name', 'crawl_site')]")
        )

    wait_until(counted)
    assert samples["scheduler_state[('scheduler_state', 'running')]"] == 1
    assert samples["scheduler_active_tasks[('task_name', 'crawl_site')]"] == 0
    assert samples["scheduler_task_duration_seconds_count[('task_name', 'crawl_site')]"] >= 1
    (told,) = [name for name in samples if name.startswith("scheduler_info")]
    assert [label for label, _ in ast.literal_eval(told[told.index("[") :])] == [
        "jobs_count",
        "timezone",
        "version",
    ]


def test_sign_in_and_out(app: Any, folder: Path) -> None:
    text = token(folder, "ann", "act")
    browser = Rest(app, address=AWAY, origin="http://localhost:8000")
    assert browser.get("/docs").status_code == 401
    assert "Token" in browser.get("/login").text
    wrong = browser.post("/login", data={"token": text + "x"})
    assert (wrong.status_code, "not valid" in wrong.text) == (401, True)
    assert browser.post("/login", data={"token": text}).status_code == 303
    assert browser.get("/docs").is_success
    assert browser.post("/scheduler/tasks/crawl_site/trigger").is_success
    assert browser.post("/logout").status_code == 303
    assert browser.get("/docs").status_code == 401


def test_revoking_a_token_ends_its_sessions(app: Any, folder: Path) -> None:
    browser = Rest(app, address=AWAY, origin="http://localhost:8000")
    browser.post("/login", data={"token": token(folder, "bob", "act")})
    assert browser.get("/scheduler/status").is_success
    Tokens(Store(folder / "ledger.db")).revoke("bob")
    wait_until(lambda: browser.get("/scheduler/status").status_code == 401)
    assert browser.post("/scheduler/tasks/crawl_site/trigger").status_code == 401


def test_the_cookie_is_the_browsers_alone(app: Any, folder: Path) -> None:
    text = token(folder, "cookies", "read")
    browser = Rest(app, address=AWAY)
    answer = browser.post("/login", json={"token": text})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("schedkit-8000=")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert text not in cookie
    stranger = Rest(app, address=AWAY)
    assert stranger.post("/login", json={"token": "sk_00000000_x"}).json()["status"] == 401


def test_who_did_what(app: Any, folder: Path) -> None:
    boss = admin(app, folder, "=cmd()")
    run = boss.post("/scheduler/tasks/waits/trigger").json()["run_id"]
    boss.post(f"/api/v1/runs/{run}/cancel")
    boss.post("/scheduler/tasks/crawl_site/disable")
    boss.post("/scheduler/tasks/crawl_site/enable")
    page = boss.get("/api/v1/audit", params={"actor": "=cmd()"}).json()
    assert [row["action"] for row in page["items"]][:2] == ["resumed", "paused"]
    assert ("submitted", "waits", run) in [(row["action"], row["task"], row["run"]) for row in page["items"]]
    asked = boss.post("/scheduler/tasks/waits/trigger").json()["run_id"]
    rest = Rest(app)
    rest.post(f"/api/v1/runs/{asked}/cancel")
    rows = boss.get("/api/v1/audit").json()["items"]
    assert {(row["actor"], row["action"]) for row in rows if row["run"] == asked} == {
        ("=cmd()", "submitted"),
        ("local", "cancelled"),
    }
    file = boss.get("/audit", params={"format": "csv", "limit": 1000})
    assert file.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    head, *lines = csv.reader(io.StringIO(file.text))
    assert head == ["at", "actor", "action", "task", "run"]
    (line,) = [line for line in lines if line[2:] == ["submitted", "waits", run]]
    assert line[1] == "'=cmd()"
    assert abs(datetime.fromisoformat(line[0]) - datetime.now(UTC)) < timedelta(minutes=10)
    html = boss.get("/audit").text
    assert "crawl_site" in html
    assert "<script" not in html
    older = boss.get("/api/v1/audit", params={"limit": 1}).json()
    assert older["next"] == older["items"][0]["seq"]


def test_the_audit_is_for_administrators(rest: Rest) -> None:
    for path in ("/audit", "/api/v1/audit"):
        assert rest.get(path).status_code == 403


def test_the_documentation_needs_no_internet(rest: Rest) -> None:
    page = rest.get("/docs")
    assert "/api/v1/runs/{id}" in page.text
    links = set(re.findall(r'href="#([^"]+)"', page.text))
    assert {"TaskRequest", "Window", "RunDetail", "Problem"} <= links
    assert links <= set(re.findall(r'<details id="([^"]+)"', page.text))
    for outside in ("http://", "https://", "//cdn", "<script"):
        assert outside not in page.text.replace("http://localhost:8000", "")
    assert rest.get("/style.css").headers["content-type"].startswith("text/css")
    assert 'src="login.js"' in rest.get("/login").text
    assert rest.get("/login.js").headers["content-type"].startswith("text/javascript")
    assert rest.get("/").headers["location"] == "board"
    assert rest.get("/").status_code == 303
