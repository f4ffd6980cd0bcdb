"""What the buttons and panels of a screen ask for, whatever carries the question."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pandas as pd
import pytest

from schedkit import context
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.api.screen_commands import ACTS, READS, Answer, carry_out, obey
from schedkit.errors import UsageError

FRAME = pd.DataFrame({"Key": ["A-1", "A-2"], "Labels": [["x", "y"], None]})


@pytest.fixture(scope="module")
def sched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scheduler]:
    folder: Path = tmp_path_factory.mktemp("screens")
    with Scheduler(folder / "ledger.db", results=folder / "results") as sched:

        @sched.task
        def frame(rows: int = 2) -> pd.DataFrame:
            path = folder / "rows.csv"
            path.write_text("Key\nA-1\n")
            context.artifact(path, "Rows")
            return FRAME.head(rows)

        yield sched


def asked(sched: Scheduler, **command: Any) -> Answer:
    return anyio.run(functools.partial(obey, sched, command))


def data(answer: Answer) -> dict[str, Any]:
    assert answer.data is not None, answer.error
    return answer.data


def test_a_run_with_parameters_and_again_with_others(sched: Scheduler) -> None:
    first = asked(sched, do="run", task="frame", params={"rows": 1})
    assert (first.ok, first.words) == (True, "frame is queued")
    run = data(first)["run"]
    sched.run(run).result()
    assert data(asked(sched, do="preview", run=run))["data"] == [["A-1", "x, y"]]
    again = asked(sched, do="again", run=run)
    assert again.words == "frame is queued again with the same parameters"
    other = asked(sched, do="again", run=run, params={"rows": 2})
    assert other.words == "frame is queued again with these parameters"
    sched.run(data(other)["run"]).result()
    assert data(asked(sched, do="run_detail", run=data(other)["run"]))["params"] == {"rows": 2}
    assert data(asked(sched, do="run_detail", run=run))["params"] == {"rows": 1}
    assert data(asked(sched, do="history", hours=1))["total"] >= 3
    (file,) = data(asked(sched, do="run_detail", run=run))["artifacts"]
    assert asked(sched, do="download", run=run, path=file["path"]).buffer == b"Key\nA-1\n"


def test_looking_at_due_times_and_at_who_did_what(sched: Scheduler) -> None:
    asked(sched, do="pause", task="frame")
    asked(sched, do="resume", task="frame")
    page = data(asked(sched, do="audit"))
    assert [item["action"] for item in page["items"][:2]] == ["resumed", "paused"]
    assert data(asked(sched, do="audit", before=page["items"][0]["seq"]))["items"][0]["action"] == "paused"
    days = data(asked(sched, do="calendar", first="7", zone="UTC"))
    assert (days["first"], days["zone"], len(days["days"])) == (7, "UTC", 7)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ({"do": "explode"}, "unknown command 'explode'"),
        ({}, "unknown command None"),
        ({"do": "run", "task": "nobody"}, "nobody"),
        ({"do": "run"}, "KeyError: 'task'"),
        ({"do": "history", "hours": -1}, "no such window: hours=-1, first=0"),
        ({"do": "calendar", "zone": "Mars"}, "Mars"),
        ({"do": "download", "run": "nothing", "path": "/etc/passwd"}, "nothing"),
    ],
)
def test_what_cannot_be_done_is_an_answer(sched: Scheduler, command: dict[str, Any], words: str) -> None:
    answer = asked(sched, **command)
    assert (answer.ok, words in answer.error) == (False, True), answer.error


def test_only_a_frame_has_a_preview(sched: Scheduler) -> None:
    run = sched.submit("frame")
    run.result()
    with pytest.raises(UsageError, match="unknown command 'run'"):
        anyio.run(carry_out, sched, {"do": "run", "task": "frame"}, READS)

    @sched.task
    def number() -> int:
        return 7

    other = sched.submit("number")
    other.result()
    assert "returned int, no DataFrame" in asked(sched, do="preview", run=other.id).error
    assert not set(ACTS) & set(READS)
