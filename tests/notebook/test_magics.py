"""``%load_ext schedkit``: a cell becomes a task with the notebook's names; ``%schedkit`` shows the panel."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.notebook_shell import Front, Shell

import schedkit
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import After, Rate, Retry
from schedkit.core.triggers.constructors import cron
from schedkit.errors import DeclarationError, UsageError
from schedkit.notebook import magics
from schedkit.notebook.last_started import note_started


@pytest.fixture
def loaded(shell: Shell, sched: Scheduler, front: Front) -> Shell:
    note_started(sched)
    schedkit.load_ipython_extension(shell.shell)
    return shell


def test_a_cell_becomes_a_task_that_sees_the_notebooks_names(loaded: Shell, sched: Scheduler) -> None:
    loaded.run("factor = 6\ndef times(n): return n * factor")
    loaded.run(
        "%%task nightly every=1h retry=3 timeout=10m priority=high tags=daily,jira\nlocal = 7\ntimes(local)"
    )
    nightly = loaded.shell.user_ns["nightly"]
    assert nightly() == 42
    assert nightly.submit().result(timeout=60) == 42
    task = nightly.task
    assert (task.timeout, task.priority, task.tags, task.retry.attempts) == (600.0, 20, ("daily", "jira"), 3)
    assert nightly.next_run is not None
    # What the cell assigns stays inside it, and a changed name of the notebook is seen.
    assert "local" not in loaded.shell.user_ns
    loaded.run("factor = 10")
    assert nightly.submit().result(timeout=60) == 70


def test_the_same_cell_again_replaces_the_task(loaded: Shell, sched: Scheduler) -> None:
    for value in (1, 2):
        loaded.run(f"%%task again every=1h\n{value}")
    assert list(sched.tasks) == ["again"]
    assert sched.submit("again").result(timeout=60) == 2


def test_a_cell_that_awaits_is_a_coroutine(loaded: Shell) -> None:
    loaded.run("import asyncio")
    loaded.run("%%task later\nawait asyncio.sleep(0)\nasync def unused(): await asyncio.sleep(9)\n'done'")
    handle = loaded.shell.user_ns["later"]
    assert asyncio.run(handle.task.function()) == "done"
    assert handle.submit().result(timeout=60) == "done"


def test_an_error_in_the_cell_names_its_line(loaded: Shell) -> None:
    loaded.run("%%task bad\nx = 1\nraise ValueError('no rows')")
    run = loaded.shell.user_ns["bad"].submit()
    with pytest.raises(schedkit.errors.RunFailedError, match="ValueError: no rows"):
        run.result(timeout=60)
    assert "raise ValueError('no rows')" in run.error["traceback"]


def test_a_cell_without_a_last_value_returns_nothing(loaded: Shell) -> None:
    loaded.run("%%task quiet\nx = 1")
    assert loaded.shell.user_ns["quiet"]() is None


def test_the_panel_magic(loaded: Shell) -> None:
    loaded.run("%schedkit")
    loaded.run("%schedkit history")
    assert all(o["data"]["text/plain"].startswith("Scheduler ") for o in loaded.outputs[::2])
    with pytest.raises(UsageError, match="there is no panel 'clock'"):
        loaded.run("%schedkit clock")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("", "the first word is the task's name"),
        ("every=1h", "the first word is the task's name"),
        ("two-words every=1h", "the first word is the task's name"),
        ("a daily", "%%task a: expected key=value, got 'daily'"),
        ("a every=", "%%task a: expected key=value, got 'every='"),
        ("a every=1h cron='* * * * *'", "%%task a: two triggers"),
        ("a colour=red", "%%task a: unknown option 'colour' (known: every, cron, at, tz, description"),
        ("a retry=many", "%%task a: retry='many'"),
        ("a every=soon", "%%task a: interval: invalid duration 'soon'"),
        ("a timout=5m", "%%task a: unknown option 'timout' (did you mean 'timeout'?)"),
        ("a timeout=soon", "%%task a: timeout: invalid duration 'soon'"),
        ("a every=1h tz=Europe", "%%task a: tz: unknown time zone 'Europe'"),
        ("a tz=UTC", "%%task a: tz= without a trigger"),
        ("a on_success=print", "%%task a: unknown option 'on_success'"),
    ],
)
def test_a_line_that_is_not_understood_says_what_is(line: str, error: str) -> None:
    with pytest.raises(UsageError) as caught:
        magics.options_of(line)
    assert error in str(caught.value)


def test_an_empty_cell_is_refused(shell: Shell) -> None:
    with pytest.raises(DeclarationError, match="%%task a: the cell is empty"):
        magics.task_function(shell.shell, "a", "# nothing\n")


def test_all_options() -> None:
    name, trigger, options = magics.options_of(
        "a cron='0 7 * * mon-fri' tz=Europe/Berlin retry=2 max_instances=3 after=x,y overlap=queue "
        "description='two words' misfire_grace_time=none coalesce=false rate=5/min"
    )
    expected: dict[str, Any] = {
        "retry": Retry(attempts=2),
        "max_instances": 3,
        "after": (After("x"), After("y")),
        "misfire_grace": None,
        "coalesce": False,
        "rate": Rate(5, 60),
        "overlap": "queue",
        "description": "two words",
    }
    assert (name, options) == ("a", expected)
    assert trigger == cron("0 7 * * mon-fri", tz="Europe/Berlin")
