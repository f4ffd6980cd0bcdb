"""What the ledger forgets, and that it forgets nothing else; time is an argument."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from support.lives import life_of

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.execution.results import ResultGoneError
from schedkit.core.ids import id_at
from schedkit.core.states import State
from schedkit.core.store import retention, schema
from schedkit.core.store.database import Store
from schedkit.core.store.retention import forget_results, forget_runs
from schedkit.core.text import dump
from schedkit.core.triggers.constructors import every
from schedkit.errors import NotRunningError
from schedkit.values.instants import to_micros

Make = Callable[..., Scheduler]

LIMIT = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD, NEW = LIMIT - HOUR, LIMIT + HOUR
TASK = {"name": "a", "id": "", "schedule_text": "", "anchor": 0, "paused": False, "facts": "{}", "actor": ""}
TASK |= {"home": "", "home_by": "declared", "place": "", "followed_seq": 0, "created_at": 0, "updated_at": 0}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sa.Connection]:
    store = Store(tmp_path / "ledger.db")
    store.open()
    with store.connect() as connection, connection.begin():
        yield connection
    store.close()


def add_run(connection: sa.Connection, when: datetime, state: str = "DONE", **more: Any) -> str:
    """Add a run of a time, with all that belongs to one."""
    run, at = id_at(when), to_micros(when)
    row = {"id": run, "task": "t", "state": state, "cause": "submit", "actor": "", "reason": ""}
    row |= {"priority": 10, "due_at": at, "queued_at": at, "attempt": 1, "interruptions": 0}
    connection.execute(schema.runs.insert(), [row | more])
    attempt = {"run": run, "number": 1, "started_at": at, "finished_at": at, "outcome": "done", "life": "o"}
    connection.execute(schema.attempts.insert(), [attempt])
    told = {"run": run, "stages": "[]", "log": "[]", "facts": "{}", "artifacts": "[]", "last_output": "0"}
    connection.execute(schema.details.insert(), [told])
    delivery = {"run": run, "step": "mail", "what": "", "done_at": at}
    connection.execute(schema.deliveries.insert(), [delivery])
    wait = {"run": run, "parent": "p", "child": "t", "parent_run": "x", "how": "success"}
    connection.execute(schema.waits.insert(), [wait])
    return run


def test_the_full_texts_of_forgotten_runs_go_too(connection: sa.Connection) -> None:
    with_texts, without = add_run(connection, OLD), add_run(connection, OLD - HOUR)
    for run, label in ((with_texts, "Full text of the error"), (without, "bugs.xlsx")):
        artifacts = dump([{"path": "/x", "label": label}])
        connection.execute(
            schema.details.update().where(schema.details.c.run == run).values(artifacts=artifacts)
        )
    assert forget_runs(connection, LIMIT) == (2, [{"texts": with_texts}])


def ids(connection: sa.Connection, column: sa.Column[Any]) -> set[Any]:
    return set(connection.scalars(sa.select(column)))


def test_runs_that_have_ended_long_ago_go_with_all_that_is_theirs(connection: sa.Connection) -> None:
    add_run(connection, OLD)
    states = (*schema.LIVE_STATES,)
    kept = {add_run(connection, OLD - n * HOUR, state) for n, state in enumerate(states, 1)}
    kept.add(add_run(connection, NEW))
    assert forget_runs(connection, LIMIT) == (1, [])
    tables = (schema.attempts, schema.details, schema.waits, schema.deliveries)
    for column in (schema.runs.c.id, *(table.c.run for table in tables)):
        assert ids(connection, column) == kept, column


def test_a_slice_at_a_time_the_oldest_first(
    connection: sa.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "SLICE", 2)
    runs = [add_run(connection, OLD - n * HOUR) for n in range(5)]
    assert forget_runs(connection, LIMIT) == (2, [])
    assert ids(connection, schema.runs.c.id) == set(runs[:3])
    assert [forget_runs(connection, LIMIT)[0] for _ in range(3)] == [2, 1, 0]


def test_events_due_times_and_commands_go_by_their_end(connection: sa.Connection) -> None:
    old, new = to_micros(OLD), to_micros(NEW)
    event = {"kind": "k", "task": "t", "run": "", "actor": "", "data": "{}", "life": "o", "batch": 1}
    # A clock that was set back: the third was told before the second.
    for seq, at in enumerate((old, new, old, new), 1):
        connection.execute(schema.events.insert(), [{"seq": seq, "at": at, **event}])
    fire = {"task": "t", "outcome": "missed", "at": old, "reason": ""}
    for scheduled_at, until in ((old - 2, old), (old + 1, new), (new + 1, new + 2)):
        connection.execute(schema.fires.insert(), [{"scheduled_at": scheduled_at, "until": until, **fire}])
    command = {"at": old, "actor": "", "kind": "pause", "data": "{}"}
    for name, done_at in (("done", old), ("just done", new), ("open", None)):
        connection.execute(schema.commands.insert(), [{"id": name, "done_at": done_at, **command}])
    assert forget_runs(connection, LIMIT) == (2, [])  # events
    assert ids(connection, schema.events.c.seq) == {2, 4}
    assert ids(connection, schema.fires.c.scheduled_at) == {old + 1, new + 1}
    assert ids(connection, schema.commands.c.id) == {"just done", "open"}
    assert forget_runs(connection, LIMIT) == (0, [])


def test_the_newest_event_stays_because_the_next_is_numbered_after_it(connection: sa.Connection) -> None:
    event = {"kind": "k", "task": "t", "run": "", "actor": "", "data": "{}", "life": "o", "batch": 1}
    for seq in (4, 5, 6):
        connection.execute(schema.events.insert(), [{"seq": seq, "at": to_micros(OLD), **event}])
    assert forget_runs(connection, LIMIT) == (2, [])
    assert ids(connection, schema.events.c.seq) == {6}
    assert forget_runs(connection, LIMIT) == (0, [])


def test_lives_that_ended_long_ago_go_with_the_code_that_they_had(connection: sa.Connection) -> None:
    life = {"name": "", "kind": "script", "pid": 1, "host": "", "version": "", "since": 0, "address": ""}
    life |= {"batch": 0, "base": 0, "pid_space": ""}
    for name, gone in (("old", to_micros(OLD)), ("new", to_micros(NEW)), ("living", None)):
        connection.execute(schema.nodes.insert(), [{"id": name, "gone": gone, **life}])
        connection.execute(schema.have.insert(), [{"life": name, "handler": "t", "code": "", "since": 0}])
    assert forget_runs(connection, LIMIT) == (0, [])
    assert ids(connection, schema.nodes.c.id) == {"new", "living"}
    assert ids(connection, schema.have.c.life) == {"new", "living"}


def test_only_the_latest_files_of_each_task_stay(connection: sa.Connection) -> None:
    def kept(number: int, task: str) -> str:
        result = dump({"kind": "parquet", "path": f"{task}/{number}"})
        return add_run(connection, OLD + number * timedelta(minutes=1), task=task, result=result)

    a = [kept(number, "a") for number in range(3)]
    inline = add_run(connection, NEW, task="a", result=dump({"kind": "json", "value": 1}))
    kept(10, "b")
    kept(11, "others")
    kept(12, "others")
    gone = forget_results(connection, ["a", "b"], 1)
    assert sorted(reference["path"] for reference in gone) == ["a/0", "a/1"]
    with_result = sa.select(schema.runs.c.id).where(schema.runs.c.task == "a", schema.has_result(schema.runs))
    assert set(connection.scalars(with_result)) == {a[2], inline}
    assert forget_results(connection, ["a", "b"], 1) == []


def test_small_results_are_no_files_whatever_they_say(connection: sa.Connection) -> None:
    for number in range(3):
        value = {"path": str(number), "kind": "pruned"}
        when = OLD + number * timedelta(minutes=1)
        add_run(connection, when, task="a", result=dump({"kind": "json", "value": value}))
    assert forget_results(connection, ["a"], 1) == []
    with_result = sa.select(schema.runs.c.id).where(schema.has_result(schema.runs))
    assert len(connection.scalars(with_result).all()) == 3


def test_runs_whose_result_was_pruned_have_none_that_keeps_them(connection: sa.Connection) -> None:
    def kept(number: int) -> str:
        result = dump({"kind": "json", "path": f"a/{number}", "bytes": 5000})
        return add_run(connection, OLD - number * timedelta(minutes=1), task="a", result=result)

    connection.execute(schema.tasks.insert(), [TASK])
    runs = [kept(number) for number in range(3)]
    assert len(forget_results(connection, ["a"], 1)) == 2
    # Now more are to be kept than there are left.
    assert forget_runs(connection, LIMIT, keep=3)[0] == 2
    assert ids(connection, schema.runs.c.id) == {runs[0]}


def test_a_result_that_was_pruned_is_not_taken_for_one(make: Make) -> None:
    sched = make(keep_results=1)
    sched.start()

    @sched.task(name="text")
    def text(i: int) -> Any:
        return "x" * 5000 + str(i)

    runs = [sched.submit("text", i=i).id for i in range(2)]
    for run in runs:
        sched.run(run).wait("60s")
    assert sched.prune() == 1
    gone, kept = map(sched.run, runs)
    assert gone.wait("60s").state is State.DONE
    with pytest.raises(ResultGoneError, match=r"it was pruned by keep_results=1 \(run the task again"):
        gone.result("60s")
    assert kept.result("60s")[-1] == "1"
    assert sched.tasks["text"].latest()[-1] == "1"
    last = schema.runs.delete().where(schema.runs.c.id == kept.id)
    life_of(sched).writer.call(lambda connection: connection.execute(last)).result(60)
    assert sched.tasks["text"].latest() is None


def test_pruning_goes_on_until_nothing_is_left_to_forget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "SLICE", 2)
    monkeypatch.setattr(retention, "TASKS_AT_ONCE", 1)
    sched = Scheduler(tmp_path / "ledger.db", results=tmp_path / "results", keep_results=1, keep_runs="1h")

    def table() -> pd.DataFrame:
        return pd.DataFrame({"a": [1]})

    with sched:
        for name in ("a", "b"):
            sched.task(name=name, overlap="allow")(table)
            for run in sched.submit_many(name, [{}] * 6):
                run.wait("60s")
        hours = [datetime.now(UTC) - number * HOUR for number in range(2, 7)]
        life_of(sched).writer.call(lambda c: [add_run(c, when) for when in hours]).result(60)
        assert sched.prune() == 5 + 2 * 5
        assert len(list((tmp_path / "results").rglob("*.parquet"))) == 2
        assert len(sched.runs(limit=100)) == 12
    sched.queries.ledger.store.close()


def test_old_runs_and_surplus_results_are_forgotten(make: Make) -> None:
    sched = make(keep_runs="1h", keep_results=2)
    with pytest.raises(NotRunningError):
        sched.prune()
    sched.start()

    @sched.task(name="table")
    def table(run: Any) -> pd.DataFrame:
        run.log("a line")
        return pd.DataFrame({"a": [1]})

    runs = [sched.submit("table") for _ in range(4)]
    for run in runs:
        run.result("60s")
    # Two runs become two hours old.
    old = id_at(datetime.now(UTC) - timedelta(hours=2))
    aged = [old[:-1] + "1", old[:-1] + "2"]

    def age(connection: sa.Connection) -> None:
        for new, run in zip(aged, runs, strict=False):
            connection.execute(schema.runs.update().where(schema.runs.c.id == run.id).values(id=new))
            for table in (schema.attempts, schema.details):
                connection.execute(table.update().where(table.c.run == run.id).values(run=new))

    life_of(sched).writer.call(age).result(60)
    assert len(list(sched.process.results.rglob("*.parquet"))) == 4
    assert sched.prune() == 2 + 0
    assert [run.id for run in sched.runs()] == [runs[3].id, runs[2].id]
    assert sched.queries.ledger.attempts(aged[0]) == []
    assert sched.queries.ledger.details(aged[0])["log"] == []
    runs += [sched.submit("table") for _ in range(2)]
    for run in runs:
        run.wait("60s")
    assert sched.prune() == 2
    with_file = [run for run in sched.runs() if run.result and "path" in run.result]
    assert [run.id for run in with_file] == [runs[5].id, runs[4].id]
    assert sched.tasks["table"].latest() is not None
    assert sched.prune() == 0


def test_live_runs_and_new_events_are_kept(make: Make) -> None:
    sched = make(keep_runs="1h")
    sched.start()
    sched.task(every("1h"), name="one")(lambda: 1)
    sched.submit("one").result("60s")
    before = len(sched.queries.ledger.events())
    assert sched.prune() == 0
    assert len(sched.queries.ledger.events()) == before
