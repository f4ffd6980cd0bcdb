"""The command line: what it does, and one clear line for every mistake."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from schedkit.app import app
from schedkit.cli import main
from schedkit.commands import run as run_command
from schedkit.commands.lab import lab_environment
from schedkit.demo import DemoSite
from schedkit.errors import RunFailedError

TASKS = """
from schedkit import Scheduler, every
sched = Scheduler()

@sched.task(every("1h"))
def hello():
    return 42
"""

FAILING = """
from schedkit import Scheduler
@Scheduler().task()
def broken():
    raise ValueError("no such thing")
"""


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=200) as site:
        yield site


@pytest.fixture
def with_site(site: DemoSite, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in lab_environment(site).items():
        monkeypatch.setenv(name, value)
    return project


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(list(arguments))
    err = capsys.readouterr().err
    lines = [line for line in err.splitlines() if line.startswith("schedkit: ")]
    assert len(lines) == 1, err
    assert "Traceback" not in err
    return code, lines[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["run"], "nothing to run"),
        (["demo", "--issues", "0"], "--issues.*greater than or equal to 1"),
        (["demo", "--report", "nowhere.yaml"], "cannot read .*nowhere.yaml: No such file"),
        (["run", "nowhere.yaml"], "cannot read nowhere.yaml: no such file"),
        (["run", "notes.txt"], "unsupported file type: notes.txt"),
        (["demo-site", "--latency", "soon"], "latency"),
        (["demo-site", "--faults", "rate=often"], "rate"),
        (["lab", "nowhere"], "there is no folder nowhere"),
        (["tasks", "--ledger", "no/such/folder.db"], "there is no ledger at .*no/such/folder.db"),
        (["history"], "there is no ledger at .*ledger.db"),
    ],
)
def test_mistakes(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    code, line = failure(capsys, *arguments)
    assert code == 2
    assert re.search(message, line), line


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("site: demo\n", "site: dem\n", r"bad.yaml:\d+:\d+: there is no site 'dem' .did you mean 'demo'"),
        ("site: demo\n", "site: demo-wiki\n", r"bad.yaml:\d+:\d+: site 'demo-wiki' is of kind confluence"),
        ("site: demo-wiki\n", "site: demo-wik\n", r"bad.yaml:\d+:\d+: there is no site 'demo-wik'"),
        ("jql: type = Bug AND", "jql: typ = Bug AND", "typ"),
        ("jql: type = Bug AND", "jql: ((type = Bug AND", r"jql|JQL"),
        ('page: "100001"', 'page: "999"', "999"),
        ("region: anchor:open-bugs", "region: anchor:nowhere", "nowhere"),
        ("sheet: Open bugs", "sheet: 'a/b:c'", None),
        ("key: Key\n", "key: Kye\n", "Kye"),
        ("min_rows: 1\n", "min_rows: 100000\n", "at least 100000 expected"),
        ("every: 30s", "cron: '99 * * * *'", "99"),
        ("every: 30s", "every: 0s", "0"),
        ("every: 30s", "cron: '0 0 30 2 *'", "never"),
        ("timeout: 5m", "timeout: soon", "soon"),
        ("timeout: 5m", "timeuot: 5m", "task: unknown option 'timeuot' .did you mean 'timeout'"),
    ],
)
def test_a_mistake_in_a_report(
    with_site: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, message: str | None
) -> None:
    text = (with_site / "reports" / "demo.yaml").read_text()
    assert old in text
    (with_site / "bad.yaml").write_text(text.replace(old, new))
    once = [] if "schedule" in new or "cron" in new or "every" in new else ["--once"]
    if message is None:
        assert main(["run", "bad.yaml", "--once"]) == 0
        return
    code, line = failure(capsys, "run", "bad.yaml", *once)
    assert code != 0
    assert re.search(message, line), line
    assert not (with_site / "reports" / "out" / "open-bugs.xlsx").exists()


def test_a_wrong_token_is_one_line_without_the_token(
    with_site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDKIT_SITES__DEMO__TOKEN", "wrong-secret")
    code, line = failure(capsys, "run", "reports/demo.yaml", "--once")
    assert code == 1
    assert "wrong-secret" not in line
    assert "token" in line or "log in" in line


def test_a_site_that_is_not_there(
    with_site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDKIT_SITES__DEMO__URL", "http://127.0.0.1:9")
    text = (with_site / "reports" / "demo.yaml").read_text()
    (with_site / "one.yaml").write_text(text.replace("attempts: 3", "attempts: 1"))
    code, line = failure(capsys, "run", "one.yaml", "--once")
    assert code == 1
    assert "127.0.0.1:9" in line


def test_run_once_then_look(with_site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (with_site / "tasks.py").write_text(TASKS)
    assert main(["run", "reports/demo.yaml", "tasks.py", "--once"]) == 0
    assert (with_site / "reports" / "out" / "open-bugs.xlsx").exists()
    capsys.readouterr()
    assert main(["tasks"]) == 0
    assert main(["history", "hello"]) == 0
    out = capsys.readouterr().out
    assert "open-bugs" in out
    assert "DONE" in out


def test_one_failure_does_not_stop_the_others(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "bad.py").write_text(FAILING)
    (project / "tasks.py").write_text(TASKS)
    code, line = failure(capsys, "run", "bad.py", "tasks.py", "--once")
    assert code == 1
    assert "broken" in line
    assert "no such thing" in line
    main(["history"])
    assert "hello" in capsys.readouterr().out


def test_a_module_that_another_has_imported_declares_once(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    declares = "from schedkit import Scheduler, task\n{more}\n@Scheduler().task\ndef {name}(): return 1\n"
    house = project / "house_of_tasks"
    house.mkdir()
    (house / "__init__.py").write_text("")
    (house / "upper.py").write_text(declares.format(more="from . import lower", name="above"))
    marked = "@task\ndef marked_below(): return 1"
    (house / "lower.py").write_text(declares.format(more=marked, name="below"))
    assert main(["run", str(house / "upper.py"), str(house / "lower.py"), "--once"]) == 0
    main(["history"])
    shown = capsys.readouterr().out
    assert [shown.count(name) for name in ("above", " below", "marked_below")] == [1, 1, 1]


def test_a_notebook_is_executed_in_place(project: Path) -> None:
    cell = {"cell_type": "code", "id": "tasks", "source": TASKS, "metadata": {}, "outputs": []}
    cells = [{**cell, "execution_count": None}]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (project / "tasks.ipynb").write_text(json.dumps(notebook))
    code = "from schedkit.cli import main; raise SystemExit(main(['run', 'tasks.ipynb', '--once']))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr


def test_run_keeps_running_until_told_to_stop(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "tasks.py").write_text(TASKS)
    waited = threading.Event()
    monkeypatch.setattr(run_command, "until_interrupted", lambda _: waited.set())
    assert main(["run", "tasks.py"]) == 0
    assert waited.is_set()
    assert "1 task on schedule" in capsys.readouterr().err


def test_help_and_interrupt(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["--help"]) == 0
    assert "demo-site" in capsys.readouterr().out
    monkeypatch.setattr("schedkit.commands.look.show_tasks", _interrupt)
    assert main(["tasks"]) == 130
    monkeypatch.setattr("schedkit.commands.look.show_tasks", _bug)
    with pytest.raises(ZeroDivisionError):
        main(["tasks"])


def _interrupt(ledger: object, as_json: bool) -> None:
    raise KeyboardInterrupt


def _bug(ledger: object, as_json: bool) -> None:
    raise ZeroDivisionError


BLOCK = """
package: jobs
tasks:
  data_sync: {trigger: interval, args: {minutes: 30}, max_attempts: 3, retry_delay: 1, executor: default}
  broken_one: {trigger: interval, args: {minutes: 30}}
"""


def test_a_tasks_block_runs_its_modules_and_reports_bad_ones(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "jobs").mkdir()
    (project / "jobs" / "data_sync.py").write_text("def run(): return {'rows': 3}\n")
    (project / "block.yaml").write_text(BLOCK)
    monkeypatch.setattr(sys, "path", list(sys.path))
    code, line = failure(capsys, "run", "block.yaml", "--once")
    assert code == 2
    assert "1 task could not be declared" in line
    assert "broken_one" in line
    assert main(["history", "data_sync"]) == 0
    assert "DONE" in capsys.readouterr().out
    for name in [name for name in sys.modules if name.partition(".")[0] == "jobs"]:
        del sys.modules[name]


def test_a_file_that_is_not_there_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, line = failure(capsys, "run", "nowhere.yaml")
    assert code == 2
    assert "no such file" in line
    assert list(tmp_path.iterdir()) == []


PLUGGED = """
import schedkit as sk
@sk.task(name="load")
def nightly(): ...
@sk.task(name="plugged", after=nightly)
def count(): ...
@sk.task(after="nobody")
def orphan(): ...
"""


def test_plugins_join(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "acme_tasks.py").write_text(PLUGGED)
    info = project / "acme_tasks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-tasks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[schedkit.tasks]\nacme = acme_tasks\nbad = acme_tasks.gone\n")
    monkeypatch.syspath_prepend(project)
    waited = threading.Event()
    monkeypatch.setattr(run_command, "until_interrupted", lambda _: waited.set())
    assert main(["run", "--plugins"]) == 0
    told = capsys.readouterr().err
    assert "2 tasks on schedule" in told
    assert [line for line in told.splitlines() if "orphan" in line or "gone" in line] == [
        "skipped: plug-in 'bad' (acme_tasks.gone): "
        "ModuleNotFoundError: No module named 'acme_tasks.gone'; 'acme_tasks' is not a package",
        "skipped: task 'orphan' depends on 'nobody', which is not declared here "
        "(declare the parent first; known: load, plugged)",
    ]
    del sys.modules["acme_tasks"]


def test_an_empty_file_holds_no_report(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "empty.yaml").write_text("# nothing\n")
    code, line = failure(capsys, "run", "empty.yaml")
    assert code == 2
    assert "empty.yaml contains no report" in line


def test_the_export_task_answers_to_its_tag(with_site: Path, site: DemoSite) -> None:
    project = app()
    with project.scheduler() as scheduler:
        asked = {
            "jira_envs": [site.jira_cloud.url],
            "key_type": "project",
            "key_value": "DEMO",
            "user": "johndoe",
        }
        frame = scheduler.submit("jira-export", **asked).result(timeout=60)
        assert set(frame["Key"].str.partition("-")[0]) == {"DEMO"}
        foreign = scheduler.submit("jira-export", **{**asked, "jira_envs": ["evil.example.org"]})
        with pytest.raises(RunFailedError, match=r"evil\.example\.org"):
            foreign.result(timeout=60)


def test_python_dash_m_is_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["schedkit", "--help"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("schedkit", run_name="__main__")
    assert stop.value.code == 0
    assert "demo-site" in capsys.readouterr().out


MARKED = """
from schedkit import task
@task("0 7 * * *")
def marked_one(): return 1
"""


@pytest.mark.parametrize(
    ("text", "name"), [(MARKED, "marked_one"), ("def run(): return 3\n", "jobs_of_mine")]
)
def test_marked_functions_and_run_are_tasks_of_a_module(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str, name: str
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (project / "jobs_of_mine.py").write_text(text)
    assert main(["run", "jobs_of_mine.py", "--once", "--ledger", "q.db"]) == 0
    capsys.readouterr()
    assert main(["history", name, "--ledger", "q.db"]) == 0
    assert "DONE" in capsys.readouterr().out
    del sys.modules["jobs_of_mine"]


def test_a_module_meets_the_ledger_that_was_asked_for(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (project / "tasks.py").write_text(TASKS)
    assert main(["run", "tasks.py", "--once", "--ledger", "q.db"]) == 0
    assert (project / "q.db").exists()
    assert not (project / ".schedkit" / "ledger.db").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "m.py declares no task"),
        ("x = 1\n1/0\n", r"m.py:2: ZeroDivisionError: division by zero"),
        ("def (:\n", r"m.py:1: SyntaxError: [^(]+$"),
        ("a = 1\0\n", r"m.py: SyntaxError: .*null bytes$"),
        ("import sys\nsys.exit(3)\n", r"m.py:2: SystemExit: 3"),
        ("from schedkit import every\nevery('0s')\n", "more than 0|zero|0"),
    ],
)
def test_a_module_that_fails_is_one_line(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    message: str,
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (project / "m.py").write_text(text)
    code, line = failure(capsys, "run", "m.py", "--once")
    assert code == 2
    assert re.search(message, line), line
    sys.modules.pop("m", None)


def test_two_reports_of_one_name_are_refused(with_site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (with_site / "reports" / "demo.yaml").read_text()
    (with_site / "two.yaml").write_text(text)
    code, line = failure(capsys, "run", "reports/demo.yaml", "two.yaml", "--once")
    assert code == 2
    assert re.search(
        r"two.yaml:\d+:\d+: the name 'open-bugs' is already used by reports/demo.yaml:\d+:\d+", line
    ), line


def test_a_dry_run_finds_a_wrong_schedule_and_its_line(
    with_site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (with_site / "reports" / "demo.yaml").read_text()
    (with_site / "bad.yaml").write_text(text.replace("every: 30s", "cron: '99 7 * * *'"))
    code, line = failure(capsys, "run", "bad.yaml", "--once")
    assert code == 2
    assert re.search(r"bad.yaml:\d+:\d+: schedule", line), line


def test_missing_issues_are_told(with_site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (with_site / "keys.yaml").write_text(
        "name: k\nextract: {site: demo, keys: [DEMO-1, NOPE-77]}\ndeliver: [{excel: {path: k.xlsx}}]\n"
    )
    code, line = failure(capsys, "run", "keys.yaml", "--once")
    assert code == 1
    assert "NOPE-77" in line
    allowed = (with_site / "keys.yaml").read_text().replace("site: demo,", "site: demo, partial: allow,")
    (with_site / "keys.yaml").write_text(allowed)
    assert main(["run", "keys.yaml", "--once"]) == 0
    assert "1 issues are missing from the extraction, e.g. NOPE-77" in capsys.readouterr().err


def test_an_unset_token_stops_only_its_own_site(with_site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (with_site / "schedkit.yaml").write_text(
        "sites: {other: {url: 'https://x.example.org', token: '${NOPE}'}}"
    )
    text = (with_site / "reports" / "demo.yaml").read_text()
    assert main(["run", "reports/demo.yaml", "--once"]) == 0
    capsys.readouterr()
    (with_site / "o.yaml").write_text(text.replace("site: demo\n", "site: other\n").replace("open-bugs", "o"))
    code, line = failure(capsys, "run", "o.yaml", "--once")
    assert code == 2
    assert line.startswith("schedkit: o.yaml:14:3: sites.other.token: ${NOPE} is not set")


def test_the_history_of_nobody_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "tasks.py").write_text(TASKS)
    assert main(["run", "tasks.py", "--once"]) == 0
    capsys.readouterr()
    code, line = failure(capsys, "history", "helo")
    assert code == 2
    assert "did you mean 'hello'?" in line
