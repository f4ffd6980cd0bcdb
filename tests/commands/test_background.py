"""The program that runs a kernel's schedule in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.notebooks import write_notebook
from support.waiting import wait_until

from schedkit.app import Scheduler, app
from schedkit.atlassian.kept_logins import forget
from schedkit.commands import background
from schedkit.notebook.handover import Instructions

MODULE = """
from schedkit import Scheduler, every

@Scheduler().task(every("1h"))
def who(): return 1
"""


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instructions]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield {
        "ledger": str(tmp_path / "b.db"),
        "options": {"name": "b"},
        "codes": {},
        "logins": {},
        "answer": str(tmp_path / "answer"),
    }
    app().current = None


@pytest.fixture
def ended() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def test_it_runs_the_tasks_and_stops_when_told(
    tmp_path: Path, told: Instructions, ended: threading.Event
) -> None:
    (tmp_path / "who_runs.py").write_text(MODULE)
    scheduler = Scheduler(told["ledger"], **told["options"])
    events: list[str] = []
    unsubscribe = scheduler.subscribe(lambda event: events.append(getattr(event, "change", "")))
    assert background.main([tmp_path / "who_runs.py"], told, ended) == 0
    assert Path(told["answer"]).read_text() == ""
    assert scheduler.state == "stopped"
    assert wait_until(lambda: {"started", "stopped"} <= set(events))
    unsubscribe()


LOGIN = """
from pathlib import Path
from schedkit import Scheduler, every
from schedkit.atlassian.kept_logins import recall

Path("login.txt").write_text(repr(recall("https://issues.example.org", None)))
Scheduler().task(every("1h"), name="with_login")(print)
"""


def test_it_has_the_logins_that_were_typed_in_the_kernel(
    tmp_path: Path, told: Instructions, ended: threading.Event
) -> None:
    (tmp_path / "with_login.py").write_text(LOGIN)
    told["logins"] = {"https://issues.example.org": "ann\nabcd1234"}
    assert background.main([tmp_path / "with_login.py"], told, ended) == 0
    assert (tmp_path / "login.txt").read_text() == "('ann', 'abcd1234')"
    forget("https://issues.example.org")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("tasks: {x: {trigger: interval, args: {hours: 1}}}", "'x'"),
        ("tasks: {}", "bad.yaml declares no task"),
    ],
)
def test_a_file_that_cannot_be_declared_ends_it_with_one_line(
    tmp_path: Path,
    told: Instructions,
    ended: threading.Event,
    capsys: pytest.CaptureFixture[str],
    text: str,
    line: str,
) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    assert background.main([tmp_path / "bad.yaml"], told, ended) == 1
    (told_line,) = capsys.readouterr().err.splitlines()
    assert line in told_line


def test_a_task_that_is_found_but_cannot_be_declared_ends_it(
    tmp_path: Path, told: Instructions, ended: threading.Event, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "import schedkit\n@schedkit.task(after='nobody')\ndef orphan(): ...\n"
    (tmp_path / "orphans.py").write_text(text)
    assert background.main([tmp_path / "orphans.py"], told, ended) == 1
    assert capsys.readouterr().err.startswith("task 'orphan'")


def test_a_task_that_no_file_declares_is_named(
    tmp_path: Path, told: Instructions, ended: threading.Event, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "who_runs_too.py").write_text(MODULE)
    told["codes"]["typed"] = ""
    assert background.main([tmp_path / "who_runs_too.py"], told, ended) == 1
    words = "who_runs_too.py does not declare 'typed' (save the notebook"
    assert capsys.readouterr().err.startswith(words)
    assert Path(told["answer"]).read_text().startswith(words)


def test_a_kernel_that_waits_no_longer_is_told_nothing(
    tmp_path: Path, told: Instructions, ended: threading.Event
) -> None:
    (tmp_path / "who_runs_alone.py").write_text(MODULE)
    told["answer"] = str(tmp_path / "gone" / "answer")
    assert background.main([tmp_path / "who_runs_alone.py"], told, ended) == 0
    assert not (tmp_path / "gone").exists()


@pytest.fixture
def signalled() -> Iterator[threading.Event]:
    before = {number: signal.getsignal(number) for number in background.SIGNALS}
    yield background.told_to_end()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_signals_end_it(signalled: threading.Event) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    assert signalled.wait(60)


@pytest.mark.parametrize("suffix", [".py", ".ipynb"])
def test_signals_break_off_what_is_executed(
    tmp_path: Path, told: Instructions, signalled: threading.Event, suffix: str
) -> None:
    endless = "import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\nwhile True: time.sleep(0.1)"
    if suffix == ".py":
        (tmp_path / "endless.py").write_text(endless)
    else:
        write_notebook(tmp_path / "endless.ipynb", endless)
    handlers = [signal.getsignal(number) for number in background.SIGNALS]
    assert background.main([tmp_path / f"endless{suffix}"], told, signalled) == 1
    assert Path(told["answer"]).read_text() == "it was told to end"
    assert signalled.is_set()
    assert [signal.getsignal(number) for number in background.SIGNALS] == handlers
