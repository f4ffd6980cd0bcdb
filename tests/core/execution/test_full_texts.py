"""A text too long for the ledger is cut there; its whole is a file of the run, and goes with it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.boards import board_now

from schedkit.context import ExecutionContext
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.execution.full_texts import MOST_FILES, FullTexts, cut
from schedkit.core.execution.results import Results
from schedkit.core.execution.storage import FolderStorage
from schedkit.core.run import TaskResult
from schedkit.errors import ParameterError, RunFailedError
from schedkit.values.limits import MAX_LOG_LINES, MAX_PARAMETER_BYTES, MAX_STORED_CHARS

LONG = "0123456789" * 500_000  # 5 MB
LEFT_OUT = f"… ({len(LONG) - MAX_STORED_CHARS:,} characters left out; see the artifact "


@pytest.fixture
def sched(tmp_path: Path) -> Iterator[Scheduler]:
    with Scheduler(tmp_path / "ledger.db", results=tmp_path / "results") as scheduler:
        yield scheduler


def whole(artifacts: Any, label: str) -> str:
    """Return the content of the one artifact of a label."""
    (path,) = [each["path"] for each in artifacts if each["label"] == f"Full text of {label}"]
    return Path(path).read_text(encoding="utf-8")


def test_a_long_log_line_is_cut_and_kept_whole_as_an_artifact(sched: Scheduler) -> None:
    @sched.task
    def talks(run: ExecutionContext) -> None:
        run.log(logging.INFO, "short")
        run.log(logging.INFO, LONG)

    run = sched.submit("talks")
    run.result("60s")
    short, long = run.log
    assert short == "short"
    assert long == f"{LONG[:MAX_STORED_CHARS]}{LEFT_OUT}'Full text of log line 2')"
    assert whole(run.artifacts, "log line 2") == LONG


@pytest.mark.parametrize("runs_in", ["thread", "process"])
def test_a_long_error_is_cut_and_kept_whole_as_an_artifact(sched: Scheduler, runs_in: str) -> None:
    text = LONG

    @sched.task(runs_in=runs_in)
    def fails() -> None:
        raise ValueError(text)

    run = sched.submit("fails")
    with pytest.raises(RunFailedError) as caught:
        run.result("60s")
    assert run.error is not None
    assert run.error["message"] == f"{LONG[:MAX_STORED_CHARS]}{LEFT_OUT}'Full text of the error')"
    assert len(str(caught.value)) < 2 * MAX_STORED_CHARS
    assert whole(run.artifacts, "the error") == LONG


@pytest.mark.parametrize("status", ["success", "skipped", "failed"])
def test_a_long_message_and_large_facts_of_a_result(sched: Scheduler, status: Any) -> None:
    @sched.task
    def tells() -> TaskResult:
        return TaskResult(status=status, message=LONG, data={"rows": 5, "all": LONG})

    run = sched.submit("tells")
    run.wait("60s")
    assert len(run.run.reason) < 2 * MAX_STORED_CHARS
    assert whole(run.artifacts, "the message") == LONG
    facts = run.facts["result"]
    assert (facts["rows"], "all" in facts) == (5, False)
    assert "see the artifact" in facts["left out"]
    assert LONG in whole(run.artifacts, "the facts 'result'")


def test_the_ledger_and_the_board_stay_small(sched: Scheduler, tmp_path: Path) -> None:
    @sched.task
    def talks(run: ExecutionContext) -> None:
        for _ in range(3):
            run.log(logging.INFO, LONG)
        run.fact("all", {"text": LONG})
        raise ValueError(LONG)

    run = sched.submit("talks")
    with pytest.raises(RunFailedError):
        run.result("60s")
    sched.screens.open_run(run.id)
    assert len(msgspec.json.encode(board_now(sched))) < 100_000
    sched.stop()
    # Far from one such text. How often its log holds a page depends on how long the run took.
    assert sum(file.stat().st_size for file in tmp_path.glob("ledger.db*")) < len(LONG) / 2


def test_dropped_log_lines_are_counted(sched: Scheduler) -> None:
    @sched.task
    def talks(run: ExecutionContext) -> None:
        for number in range(1234):
            run.log(logging.INFO, f"line {number}")

    run = sched.submit("talks")
    run.result("60s")
    assert len(run.log) == MAX_LOG_LINES
    assert run.log[0] == "735 earlier lines were dropped: the log keeps the last 499"
    assert run.log[1:] == [f"line {number}" for number in range(735, 1234)]


def test_parameters_too_large_are_refused_with_the_size_and_what_to_do(sched: Scheduler) -> None:
    task = sched.task(name="takes")(lambda keys, note="": len(keys))
    with pytest.raises(ParameterError, match=r"'keys' has 5,000,000; at most 262,144 .*give its path"):
        task.submit(keys=LONG)
    with pytest.raises(ParameterError, match="too large"):
        task.submit(keys=["ABC-12345"] * (MAX_PARAMETER_BYTES // 12 + 1))
    with pytest.raises(ParameterError, match="too large"):
        task.submit(keys="x" * 200_000, note="y" * 200_000)
    assert task.submit(keys=["ABC-12345"] * 20_000).result("60s") == 20_000


def test_a_run_that_is_forgotten_takes_its_texts_along(tmp_path: Path) -> None:
    results = Results(tmp_path)
    for run in ("old", "new"):
        assert FullTexts(FolderStorage(tmp_path), run, 1).keep(LONG, "the error")
    results.remove({"texts": "old"})
    assert [path.parent.name for path in tmp_path.rglob("*.txt")] == ["new"]
    for other in ("old", "..", "", "../texts/new"):
        results.remove({"texts": other})
    assert [path.parent.name for path in tmp_path.rglob("*.txt")] == ["new"]


def test_an_attempt_writes_no_more_files_than_it_may(tmp_path: Path) -> None:
    texts = FullTexts(FolderStorage(tmp_path), "run", 1)
    kept = [texts.keep("text", "a line") for _ in range(MOST_FILES + 5)]
    assert sum(each is not None for each in kept) == MOST_FILES
    assert len(list(tmp_path.rglob("*.txt"))) == MOST_FILES


def test_a_text_that_cannot_be_written_is_cut_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "texts").write_text("a file, where a folder should be")
    assert FullTexts(FolderStorage(tmp_path), "run", 1).keep("text", "the error") is None
    assert "the full text of the error is lost: cannot write" in caplog.text


def test_a_cut_text_says_how_much_is_missing() -> None:
    assert cut("short") == "short"
    assert cut("x" * 1_000_010, 10) == "xxxxxxxxxx… (1,000,000 characters left out)"
