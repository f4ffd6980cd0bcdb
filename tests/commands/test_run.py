"""`schedkit run`: files that are watched, parameters, the tasks of the settings, the log."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from support.ready_processes import COMMAND_LINE, ReadyProcess
from support.waiting import wait_until

from schedkit.app import app
from schedkit.cli import main
from schedkit.commands import run as run_command
from schedkit.commands.lab import lab_environment
from schedkit.commands.watch import WatchedFiles
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.triggers.constructors import every
from schedkit.demo import DemoSite

Output = pytest.CaptureFixture[str]

MODULE = """
from schedkit import task, context, every

@task(every("{every}"))
def greet(name: str = "nobody", times: int = 1):
    context.log(f"hello {{name}} {{times}}")
    return [name] * times
"""


OTHER = """
@task()
def other():
    return 1
"""


@pytest.fixture(autouse=True)
def _modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Modules that a test makes are imported anew by the next."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("greetings", "tasks", "scheduler", "jobs"):
            del sys.modules[name]


@pytest.fixture
def edits(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """Edits that are made one after another, while `schedkit run --watch` waits."""
    steps: list[Callable[[], object]] = []

    def until_interrupted(go_on: Callable[[], bool]) -> None:
        for step in steps:
            step()
            assert go_on()

    monkeypatch.setattr(run_command, "until_interrupted", until_interrupted)
    return steps


def trigger(name: str) -> str:
    return str(app().scheduler().tasks[name].task.trigger)


def test_parameters_reach_the_tasks_that_take_them(project: Path, capsys: Output) -> None:
    (project / "greetings.py").write_text(MODULE.format(every="1h") + "\n@task\ndef other(): return 1\n")
    assert main(["run", "greetings.py", "--once", "-p", "name=5", "-p", "times=2"]) == 0
    assert app().scheduler().tasks["greet"].latest() == ["5", "5"]
    assert main(["run", "greetings.py", "--once", "-p", "nam=Ann"]) == 2
    assert "-p nam: no task takes it (parameters: name, times)" in capsys.readouterr().err


def test_an_edit_is_taken_up_and_one_with_a_mistake_is_not(
    project: Path, capsys: Output, edits: list[Callable[[], object]]
) -> None:
    file = project / "greetings.py"
    file.write_text(MODULE.format(every="1h"))
    seen: list[str] = []
    edits += [
        lambda: file.write_text(MODULE.format(every="2h") + "# edited\n"),
        lambda: seen.append(trigger("greet")),
        lambda: file.write_text("def (:\n"),
        lambda: seen.append(trigger("greet")),
        lambda: file.write_text("from schedkit import task\n@task\ndef another(): return 1\n"),
        lambda: seen.extend(sorted({"another", "greet"} & set(app().scheduler().tasks))),
    ]
    assert main(["run", "greetings.py", "--watch"]) == 0
    assert seen == ["every 2h", "every 2h", "another", "greet"]
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("greetings.py")]
    assert told == [
        "greetings.py was edited and is in force",
        "greetings.py was edited and has a mistake; its tasks stay as they were: "
        "greetings.py:1: SyntaxError: invalid syntax",
        "greetings.py was edited and is in force",
        "greetings.py declares 'greet' no more; it stays scheduled until this process ends",
    ]


def test_of_a_file_with_a_mistake_nothing_is_taken_up(
    project: Path, capsys: Output, edits: list[Callable[[], object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDKIT_SITES__DEMO__URL", "http://127.0.0.1:9")
    one = (
        "name: {}\nschedule: {{every: {}}}\n"
        "extract: {{site: demo, jql: x}}\ndeliver: [{{excel: {{path: x.xlsx}}}}]\n"
    )
    file = project / "two.yaml"
    file.write_text(one.format("first", "1h"))
    seen: list[str] = []
    edits += [
        lambda: file.write_text(one.format("first", "2h") + "---\n" + one.format("second", "never")),
        lambda: seen.extend([trigger("first"), str("second" in app().scheduler().tasks)]),
        lambda: file.write_text(one.format("first", "2h") + "---\n" + one.format("second", "3h")),
        lambda: seen.extend([trigger("first"), trigger("second")]),
    ]
    assert main(["run", "two.yaml", "--watch"]) == 0
    assert seen == ["every 1h", "False", "every 2h", "every 3h"]
    assert "two.yaml was edited and has a mistake; its tasks stay as they were: two.yaml:7:" in (
        capsys.readouterr().err
    )


def test_watched_files(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")
    files = WatchedFiles([file])
    assert files.changed() == []
    file.write_text("12")
    assert files.changed() == [file]
    assert files.changed() == []
    file.unlink()  # an editor that replaces it
    assert files.changed() == []
    os.utime(_written(file, "34"), ns=(1, 1))
    assert files.changed() == [file]


def _written(file: Path, text: str) -> Path:
    file.write_text(text)
    return file


def test_other_code_under_the_same_name_does_not_run_in_its_place(project: Path, capsys: Output) -> None:
    (project / "greetings.py").write_text(MODULE.format(every="1h") + OTHER)
    elsewhere = Scheduler(str(project / ".schedkit" / "ledger.db"), name="elsewhere")
    ran: list[str] = []
    with elsewhere:
        elsewhere.task(every("1h"), name="greet")(lambda: ran.append("elsewhere"))
        assert main(["run", "greetings.py", "--once"]) == 2
        told = capsys.readouterr().err
        assert "task 'greet' is run by elsewhere" in told
        assert "1 task did not run: another process runs other code as 'greet' (give it another name" in told
        assert [run.state for run in elsewhere.runs("other")] == ["DONE"]
        assert ran == []


def test_once_and_watch_exclude_each_other(project: Path, capsys: Output) -> None:
    (project / "greetings.py").write_text(MODULE.format(every="1h"))
    assert main(["run", "greetings.py", "--once", "--watch"]) == 2
    assert "--once and --watch exclude each other" in capsys.readouterr().err


ENV = """
scheduler: {timezone: Asia/Shanghai, executors: {default_threads: 20, process_pool: 5}}
log: {level: INFO, filename: logs/app.log, format: "%(levelname)s|%(message)s"}
tasks:
  data_sync: {trigger: interval, args: {minutes: 30}, max_attempts: 3, retry_delay: 10, executor: default}
"""


@pytest.mark.parametrize("package", ["scheduler.tasks", "tasks", "jobs"])
def test_the_tasks_of_a_settings_file_run(project: Path, capsys: Output, package: str) -> None:
    folder = project / "conf" / Path(*package.split("."))
    folder.mkdir(parents=True)
    run = "import logging\ndef run():\n    logging.getLogger('jobs').info('syncing')\n    return 7\n"
    (folder / "data_sync.py").write_text(run)
    named = f"package: {package}\n" if package == "jobs" else ""
    (project / "conf" / "env.yaml").write_text(ENV + named)
    assert main(["--settings", "conf/env.yaml", "run", "--once"]) == 0
    assert app().root == project / "conf"
    assert app().scheduler().tasks["data_sync"].latest() == 7
    assert "INFO|syncing" in (project / "conf" / "logs" / "app.log").read_text().splitlines()
    assert not logging.getLogger().isEnabledFor(logging.INFO)
    assert (project / "conf" / ".schedkit" / "ledger.db").exists()


def test_settings_in_a_file_of_tasks_are_not_tasks(project: Path, capsys: Output) -> None:
    (project / "tasks").mkdir()
    (project / "tasks" / "data_sync.py").write_text("def run(): return 1\n")
    (project / "env.yaml").write_text(ENV)
    assert main(["run", "env.yaml", "--once"]) == 0
    (project / "env.yaml").write_text(ENV.replace("scheduler:", "schedler:"))
    assert main(["run", "env.yaml", "--once"]) == 2
    assert "env.yaml:2:1: unknown option 'schedler' (did you mean 'scheduler'?)" in capsys.readouterr().err


def test_a_settings_file_that_is_not_there_is_said(project: Path, capsys: Output) -> None:
    assert main(["--settings", "nowhere.yaml", "tasks"]) == 2
    assert "there is no settings file" in capsys.readouterr().err


PARAMS = """
name: bugs
params: {project: DEMO, days: {type: integer, default: 30}}
extract: {site: demo, jql: "project = {{ project }} AND created >= -{{ days }}d"}
deliver: [{csv: {path: "out/{name}.csv"}}]
"""


def test_parameters_of_a_report(project: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    with DemoSite(issues=120) as site:
        for name, value in lab_environment(site).items():
            monkeypatch.setenv(name, value)
        (project / "bugs.yaml").write_text(PARAMS)
        assert main(["run", "bugs.yaml", "--once", "-p", "project=OPS", "-p", "days=3650"]) == 0
        keys = pd.read_csv(project / "out" / "bugs.csv")["Key"]
        assert set(keys.str.partition("-")[0]) == {"OPS"}
        for wrong, words in {"days=soon": "days", "proect=OPS": "-p proect: no task takes it"}.items():
            assert main(["run", "bugs.yaml", "--once", "-p", wrong]) != 0
            assert words in capsys.readouterr().err


def test_a_command_that_runs_tasks_says_so(project: Path, capsys: Output) -> None:
    (project / "greetings.py").write_text("from schedkit import task\n\n@task\ndef sales(): return 1\n")
    (project / "schedkit.yaml").write_text("notify: {heartbeats: {sale: 'http://127.0.0.1:9/'}}\n")
    assert main(["run", "greetings.py", "--once"]) == 0
    told = capsys.readouterr().err
    assert "warning: notify.heartbeats: no task is called 'sale' (did you mean 'sales'?)" in told
    assert main(["doctor"]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "bad notify: notify.heartbeats: no task is called 'sale'" in told


STUBBORN = """
import time
from pathlib import Path
from schedkit import every, task

@task(every("1s"), timeout="1h")
def stubborn():
    Path("begun").touch()
    time.sleep(600)
"""


def test_a_second_signal_does_not_wait_for_what_runs(project: Path) -> None:
    (project / "stubborn.py").write_text(STUBBORN)
    told, telling = os.pipe()
    with open(told, encoding="utf-8") as lines, open(os.devnull, "r+b") as nothing:
        streams = (nothing.fileno(), nothing.fileno(), telling)
        with ReadyProcess(COMMAND_LINE, ["run", "stubborn.py"], project, streams) as running:
            os.close(telling)
            wait_until((project / "begun").exists)
            running.send_signal(signal.SIGTERM)
            assert any(line.startswith("ending: ") for line in lines)
            running.send_signal(signal.SIGTERM)
            assert running.wait() == 0
    with app().scheduler().viewing() as scheduler:
        (run,) = scheduler.tasks["stubborn"].runs()
        assert (run.state, run.reason) == ("QUEUED", "the scheduler was stopped")
        assert scheduler.nodes == []
