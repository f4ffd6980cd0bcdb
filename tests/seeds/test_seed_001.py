"""Seed 001: tasks as data, found by the tag JIRA_TASK_EXP; IMMEDIATE with a cron runs now and then."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from schedkit.app import App
from schedkit.commands.demo import demo_settings
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import RunStep
from schedkit.core.model import Retry
from schedkit.core.states import State
from schedkit.core.tasks.parsers import parse_retry
from schedkit.core.tasks.request import TaskType
from schedkit.core.triggers.constructors import cron
from schedkit.demo import DemoSite
from schedkit.errors import ParameterError, RunFailedError
from schedkit.excel import read
from schedkit.jira import Jira, export_task
from schedkit.settings import SchedulerSettings, Settings

from .conftest import Fences


@pytest.fixture
def documents(fence: Fences) -> dict[str, Any]:
    """The document's own two example tasks, executed as they are written."""
    found: dict[str, Any] = {"TaskType": TaskType}
    exec(fence("001", "python", "root_ticket_task"), found)
    return found


@pytest.fixture
def export(sched: Scheduler, demo_site: DemoSite) -> str:
    """The handler behind the tag; returns a project key of the demo site."""
    cloud = demo_site.jira_cloud
    jira = Jira(cloud.url, user=cloud.user, token=cloud.token)

    @sched.task(tags="JIRA_TASK_EXP", name="jira export")
    def jira_export(jira_envs: list[str], key_type: str, key_value: str, user: str = ""):
        params = {"jira_envs": ["demo"], "key_type": key_type, "key_value": key_value, "user": user}
        return export_task(params, {"demo": jira})

    project: str = jira.search("project is not EMPTY order by key", fields=["key"], limit=1)["Key"][0]
    return project.partition("-")[0]


def test_the_documents_tasks_run_as_they_are_written(
    demo_site: DemoSite, documents: dict[str, Any], tmp_path: Path
) -> None:
    """With the handler that every project with a Jira has: a frame, and a workbook in jira_reports/."""
    root, project = documents["root_ticket_task"], documents["project_task"]
    sites = demo_settings(demo_site).sites
    # What the document calls env1 and env2 are the demo's two sites; their keys are its own.
    settings = Settings(
        sites={"env1.jira.com": sites["demo"], "env2.jira.com": sites["demo-dc"]},
        scheduler=SchedulerSettings(ledger=str(tmp_path / "ledger.db"), results=str(tmp_path / "results")),
    )
    project["parameters"]["key_value"] = "DEMO"
    root["parameters"]["key_value"] = "DEMO-1"
    with App(settings, tmp_path).scheduler() as sched:
        handle = sched.add_request(project)
        # IMMEDIATE with a cron expression: now, and then every midnight.
        (run,) = handle.runs()
        assert handle.task.trigger == cron("0 0 * * *")
        assert handle.next_run is not None
        frame = sched.run(run.id).result("60s")
        assert set(frame["Key"].str.partition("-")[0]) == {"DEMO"}
        assert set(frame["site"]) == {"env1.jira.com"}
        single = sched.add_request(root)
        found = single.result("60s")
        assert single.run.request["name"] == "JIRA Extraction - Root Ticket"
        assert found["Key"][0] == "DEMO-1"
        assert set(found["site"]) == {"env1.jira.com", "env2.jira.com"}
        assert [Path(file["path"]) for file in single.artifacts] == [
            tmp_path / "jira_reports" / "DEMO-1.xlsx"
        ]
        assert single.facts["request"]["requester"] == "johndoe"
        assert sorted(sched.tasks) == ["JIRA Extraction - Project", "jira-export"]
    for name, rows in {"DEMO": frame, "DEMO-1": found}.items():
        assert len(read(tmp_path / "jira_reports" / f"{name}.xlsx")) == len(rows)


def test_a_scheduled_task_waits_for_its_time(
    sched: Scheduler, export: str, documents: dict[str, Any]
) -> None:
    handle = sched.add_request({**documents["project_task"], "task_type": TaskType.SCHEDULED})
    assert handle.runs() == []
    assert handle.next_run is not None


def test_a_request_names_a_tag_and_never_code(
    sched: Scheduler, export: str, documents: dict[str, Any]
) -> None:
    wrong = {**documents["root_ticket_task"], "parameters": {"key_type": "project", "kay_value": "X"}}
    with pytest.raises(ParameterError, match="unknown parameter 'kay_value'"):
        sched.add_request(wrong)
    assert "JIRA Extraction - Root Ticket" not in sched.tasks


def test_the_state_diagram(sched: Scheduler) -> None:
    """PENDING → QUEUED → RUNNING → DONE/FAILED, and TIMEOUT → RETRY → QUEUED."""
    seen, states = [], threading.Event()
    release = threading.Event()

    @sched.task(timeout=0.05, retry=Retry(attempts=2, delay=0.01))
    async def slow() -> None:
        await __import__("anyio").sleep(30)

    @sched.task(after=slow)
    def never() -> None: ...

    def hear(event: Any) -> None:
        if event.task == "slow" and isinstance(event, RunStep):
            seen.append(str(event.after.state))
            if event.after.state is State.TIMEOUT:
                states.set()

    sched.subscribe(hear)
    run = slow.submit()
    assert states.wait(60)
    release.set()
    assert seen == ["QUEUED", "RUNNING", "RETRY", "RUNNING", "TIMEOUT"]
    assert [a.outcome.value for a in run.attempts] == ["timeout", "timeout"]
    # What depends on it is skipped, and says why.
    (child,) = sched.runs("never")
    assert sched.run(child.id).wait("60s").state is State.SKIPPED
    assert "slow" in sched.run(child.id).run.reason


def test_its_retry_policy_counts_retries() -> None:
    policy = parse_retry({"max_retries": 3, "retry_delay": 2, "backoff_factor": 3}, "retry_policy")
    assert policy == Retry(attempts=4, delay=2, backoff=3)
    assert [policy.delay_before(n) for n in (2, 3, 4)] == [2, 6, 18]


def test_a_failure_is_reported_with_its_cause(sched: Scheduler, demo_site: DemoSite) -> None:
    @sched.task(tags="JIRA_TASK_EXP")
    def foreign(jira_envs: list[str], key_type: str, key_value: str, user: str = "") -> Any:
        params = {"jira_envs": jira_envs, "key_type": key_type, "key_value": key_value, "user": user}
        return export_task(params, {})

    run = sched.add_request(
        {
            "name": "elsewhere",
            "tags": ["JIRA_TASK_EXP"],
            "parameters": {"jira_envs": ["evil.example.org"], "key_type": "project", "key_value": "X"},
        }
    )
    with pytest.raises(RunFailedError, match=r"'evil\.example\.org' is not a configured site"):
        run.result("60s")
