"""The panel against a real scheduler: clicks become commands, answers come back, one thread writes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.boards import board_now
from support.notebook_shell import Front, KeptComm, Shell
from support.waiting import wait_until

from schedkit import context
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.board.ledger_rows import FINISHED_RUNS
from schedkit.errors import UsageError
from schedkit.notebook import live_panel
from schedkit.notebook.display import display, panel
from schedkit.notebook.live_panel import Panel


@pytest.fixture
def declared(sched: Scheduler, tmp_path: Path) -> Scheduler:
    @sched.task("0 7 * * mon-fri", tags=["daily"])
    def frame(rows: int = 3) -> pd.DataFrame:
        context.log("hello")
        context.fact("extraction", {"rows": rows})
        context.artifact(_file(tmp_path))
        return pd.DataFrame(
            {"Key": [f"A-{n}" for n in range(rows)], "Labels": [("x", "y")] * rows, "Due": pd.NaT}
        )

    @sched.task()
    def broken() -> None:
        raise ValueError("no rows")

    return sched


def _file(folder: Path) -> Path:
    path = folder / "out.xlsx"
    path.write_bytes(b"workbook")
    return path


def task_row(front: Front, shown: Panel, name: str) -> dict[str, Any]:
    """Fold the panel's messages as the view does."""
    rows: dict[str, Any] = {}
    for message in front.board(shown):
        if message["kind"] == "snapshot":
            rows = {row["name"]: row for row in message["tasks"]}
        else:
            for key, fields in message["tasks"].items():
                rows[key] = {**rows.get(key, {}), **fields}
    row: dict[str, Any] = rows.get(name, {})
    return row


def test_a_view_that_comes_gets_a_snapshot_then_only_changes(declared: Scheduler, front: Front) -> None:
    shown = front.panel(declared)
    assert shown.first.startswith(b'{"kind":"snapshot"')
    front.ask(shown, do="hello")
    wait_until(lambda: front.board(shown))
    declared.submit("frame").result(timeout=60)
    wait_until(lambda: task_row(front, shown, "frame").get("last"))
    kinds = [message["kind"] for message in front.board(shown)]
    assert kinds[0] == "snapshot"
    assert set(kinds[1:]) == {"changes"}
    assert {name for name, data, _ in shown.comm.sent if data.get("method") == "custom"} == {
        "schedkit-panels"
    }


def test_clicks_run_pause_resume_and_cancel(declared: Scheduler, front: Front) -> None:
    go = threading.Event()
    declared.task(name="slow")(lambda: go.wait(60))
    shown = front.panel(declared)
    assert front.ask(shown, do="run", task="frame")["words"] == "frame is queued"
    assert front.ask(shown, do="pause", task="frame")["words"] == "frame is paused"
    assert declared.tasks["frame"].paused
    assert front.ask(shown, do="resume", task="frame")["words"] == "frame is resumed"
    assert not declared.tasks["frame"].paused
    assert front.ask(shown, do="pause")["words"] == "The scheduler is paused"
    assert declared.paused
    assert front.ask(shown, do="resume")["words"] == "The scheduler is resumed"
    front.ask(shown, do="run", task="slow")
    (run,) = wait_until(lambda: [run for run in declared.runs("slow") if run.state == "RUNNING"])
    assert front.ask(shown, do="cancel", run=run.id)["words"] == "The run is asked to stop"
    go.set()
    wait_until(lambda: declared.runs("slow")[0].state.final)
    assert declared.runs("slow")[0].state == "CANCELLED"


def test_clicks_reschedule_remove_stop_and_start(declared: Scheduler, front: Front) -> None:
    shown = front.panel(declared)
    for text, words in (("every 2h", "every 2h"), ("0 7 * * mon", "at 07:00 on Monday")):
        assert "another schedule" in front.ask(shown, do="reschedule", task="frame", trigger=text)["words"]
        (row,) = [row for row in board_now(declared)["tasks"] if row["name"] == "frame"]
        assert row["trigger"].startswith(words)
    assert "no schedule was given" in front.ask(shown, do="reschedule", task="frame", trigger=" ")["error"]
    assert "five" in front.ask(shown, do="reschedule", task="frame", trigger="0 7")["error"]
    assert "frame is removed" in front.ask(shown, do="remove", task="frame")["words"]
    assert "frame" not in declared.tasks
    assert front.ask(shown, do="stop")["words"] == "The scheduler is stopped"
    assert declared.state == "stopped"
    assert front.ask(shown, do="start")["words"] == "The scheduler is started"
    assert declared.state == "running"


def test_a_run_goes_again_with_its_parameters(declared: Scheduler, front: Front) -> None:
    shown = front.panel(declared)
    run = declared.submit("frame", rows=5)
    run.result(timeout=60)
    answer = front.ask(shown, do="again", task="frame", run=run.id)
    assert answer["words"] == "frame is queued again with the same parameters"
    again = declared.runs("frame")[0]
    assert again.params == {"rows": 5}
    assert again.id != run.id


def test_an_opened_run_shows_its_log_facts_and_files(declared: Scheduler, front: Front) -> None:
    run = declared.submit("frame")
    run.result(timeout=60)
    shown = front.panel(declared)
    front.ask(shown, do="hello")
    front.ask(shown, do="open", run=run.id)

    def opened() -> Any:
        for message in front.board(shown):
            rows = (
                message["runs"]
                if isinstance(message["runs"], dict)
                else {r["id"]: r for r in message["runs"]}
            )
            if rows.get(run.id, {}).get("log"):
                return rows[run.id]
        return None

    row = wait_until(opened)
    assert [line["message"] for line in row["log"]] == ["hello"]
    assert row["facts"]["extraction"] == {"rows": 3}
    assert row["artifacts"][0]["label"] == "out.xlsx"
    before = len(front.board(shown))
    front.ask(shown, do="close", run=run.id)
    declared.screens.open_run(run.id)
    declared.pause("frame")
    wait_until(lambda: len(front.board(shown)) > before)
    assert front.board(shown)[-1]["runs"] == {}


def test_the_preview_is_text_and_the_download_is_the_file(
    declared: Scheduler, front: Front, tmp_path: Path
) -> None:
    run = declared.submit("frame")
    run.result(timeout=60)
    shown = front.panel(declared)
    data = front.ask(shown, do="preview", run=run.id)["data"]
    assert data == {
        "columns": ["Key", "Labels", "Due"],
        "data": [["A-0", "x, y", ""], ["A-1", "x, y", ""], ["A-2", "x, y", ""]],
        "rows": 3,
    }
    declared.screens.open_run(run.id)
    path = tmp_path / "out.xlsx"
    assert front.ask(shown, do="download", run=run.id, path=str(path))["buffers"] == [b"workbook"]
    refused = front.ask(shown, do="download", run=run.id, path=str(tmp_path / "panels.db"))
    assert refused["error"] == f"{tmp_path / 'panels.db'} is not a file of this run"
    path.unlink()
    gone = front.ask(shown, do="download", run=run.id, path=str(path))
    assert gone["error"] == f"{path} no longer exists (run the task again)"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ({"do": "dance"}, "unknown command 'dance'"),
        ({"do": "run", "task": "fram"}, "no task is called 'fram' (did you mean 'frame'?)"),
        ({"do": "history", "hours": -1}, "no such window: hours=-1, first=0"),
        ({"do": "history", "hours": 1, "first": -1}, "no such window: hours=1, first=-1"),
        ({"do": "cancel"}, "KeyError: 'run'"),
    ],
)
def test_a_click_that_cannot_be_obeyed_says_why(
    declared: Scheduler, front: Front, command: dict[str, Any], error: str
) -> None:
    answer = front.ask(front.panel(declared), **command)
    assert (answer["ok"], answer["error"]) == (False, error)


def still(panel: Panel) -> str:
    """Return the picture that stands in the notebook's file."""
    bundle, _metadata = panel._repr_mimebundle_()
    return str(bundle["text/html"])


def test_a_run_that_nobody_knows(declared: Scheduler, front: Front) -> None:
    for word in ("again", "run_detail"):
        error = front.ask(front.panel(declared), do=word, run="nobody")["error"]
        assert error.startswith("no run 'nobody' in "), error
    assert "2 tasks" in still(front.panel(declared, "runs", run="nobody"))


def test_history_and_runs_from_before_the_board(declared: Scheduler, front: Front) -> None:
    run = declared.submit("frame")
    run.result(timeout=60)
    declared.task(name="quick", overlap="allow")(lambda: None)
    for later in declared.submit_many("quick", [{}] * FINISHED_RUNS):
        later.result(timeout=60)
    assert run.id not in {row["id"] for row in board_now(declared)["runs"]}
    shown = front.panel(declared, "runs", run=run.id)
    assert "file out.xlsx" in still(shown)
    seen = front.ask(shown, do="history", hours=24, task="frame")["data"]
    assert [row["id"] for row in seen["runs"]] == [run.id]
    assert front.ask(shown, do="history", hours=24, state="FAILED")["data"]["total"] == 0
    row = front.ask(shown, do="run_detail", run=run.id)["data"]
    assert [file["label"] for file in row["artifacts"]] == ["out.xlsx"]
    path = row["artifacts"][0]["path"]
    assert front.ask(shown, do="download", run=run.id, path=path)["ok"]
    assert front.ask(shown, do="again", run=run.id)["words"].startswith("frame is queued again")


def test_nobody_looks_nothing_is_published(declared: Scheduler, front: Front) -> None:
    shown = front.panel(declared)
    front.ask(shown, do="hello")
    wait_until(lambda: front.board(shown))
    front.say(shown, do="gone")
    front.say(shown, do="gone")
    before = len(front.board(shown))
    declared.submit("frame").result(timeout=60)
    watching = front.panel(declared)
    front.ask(watching, do="hello")
    wait_until(lambda: front.board(watching))
    assert len(front.board(shown)) == before


def test_a_panel_with_nothing_to_say_says_so_now_and_then(
    declared: Scheduler, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restarted kernel is silent: by that a view knows that what it shows is no longer true."""
    monkeypatch.setattr(live_panel, "BEAT_SECONDS", 0.0)
    shown = front.panel(declared)
    front.ask(shown, do="hello")
    wait_until(lambda: front.board(shown))

    def beats() -> int:
        return [data["content"]["kind"] for _, data, _ in shown.comm.sent if "content" in data].count("beat")

    wait_until(lambda: beats() >= 2)


def test_the_router_of_clicks_is_taken_off_where_there_is_one(
    declared: Scheduler, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert front.panel(declared).comm._reply_subshell_for is None
    monkeypatch.delattr(KeptComm, "_reply_subshell_for")
    assert not hasattr(front.panel(declared).comm, "_reply_subshell_for")


def test_displaying_shows_the_live_panel_and_a_still_picture_that_is_refreshed(
    declared: Scheduler, front: Front, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_panel, "STATIC_SECONDS", 0.0)
    shown = front.panel(declared)
    shown.show()
    live, still = shell.outputs
    assert live["data"]["text/plain"].startswith("Scheduler running: 2 tasks, 0 running, 0 waiting\nTask ")
    assert live["data"]["application/vnd.jupyter.widget-view+json"]["model_id"] == shown.model_id
    assert f'class="{shown.still}"' in still["data"]["text/html"]
    front.ask(shown, do="hello")
    declared.submit("frame").result(timeout=60)
    wait_until(lambda: "done" in shell.outputs[-1]["data"].get("text/html", ""))
    assert shell.outputs[-1]["update"] is True
    assert shell.outputs[-1]["transient"] == {"display_id": shown.still}
    shown.show()
    assert "Scheduler running" in shell.outputs[-2]["data"]["text/plain"]


def test_the_still_picture_is_not_redrawn_too_often(declared: Scheduler, front: Front, shell: Shell) -> None:
    shown = front.panel(declared)
    shown.show()
    front.ask(shown, do="hello")
    declared.submit("frame").result(timeout=60)
    wait_until(lambda: task_row(front, shown, "frame").get("last"))
    assert len(shell.outputs) == 2


def test_a_panel_composes_with_widgets_and_has_a_still_face(declared: Scheduler, front: Front) -> None:
    shown = front.panel(declared, "runs")
    assert shown.scheduler is declared
    bundle, _ = shown._repr_mimebundle_()
    assert "Scheduler running" in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_scheduler_task_and_run_show_themselves(declared: Scheduler, shell: Shell, front: Front) -> None:
    run = declared.submit("frame")
    run.result(timeout=60)
    declared.screens.open_run(run.id)
    for thing, words in (
        (declared, "2 tasks"),
        (declared.tasks["broken"], "1 task,"),
        (run, "file out.xlsx"),
    ):
        shell.outputs.clear()
        display(thing)
        assert words in shell.outputs[1]["data"]["text/html"]


def test_core_shows_its_objects_as_panels(declared: Scheduler, shell: Shell, front: Front) -> None:
    declared._ipython_display_()
    assert len(shell.outputs) == 2
    assert declared.panel("history").panel == "history"


def test_a_panel_that_does_not_exist_is_refused(declared: Scheduler) -> None:
    with pytest.raises(UsageError, match=r"no panel 'clock' \(choose one of tasks, failing, .*, builder\)"):
        panel(declared, "clock")
