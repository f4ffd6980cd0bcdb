"""The form against the demo site: it completes, checks, tries, submits, schedules and saves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.notebook_shell import Front, Shell
from support.waiting import wait_until

from schedkit.app import App
from schedkit.core.api.scheduler import Scheduler
from schedkit.demo import DemoSite
from schedkit.errors import SchedkitError, UsageError
from schedkit.notebook import display as faces
from schedkit.notebook.builder import Builder
from schedkit.notebook.draft import Draft, save, schedule_of, upcoming
from schedkit.settings import Settings

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture
def project(demo_site: DemoSite, tmp_path: Path) -> App:
    jira, wiki = demo_site.jira_cloud, demo_site.confluence_cloud
    sites = {
        "demo": {"kind": "jira", "url": jira.url, "user": jira.user, "token": jira.token},
        "wiki": {"kind": "confluence", "url": wiki.url, "user": wiki.user, "token": wiki.token},
    }
    return App(Settings.model_validate({"sites": sites}), tmp_path)


@pytest.fixture
def form(project: App, sched: Scheduler, front: Front) -> Builder:
    form = Builder(project, sched)
    wait_until(lambda: form.fields.allowed_tags)
    form.name.value = "bugs"
    form.question.value = "type = Bug"
    form.workbook.value = "reports/out/bugs.xlsx"
    return form


def click(form: Builder, words: str) -> str:
    """Press a button and return what the form then says."""
    form.words.value = ""
    next(button for button in form.buttons if button.description == words).click()
    return wait_until(lambda: form.words.value)


def test_fields_are_completed_from_the_site(form: Builder) -> None:
    assert {"Summary", "Story Points"} <= set(form.fields.allowed_tags)
    assert list(form.site.options) == ["demo"]
    assert list(form.wiki.options) == ["", "wiki"]


def test_the_schedule_is_told_in_words_with_its_next_times(form: Builder) -> None:
    form.schedule.value = "0 7 * * mon-fri"
    wait_until(lambda: "at 07:00 on Monday to Friday: " in form.times.value)
    assert form.times.value.count(":") >= 6
    form.schedule.value = "0 7 31 2 *"
    assert "never fires" in wait_until(lambda: "never fires" in form.times.value and form.times.value)
    form.schedule.value = ""
    wait_until(lambda: "on demand" in form.times.value)


def test_check_asks_the_site(form: Builder) -> None:
    assert "demo understands the question" in click(form, "Check")
    form.question.value = "projekt = X"
    assert "projekt" in click(form, "Check")
    form.question.value = "type = Bug AND type = Story"
    assert "no issue matches now" in click(form, "Check")


def test_trying_shows_rows_and_writes_nothing(form: Builder, project: App) -> None:
    form.fields.value = ["Summary", "Status"]
    assert "50 rows; nothing was written" in click(form, "Try with 50 rows")
    assert "<th" in form.preview.value
    assert "DEMO-" in form.preview.value
    assert not (project.root / "reports").exists()


def test_run_now_goes_through_the_scheduler(form: Builder, sched: Scheduler, project: App) -> None:
    assert "of bugs is queued" in click(form, "Run now")
    (run,) = wait_until(lambda: [run for run in sched.runs("bugs") if run.state.final])
    assert run.state == "DONE", run.error
    assert (project.root / "reports" / "out" / "bugs.xlsx").is_file()


def test_scheduling_and_saving(form: Builder, sched: Scheduler, project: App) -> None:
    form.schedule.value = "every 1h"
    assert "bugs runs every 1h, in this process" in click(form, "Schedule")
    assert sched.tasks["bugs"].next_run is not None
    assert "saved as reports/bugs.yaml" in click(form, "Save as YAML")
    assert "saved as reports/bugs.yaml" in click(form, "Save as YAML")
    form.schedule.value = "every 2h"
    assert "bugs.yaml is there already, and differs" in click(form, "Save as YAML")


def test_what_is_missing_is_said(form: Builder) -> None:
    form.workbook.value = ""
    assert "the report has no output" in click(form, "Run now")
    form.question.value = " "
    assert "jql is empty" in click(form, "Run now")


def test_a_site_that_does_not_answer_is_told(sched: Scheduler, front: Front, tmp_path: Path) -> None:
    sites = {"away": {"kind": "jira", "url": "http://127.0.0.1:9", "token": "x", "timeout": 1}}
    form = Builder(App(Settings.model_validate({"sites": sites}), tmp_path), sched)
    assert "127.0.0.1" in wait_until(lambda: form.words.value)


def test_without_sites_the_form_is_still_there(sched: Scheduler, front: Front, tmp_path: Path) -> None:
    form = Builder(App(Settings(), tmp_path), sched)
    assert form.draft.site == ""
    assert "The settings name no Jira yet" in form.words.value


def test_clicks_are_not_routed_to_a_busy_shell(form: Builder) -> None:
    assert [button.comm._reply_subshell_for for button in form.buttons] == [None] * 5


def test_the_panel_of_kind_builder(
    project: App, sched: Scheduler, front: Front, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faces, "app", lambda: project)
    form = faces.panel(sched, "builder")
    assert isinstance(form, Builder)
    form.show()
    assert len(shell.outputs) == 1


def test_a_page_is_a_delivery_too(tmp_path: Path) -> None:
    draft = Draft(
        name="bugs",
        site="demo",
        source="project",
        question="DEMO",
        page="100001",
        wiki="wiki",
        region="nth:1",
        schedule="at 2026-12-24 12:00",
    )
    report = draft.report()
    expected = {"site": "wiki", "page": {"page": "100001"}, "region": "nth:1", "key": ("Key",)}
    assert report.deliver[0].options == expected
    assert report.schedule is not None
    assert report.schedule.at == datetime(2026, 12, 24, 12)
    assert report.extract["issues"].project == ("DEMO",)
    assert save(draft, tmp_path / "reports").read_text(encoding="utf-8") == draft.yaml()


def test_metrics_are_a_delivery_with_the_history_of_the_issues() -> None:
    draft = Draft(
        name="weekly",
        site="demo",
        question="project = DEMO",
        fields=("Summary",),
        metrics="out/{name}.xlsx",
        wiki="wiki",
        metrics_page="Team metrics",
        split_by="Type",
    )
    report = draft.report()
    assert set(report.extract) == {"issues", "history"}
    assert report.extract["issues"].fields == ("Summary", "Created", "Status", "Status Category", "Type")
    (deliver,) = report.deliver
    assert deliver.options["changes"] == "history"
    assert (deliver.options["title"], deliver.options["by"]) == ("Team metrics", "Type")
    assert draft.trial().fields == ("Summary",), "a trial needs no history"
    assert "path" not in replace(draft, metrics="").report().deliver[0].options


def test_metrics_of_the_form_are_made(form: Builder, sched: Scheduler, project: App) -> None:
    form.workbook.value, form.fields.value = "", ["Summary"]
    form.metrics.value, form.split_by.value = "metrics.xlsx", "Type"
    assert "of bugs is queued" in click(form, "Run now")
    (run,) = wait_until(lambda: [run for run in sched.runs("bugs") if run.state.final])
    assert run.state == "DONE", run.error
    assert (project.root / "metrics.xlsx").is_file()


def test_schedules_as_people_type_them() -> None:
    assert schedule_of("  ") is None
    assert schedule_of("Every 2 hours") == {"every": "2 hours"}
    words, times = upcoming("every 90m", NOW)
    assert (words, len(times)) == ("every 1h 30m", 5)
    for words, error in {
        "soon": "1 fields instead of five",
        "every": "invalid duration",
        "at noon": "noon",
    }.items():
        with pytest.raises(SchedkitError, match=error):
            upcoming(words, NOW)
    with pytest.raises(UsageError):
        Draft().report()
