"""What must be true of a ledger after any number of kills."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from schedkit.core.run import Run
from schedkit.core.states import Outcome, State
from schedkit.core.store.database import Store
from schedkit.core.store.reader import Ledger, TaskRow
from schedkit.core.triggers import data as trigger_data

MICROSECOND = timedelta(microseconds=1)


def judge(where: str, journal: Path) -> dict[str, int]:
    """Assert the invariants; return how much was seen, so that a test can tell it saw anything."""
    ledger = Ledger(Store(where))
    runs = all_runs(ledger)
    seen: Counter[str] = Counter(runs=len(runs))
    for row in ledger.tasks():
        if row.trigger is not None:
            seen += judge_schedule(ledger, row, [run for run in runs if run.task == row.name])
    effects = [line.split() for line in journal.read_text().splitlines() if line.startswith("effect")]
    attempts = {(run.id, attempt.number): attempt for run in runs for attempt in ledger.attempts(run.id)}
    for _, task, run_id, number in effects:
        assert (run_id, int(number)) in attempts, f"an effect of {task} that no attempt explains: {run_id}"
    twice = [key for key, count in Counter((e[2], e[3]) for e in effects).items() if count > 1]
    assert not twice, f"one attempt, two effects: {twice}"
    # A run may wait for good only for a parent whose own run does not exist yet, or waits itself.
    waiting = {
        wait.run
        for wait in ledger.waits()
        if wait.ended is None and (wait.parent_run is None or not ledger.run(wait.parent_run).state.final)
    }
    told = {(e[2], int(e[3])) for e in effects}
    for run in runs:
        if run.state is State.DONE:
            assert (run.id, run.attempt) in told, f"DONE without its effect: {run}"
        ended = [a for (id, _), a in attempts.items() if id == run.id]
        assert len(ended) == run.attempt, f"{run.attempt} starts, {len(ended)} ends: {run}"
        assert run.interruptions == sum(a.outcome is Outcome.INTERRUPTED for a in ended)
        assert run.state.final or run.id in waiting, f"stuck: {run}"
    seen["effects"] = len(effects)
    seen["interrupted"] = sum(a.outcome is Outcome.INTERRUPTED for a in attempts.values())
    numbers = [event.seq for event in all_events(ledger)]
    assert numbers == sorted(set(numbers))
    ledger.store.close()
    return dict(seen)


def judge_schedule(ledger: Ledger, row: TaskRow, runs: list[Run]) -> Counter[str]:
    """Assert that every due time of one schedule has exactly one outcome.

    Times of an earlier schedule of the task, before its anchor, are left aside; a backfilled run is none of
    the clock's, and makes up for a time that has another outcome.
    """
    assert row.trigger is not None
    trigger = trigger_data.loads(row.trigger).bind(row.anchor)
    at: datetime | None = trigger.next(row.anchor)
    due: list[datetime] = []
    while at is not None and row.next_at is not None and at < row.next_at:
        due.append(at)
        at = trigger.next(at)
    fates: Counter[datetime] = Counter()
    for run in runs:
        if run.scheduled_at is not None and run.scheduled_at > row.anchor:
            if run.cause == "backfill":
                assert run.scheduled_at in due, f"a time that never was: {run}"
            else:
                fates[run.scheduled_at] += 1
    seen: Counter[str] = Counter(due=len(due), run=sum(fates.values()))
    assert not fates or max(fates.values()) == 1, f"{row.name}: two runs for one time"
    for fire in ledger.fires(row.name, limit=100_000):
        if fire.until <= row.anchor:
            continue
        covered = [time for time in due if fire.scheduled_at <= time <= fire.until]
        assert fire.count in (None, len(covered)), f"{fire} covers {len(covered)}"
        fates.update(covered)
        seen[fire.outcome.value] += len(covered)
    assert sorted(fates) == due, f"{row.name}: {len(due)} due times, {len(fates)} outcomes"
    assert set(fates.values()) <= {1}, f"{row.name}: a time with two outcomes"
    return seen


def all_runs(ledger: Ledger) -> list[Run]:
    return ledger.runs(limit=1_000_000)


def all_events(ledger: Ledger) -> list:
    return ledger.events(0, limit=10_000_000)
