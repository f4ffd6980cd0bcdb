"""Results, long texts and files of runs where other machines see them, and written by the worker itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pytest

from schedkit import context
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.execution.results import ResultGoneError
from schedkit.core.run import TaskResult
from schedkit.core.states import State
from schedkit.errors import SettingsError
from schedkit.values.limits import MAX_STORED_CHARS


def frame() -> pd.DataFrame:
    return pd.DataFrame({"Key": [f"A-{n}" for n in range(50)], "n": range(50)})


def writes(path: str) -> pd.DataFrame:
    Path(path).write_text("the workbook")
    context.artifact(path, "Workbook")
    context.log("x" * (MAX_STORED_CHARS + 1))
    return frame()


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"file://{tmp_path}/bucket" if request.param == "file" else f"memory://{uuid4().hex}"


@pytest.mark.parametrize("where", ["thread", "process"])
def test_whoever_has_the_ledger_has_the_files(url: str, where: Any, tmp_path: Path) -> None:
    with Scheduler(tmp_path / "ledger.db", results=url, keep_results=1) as sched:
        assert sched.process.results == url
        task = sched.task(name="writes", runs_in=where)(writes)
        run = task.submit(path=str(tmp_path / "book.txt"))
        assert run.result("60s").equals(frame())
        assert run.run.result is not None
        assert run.run.result["path"].endswith(".parquet")
        book, text = sorted(run.artifacts, key=lambda file: file["label"], reverse=True)
        assert (book["label"], book["path"].startswith(f"{url}/texts/{run.id}/")) == ("Workbook", True)
        assert text["path"].startswith(f"{url}/texts/{run.id}/")
        (tmp_path / "book.txt").unlink()
        with Scheduler(tmp_path / "ledger.db", results=url).viewing() as other:
            assert other.tasks["writes"].latest().equals(frame())
            assert other.queries.file(book) == b"the workbook"
            assert len(other.queries.file(text)) == MAX_STORED_CHARS + 1
        reference = run.run.result
        task.submit(path=str(tmp_path / "book.txt")).result("60s")
        sched.prune()
        with pytest.raises(ResultGoneError, match="is gone"):
            sched.queries.load(reference)


def test_the_files_of_forgotten_runs_go_with_them(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/bucket"
    with Scheduler(tmp_path / "ledger.db", results=url, keep_runs="1us", keep_results=None) as sched:
        sched.task(name="writes")(writes)
        run = sched.submit("writes", path=str(tmp_path / "book.txt"))
        run.result("60s")
        assert [path for path in (tmp_path / "bucket").rglob("*") if path.is_file()]
        while sched.runs():
            sched.prune()
        assert [path for path in (tmp_path / "bucket").rglob("*") if path.is_file()] == []


def test_a_file_that_cannot_be_copied_stays_where_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def notes() -> None:
        context.artifact(tmp_path / "missing.xlsx")

    with Scheduler(tmp_path / "ledger.db", results=f"file://{tmp_path}/bucket") as sched:
        run = sched.task(notes).submit()
        run.result("60s")
        assert run.artifacts == [{"path": str(tmp_path / "missing.xlsx"), "label": "missing.xlsx"}]
    assert "stays on this machine" in caplog.text


# Written by the worker


def returns(kind: str) -> Any:
    context.fact("process", {"pid": os.getpid()})
    made: dict[str, Any] = {
        "frame": frame(),
        "series": frame()["n"],
        "frames": {"a": frame(), "b": 1},
        "list": [frame(), frame()],
        "result": TaskResult.success("done", frame(), rows=50),
        "kept nowhere": [frame(), object],
        "number": 7,
    }
    return made[kind]


KINDS = ["frame", "series", "frames", "list", "result", "kept nowhere", "number"]


def test_a_child_process_keeps_frames_itself(tmp_path: Path) -> None:
    with Scheduler(tmp_path / "ledger.db") as sched:
        succeeded: list[Any] = []
        elsewhere = sched.task(name="elsewhere", runs_in="process", on_success=succeeded.append)(returns)
        here = sched.task(name="here")(returns)
        for kind in KINDS:
            run, usual = elsewhere.submit(kind=kind), here.submit(kind=kind)
            value, expected = run.result("60s"), usual.result("60s")
            assert repr(value) == repr(expected), kind
            assert run.facts["process"]["pid"] != os.getpid()
            assert {**(run.run.result or {}), "path": ""} == {**(usual.run.result or {}), "path": ""}, kind
            assert repr(succeeded[-1]) == repr(expected), kind
            assert run.log == usual.log, kind


def test_only_the_reference_reaches_the_scheduler(tmp_path: Path) -> None:
    """A frame is read when somebody asks for it: it does not take the interpreter of the scheduler."""
    with Scheduler(tmp_path / "ledger.db", results=tmp_path / "kept") as sched:
        run = sched.task(name="t", runs_in="process")(returns).submit(kind="frame")
        assert run.wait("60s").state is State.DONE
        (file,) = (tmp_path / "kept").rglob("*.parquet")
        file.unlink()
        with pytest.raises(ResultGoneError):
            run.result("60s")


@pytest.mark.parametrize("place", ["", 7, "s3://key:s3cret@bucket/x"])
def test_a_place_that_cannot_be_meant_is_refused(place: Any, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="results=") as told:
        Scheduler(tmp_path / "ledger.db", results=place)
    assert "s3cret" not in str(told.value)
