"""`schedkit doctor`: a line for each thing, and what to do where it is not good."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.responses import JSONResponse

from schedkit.app import app
from schedkit.cli import main
from schedkit.commands.doctor import findings
from schedkit.commands.lab import lab_environment
from schedkit.core.api.scheduler import Scheduler
from schedkit.demo import DemoSite

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=20) as site:
        yield site


def found(capsys: Output) -> tuple[int, dict[str, dict[str, str]]]:
    code = main(["doctor", "--json"])
    rows = json.loads(capsys.readouterr().out)
    return code, {row["what"]: row for row in rows}


def test_all_is_good(
    running: Scheduler, site: DemoSite, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in lab_environment(site).items():
        monkeypatch.setenv(name, value)
    code, rows = found(capsys)
    assert code == 0, [row for row in rows.values() if row["status"] == "bad"]
    for name in ("demo", "demo-dc", "demo-wiki", "demo-wiki-dc"):
        assert rows[f"site {name}"]["status"] == "good"
        assert rows[f"site {name} clock"]["status"] == "good"
    assert rows["site demo permissions"]["status"] == "good"
    assert rows["site demo-dc permissions"]["status"] == "good"
    assert rows["site demo-wiki permissions"]["found"] == "the settings name no page, so none was tried"
    assert f"{len(running.tasks)} tasks" in rows["ledger"]["found"]
    assert running.name in rows["processes"]["found"]
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "good  versions: schedkit " in shown


def test_one_of_a_kind_is_one(project: Path, capsys: Output) -> None:
    with app().plain_scheduler() as scheduler:
        scheduler.task(name="alone")(lambda: None)
        scheduler.submit("alone").result("60s")
        _, rows = found(capsys)
    assert rows["ledger"]["found"].endswith("ledger.db, 1 task, 1 run")
    assert main(["ledger", "check"]) == 0
    assert ": good; 1 task, 1 run, " in capsys.readouterr().out


def test_a_wrong_token_and_a_site_that_is_away(
    project: Path, site: DemoSite, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**lab_environment(site), "SCHEDKIT_SITES__DEMO-DC__TOKEN": "s3cret-wrong"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SCHEDKIT_SITES__AWAY__URL", "http://127.0.0.1:9")
    code, rows = found(capsys)
    assert code == 1
    assert rows["site demo-dc"]["status"] == "bad"
    assert rows["site demo-dc"]["mend"].startswith(f"a new token: {site.jira_dc.url}/secure/")
    assert rows["site away"]["status"] == "bad"
    assert rows["site demo"]["status"] == "good"
    assert rows["ledger"]["mend"] == "`schedkit run FILE` creates it"
    assert main(["doctor"]) == 1
    out, err = capsys.readouterr()
    assert "s3cret" not in out + err
    assert err.splitlines()[-1] == "schedkit: to be mended: site demo-dc, site away"


def test_what_several_findings_are_about_is_to_be_mended_once(running: Scheduler, capsys: Output) -> None:
    for channel in ("CHAT", "MAIL"):
        running.queries.outbox.keep(channel, "title", "body", "failed")
    assert main(["doctor"]) == 1
    out, err = capsys.readouterr()
    assert out.count("bad   alerts: 1 alert waits for ") == 2
    assert err.splitlines()[-1] == "schedkit: to be mended: alerts"


@pytest.mark.parametrize("status", [200, 403, 500])
def test_texts_of_a_site_do_not_steer_the_terminal(
    project: Path, site: DemoSite, capsys: Output, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    for name, value in {**lab_environment(site), "SCHEDKIT_SITES__DEMO__RETRIES": "0"}.items():
        monkeypatch.setenv(name, value)
    hostile = "owned \x1b]0;owned\x07\x9b2J\r\u202e"
    body = {"displayName": hostile, "accountId": hostile, "errorMessages": [hostile]}
    take_away = site.before(
        lambda request: JSONResponse(body, status) if request.url.path.endswith("/myself") else None
    )
    try:
        main(["doctor"])
    finally:
        take_away()
    shown = "".join(capsys.readouterr())
    assert "owned" in shown
    assert not {char for char in shown if not char.isprintable() and char != "\n"}


@pytest.mark.parametrize("wiki", ["demo-wiki", "demo-wiki-dc"])
def test_pages_that_runs_write_to(
    project: Path, site: DemoSite, capsys: Output, monkeypatch: pytest.MonkeyPatch, wiki: str
) -> None:
    for name, value in lab_environment(site).items():
        monkeypatch.setenv(name, value)
    page = site.wiki.create(f"Results of {wiki}", "<p>Runs</p>")
    monkeypatch.setenv(f"SCHEDKIT_SITES__{wiki.upper()}__MAIN_PAGE_ID", "100003")
    (project / "schedkit.yaml").write_text(f"standing_page: {{site: {wiki}, page: {page.id}}}")
    what = f"site {wiki} permissions"
    assert found(capsys)[1][what]["found"] == "main_page_id and the standing page may be used"
    page.restrictions["update"] = ["somebody else"]
    monkeypatch.setenv(f"SCHEDKIT_SITES__{wiki.upper()}__MAIN_PAGE_ID", "987654")
    code, rows = found(capsys)
    assert (code, rows[what]["status"]) == (1, "bad")
    assert "main_page_id: " in rows[what]["found"]
    assert "the standing page: " in rows[what]["found"]
    assert "may be read by this login but not edited" in rows[what]["found"]


def test_a_clock_that_is_wrong_is_told(
    project: Path, site: DemoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in lab_environment(site).items():
        monkeypatch.setenv(name, value)
    for minutes, words in ((10, "ahead of the site's"), (-10, "behind the site's")):
        told = findings(None, lambda ahead=minutes: datetime.now(UTC) + timedelta(minutes=ahead))
        clocks = [each for each in told if each.what.endswith(" clock")]
        assert len(clocks) == 4
        assert all(each.status == "bad" and words in each.found for each in clocks), clocks


@pytest.mark.parametrize(
    ("text", "status", "told"),
    [
        ("sitse: {}", "bad", "unknown option 'sitse'"),
        ("scheduler: {poll_interval: 3}", "note", "without effect: scheduler.poll_interval"),
    ],
)
def test_settings_that_are_wrong(project: Path, capsys: Output, text: str, status: str, told: str) -> None:
    (project / "schedkit.yaml").write_text(text)
    code, rows = found(capsys)
    assert (rows["settings"]["status"], code) == (status, 1 if status == "bad" else 0)
    assert told in rows["settings"]["found"]


def test_a_damaged_ledger_and_another_time_zone(project: Path, capsys: Output) -> None:
    (project / "schedkit.yaml").write_text("scheduler: {tz: Pacific/Kiritimati, ledger: x.db}")
    (project / "x.db").write_bytes(b"no database" * 999)
    code, rows = found(capsys)
    assert code == 1
    assert rows["ledger"]["status"] == "bad"
    assert "not a database" in rows["ledger"]["found"]
    assert rows["time zone"]["found"].startswith("Pacific/Kiritimati by the settings")
