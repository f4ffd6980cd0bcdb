"""What the command line tells of runs that failed: which, why, what to do; in a terminal of any width."""

from __future__ import annotations

from pathlib import Path

import pytest

from schedkit.app import app
from schedkit.cli import main
from schedkit.commands import run as run_command

HOSTILE = """
from schedkit import Scheduler
sched = Scheduler()

@sched.task()
def evil():
    raise ValueError("[red]no[/] rows [/bad]\\n\\x1b[31min DEMO")

@sched.task()
def late():
    raise KeyError("Summary")
"""
WHY = "ValueError: [red]no[/] rows [/bad] \ufffd[31min DEMO"


@pytest.fixture
def failed(project: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what `run --once` says of two runs that fail."""
    (project / "bad.py").write_text(HOSTILE)
    assert main(["run", "bad.py", "--once"]) == 1
    return capsys.readouterr().err


def test_each_failure_is_one_line_and_steers_no_terminal(failed: str) -> None:
    assert "\x1b" not in failed
    lines = failed.splitlines()
    assert any(line.startswith("schedkit: run ") and line.endswith(WHY) for line in lines)
    # Of several failures each is told, and not the first alone.
    assert any(line.endswith("of task 'late' ended as FAILED: KeyError: 'Summary'") for line in lines)


@pytest.mark.usefixtures("failed")
def test_the_history_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    main(["history", "evil"])
    told = capsys.readouterr().out
    assert WHY in told
    assert "\x1b" not in told


@pytest.mark.usefixtures("failed")
def test_a_narrow_terminal_gets_the_reasons_below_the_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1", "COLUMNS": "90", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    main(["history"])
    told = capsys.readouterr().out.splitlines()
    assert any(line.endswith(WHY) for line in told)
    assert max(len(line) for line in told if line.startswith("│")) <= 90


def test_a_scheduled_run_that_fails_is_told_where_it_runs(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "bad.py").write_text(HOSTILE)

    def until_it_failed(go_on: object) -> None:
        app().scheduler().submit("evil").wait("60s")

    monkeypatch.setattr(run_command, "until_interrupted", until_it_failed)
    assert main(["run", "bad.py"]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "FAILED" in line]
    assert line.endswith(f" evil FAILED: {WHY}")


DEEP = "[" * 600 + "]" * 600
DAMAGED: dict[str, tuple[list[str], str, str]] = {
    "an alias of itself": (["run", "bad.yaml", "--once"], "name: &a [*a]\n", "bad.yaml:1"),
    "a mapping as a key": (["run", "bad.yaml", "--once"], "? {a: b}\n: c\n", "bad.yaml:1"),
    "lists too deep": (["run", "bad.yaml", "--once"], f"name: {DEEP}\n", "nested deeper than"),
    "settings too deep": (["tasks"], f"sites: {DEEP}\n", "nested deeper than"),
    "settings that are no text": (["tasks"], "\udcff\udcfe", "not valid UTF-8"),
    "a module that is too deep": (["run", "bad.py", "--once"], f"x = {DEEP}\n", "bad.py"),
    "a notebook that is none": (["run", "bad.ipynb", "--once"], "{", "bad.ipynb"),
    "a ledger with a bad port": (["tasks", "--ledger", "postgresql://a@b:port/x"], "", "not a database URL"),
    "a ledger that is no database": (["history", "--ledger", "bad.db"], "no database at all " * 99, "bad.db"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_what_cannot_be_read_is_one_line_and_no_traceback(
    project: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, content, told = DAMAGED[name]
    file = next((part for part in arguments if part.startswith("bad.")), "schedkit.yaml")
    (project / file).write_bytes(content.encode("utf-8", "surrogateescape"))
    assert main(arguments) in (1, 2)
    lines = capsys.readouterr().err.splitlines()
    assert any(line.startswith("schedkit: ") and told in line for line in lines), lines
    assert not any(line.startswith("Traceback") for line in lines)


def test_a_variable_that_is_no_json_is_named_and_its_value_is_not_shown(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDKIT_SITES", '{bad: "s3cret"')
    assert main(["tasks"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("schedkit: the environment variable SCHEDKIT_SITES is not valid JSON (")
    assert "s3cret" not in line
