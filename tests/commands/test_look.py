"""Commands that only look: facts as JSON and as tables; text of a site steers no terminal."""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime, timedelta

import pytest

from schedkit.cli import main
from schedkit.commands.look import follow
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import State

Output = pytest.CaptureFixture[str]


def printed(capsys: Output, *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


def facts(capsys: Output, *arguments: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(printed(capsys, *arguments, "--json"))
    return found


def test_tasks(running: Scheduler, capsys: Output) -> None:
    rows = {row["name"]: row for row in facts(capsys, "tasks")}
    assert {"add", "evil", "waits", "hourly"} <= set(rows)
    assert rows["add"]["tags"] == ["sums"]
    assert rows["add"]["description"] == "Add two numbers."
    assert datetime.fromisoformat(str(rows["hourly"]["next_run"])) == running.tasks["hourly"].next_run
    assert "every 1h" in printed(capsys, "tasks")


def test_runs_by_state(running: Scheduler, capsys: Output, gate: threading.Event) -> None:
    running.submit("add").wait("60s")
    running.submit("evil").wait("60s")
    waiting = running.submit("waits")
    assert {row["task"] for row in facts(capsys, "runs")} == {"add", "evil", "waits"}
    assert [row["task"] for row in facts(capsys, "runs", "--state", "failed")] == ["evil"]
    (row,) = facts(capsys, "runs", "waits", "--state", "queued", "--state", "Running")
    assert row["id"] == waiting.id
    assert [row["task"] for row in facts(capsys, "runs", "--limit", "1", "--state", "done")] == ["add"]
    assert {row["task"] for row in facts(capsys, "history")} == {"add", "evil"}
    assert main(["runs", "--state", "faild"]) == 2
    assert "unknown state 'faild' (did you mean 'FAILED'?)" in capsys.readouterr().err
    gate.set()
    assert waiting.wait("60s").state is State.DONE


def test_show_tells_everything(running: Scheduler, capsys: Output) -> None:
    run = running.submit("add", a=4)
    assert run.result("60s") == 6
    (found,) = [json.loads(printed(capsys, "show", "add", "--json"))]
    assert (found["id"], found["params"], found["facts"]) == (run.id, {"a": 4}, {"sum": {"value": 6}})
    assert [line["message"] for line in found["log"]] == ["adding 4 and 2 "]
    shown = printed(capsys, "show", run.id)
    assert f"run        {run.id}\n" in shown
    assert "params     a=4\n" in shown
    assert "sum\n  value: 6\n" in shown
    assert "adding 4 and 2" in shown


@pytest.mark.parametrize("width", ["60", "120"])
def test_text_of_a_site_is_only_text(
    running: Scheduler, capsys: Output, monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    for name, value in {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1", "COLUMNS": width, "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    running.submit("evil").wait("60s")
    for command in (["show", "evil"], ["logs", "evil"], ["runs"], ["history"], ["tasks"]):
        # Headings are bold and titles italic, which is ours.
        shown = re.sub(r"\x1b\[[013]m", "", printed(capsys, *command))
        assert not {char for char in shown if not char.isprintable() and char != "\n"}, command
        assert "\u202e" not in shown
    told = printed(capsys, "show", "evil").replace("\n", "")
    assert "[red]evil[/red]" in told
    assert ":boom:" in told
    assert "Traceback" in told


def test_json_holds_the_text_escaped(running: Scheduler, capsys: Output) -> None:
    running.submit("evil").wait("60s")
    out = printed(capsys, "show", "evil", "--json")
    assert out.isascii()
    assert "\x1b" not in out
    assert json.loads(out)["log"][0]["message"].startswith("\x1b[31m[red]evil")


def test_logs_are_followed_to_the_end(running: Scheduler, gate: threading.Event) -> None:
    run = running.submit("waits")
    lines = follow(running, run.id)
    assert next(lines)["message"] == "begun"
    gate.set()
    assert [line["message"] for line in lines] == ["at the end"]


def test_logs_of_an_ended_run(running: Scheduler, capsys: Output) -> None:
    run = running.submit("add")
    run.wait("60s")
    assert printed(capsys, "logs", run.id).endswith("  adding 1 and 2\n")
    assert printed(capsys, "logs", "add", "-f").endswith("  adding 1 and 2\n")
    assert [line["message"] for line in facts(capsys, "logs", "add")] == ["adding 1 and 2 "]


def test_due_lists_what_comes_and_what_became_of_the_past(running: Scheduler, capsys: Output) -> None:
    running.backfill("hourly", "2026-01-02T00:00Z", "2026-01-02T00:00Z")[0].wait("60s")
    rows = facts(capsys, "due", "hourly", "--limit", "3")
    following = [datetime.fromisoformat(str(row["scheduled"])) for row in rows if row["outcome"] == "next"]
    first = running.tasks["hourly"].next_run
    assert first is not None
    assert following == [first + timedelta(hours=n) for n in (2, 1, 0)]
    past = [row for row in rows if row["outcome"] != "next"]
    assert datetime.fromisoformat(str(past[-1]["scheduled"])) == datetime(2026, 1, 2, tzinfo=UTC)
    assert past[-1]["outcome"] == "DONE"
    assert "next" in printed(capsys, "due", "hourly")
    assert facts(capsys, "due", "add") == []


def test_who_is_unknown_is_told(running: Scheduler, capsys: Output) -> None:
    for arguments, words in {
        ("show", "ad"): "no run or task is called 'ad' (did you mean 'add'?)",
        ("show", "add"): "task 'add' has no runs yet (schedkit trigger add)",
        ("due", "hurly"): "did you mean 'hourly'?",
        ("runs", "ad"): "did you mean 'add'?",
    }.items():
        assert main(list(arguments)) == 2
        assert words in capsys.readouterr().err
