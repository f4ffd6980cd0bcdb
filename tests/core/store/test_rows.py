"""Values become rows and come back as they were."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from msgspec.structs import replace
from support.ledger_writer import NOW, a_run

from schedkit.core.engine.changes import FireRecorded
from schedkit.core.engine.snapshot import WaitRow
from schedkit.core.events import Event, RunLogged, decode, encode
from schedkit.core.model import Requested, TaskRow
from schedkit.core.run import Attempt
from schedkit.core.states import DueOutcome, Outcome, State
from schedkit.core.store import schema
from schedkit.core.store.rows import (
    ATTEMPT,
    DETAILS,
    EVENT,
    FIXED,
    MUTABLE,
    TASK,
    Row,
    attempt_from_row,
    details_values,
    end_values,
    event_values,
    fire_values,
    run_from_row,
    run_values,
    start_values,
    task_from_row,
    task_values,
    wait_from_row,
    wait_values,
)
from schedkit.core.text import dump, load


def row_of(table: sa.Table, values: Row) -> dict[str, object]:
    return dict(zip(table.c.keys(), values, strict=True))


def test_a_run_comes_back_as_it_was() -> None:
    later = {"incomplete"}
    assert {*FIXED, *MUTABLE} == set(schema.runs.c.keys()) - later
    run = a_run(
        state=State.RETRY, scheduled=NOW - 1, started=NOW + 1, attempt=2, interruptions=1, priority=20,
        params={"text": "=cmd()\u2028<script>", "n": 1.5}, error={"type": "E"}, result={},
        waiting_for=("a", "b"), retry_of="r0", request={"name": "n", "options": {"retry": 2}}, key="k",
    )  # fmt: skip
    assert run_from_row(dict(zip((*FIXED, *MUTABLE), run_values(run), strict=True))) == run


def test_tasks_attempts_and_waits_come_back_as_they_were() -> None:
    task = TaskRow(
        name="t", id="i", anchored=1, next=None, created=1, declared=2, facts={"tags": ["x"]}, paused=True,
        home="a life", home_by="moved", place="/a/notebook.ipynb", followed_seq=5, actor="me",
    )  # fmt: skip
    told = Requested(
        handler="h", parameters={"n": 1}, owner="ann", metadata={"m": None}, options={"retry": 2}
    )
    for each in (
        task,
        replace(task, requested=told),
        replace(task, requested=Requested(handler="h", once=True)),
    ):
        assert task_from_row(dict(zip(TASK, task_values(each), strict=True))) == each
    attempt = Attempt(
        number=3,
        started=1,
        finished=2,
        outcome=Outcome.TIMEOUT,
        error={"type": "E"},
        life="me",
        worker="w on h",
    )
    row = dict(zip(ATTEMPT, start_values("r", 3, 1, attempt), strict=True))
    assert attempt_from_row({**row, "life": "me"}) == attempt
    assert end_values("r", attempt) == (2, "timeout", '{"type":"E"}', "w on h", "r", 3)
    assert start_values("r", 3, 1) == ("r", 3, 1, None, None, None, None)
    for wait in (WaitRow("r", "c", "p", None, "any"), WaitRow("r", "c", "p", "q", "any", State.DONE)):
        assert wait_from_row(row_of(schema.waits, wait_values(wait))) == wait


def test_rows_that_are_only_written_fit_their_columns() -> None:
    fire = row_of(
        schema.fires, fire_values(FireRecorded("t", 1, 2, 3, DueOutcome.COALESCED, 4, "half \ud800"))
    )
    assert fire["outcome"] == "coalesced"
    assert str(fire["reason"]).startswith("half ")
    details = row_of(schema.details, details_values("r", {"log": ["a"]}))
    assert details == {
        "run": "r",
        "stages": "[]",
        "log": '["a"]',
        "facts": "{}",
        "artifacts": "[]",
        "last_output": "0",
    }
    assert set(DETAILS) < set(details)
    event = RunLogged(at=datetime(2026, 1, 1, tzinfo=UTC), seq=5, task="t", run="r", level=20, message="m")
    row = dict(zip(EVENT, event_values(event), strict=True))
    assert (row["kind"], row["run"]) == ("RunLogged", "r")
    assert decode(str(row["data"])) == event


def test_what_json_does_not_know_is_text() -> None:
    hostile = "nul \x00, half a pair \ud800, emoji \U0001f600"
    now = datetime.now(UTC)
    event = RunLogged(at=now, task="t", run="r", level=20, message=hostile)
    assert isinstance(decode(encode(event)), Event)
    assert load(dump({"bytes": b"x", "set": {1}, "when": now, "path": Path("x")})) is not None
