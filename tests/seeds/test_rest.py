"""The documents' REST examples, sent as they are written: ``http://localhost:8000/…``, by curl."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.tasks.request import TaskType
from schedkit.core.triggers.constructors import cron
from schedkit.demo import DemoSite
from schedkit.jira import Jira, export_task
from schedkit.server import Server, ServerOptions, asgi

from .conftest import Fences

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
WRITTEN = "http://localhost:8000"
Curl = Callable[..., Any]


@pytest.fixture
def crawl(sched: Scheduler) -> None:
    """The task of document 004, and the handler that document 002 names."""

    @sched.task(cron("0 2 * * *"), name="crawl_site", description="定时爬取站点内容", tags=("crawl",))
    def crawl_site(type: str = "category", task_id: str = "") -> str:
        return type


@pytest.fixture
def curl(sched: Scheduler) -> Iterator[Curl]:
    """Sends what a document writes; the name and port of its address lead to the test's own server."""
    with Server(asgi(sched), ServerOptions(port=0)) as server:
        port = server.url.rpartition(":")[2]

        def send(*words: str) -> Any:
            command = ["curl", "-sS", "--connect-to", f"localhost:8000:127.0.0.1:{port}", *words]
            out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
            return json.loads(out) if out.startswith(("{", "[")) else out

        yield send


def test_document_004(curl: Curl, crawl: None, fence: Fences) -> None:
    trigger = shlex.split(fence("004", "bash", "/trigger"))
    status = shlex.split(fence("004", "bash", "/scheduler/status"))
    assert (trigger[0], status[0]) == ("curl", "curl")
    made = curl(*trigger[1:])
    wait_until(lambda: curl(f"{WRITTEN}/scheduler/tasks/crawl_site")["run_count"] == 1)
    told, expected = curl(*status[1:]), json.loads(fence("004", "json", '"task_count"'))
    assert set(expected) <= set(told)
    (task,) = told["tasks"]
    (wanted,) = expected["tasks"]
    assert set(wanted) <= set(task)
    for same in (
        "name",
        "description",
        "enabled",
        "schedule_type",
        "cron_expression",
        "status",
        "last_result",
    ):
        assert task[same] == wanted[same]
    assert {type(task[key]) for key in ("run_count", "fail_count")} == {int}
    assert curl(f"{WRITTEN}/scheduler/tasks") == told["tasks"]
    assert curl("-X", "POST", f"{WRITTEN}/scheduler/tasks/crawl_site/disable")["message"]
    assert curl(f"{WRITTEN}/scheduler/tasks/crawl_site")["enabled"] is False
    assert curl("-X", "POST", f"{WRITTEN}/scheduler/tasks/crawl_site/enable")["message"]
    (entry,) = curl(f"{WRITTEN}/scheduler/tasks/crawl_site/history")
    assert set(entry) == {"started_at", "status", "message"}
    assert made["name"] == "crawl_site"


def test_document_003(curl: Curl, crawl: None, fence: Fences) -> None:
    written = fence("003", "python", "/scheduler/status")
    fields = set(re.findall(r'^ {8,16}"(\w+)":', written, re.MULTILINE))
    assert {"is_running", "jobs_count", "jobs", "id", "name", "next_run_time", "trigger"} == fields
    told = curl(f"{WRITTEN}/scheduler/status")
    (job,) = told["jobs"]
    assert fields <= set(told) | set(job)
    assert (told["is_running"], told["jobs_count"], job["id"]) == (True, 1, "crawl_site")
    for verb in re.findall(r'"/scheduler/jobs/\{job_id\}/(\w+)"', written):
        answer = curl("-X", "POST", f"{WRITTEN}/scheduler/jobs/crawl_site/{verb}")
        assert set(answer) == {"message"}
        assert "crawl_site" in answer["message"]
        paused = curl(f"{WRITTEN}/scheduler/status")["jobs"][0]["next_run_time"] is None
        assert paused is (verb == "pause")


def test_document_003_metrics(curl: Curl, crawl: None, fence: Fences) -> None:
    names = re.findall(r"'(scheduler_\w+)'", fence("003", "python", "task_executions = Counter("))
    names += re.findall(r"'(scheduler_\w+)'", fence("003", "python", "scheduler_info = Info("))
    assert len(names) == 5
    text = curl(f"{WRITTEN}/metrics")
    assert [name for name in names if f"# TYPE {name.removesuffix('_total')}" not in text] == []


def test_document_002(curl: Curl, crawl: None, fence: Fences) -> None:
    """Its two endpoints are its own business: ``POST /tasks`` and ``GET /tasks/{id}`` answer instead."""
    created = re.findall(r'return \{"(\w+)": task_id, "(\w+)":', fence("002", "python", '"/crawl/all"'))
    body = json.dumps({"task": "crawl", "parameters": {"type": "category", "task_id": "crawl_all_1"}})
    made = curl("-X", "POST", f"{WRITTEN}/tasks", "-H", "Content-Type: application/json", "-d", body)
    assert tuple(made) == created[0] == ("task_id", "message")
    shown = set(re.findall(r'^ {8}"(\w+)":', fence("002", "python", "/crawl/tasks/"), re.MULTILINE))
    assert shown == {"task_id", "status", "message", "scheduler_status"}
    wait_until(lambda: curl(f"{WRITTEN}/tasks/{made['task_id']}")["status"] == "DONE")
    told = curl(f"{WRITTEN}/tasks/{made['task_id']}")
    assert shown <= set(told)
    assert (told["task_id"], told["scheduler_status"]) == (made["task_id"], "completed")
    status = set(re.findall(r'^ {8}"(\w+)":', fence("002", "python", '"job_count"'), re.MULTILINE))
    assert status == {"status", "job_count", "running_jobs", "paused_jobs", "uptime"}
    assert status <= set(curl(f"{WRITTEN}/scheduler/status"))
    assert curl("-X", "POST", f"{WRITTEN}/crawl/all")["status"] == 404


def test_document_001(curl: Curl, sched: Scheduler, demo_site: DemoSite, fence: Fences) -> None:
    cloud = demo_site.jira_cloud
    jira = Jira(cloud.url, user=cloud.user, token=cloud.token)

    @sched.task(tags="JIRA_TASK_EXP", name="jira export")
    def export(jira_envs: list[str], key_type: str, key_value: str, user: str = ""):
        asked = {"jira_envs": ["demo"], "key_type": key_type, "key_value": key_value, "user": user}
        return export_task(asked, {"demo": jira})

    first = jira.search("project is not EMPTY order by key", fields=["key"], limit=1)["Key"][0]
    written: dict[str, Any] = {"TaskType": TaskType}
    exec(fence("001", "python", "root_ticket_task"), written)
    project = written["project_task"]
    project["parameters"]["key_value"] = first.partition("-")[0]
    made = curl(
        "-X", "POST", f"{WRITTEN}/tasks", "-H", "Content-Type: application/json", "-d", json.dumps(project)
    )
    fields = re.findall(r"^ {4}(\w+): ", fence("001", "python", "class Task(BaseModel)"), re.MULTILINE)
    (task,) = [task for task in curl(f"{WRITTEN}/tasks") if task["name"] == project["name"]]
    assert list(task) == fields
    assert (task["task_type"], task["cron_expr"], task["id"]) == ("SCHEDULED", "0 0 * * *", made["task_id"])
    wait_until(lambda: curl(f"{WRITTEN}/tasks/status/DONE"))
    assert [one["name"] for one in curl(f"{WRITTEN}/tasks/status/DONE")] == [project["name"]]
    (run,) = curl(f"{WRITTEN}/task_history")
    assert (run["name"], run["status"], run["success"]) == (project["name"], "DONE", True)
    assert "/tasks" in curl(f"{WRITTEN}/docs")


def test_document_000(curl: Curl, crawl: None, fence: Fences) -> None:
    tables = fence("000", "mermaid", "erDiagram")
    task, result = (
        re.findall(r"^ +\w+ (\w+)(?: \w+)?$", part.partition("}")[0], re.MULTILINE)
        for part in (tables.partition("TASK {")[2], tables.partition("TASK_RESULT {")[2])
    )
    assert (task[0], result[-1]) == ("id", "reported_at")
    body = json.dumps(
        {"name": "nightly", "tags": ["crawl"], "task_type": "SCHEDULED", "cron_expr": "0 1 * * *"}
    )
    made = curl("-X", "POST", f"{WRITTEN}/tasks", "-H", "Content-Type: application/json", "-d", body)
    assert set(task) <= set(curl(f"{WRITTEN}/tasks/{made['task_id']}"))
    curl("-X", "POST", f"{WRITTEN}/scheduler/tasks/nightly/trigger")
    (row,) = wait_until(lambda: curl(f"{WRITTEN}/task_history"))
    assert set(result) <= set(row)
    assert (row["task_id"], row["success"]) == (made["task_id"], True)
