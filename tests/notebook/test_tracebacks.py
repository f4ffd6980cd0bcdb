"""What a cell shows of an error: the caller's own lines and one sentence, in a real kernel."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from support.kernels import Kernel, kernel
from support.notebook_shell import Shell

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.engine.decision import Finished
from schedkit.errors import FatalError
from schedkit.notebook.front_end import connect

HELPER = """
from schedkit.jira import Jira

def bugs():
    return Jira("http://127.0.0.1:9", cloud=False).search("type = Bug")
"""


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder: Path = tmp_path_factory.mktemp("cells")
    (folder / "helper.py").write_text(HELPER)
    with kernel(folder, folder) as cells:
        cells.run("import schedkit, helper; from schedkit import cron, FatalError, Scheduler")
        yield cells


def shown(cells: Kernel, code: str) -> str:
    """Return the traceback of a cell that fails, without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", cells.end(cells.begin(code)).traceback)


def test_a_mistake_shows_the_cell_and_one_line(cells: Kernel) -> None:
    told = shown(cells, "x = 1\ncron('0 7 31 2 *')")
    assert "----> 2 cron('0 7 31 2 *')" in told
    assert told.rstrip().endswith(
        "TriggerError: cron('0 7 31 2 *'): it never fires (no month it names has such a day)"
    )
    assert "schedkit/" not in told


def test_the_callers_own_modules_are_shown(cells: Kernel) -> None:
    """From the loop's thread, through half a dozen libraries, with the network's error as its cause."""
    told = shown(cells, "helper.bugs()")
    assert "----> 1 helper.bugs()" in told
    assert "helper.py:5, in bugs()" in told
    assert "UnavailableError: GET http://127.0.0.1:9/" in told
    assert len(told.splitlines()) < 20
    assert "urllib3" not in told
    assert "direct cause" not in told


TASKS = """\
sched = Scheduler(); sched.start()

@sched.task()
def broken():
    frame = pandas.DataFrame({"Key": ["A-1"]})
    return frame["Prio"]

@sched.task(runs_in="process")
def apart():
    return {}["Prio"]

@sched.task()
def long():
    threading.Event().wait(60)
"""


INTERRUPT = """
import _thread, sys, traceback

def interrupt():
    main = threading.main_thread().ident
    def waits():
        stack = traceback.walk_stack(getattr(sys, "_current_frames")()[main])
        return any(frame.f_code.co_name == "result" for frame, _ in stack)
    while not waits():
        threading.Event().wait(0.01)
    _thread.interrupt_main()
"""


@pytest.fixture(scope="module")
def tasks(cells: Kernel) -> str:
    """Return what IPython calls the cell that declares the tasks."""
    cells.run("import pandas, threading")
    number = cells.say("print(get_ipython().execution_count)")
    cells.run(TASKS)
    return f"Cell In[{number}]"


def test_a_run_that_failed_shows_the_tasks_own_line(cells: Kernel, tasks: str) -> None:
    told = shown(cells, "x = 1\nbroken.submit().result(60)")
    assert "----> 2 broken.submit().result(60)" in told
    assert f"{tasks}, line 6, in broken\n" in told
    assert '----> 6     return frame["Prio"]' in told
    assert '5     frame = pandas.DataFrame({"Key": ["A-1"]})' in told
    assert "RunFailedError: run " in told
    assert told.rstrip().endswith("ended as FAILED: KeyError: 'Prio'")
    assert "site-packages" not in told
    assert "schedkit/" not in told
    assert len(told.splitlines()) < 20


def test_a_task_that_runs_in_another_process_shows_its_line_too(cells: Kernel, tasks: str) -> None:
    told = shown(cells, "apart.submit().result(60)")
    assert f"{tasks}, line 10, in apart" in told
    assert '----> 10     return {}["Prio"]' in told
    error = cells.say("print(sched.runs('apart')[0].error['traceback'])")
    assert f'  {tasks}, line 10, in apart\n    return {{}}["Prio"]' in error
    assert "ipykernel" not in error


def test_a_timeout_is_as_short(cells: Kernel, tasks: str) -> None:
    told = shown(cells, "run = long.submit()\nrun.result('50ms')")
    assert "----> 2 run.result('50ms')" in told
    assert "has not ended within 50ms" in told
    assert "schedkit/" not in told
    assert len(told.splitlines()) < 12


def test_an_interrupt_is_as_short(cells: Kernel, tasks: str) -> None:
    cells.run(INTERRUPT)
    told = shown(cells, "threading.Thread(target=interrupt).start()\nrun.result()")
    assert "----> 2 run.result()" in told
    assert "KeyboardInterrupt" in told
    assert "schedkit/" not in told
    assert len(told.splitlines()) < 12
    cells.run("run.cancel()")


OWN = """
def mine():
    try:
        1 / 0
    except ZeroDivisionError as error:
        raise FatalError("no") from error
mine()
"""


def test_what_a_user_raises_is_shown_as_ever(cells: Kernel) -> None:
    told = shown(cells, OWN)
    assert "ZeroDivisionError: division by zero" in told
    assert "direct cause" in told
    assert "FatalError: no" in told


def test_verbose_mode_shows_all(cells: Kernel) -> None:
    cells.run("%xmode Verbose")
    assert "schedkit/core/triggers/crontab.py" in shown(cells, "cron('0 7 31 2 *')")
    cells.run("%xmode Minimal")
    assert shown(cells, "cron('0 7 31 2 *')").startswith("TriggerError: cron('0 7 31 2 *'): it never fires")
    cells.run("%xmode Context")


DECLARED = """
@sched.task()
def broken():
    return {}["Prio"]
"""

UNENDED = """
@sched.task()
def waits():
    gate.wait(60)
waits.submit().result(0)
"""


def told_in(shell: Shell, capsys: pytest.CaptureFixture[str], code: str) -> str:
    """Return what a cell that fails shows in a shell of this process, without colours."""
    capsys.readouterr()
    assert shell.shell.run_cell(code, store_history=True).error_in_exec is not None
    return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)


def test_a_shell_of_any_kind_shows_the_same(
    shell: Shell, sched: Scheduler, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    connect()
    monkeypatch.setenv("JPY_SESSION_NAME", "/work/weekly.ipynb")
    shell.shell.push({"sched": sched})
    declared = shell.shell.execution_count
    shell.shell.run_cell(DECLARED, store_history=True)
    told = told_in(shell, capsys, "broken.submit().result('60s')")
    assert f"Cell In[{declared}], line 3, in broken\n      1 @sched.task()\n" in told
    assert '----> 3     return {}["Prio"]\n' in told
    (run,) = sched.runs("broken")
    assert run.error is not None
    (line,) = run.error["lines"]
    assert line["where"] == f"Cell In[{declared}] of weekly.ipynb"
    shell.shell.push({"gate": (gate := threading.Event())})
    try:
        assert "has not ended" in told_in(shell, capsys, UNENDED)
    finally:
        gate.set()
    gone = {**run.error, "lines": [{**line, "file": "gone.py", "where": "gone.py"}]}
    ended = Finished(replace(run, error=gone))
    shell.shell.push({"handle": sched.run(run.id), "ended": ended, "mine": FatalError("mine")})
    told = told_in(shell, capsys, "handle.value_of(ended)")
    assert 'gone.py, line 3, in broken\n----> 3 return {}["Prio"]\n' in told
    assert "FatalError: mine" in told_in(shell, capsys, "raise mine")
    shell.shell.run_line_magic("xmode", "Minimal")
    try:
        minimal = told_in(shell, capsys, "sched.submit('brokn')")
    finally:
        shell.shell.run_line_magic("xmode", "Context")
    assert minimal.strip() == "UsageError: no task is called 'brokn' (did you mean 'broken'?)"
