"""The schedule moves to a process that executes what declares it, and back; nothing is pickled."""

from __future__ import annotations

import functools
import linecache
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from support.boards import board_now
from support.kernels import kernel
from support.notebook_shell import Front
from support.notebooks import write_notebook
from support.waiting import wait_until

from schedkit.app import Scheduler, app
from schedkit.core.api.scheduler import Scheduler as CoreScheduler
from schedkit.core.tasks import origin
from schedkit.core.triggers.constructors import at, every
from schedkit.errors import SchedkitError, UsageError
from schedkit.notebook import handover
from schedkit.report import load_reports

CELL = """
from schedkit import Scheduler, every
sched = Scheduler({ledger!r})
sched.start()

@sched.task(every("200ms"))
def who():
    import os
    return os.getpid()
"""
# Declares on the project's scheduler by itself.
MODULE = """
import os
from schedkit import Scheduler, every

@Scheduler().task(every("200ms"))
def from_module():
    return os.getpid()
"""
# Marks; whoever finds it declares.
MARKED = """
import os
from schedkit import task, every

@task(every("200ms"))
def marked():
    return os.getpid()
"""
REPORT = """
name: bugs
schedule: {every: 1h}
extract: {site: demo, jql: type = Bug}
deliver: [{excel: {path: bugs.xlsx}}]
"""
PATIENCE = 60.0


@pytest.fixture
def sched(tmp_path: Path) -> Iterator[CoreScheduler]:
    scheduler = Scheduler(tmp_path / "a.db", name="kernel")
    with scheduler:
        yield scheduler


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[str], psutil.Process]]:
    """Say which background process runs tasks of a ledger; whatever the test leaves of them is ended."""
    seen: list[psutil.Process] = []

    def process(ledger: str) -> psutil.Process:
        (node,) = [node for node in Scheduler(ledger).nodes if "in the background" in node.name]
        seen.append(psutil.Process(node.pid))
        return seen[-1]

    yield process
    for child in seen:
        if child.is_running():
            child.kill()
            child.wait(60)
    every = functools.partial(psutil.process_iter, ["cmdline"])
    wait_until(lambda: not any(str(tmp_path) in (each.info["cmdline"] or ()) for each in every()))


def runs_in(ledger: str, task: str, pid: int) -> None:
    """Wait until a run of the task has ended that the process has run."""

    def values() -> list[object]:
        return [(run.result or {}).get("value") for run in Scheduler(ledger).runs(task)]

    wait_until(lambda: pid in values())


def run_cell(source: str) -> None:
    """Run a cell whose source can be read, as a kernel's: by it processes tell whether they have one code."""
    name = "<ipython-input-1>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), {"__name__": "__main__"})


def wait_for(file: Path) -> str:
    """Return a cell that ends once there is a file."""
    return f"import pathlib, time\nwhile not pathlib.Path({str(file)!r}).exists(): time.sleep(0.05)"


def test_there_and_back(
    sched: CoreScheduler, tmp_path: Path, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = write_notebook(tmp_path / "daily.ipynb", CELL.format(ledger=str(tmp_path / "a.db")))
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook))
    run_cell(CELL.format(ledger=sched.ledger))
    shown = front.panel(sched)
    assert b'"do":"hand_over"' in shown.first
    assert b"executes daily.ipynb as saved" in shown.first
    answer = front.ask(shown, do="hand_over")
    assert answer["ok"], answer["error"]
    assert "The schedule now runs in kernel in the background (pid" in answer["words"]
    home = sched.tasks["who"].home
    assert home is not None
    assert home.pid != os.getpid()
    wait_until(lambda: sched.standing_by == ["who"])
    runs_in(sched.ledger, "who", home.pid)
    assert b'"do":"take_back"' in front.panel(sched).first
    assert front.ask(shown, do="take_back")["words"] == "The schedule runs here again"
    assert sched.at_home == ["who"]
    # The background process sees that nothing is at home with it any more, and ends.
    wait_until(lambda: not handover.children())


def test_who_takes_it_back_while_the_notebook_is_executed_there_has_it_back(
    sched: CoreScheduler, tmp_path: Path, front: Front
) -> None:
    """The process there would stop its scheduler in the last cell, start it again, and take the tasks."""
    cell = CELL.format(ledger=sched.ledger)
    notebook = write_notebook(tmp_path / "daily.ipynb", cell, wait_for(tmp_path / "never"), "sched.stop()")
    run_cell(cell)
    with ThreadPoolExecutor(1) as pool:
        moved = pool.submit(handover.hand_over, sched, notebook)
        wait_until(lambda: sched.standing_by == ["who"] or moved.done())
        assert not moved.done()
        assert front.ask(front.panel(sched), do="take_back")["words"] == "The schedule runs here again"
        with pytest.raises(UsageError, match=r"the schedule stays here, .*ended: it was told to end \(see "):
            moved.result(60)
    wait_until(lambda: not handover.children())
    wait_until(lambda: sched.at_home == ["who"])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder of files that declare: modules, one in a package, a report, a notebook that imports."""
    (tmp_path / "schedkit.yaml").write_text("sites:\n  demo: {kind: jira, url: http://127.0.0.1:1}\n")
    (tmp_path / "nightly.py").write_text(MODULE)
    package = tmp_path / "house"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "names.py").write_text("EVERY = '200ms'")
    (package / "rooms.py").write_text(
        MODULE.replace("from_module", "in_package").replace("every(", "every(names.EVERY or ") + "\n"
    )
    text = (package / "rooms.py").read_text()
    (package / "rooms.py").write_text(f"from . import names\n{text}")
    (tmp_path / "bugs.yaml").write_text(REPORT)
    return tmp_path


ALL = """
import os
from schedkit import Scheduler, every
from schedkit.app import app
from schedkit.report import load_reports
import nightly
from house import rooms
sched = Scheduler()

@sched.task(every("200ms"))
def in_cell():
    return os.getpid()
"""
HAND_OVER = """
from schedkit.notebook import handover
print(handover.hand_over(sched, handover.notebook_path()))
"""


def test_files_and_a_notebook_go_on_after_the_kernel_was_killed(
    project: Path, tmp_path_factory: pytest.TempPathFactory, started: Callable[[str], psutil.Process]
) -> None:
    home = tmp_path_factory.mktemp("home")
    notebook = write_notebook(project / "daily.ipynb", ALL, "sched.start()")
    ledger = str(project / ".schedkit" / "ledger.db")
    with kernel(project, home, JPY_SESSION_NAME=str(notebook)) as first:
        first.run(ALL)
        first.run("sched.start()")
        said = first.end(first.begin(HAND_OVER), 90)
        assert not said.error, said.traceback
        assert "daily in the background" in said.stdout, said.stdout
        behind = started(ledger)
        assert [Path(word).name for word in behind.cmdline() if str(project) in word] == [
            "rooms.py",
            "nightly.py",
            "daily.ipynb",
        ]
        os.kill(int(first.say("print(os.getpid())")), signal.SIGKILL)
        for task in ("in_cell", "from_module", "in_package"):
            runs_in(ledger, task, behind.pid)
    with kernel(project, home, JPY_SESSION_NAME=str(notebook)) as second:
        second.run(ALL)
        second.run("sched.start()")
        kinds = second.say("print([node.kind for node in sched.nodes])")
        assert kinds == "['background', 'kernel']"
        assert second.say("print(len(sched.standing_by), sched.at_home)") == "4 []"
        second.end(second.begin("sched.bring_home()"), 60)
        assert second.say("print(sched.standing_by, len(sched.at_home))") == "[] 4"
        runs_in(ledger, "in_package", int(second.say("print(os.getpid())")))
        behind.wait(60)


def test_modules_and_reports_without_a_notebook(
    project: Path,
    started: Callable[[str], psutil.Process],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a plain prompt has imported goes to the background too."""
    monkeypatch.chdir(project)
    monkeypatch.syspath_prepend(str(project))
    (project / "marks.py").write_text(MARKED)
    sched = Scheduler(limits={"few": 1}, tz="Europe/Berlin")
    with sched:
        names = {"sched": sched, "__name__": "__main__"}
        exec("import marks\nsched.add(marks.marked)", names)
        (report,) = load_reports("bugs.yaml")
        exec("app().add_report(sched, report)", {**names, "app": app, "report": report})
        assert sched.process.files() == {"marked": project / "marks.py", "bugs": project / "bugs.yaml"}
        assert [path.name for path in handover.files_of(sched, None)] == ["marks.py", "bugs.yaml"]
        said = handover.hand_over(sched, None)
        behind = started(sched.ledger)
        assert f"(pid {behind.pid} on " in said
        runs_in(sched.ledger, "marked", behind.pid)
        # The report is declared there, with its schedule.
        assert sched.tasks["bugs"].next_run is not None
        assert board_now(sched)["tasks"][0]["declared"]
        sched.bring_home()
        behind.wait(60)
    sys.modules.pop("marks", None)


def test_a_task_that_was_typed_in_is_named(
    sched: CoreScheduler, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    names = {"sched": sched, "every": every, "__name__": "__main__"}
    for number in range(5):
        exec(f"@sched.task(every('1h'))\ndef typed_{number}(): pass", names)
    shown = front.panel(sched)
    told = (
        "no file declares 'typed_0', 'typed_1', 'typed_2' and 2 more: another process cannot run it"
        " (declare it in a notebook or a module, or save the report as YAML)"
    )
    assert front.ask(shown, do="hand_over")["error"] == told
    assert told.encode() in shown.first
    assert sched.running


def test_what_every_process_declares_keeps_no_kernel_from_handing_over(
    sched: CoreScheduler, tmp_path: Path
) -> None:
    other = CoreScheduler(sched.ledger, name="other kernel")
    for scheduler in (sched, other):
        with origin.declared_in(origin.EVERYWHERE):
            scheduler.task(name="jira-export")(print)
        with origin.declared_in(tmp_path / f"{scheduler.name}.py"):
            scheduler.task(every("1h"), name=f"of {scheduler.name}")(print)
    with other:
        wait_until(lambda: other.standing_by == ["jira-export"])
        button = handover.move(other)
        assert (button["do"], "other kernel.py" in button["title"]) == ("hand_over", True), button
        with origin.declared_in(tmp_path / "other kernel.py"):
            other.task(every("1h"), name="of kernel")(print)
        wait_until(lambda: other.standing_by == ["jira-export", "of kernel"])
        button = handover.move(other)
        assert button["do"] == "take_back"
        assert button["title"].startswith("This kernel runs of kernel, not")


def test_what_is_over_needs_no_file(sched: CoreScheduler, tmp_path: Path) -> None:
    with origin.declared_in(tmp_path / "real.py"):
        sched.task(every("1h"), name="real")(print)
    names = {"sched": sched, "at": at, "__name__": "__main__"}
    exec("@sched.task(at('2020-01-01 00:00', tz='UTC'))\ndef once(): pass", names)
    wait_until(lambda: [run.state for run in sched.runs("once")] == ["DONE"])
    wait_until(lambda: {row["name"]: row["state"] for row in board_now(sched)["tasks"]}["once"] == "idle")
    assert [path.name for path in handover.files_of(sched, None)] == ["real.py"]


def test_where_a_declaration_comes_from(
    sched: CoreScheduler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = tmp_path / "x.ipynb"
    helper = "def declare(sched, name):\n    sched.task(name=name)(print)\n"
    (tmp_path / "helping.py").write_text(helper)
    monkeypatch.syspath_prepend(str(tmp_path))
    names = {"sched": sched, "__name__": "__main__"}
    # A helper's file declares nothing when it is executed; the cell that calls it does.
    exec("from helping import declare; declare(sched, 'helped')", names)
    thread = threading.Thread(target=functools.partial(sched.task(name="threaded"), print))
    thread.start()
    thread.join()
    with origin.declared_in(origin.EVERYWHERE):
        sched.task(name="standing")(print)
    assert sched.process.files(notebook) == {"helped": notebook, "threaded": None}
    assert sched.process.declarations == 3
    sched.remove("helped")
    assert sched.process.files(notebook) == {"threaded": None}
    sys.modules.pop("helping")


def test_a_notebook_that_fails_leaves_the_schedule_here(sched: CoreScheduler, tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "bad.ipynb", "x = 1", "print(y)")
    words = (
        r"the schedule stays here, the background process ended: bad.ipynb, cell 2: NameError.*correct the "
    )
    with pytest.raises(UsageError, match=words):
        handover.hand_over(sched, notebook)
    assert sched.running


def test_a_cell_that_fails_after_another_has_declared_the_task_is_told(
    sched: CoreScheduler, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    cell = CELL.format(ledger=sched.ledger)
    notebook = write_notebook(tmp_path / "bad.ipynb", cell, wait_for(seen), "raise ValueError('no\\nrows')")
    run_cell(cell)
    with ThreadPoolExecutor(1) as pool:
        moved = pool.submit(handover.hand_over, sched, notebook)
        # The task is at home there until the notebook has failed.
        wait_until(lambda: sched.standing_by == ["who"] or moved.done())
        assert not moved.done()
        seen.touch()
        with pytest.raises(UsageError) as caught:
            moved.result(60)
    assert str(caught.value) == (
        "the schedule stays here, the background process ended: bad.ipynb, cell 3: ValueError: no rows "
        "(correct the cell, or tag it no-background, and save the notebook) (see bad.background.log)"
    )
    wait_until(lambda: sched.at_home == ["who"])


def test_a_notebook_saved_without_a_task_leaves_the_schedule_here(
    sched: CoreScheduler, tmp_path: Path
) -> None:
    notebook = write_notebook(tmp_path / "old.ipynb", CELL.format(ledger=sched.ledger))
    exec("@sched.task\ndef new(): pass", {"sched": sched, "__name__": "__main__"})
    with pytest.raises(UsageError, match=r"old.ipynb does not declare 'new' \(save the notebook, or remove"):
        handover.hand_over(sched, notebook)
    assert sched.running


def test_a_notebook_saved_with_other_code_than_was_executed_leaves_the_schedule_here(
    sched: CoreScheduler, tmp_path: Path
) -> None:
    cell = CELL.format(ledger=sched.ledger)
    notebook = write_notebook(tmp_path / "old.ipynb", cell)
    run_cell(cell.replace("os.getpid()", "-os.getpid()"))
    words = r"old.ipynb, cell 1: .*'who' has other code or options here than were executed last \(save the"
    with pytest.raises(UsageError, match=words):
        handover.hand_over(sched, notebook)
    assert sched.at_home == ["who"]


def test_a_process_that_does_not_run_the_tasks_is_ended(sched: CoreScheduler, tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "slow.ipynb", "import time; time.sleep(60)")
    with pytest.raises(SchedkitError, match=r"does not run the tasks within 0.3 s \(see slow.background\."):
        handover.hand_over(sched, notebook, patience=0.3)
    assert sched.running


def test_what_a_click_says_where_nothing_is_declared(
    sched: CoreScheduler, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    shown = front.panel(sched)
    assert "no task is declared here" in front.ask(shown, do="hand_over")["error"]
