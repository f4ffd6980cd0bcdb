"""``schedkit nodes``: which processes run the tasks of a ledger, what each is, and one of them ended."""

from __future__ import annotations

import functools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from support.node_processes import NodeProcess
from support.waiting import wait_until

from schedkit.app import app
from schedkit.cli import main
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.node import dispatcher, send_command
from schedkit.core.store.workers import keep_workers
from schedkit.core.tasks.origin import EVERYWHERE, declared_in
from schedkit.core.worker_facts import WorkerFacts
from schedkit.errors import NotRunningError

Output = pytest.CaptureFixture[str]
TASKS = """
from schedkit import Scheduler, every

@Scheduler().task(every("1h"))
def theirs() -> None: ...
"""


def rows(capsys: Output) -> dict[str, dict[str, object]]:
    assert main(["nodes", "--json"]) == 0
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)}


def hourly() -> None: ...


@pytest.fixture
def pair(project: Path) -> Iterator[tuple[Scheduler, Scheduler]]:
    """A home of the task `hourly`, and an heir of it that is home of `other`."""
    ledger = app().ledger()
    made = [Scheduler(ledger, name=name) for name in ("first", "second")]
    (project / ".schedkit").mkdir(exist_ok=True)
    for scheduler, place in zip(made, ("/first.py", "/second.py"), strict=True):
        with declared_in(place):
            scheduler.task("0 7 * * *")(hourly)
        scheduler.start()
    with declared_in("/second.py"):
        made[1].task(name="other")(hourly)
    yield made[0], made[1]
    for scheduler in made:
        scheduler.stop("1s")


def test_each_process_with_what_it_runs_and_what_it_would_go_on_with(
    pair: tuple[Scheduler, Scheduler], capsys: Output
) -> None:
    found = rows(capsys)
    first, second = found["first"], found["second"]
    assert (first["tasks"], first["standing_by"]) == (["hourly"], [])
    assert (second["tasks"], second["standing_by"]) == (["other"], ["hourly"])
    assert (first["kind"], first["pid"], first["life"]) == ("script", os.getpid(), pair[0].nodes[0].life)
    assert main(["nodes"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "second" in line)
    assert [word for word in ("script", "other", "hourly") if word in line] == ["script", "other", "hourly"]


def test_what_every_process_declares_is_listed_where_it_is_used(project: Path, capsys: Output) -> None:
    (project / ".schedkit").mkdir()
    home, heir = (Scheduler(app().ledger(), name=name) for name in ("first", "second"))
    for scheduler in (home, heir):
        with declared_in(EVERYWHERE):
            app().add_export(scheduler)
    with home, heir:
        with declared_in("/first.py"):
            home.task(name="own")(hourly)
        wait_until(lambda: heir.standing_by == ["jira-export"])
        found = rows(capsys)
        assert [(found[name]["tasks"], found[name]["standing_by"]) for name in ("first", "second")] == [
            (["own"], []),
            ([], []),
        ]
        home.submit("jira-export", jira_envs=[], key_type="project", key_value="A").wait("60s")
        found = rows(capsys)
        assert [(found[name]["tasks"], found[name]["standing_by"]) for name in ("first", "second")] == [
            (["jira-export", "own"], []),
            ([], ["jira-export"]),
        ]


def test_the_workers_that_a_process_hears(pair: tuple[Scheduler, Scheduler], capsys: Output) -> None:
    heard = WorkerFacts(
        worker="id", name="w1", pid=7, host="there", threads=2, running=1, memory=5 << 20, seen=0.0,
        tasks=3, problems=[],
    )  # fmt: skip
    mine = pair[0].nodes[0]
    with pair[0].queries.ledger.store.writing() as connection:
        keep_workers(connection, mine.life, [heard])
    found = rows(capsys)
    assert found["first"]["workers"] == [msgspec.to_builtins(heard)]
    assert found["second"]["workers"] == []
    assert main(["nodes"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "w1" in line)
    assert [word for word in ("7", "there", "1 of 2", "5 MiB") if word not in line] == []


def test_the_heir_of_a_process_that_is_ended_goes_on(
    pair: tuple[Scheduler, Scheduler], capsys: Output
) -> None:
    assert main(["nodes", "--end", "first"]) == 0
    told = capsys.readouterr()
    assert told.out == "ended first\n"
    assert "was told to end; what runs there may continue for 30" in told.err
    wait_until(lambda: pair[1].at_home == ["hourly", "other"])
    assert (pair[0].state, pair[1].state) == ("stopped", "running")
    assert list(rows(capsys)) == ["second"]


def test_a_process_may_end_itself(pair: tuple[Scheduler, Scheduler]) -> None:
    mine = pair[0].nodes[0]
    assert pair[0].end_node(mine, "1s") == mine
    wait_until(lambda: pair[0].state == "stopped")


def test_which_process_is_meant_must_be_plain(pair: tuple[Scheduler, Scheduler], capsys: Output) -> None:
    assert main(["nodes", "--end", str(os.getpid())]) == 2
    told = capsys.readouterr().err
    assert f"2 processes are called '{os.getpid()}': first (pid {os.getpid()} on " in told
    assert main(["nodes", "--end", "frist"]) == 2
    assert "is called 'frist' (did you mean 'first'?)" in capsys.readouterr().err


@contextmanager
def command(folder: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run schedkit in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, "-m", "schedkit", *words], cwd=folder, env=environment, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("words", "kind"),
    [(["run", "theirs.py"], "headless"), (["serve", "theirs.py", "--port", "0"], "server")],
)
def test_a_command_is_of_its_kind_and_ends_when_told(
    project: Path, capsys: Output, words: list[str], kind: str
) -> None:
    (project / "theirs.py").write_text(TASKS)
    with command(project, *words) as process, app().plain_scheduler().viewing() as looking:
        wait_until(lambda: [node.pid for node in looking.nodes] == [process.pid])
        assert rows(capsys)[f"schedkit {words[0]} theirs.py"]["kind"] == kind
        assert main(["nodes", "--end", str(process.pid)]) == 0
        assert process.wait(60) == 0


def test_a_process_that_does_not_answer_is_named_with_its_pid(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its loop stands still, as beside a cell that holds the interpreter."""
    short = functools.partial(send_command.send_command, timeout=0.1)
    monkeypatch.setattr(dispatcher, "send_command", short)
    stuck = NodeProcess(str(project / "ledger.db"), project, "stuck")
    try:
        stuck.hear("started")
        stuck.tell("stall")
        stuck.hear("standing")
        asks = Scheduler(project / "ledger.db", name="asks")
        with pytest.raises(NotRunningError, match=r"stuck \(pid .* does not answer") as refused:
            asks.end_node("stuck")
        assert refused.value.hint == f"end it on {socket.gethostname()}: kill {stuck.process.pid}"
        asks.queries.ledger.store.close()
    finally:
        stuck.close()
