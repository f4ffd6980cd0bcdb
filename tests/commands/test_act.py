"""Commands that ask the running processes; what they did is in the ledger."""

from __future__ import annotations

import getpass
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from schedkit.cli import main
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import State

Output = pytest.CaptureFixture[str]


def test_trigger_prints_the_id_of_the_run(running: Scheduler, capsys: Output) -> None:
    assert main(["trigger", "add", "-p", "a=5", "-p", "note=007", "-p", "b=2"]) == 0
    run = running.run(capsys.readouterr().out.strip())
    assert run.result("60s") == 7
    assert run.run.params == {"a": 5, "b": 2, "note": "007"}
    assert run.run.actor == getpass.getuser()


def test_trigger_waits_and_its_exit_code_is_the_runs(running: Scheduler, capsys: Output) -> None:
    assert main(["trigger", "add", "--wait", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["task"], facts["state"]) == ("add", "DONE")
    assert running.run(facts["id"]).result() == 3
    assert main(["trigger", "evil", "--wait"]) == 1
    err = capsys.readouterr().err
    assert err.splitlines()[-1].startswith("schedkit: run ")
    assert "\x1b[31m" not in err


def test_retry_runs_again_with_other_parameters(running: Scheduler, capsys: Output) -> None:
    run = running.submit("add", a=5, note="first")
    assert run.result("60s") == 7
    assert main(["retry", run.id, "-p", "b=10"]) == 0
    again = running.run(capsys.readouterr().out.strip())
    assert again.result("60s") == 15
    assert again.run.params == {"a": 5, "b": 10, "note": "first"}
    assert again.run.retry_of == run.id
    running.submit("evil").wait("60s")
    assert main(["retry", "evil", "--wait"]) == 1


def test_a_run_that_goes_on_is_not_retried(running: Scheduler, capsys: Output) -> None:
    run = running.submit("waits")
    assert main(["retry", run.id]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert run.id in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trigger", "ad"], "no task is called 'ad' (did you mean 'add'?)"),
        (["trigger", "add", "-p", "a"], "-p 'a': no parameter (write -p NAME=VALUE)"),
        (["trigger", "add", "-p", "a=1", "-p", "a=2"], "-p a: given twice"),
        (["pause"], "name a task, or give --all"),
        (["pause", "add", "--all"], "name a task, or give --all"),
        (["resume", "nobody"], "no task is called 'nobody'"),
        (["cancel", "nobody"], "no run or task is called 'nobody'"),
        (["cancel", "add"], "task 'add' has no runs yet"),
        (["backfill", "hourly", "soon", "2026-01-02"], "soon"),
    ],
)
@pytest.mark.usefixtures("running")
def test_mistakes_are_one_line(capsys: Output, arguments: list[str], message: str) -> None:
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("schedkit: ")
    assert message in line


def test_pause_and_resume_one_task(running: Scheduler, capsys: Output) -> None:
    assert main(["pause", "hourly"]) == 0
    assert running.tasks["hourly"].paused
    assert not running.tasks["add"].paused
    assert main(["resume", "hourly"]) == 0
    assert not running.tasks["hourly"].paused
    assert capsys.readouterr().out.splitlines() == ["paused hourly", "resumed hourly"]


def test_pause_and_resume_all(running: Scheduler) -> None:
    assert main(["pause", "--all"]) == 0
    assert running.paused
    assert main(["resume", "--all"]) == 0
    assert not running.paused


def test_cancel_ends_a_run(running: Scheduler, capsys: Output) -> None:
    run = running.submit("waits")
    assert main(["cancel", run.id]) == 0
    assert capsys.readouterr().out == f"cancelled {run.id} of waits\n"
    assert run.wait("60s").state is State.CANCELLED
    assert main(["cancel", run.id]) == 2
    assert f"run {run.id} of task 'waits' has already ended as CANCELLED" in capsys.readouterr().err


def test_backfill_runs_due_times_without_a_run_once(running: Scheduler, capsys: Output) -> None:
    assert main(["backfill", "hourly", "2026-01-02T00:00Z", "2026-01-02T03:00Z", "--json"]) == 0
    made = [row["id"] for row in json.loads(capsys.readouterr().out)]
    due = {running.run(id).wait("60s").scheduled_at for id in made}
    assert due == {datetime(2026, 1, 2, tzinfo=UTC) + timedelta(hours=n) for n in range(4)}
    assert main(["backfill", "hourly", "2026-01-02T00:00Z", "2026-01-02T03:00Z"]) == 0
    assert capsys.readouterr().out == "0 runs of hourly\n"


def test_a_ledger_where_nobody_runs_is_said(
    running: Scheduler, capsys: Output, gate: threading.Event
) -> None:
    running.stop()
    assert main(["trigger", "add", "--wait"]) in (0, 1)
    assert "Traceback" not in capsys.readouterr().err
