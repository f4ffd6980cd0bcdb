"""Clients, schedulers and reports in another process: opened there by name, and no secret travels."""

from __future__ import annotations

import functools
import io
import os
import pickle
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import schedkit
from schedkit.app import App, app, project_elsewhere
from schedkit.core.api import scheduler as core
from schedkit.core.execution.failures import RemoteFailure
from schedkit.core.execution.remote_call import Answer, RecordingContext, answer, pack, value_of
from schedkit.demo import DemoSite
from schedkit.errors import LedgerError, RunFailedError, UsageError
from schedkit.jira import Jira
from schedkit.report import load_reports
from schedkit.report_call import ReportCall
from schedkit.settings import Settings
from schedkit.values.paths import SETTINGS_VARIABLE


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=60) as site:
        yield site


@pytest.fixture
def settings(project: Path, site: DemoSite, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose tokens are in its file, in a variable and in a file beside it."""
    monkeypatch.setenv("WIKI_TOKEN", site.confluence_cloud.token)
    (project / "token").write_text(site.jira_cloud.token)
    file = project / "schedkit.yaml"
    file.write_text(
        f"""
        sites:
          demo: {{url: "{site.jira_cloud.url}", user: {site.jira_cloud.user}, token: file:token, cloud: true}}
          demo-dc: {{url: "{site.jira_dc.url}", token: {site.jira_dc.token}, cloud: false}}
          demo-wiki:
            kind: confluence
            url: "{site.confluence_cloud.url}"
            user: {site.confluence_cloud.user}
            token: ${{WIKI_TOKEN}}
            cloud: true
        """
    )
    return file


def secrets_of(site: DemoSite) -> list[bytes]:
    doors = (site.jira_cloud, site.jira_dc, site.confluence_cloud)
    plain = [door.token for door in doors]
    basic = [b64encode(f"{door.user}:{door.token}".encode()).decode() for door in doors]
    return [text.encode() for text in plain + basic]


def crossed(function: Callable[..., Any], **params: Any) -> tuple[bytes, Answer]:
    """Return all that crosses when a function is called in another process, and how the call ended."""
    run = RecordingContext()
    run.begin({"id": "r", "task": "t", "params": params, "scheduled_at": None, "attempt": 1})
    packed, there = pack(function, params, run), RecordingContext()
    ended = answer(packed, there)
    everything = io.BytesIO()
    for each in (ended, *there.told):
        everything.write(cloudpickle.dumps(each))
    return packed + everything.getvalue(), ended


def test_no_secret_crosses(settings: Path, site: DemoSite) -> None:
    jira, dc, wiki = (schedkit.site(name) for name in ("demo", "demo-dc", "demo-wiki"))
    sched, project = schedkit.Scheduler(), app()
    page = wiki.page(100001)
    table = page.table("anchor:open-bugs")

    def looks(kind: str) -> Any:
        rows = len(jira.search(f"type = {kind}")) + len(dc.search(f"type = {kind}"))
        shown = list(table.read().columns)
        return rows, shown, page, sched.aio, project.site("demo"), [jira.aio, wiki.aio, dc.site]

    with sched:
        sent, ended = crossed(looks, kind="Bug")
    value = value_of(ended)
    assert value[0] > 0
    assert "Key" in value[1]
    assert not [secret for secret in secrets_of(site) if secret in sent]


def test_no_secret_crosses_with_an_error(settings: Path, site: DemoSite) -> None:
    jira = schedkit.site("demo")

    def fails() -> None:
        jira.search("project = ")

    sent, ended = crossed(fails)
    assert b"fails" in sent
    with pytest.raises(RemoteFailure):
        value_of(ended)
    assert not [secret for secret in secrets_of(site) if secret in sent]


def test_no_secret_crosses_with_a_report(settings: Path, site: DemoSite) -> None:
    (report,) = load_reports("reports/demo.yaml")
    call = ReportCall(report, app(), lambda: [({}, 5)])
    sent, ended = crossed(call)
    assert len(value_of(ended)) > 0
    assert not [secret for secret in secrets_of(site) if secret in sent]
    assert pickle.loads(pickle.dumps(report)) == report, "no class of it crosses, only its name"
    arrived = cloudpickle.loads(cloudpickle.dumps(call))
    assert arrived.report == report
    assert arrived.project is app()


def test_a_function_with_clients_and_a_scheduler_runs_in_a_child_process(
    settings: Path, project: Path
) -> None:
    """The function of a cell refers to clients, a handle and the scheduler."""
    jira, wiki = schedkit.site("demo"), schedkit.site("demo-wiki")
    with schedkit.Scheduler() as sched:

        @sched.task
        def counts(n: int) -> int:
            return n + 1

        @sched.task(runs_in="process")
        def looks() -> Any:
            frame = jira.search("type = Bug", fields=["Summary"])
            asked = counts.submit(n=len(frame))
            return os.getpid(), len(frame), counts(1), asked.result("60s"), wiki.page(100001).tables(), asked

        pid, rows, called, counted, tables, handle = looks.submit().result("120s")
        assert pid != os.getpid()
        assert (called, counted) == (2, rows + 1)
        assert rows > 0
        assert len(tables) > 0
        assert handle.scheduler.ledger == sched.ledger
        assert handle.result("60s") == counted


def test_a_report_runs_in_a_child_process(settings: Path, project: Path, site: DemoSite) -> None:
    file = project / "reports" / "demo.yaml"
    file.write_text(file.read_text().replace("task:\n", "task:\n  runs_in: process\n"))
    (report,) = load_reports(file)
    with schedkit.Scheduler() as sched:
        run = app().add_report(sched, report, scheduled=False).submit()
        frame = run.result("120s")
        assert len(frame) > 0
        assert (project / "reports/out/open-bugs.xlsx").exists()
        assert {"report", "workbook", "page"} <= run.facts.keys()
        assert f">{frame['Key'].iloc[0]}<" in site.wiki.pages["100001"].body
        assert {Path(each["path"]).name for each in run.artifacts} == {"open-bugs.xlsx"}


def test_a_client_without_a_name_is_refused_with_a_hint(project: Path) -> None:
    jira = Jira("https://x.example.org", token="s3cret")

    def looks() -> Any:
        return jira.myself()

    with schedkit.Scheduler() as sched:
        run = sched.task(runs_in="process")(looks).submit()
        with pytest.raises(RunFailedError, match="'looks' cannot travel to another process: Jira") as told:
            run.result("60s")
        assert "holds a login, which is never pickled" in str(told.value)
        assert "schedkit.site('NAME')" in told.value.hint


# Where the project is


def test_a_project_that_another_process_names(
    settings: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "schedkit.yaml").write_text("scheduler: {ledger: other.db}\n")
    assert project_elsewhere(str(other / "schedkit.yaml")).root == other
    assert project_elsewhere("/no/such/folder/schedkit.yaml") is app(), "as on another machine"
    monkeypatch.setenv(SETTINGS_VARIABLE, str(settings))
    assert project_elsewhere(str(other / "schedkit.yaml")) is app(), "this process has chosen one"


def test_settings_by_hand_are_refused(project: Path) -> None:
    by_hand = App(Settings(sites={"a": {"url": "https://x.example.org", "token": "s3cret"}}), project)
    with pytest.raises(UsageError, match="settings that no file holds are never pickled"):
        pickle.dumps(by_hand)
    with pytest.raises(UsageError, match="settings hold secrets and are never pickled"):
        pickle.dumps(by_hand.settings.sites["a"])
    with pytest.raises(UsageError, match="holds a login"):
        pickle.dumps(by_hand.site("a"))
    assert "s3cret" not in repr(by_hand)


# Schedulers


def test_a_scheduler_travels_as_its_ledger(project: Path) -> None:
    with schedkit.Scheduler() as sched:
        run = sched.task(name="one")(lambda: 1).submit()
        run.result("60s")
        there, handle, again = pickle.loads(pickle.dumps((sched, sched.aio, run)))
        assert there is not sched
        assert handle is there.aio
        assert (there.ledger, there.state, there.name) == (sched.ledger, "stopped", sched.name)
        assert there.process.results == sched.process.results
        assert again.result("60s") == 1
        assert pickle.loads(pickle.dumps(sched)) is there, "each process opens a ledger once"


def test_a_scheduler_of_a_ledger_that_no_settings_name(tmp_path: Path) -> None:
    with core.Scheduler(tmp_path / "ledger.db", results=tmp_path / "kept", keep_results=3) as sched:
        sched.task(name="one")(lambda: 1)
        sent = pickle.dumps(sched)
        there = pickle.loads(sent)
        assert (there.ledger, there.process.results) == (sched.ledger, sched.process.results)
        assert there.process.options["keep_results"] == 3
        assert list(there.tasks) == ["one"]
    lost = core.Scheduler(tmp_path / "lost.db")
    with pytest.raises(LedgerError, match=r"there is no ledger .*lost\.db on this machine"):
        pickle.loads(pickle.dumps(lost))


def test_a_password_of_a_ledger_is_never_pickled(project: Path) -> None:
    url = "postgresql+psycopg://bot:s3cret@db.example.org/jobs"
    with pytest.raises(UsageError, match=r"password of the ledger .* is never pickled") as told:
        pickle.dumps(schedkit.Scheduler(url))
    assert "s3cret" not in str(told.value)
    (project / "schedkit.yaml").write_text(f"scheduler: {{ledger: '{url}2'}}\n")
    sched = schedkit.Scheduler()
    sent = pickle.dumps(sched)
    assert b"s3cret" not in sent
    assert pickle.loads(sent).ledger == sched.ledger


def test_a_handle_that_only_travelled_calls_its_function(tmp_path: Path) -> None:
    with core.Scheduler(tmp_path / "ledger.db") as sched:
        handle = sched.task(name="adds")(functools.partial(max, 3))
        arrived = pickle.loads(pickle.dumps(handle))
        assert arrived.scheduler is not sched
        assert arrived(2) == 3
