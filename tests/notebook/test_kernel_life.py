"""A real kernel: interrupt, autoreload, restart, re-run, sub-folders, quiet cells and a notebook as HTML."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from threading import Event

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from support.kernels import Kernel, environment, kernel
from support.waiting import wait_until
from traitlets.config import Config

import schedkit
from schedkit.demo import DemoSite
from schedkit.notebook.own_kernel import own_kernel

# The board's rows of tasks, once all events so far are on it.
ROWS = "sched.queries.flush_events(60) and sched.screens.board()['tasks']"
START = """
import json, logging, os, sys, time, warnings
from pathlib import Path
from schedkit import Scheduler, at, context, cron, every
sched = Scheduler()
sched.start()
"""

# The same on a machine that has slept for a quarter of an hour.
LATER_START = f"""
import sys
from datetime import timedelta
sys.path.append({str(Path(__file__).parents[1])!r})
from support.clocks import Later
from support.lives import set_clock
{START.replace("sched.start()", "set_clock(sched, Later(timedelta(minutes=15)))")}
sched.start()
"""

# Runs until the file "gate" is there; "started" gets a line at each attempt.
SLOW = """
@sched.task(cron("0 7 1 1 *", tz="UTC"))
def slow(run):
    with open("started", "a") as file:
        print(run.attempt, file=file)
    while not Path("gate").exists():
        run.progress("wait", 1, 2)
        time.sleep(0.02)
    return 40 + run.attempt
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    return folder


@pytest.fixture
def start(tmp_path: Path, project: Path) -> Iterator[Callable[..., Kernel]]:
    """Start a kernel whose folder is the project, or one below it."""
    with ExitStack() as stack:
        yield lambda below="", **more: stack.enter_context(kernel(project / below, tmp_path, **more))


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("wait", ["await run", "run.result()", "run.wait()"])
def test_an_interrupted_wait_leaves_its_run_alone(
    start: Callable[..., Kernel], project: Path, wait: str
) -> None:
    cells = start()
    cells.run(START + SLOW)
    cells.run("run = slow.submit()")
    wait_until(lambda: lines(project / "started"))
    cell = cells.begin(f"print('waits', flush=True)\n{wait}")
    cells.until(cell, "waits")
    cells.interrupt()
    cells.end(cell)  # the run itself ends only at its gate
    assert cell.error in {"KeyboardInterrupt", "CancelledError"}
    assert cells.say("print(run.state)") == "RUNNING"
    (project / "gate").touch()
    assert cells.say("print(run.result(60), run.state, len(run.attempts))") == "41 DONE 1"
    # The same handle may be awaited again.
    assert cells.say("print(await run)") == "41"


@pytest.mark.parametrize("call", ["jira.search('project = DEMO')", "await jira.aio.search('project = DEMO')"])
def test_an_interrupted_search_asks_no_more(start: Callable[..., Kernel], call: str) -> None:
    with DemoSite(issues=300, page_cap=5) as site:
        cells = start()
        endpoint = site.jira_dc
        cells.run(
            f"from schedkit.jira import Jira\n"
            f"jira = Jira({endpoint.url!r}, token={endpoint.token!r}, cloud=False)\n"
            f"print(len(jira.search('project = DEMO', limit=1)))"
        )
        site.latency = 0.3
        before = len(site.requests)
        cell = cells.begin(call)
        wait_until(lambda: len(site.requests) > before)
        cells.interrupt()
        cells.end(cell)
        assert cell.error in {"KeyboardInterrupt", "CancelledError"}
        at_end = len(site.requests)
        site.latency = 0.0
        # A search that lived on would now end at once: 60 pages.
        Event().wait(1.0)
        assert len(site.requests) - at_end <= 16  # those that were under way: so many at once by default
        whole = cells.say("print(len(jira.search('project = DEMO')))")
        assert int(whole) > 100


def test_autoreload_keeps_the_live_scheduler(
    start: Callable[..., Kernel], project: Path, tmp_path: Path
) -> None:
    package = tmp_path / "lib" / "schedkit"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(schedkit.__file__).parent, package, ignore=ignored)
    module = project / "pulse.py"
    source = """
from pathlib import Path
from schedkit import Scheduler, every
sched = Scheduler()

@sched.task(every("100ms"))
def pulse(run):
    with open("beats", "a") as file:
        print("{word}", run.scheduled_at, file=file)
    return "{word}"
"""
    module.write_text(source.format(word="old"))
    beats = project / "beats"
    cells = start(PYTHONPATH=str(package.parent))
    cells.run("%load_ext autoreload\n%autoreload 2\nimport pulse, schedkit\nfrom schedkit import Scheduler")
    assert cells.say("print(schedkit.__file__)").startswith(str(package))
    cells.run("sched = Scheduler(); sched.start()")
    wait_until(lambda: len(lines(beats)) > 2)
    cells.run("from schedkit import context; known = context._current, context._default")

    later = time.time() + 60
    module.write_text(source.format(word="new"))
    with open(package / "core" / "api" / "task_handle.py", "a") as file:
        file.write("\nRELOADED = True\n")
    for file in [module, *package.rglob("*.py")]:
        os.utime(file, (later, later))
    reloaded = cells.run("print(Scheduler() is sched, pulse.sched is sched, sched.state, len(sched.tasks))")
    assert reloaded.stdout.strip() == "True True running 1"
    assert reloaded.stderr == ""
    wait_until(lambda: sum(line.startswith("new") for line in lines(beats)) > 2)
    words = [line.split()[0] for line in lines(beats)]
    assert words == sorted(words, reverse=True)  # none of the old after the new
    times = [line.split(maxsplit=1)[1] for line in lines(beats)]
    assert len(times) == len(set(times))
    same = "print([now is then for now, then in zip((context._current, context._default), known)])"
    assert cells.say(same) == "[True, True]"
    assert cells.say("from schedkit.core.api import task_handle; print(task_handle.RELOADED)") == "True"
    assert cells.say("print(pulse.pulse.submit().result(60))") == "new"
    assert cells.say("print(await pulse.pulse.submit())") == "new"
    assert cells.say(f"print([row['name'] for row in {ROWS}])") == "['pulse']"
    cells.run("sched.stop()")


@pytest.mark.parametrize("now", [True, False], ids=["killed", "restarted"])
def test_a_restart_in_the_middle_of_a_run(start: Callable[..., Kernel], project: Path, now: bool) -> None:
    cells = start()
    frame = """
@sched.task()
def frame():
    import pandas
    return pandas.DataFrame({"Key": ["DEMO-1"]})
"""
    cells.run(START + SLOW + frame)
    cells.run("frame.submit().result(60); run = slow.submit()")
    upcoming = cells.say("print(slow.next_run.isoformat())")
    id = cells.say("print(run.id)")
    wait_until(lambda: lines(project / "started") == ["1"])
    due = datetime.now(UTC) + timedelta(minutes=10)
    once = f"""
@sched.task(at({due.isoformat()!r}), misfire_grace="1h")
def once(run):
    with open("once", "a") as file:
        print(run.scheduled_at.isoformat(), file=file)
"""
    cells.run(once)
    cells.restart(now=now)
    cells.run(LATER_START)  # it was due while no cell had declared it again
    told = f"{{row['name']: row['state'] for row in {ROWS}}}"
    # start() returns before the lost attempt is recorded.
    waiting = dict.fromkeys(("slow", "once", "frame"), "waiting")
    wait_until(lambda: json.loads(cells.say(f"print(json.dumps({told}))")) == waiting)
    why = cells.say(f"print(sched.run({id!r}).run.reason)")
    assert why.startswith("its process ended" if now else "the scheduler was stopped")
    assert cells.say("print(sched.tasks['frame'].latest().Key[0])") == "DEMO-1"
    assert cells.say("print(sched.tasks['slow'].next_run.isoformat())") == upcoming
    assert lines(project / "started") == ["1"]
    assert lines(project / "once") == []

    (project / "gate").touch()
    cells.run(SLOW + frame + once)
    assert cells.say(f"run = sched.run({id!r}); print(run.result(60), run.state)") == "42 DONE"
    assert lines(project / "started") == ["1", "2"]
    states = json.loads(cells.say("print(json.dumps([str(a.outcome) for a in run.attempts]))"))
    assert [state.lower() for state in states] == ["interrupted", "done"]
    assert cells.say("print(slow.next_run.isoformat())") == upcoming
    assert wait_until(lambda: lines(project / "once")) == [due.isoformat()]
    assert cells.say("print(frame.latest().Key[0])") == "DEMO-1"
    assert cells.say("print(len(frame.runs()), len(slow.runs()), len(once.runs()))") == "1 1 1"


def test_a_cell_run_again_replaces_its_task(start: Callable[..., Kernel], project: Path) -> None:
    cells = start()
    cells.run(START)
    declare = """
@sched.task(every("100ms"))
def pulse(run):
    with open("beats", "a") as file:
        print("{word}", run.scheduled_at.isoformat(), file=file)

@sched.task("0 7 * * *")
def daily(): ...
"""
    beats = project / "beats"
    cells.run(declare.format(word="first"))
    wait_until(lambda: len(lines(beats)) > 2)
    cells.run(declare.format(word="first"))
    cells.run(declare.format(word="second"))
    wait_until(lambda: sum(line.startswith("second") for line in lines(beats)) > 2)
    shown = f"sorted(row['name'] for row in {ROWS})"
    assert cells.say(f"print({shown})") == "['daily', 'pulse']"
    assert cells.say("print(sorted(job.id for job in sched.get_jobs()))") == "['daily', 'pulse']"
    cells.run("sched.stop()")
    words, times = zip(*(line.split() for line in lines(beats)), strict=True)
    assert list(words) == sorted(words)
    assert len(times) == len(set(times))
    moments = [datetime.fromisoformat(text) for text in sorted(times)]
    steps = [(after - before) / timedelta(milliseconds=100) for before, after in itertools.pairwise(moments)]
    assert all(step == round(step) for step in steps)  # one grid: the schedule went on where it was


def test_a_notebook_in_a_folder_below_has_the_projects_scheduler(
    start: Callable[..., Kernel], project: Path
) -> None:
    (project / "notebooks" / "monthly").mkdir(parents=True)
    cells = start("notebooks/monthly")
    cells.run(START)
    ledger = project / ".schedkit" / "ledger.db"
    assert cells.say("print(os.getcwd())") == str(project / "notebooks" / "monthly")
    assert cells.say("print(sched.ledger)") == str(ledger)
    assert str(ledger) in cells.say("print(repr(sched))")
    assert cells.say(f"os.chdir({str(project)!r}); print(Scheduler() is sched)") == "True"
    assert ledger.exists()
    assert not (project / "notebooks" / "monthly" / ".schedkit").exists()


def test_background_work_prints_nothing_into_cells(start: Callable[..., Kernel], project: Path) -> None:
    cells = start()
    cells.run(START)
    tasks = """
def note(word):
    with open("ran", "a") as file:
        print(word, file=file)

@sched.task(every("100ms"))
def logs():
    context.log("a line of the run")
    logging.getLogger("analyst").warning("a line of the logging module")
    print("a", "line", "printed")
    note("logs")

@sched.task(every("100ms"))
def fails():
    note("fails")
    raise ValueError("no rows")

@sched.task(every("100ms"))
async def fails_async():
    note("fails_async")
    raise ValueError("no rows")

@sched.task()
async def blocks():
    print("blocks")
    warnings.warn("blocks")
    time.sleep(1.5)
    note("blocks")

@sched.task(runs_in="process")
def heavy():
    import os, subprocess
    os.write(2, b"past Python\\n")
    subprocess.run(["echo", "from a program"])
    print("printed")
    note("heavy")

def bad_hook(error):
    note("hook")
    raise RuntimeError("hook")

@sched.task(every("100ms"), on_failure=bad_hook)
def fails_with_hook():
    raise ValueError("no rows")
"""
    cells.run(tasks)
    cells.run("sched.subscribe(lambda event: 1 / 0); run = blocks.submit(); run = heavy.submit()")
    # A cell that runs as long as the work goes on beside it.
    quiet = cells.run(
        "expected = {'logs', 'fails', 'fails_async', 'blocks', 'hook', 'heavy'}\n"
        "open('ran', 'a').close()\n"
        "while not expected <= set(open('ran').read().split()): time.sleep(0.05)\n"
        "time.sleep(0.3)"
    )
    heavy = cells.say("run.result(60); print(json.dumps(run.log))")
    assert sorted(json.loads(heavy)) == ["from a program", "past Python", "printed"]
    ran = lines(project / "ran")
    assert {"logs", "fails", "fails_async", "blocks", "hook", "heavy"} <= set(ran)
    assert (quiet.stdout, quiet.stderr, quiet.shown) == ("", "", [])
    quiet = cells.run("await __import__('asyncio').sleep(0.5)")
    assert (quiet.stdout, quiet.stderr, quiet.shown) == ("", "", [])
    # What a cell prints itself is its own.
    cell = cells.run("print('mine'); print('too', file=sys.stderr)")
    assert (cell.stdout, cell.stderr) == ("mine\n", "too\n")
    # A run's lines are in its log, whichever way they were told.
    told = cells.say("print(json.dumps(sched.run(sched.runs('logs')[-1].id).log))")
    assert json.loads(told) == ["a line of the run", "a line of the logging module", "a line printed"]
    # What a cell logs itself is its own, too.
    assert cells.run("logging.getLogger('analyst').warning('heard')").stderr == "heard\n"
    stopped = cells.run("sched.stop()")
    assert (stopped.stdout, stopped.stderr) == ("", "")


class Markup(HTMLParser):
    """Finds what a page would run, and the text it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.handlers: list[str] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self._in = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in = tag
        self.handlers += [f"{tag} {name}={value}" for name, value in attrs if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        (self.scripts if self._in == "script" else self.text).append(data)


def test_a_notebook_as_html_keeps_the_still_face(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = """
@sched.task(description="<script>hacked('described')</script>")
def broken():
    raise ValueError("no rows <script>hacked('told')</script><img src=x onerror=\\"hacked('image')\\">")
run = broken.submit()
run.wait()
None
"""
    sources = [START + broken, "sched", "sched.panel('history')", "run", "broken", "sched.stop()"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    with own_kernel() as own:
        NotebookClient(
            notebook,
            timeout=60,
            kernel_name="python3",
            resources={"metadata": {"path": str(project)}},
            config=Config({"KernelManager": own.options}),
        ).execute()
    # The cells' sources hold the markup as well: only outputs are looked at.
    html, _ = HTMLExporter(config=Config({"HTMLExporter": {"exclude_input": True}})).from_notebook_node(
        notebook
    )
    page = Markup()
    page.feed(html)
    text = " ".join(page.text)
    assert "Scheduler running" in text
    assert "broken" in text
    assert text.count("ValueError: no rows <script>hacked('told')</script><img src=x onerror=") >= 1
    assert text.count("hacked('told')") >= 2
    assert [handler for handler in page.handlers if "hacked" in handler] == []
    assert [script for script in page.scripts if "hacked(" in script] == []
