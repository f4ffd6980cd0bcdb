"""The composition root: sites by name, the scheduler of a project, what a report becomes."""

from __future__ import annotations

import inspect
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

import schedkit
from schedkit.app import App, app
from schedkit.cli import main
from schedkit.commands import demo as demo_command
from schedkit.confluence import Confluence
from schedkit.core.api.options import SCHEDULER_OPTIONS
from schedkit.core.tasks.options import TASK_OPTIONS
from schedkit.errors import LedgerError, ParameterError, RunFailedError, SettingsError
from schedkit.jira import Jira
from schedkit.report import loads_reports
from schedkit.values.options import Options

SITES = """
sites:
  apache: {url: "https://issues.example.org", token: secret-one, cloud: false}
  wiki: {kind: confluence, url: "https://wiki.example.org", user: bot, token: secret-two, cloud: false}
"""

REPORT = """
name: r
extract: {site: apache, jql: a = b}
deliver: [{excel: {path: r.xlsx}}]
"""


def test_sites_by_name_are_made_once(project: Path) -> None:
    (project / "schedkit.yaml").write_text(SITES)
    assert isinstance(schedkit.site("apache"), Jira)
    assert schedkit.site("apache") is schedkit.site("apache")
    assert isinstance(schedkit.site("wiki"), Confluence)
    for name in ("apache", "wiki"):
        assert "secret" not in repr(schedkit.site(name))
    with pytest.raises(SettingsError, match=r"no site 'apach' \(did you mean 'apache'\?\)"):
        schedkit.site("apach")
    with pytest.raises(SettingsError, match=r"no site 'other' \(add it under sites: in "):
        schedkit.site("other")


def test_a_site_waits_as_long_as_its_settings_say(project: Path) -> None:
    (project / "schedkit.yaml").write_text(SITES.replace("cloud: false}", "cloud: false, patience: 5m}", 1))
    assert schedkit.site("apache").site.patience == 300
    (project / "schedkit.yaml").write_text(SITES.replace("cloud: false}", "patience: long}", 1))
    with pytest.raises(SettingsError, match="patience"):
        schedkit.site("apache")


@pytest.mark.parametrize("page", ["'77'", "77"])
def test_pages_are_created_below_the_main_page_of_the_settings(project: Path, page: str) -> None:
    where = f"url: 'https://w.example.org', token: x, main_page_id: {page}"
    text = f"sites: {{wiki: {{kind: confluence, {where}}}}}"
    (project / "schedkit.yaml").write_text(text, encoding="utf-8")
    assert app().site("wiki").aio.main_page_id == "77"


def test_reports_show_moments_in_the_projects_zone(project: Path) -> None:
    (project / "schedkit.yaml").write_text("scheduler: {tz: Asia/Shanghai}\n")
    tools = app().tools()
    assert str(tools.tz) == "Asia/Shanghai"
    assert tools.clock().utcoffset() == timedelta(hours=8)


def test_changed_settings_are_read_again(project: Path) -> None:
    (project / "schedkit.yaml").write_text(SITES)
    before = schedkit.site("apache")
    (project / "schedkit.yaml").write_text(SITES.replace("secret-one", "secret-three"))
    assert schedkit.site("apache") is not before


def test_the_projects_scheduler_is_one(project: Path) -> None:
    inner = project / "notebooks" / "deep"
    inner.mkdir(parents=True)
    first = schedkit.Scheduler()
    assert schedkit.Scheduler() is first
    assert str(project / ".schedkit" / "ledger.db") in first.ledger
    assert (project / ".schedkit" / ".gitignore").read_text() == "*\n"
    other = schedkit.Scheduler("other.db")
    assert other is not first
    assert str(project / "other.db") in other.ledger


def test_what_a_scheduler_was_made_with_stays_and_that_is_said(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = schedkit.Scheduler(concurrency=3)
    assert schedkit.Scheduler(concurrency=3) is first
    assert caplog.messages == []
    assert schedkit.Scheduler(concurrency=8) is first
    (told,) = caplog.messages
    assert "made already, with concurrency=3: restart the kernel" in told


def test_limits_and_what_is_kept_come_from_the_settings(project: Path) -> None:
    block = "scheduler: {limits: {jira: 2}, keep_runs: 30 days, keep_results: 3, durability: full}\n"
    (project / "schedkit.yaml").write_text(block)
    options = schedkit.Scheduler().process.options
    assert options["limits"] == {"jira": 2}
    assert (options["keep_runs"], options["keep_results"]) == (30 * 86400, 3)
    assert options["durability"] == "full"
    (project / "schedkit.yaml").write_text("scheduler: {limits: {jira: 0}}\n")
    with pytest.raises(SettingsError, match=r"limits\['jira'\]=0"):
        schedkit.Scheduler("other.db")


def test_the_scheduler_is_a_class(project: Path) -> None:
    sched = schedkit.Scheduler()
    assert isinstance(schedkit.Scheduler, type)
    assert isinstance(sched, schedkit.Scheduler)
    assert isinstance(schedkit.Scheduler("other.db"), schedkit.Scheduler)
    assert isinstance(app().scheduler(), schedkit.Scheduler)
    with pytest.raises(SettingsError, match=r"^unknown option 'concurency' \(did you mean 'concurrency'\?\)"):
        schedkit.Scheduler(concurency=3)
    with pytest.raises(SettingsError, match=r"tz: unknown time zone 'Europe'"):
        schedkit.Scheduler(tz="Europe")


@pytest.mark.parametrize(
    ("documented", "options", "first"),
    [
        (schedkit.Scheduler, SCHEDULER_OPTIONS, "ledger"),
        (schedkit.Scheduler.task, TASK_OPTIONS, "self"),
        (schedkit.task, TASK_OPTIONS, "trigger"),
    ],
)
def test_shift_tab_shows_every_option(
    documented: Callable[..., object], options: Options, first: str
) -> None:
    shown = inspect.signature(documented).parameters
    assert next(iter(shown)) == first
    assert set(options) <= set(shown)
    for name, option in options.items():
        assert f"{name} : {option.type_text}, default {option.default_text}\n    {option.words}" in (
            documented.__doc__ or ""
        )
        assert shown[name].kind is inspect.Parameter.KEYWORD_ONLY


def test_completion_in_a_cell_offers_the_options() -> None:
    from IPython.core.completer import IPCompleter, provisionalcompleter

    completer = IPCompleter(namespace={"Scheduler": schedkit.Scheduler}, global_namespace={}, use_jedi=False)
    with provisionalcompleter():
        offered = {each.text for each in completer.completions("Scheduler(conc", 14)}
    assert "concurrency=" in offered


def test_a_url_is_a_ledger_too(project: Path) -> None:
    url = f"sqlite:///{project / 'by-url.db'}"
    assert app().ledger(url) == url
    assert "by-url.db" in schedkit.Scheduler(url).ledger


def test_a_folder_that_cannot_be_made_is_said_so(project: Path) -> None:
    (project / "file").write_text("")
    with pytest.raises(LedgerError, match=r"cannot make the ledger's folder .*file"):
        schedkit.Scheduler("file/ledger.db")
    with pytest.raises(LedgerError, match="invalid ledger 5"):
        schedkit.Scheduler(5)


def test_job_defaults_of_the_settings_hold_for_jobs_tasks_and_reports(project: Path) -> None:
    """Seed 003's `scheduler:` block; what a job says itself wins."""
    block = "scheduler: {job_defaults: {coalesce: false, max_instances: 3, misfire_grace_time: 30}}\n"
    (project / "schedkit.yaml").write_text(block + SITES)
    scheduler = schedkit.Scheduler()
    job = scheduler.add_job(app, "interval", hours=1)
    assert (job.coalesce, job.max_instances, job.misfire_grace_time) == (False, 3, 30)
    job = scheduler.add_job(app, "interval", hours=1, misfire_grace_time=5, coalesce=True)
    assert (job.coalesce, job.max_instances, job.misfire_grace_time) == (True, 3, 5)
    (report,) = loads_reports(REPORT)
    for task in (scheduler.task(name="t")(app).task, app().add_report(scheduler, report).task):
        assert (task.coalesce, task.max_instances, task.misfire_grace) == (False, 3, 30)
    plain = schedkit.Scheduler("other.db", job_defaults={})
    assert plain.add_job(app, "interval", hours=1).max_instances == 1


@pytest.mark.parametrize(
    ("schedule", "moment"),
    [
        ("cron: '0 7 * * 1', tz: UTC", datetime(2026, 1, 5, 7, tzinfo=UTC)),
        ("at: '2026-01-02 03:04', tz: UTC", datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),
    ],
)
def test_a_schedule_becomes_a_trigger(schedule: str, moment: datetime) -> None:
    (report,) = loads_reports(REPORT + f"schedule: {{{schedule}}}\n")
    assert report.trigger.next(datetime(2026, 1, 1, tzinfo=UTC)) == moment


def test_without_a_schedule_there_is_no_trigger(project: Path) -> None:
    (report,) = loads_reports(REPORT)
    assert report.trigger is None
    (project / "schedkit.yaml").write_text(SITES)
    task = App(app().settings, project)
    with task.scheduler() as scheduler:
        handle = task.add_report(scheduler, report)
        assert handle.next_run is None
        assert handle.task.timeout == 3600


def test_keep_leaves_the_site_up_until_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[str] = []
    monkeypatch.setattr(demo_command, "until_interrupted", lambda: kept.append("waited"))
    assert main(["demo", "--issues", "100", "--keep"]) == 0
    assert kept == ["waited"]


ROWS = """
name: rows
params: {size: {type: integer, default: 20}, tags: {type: list, default: [a]}}
extract: {call: 'MODULE:rows', arguments: {count: '{{ size }}'}}
check: [{max_drop: 50%}]
deliver: [{csv: {path: 'rows-{{ size }}.csv'}}]
"""
made_rows: list[int] = []


def rows(count: int) -> pd.DataFrame:
    return pd.DataFrame({"Key": range(made_rows[-1] if made_rows else count)})


def test_a_report_takes_parameters_and_knows_its_last_good_run(project: Path) -> None:
    (report,) = loads_reports(ROWS.replace("MODULE", __name__))
    with app().scheduler() as scheduler:
        task = app().add_report(scheduler, report)
        assert len(task.submit().result("60s")) == 20
        assert len(task.submit(size=5, tags="a, b").result("60s")) == 5
        made_rows.append(9)
        with pytest.raises(
            RunFailedError, match=r"CheckError: check.max_drop: 9 rows, the last good run had 20"
        ):
            task.submit().result("60s")
        # A failed run is none to compare with, and one with another parameter is another report.
        made_rows.append(11)
        assert len(task.submit(size=40).result("60s")) == 11
        assert len(task.submit().result("60s")) == 11
        with pytest.raises(ParameterError, match=r"unknown parameter 'szie' \(did you mean 'size'"):
            task.submit(szie=1)
        with pytest.raises(ParameterError, match="expected int"):
            task.submit(size="many")
    made_rows.clear()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("site: apache", "site: apach"),
            r"r: extract.site: there is no site 'apach' .did you mean 'apache'",
        ),
        (("site: apache", "site: wiki"), "r: extract.site: site 'wiki' is of kind confluence"),
        (("r.xlsx", "r.xlsx, template: no.xlsx"), r"r: deliver.0.excel: template: there is no file"),
        (("site: apache", "site: unset"), r"r: extract.site: sites.unset.token: .*NO_SUCH_TOKEN. is not set"),
    ],
)
def test_a_report_that_cannot_run_is_refused_when_it_is_declared(
    change: tuple[str, str], message: str, project: Path
) -> None:
    unset = '  unset: {url: "https://i.example.org", token: "${NO_SUCH_TOKEN}", cloud: false}\n'
    (project / "schedkit.yaml").write_text(SITES + unset)
    (report,) = loads_reports(REPORT.replace(*change))
    scheduler = app().scheduler()
    with pytest.raises(SettingsError, match=message):
        app().add_report(scheduler, report)
    assert "r" not in scheduler.tasks


def test_a_report_tells_which_of_its_sites_are_away(project: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        (project / "schedkit.yaml").write_text(
            f"sites: {{apache: {{url: 'http://127.0.0.1:{port}', token: x}}}}"
        )
        (report,) = loads_reports(REPORT)
        ((place, why),) = app().unreachable(report)
        server.listen()
        assert list(app().unreachable(report)) == []
    assert place == ("extract", "site")
    assert why.startswith("site 'apache' cannot be reached")


MADE = """
from pathlib import Path

import pandas as pd


def rows(count):
    fewer = Path("fewer")
    return pd.DataFrame({"Key": range(int(fewer.read_text()) if fewer.exists() else count)})
"""


def test_a_report_in_a_child_process_knows_its_last_good_run(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "made.py").write_text(MADE)
    (project / "schedkit.yaml").write_text("")
    monkeypatch.syspath_prepend(project)
    (report,) = loads_reports(ROWS.replace("MODULE:rows", "made:rows") + "task: {runs_in: process}\n")
    with app().scheduler() as scheduler:
        task = app().add_report(scheduler, report)
        assert len(task.submit().result("60s")) == 20
        (project / "fewer").write_text("9")
        with pytest.raises(
            RunFailedError, match=r"CheckError: check.max_drop: 9 rows, the last good run had 20"
        ):
            task.submit().result("60s")


def test_a_scheduler_without_reports_loads_none_of_them() -> None:
    loaded = "[name for name in sys.modules if name.startswith('schedkit.report')]"
    code = f"import sys, schedkit.app; print({loaded})"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
