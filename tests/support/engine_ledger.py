"""A ledger of dictionaries for tests of the engine: guarded like the real one, checked at each commit."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

from msgspec.structs import replace

from schedkit.core.engine.engine import Engine
from schedkit.core.engine.values import (
    Answered,
    AttemptRecorded,
    Decision,
    DetailsTold,
    FireRecorded,
    RunChanged,
    SettingPut,
    Snapshot,
    TaskAdvanced,
    TaskDropped,
    TaskPut,
    WaitAdded,
    WaitBound,
    WaitDropped,
    WaitEnded,
    WaitRow,
)
from schedkit.core.events import Event, RunEnded, RunStep
from schedkit.core.model import TaskRow
from schedkit.core.run import Attempt, Run
from schedkit.core.states import State
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.wallclock import TICK
from schedkit.values.instants import from_micros, to_micros

__all__ = ["Era", "LedgerModel", "RefusedError", "describe"]


class RefusedError(Exception):
    """A run is there already, or a task has its run of that time; nothing was written."""

    def __init__(self, run: Run) -> None:
        super().__init__(str(run))
        self.run = run


@dataclass
class Era:
    """The due times of one trigger of a task, from its first on; those before `until` are settled."""

    task: str
    trigger: Trigger
    anchored: int
    since: int
    until: int | None
    runs: Counter[int] = field(default_factory=Counter)
    fires: list[FireRecorded] = field(default_factory=list)
    over: bool = False  # another trigger follows

    def times(self) -> list[int]:
        """Return its due times before `until`; None: all that there are, ten thousand at most."""
        until = self.until
        walk = map(to_micros, self.trigger.walk(from_micros(self.since) - TICK, 10_000))
        return list(itertools.takewhile(lambda time: until is None or time < until, walk))

    def check(self, others: set[int]) -> None:
        """Each time before `until` has one disposition; one that ran before this era began has its run."""
        times = self.times()
        covered: Counter[int] = Counter()
        for fire in self.fires:
            inside = [time for time in times if fire.first <= time <= fire.last]
            assert inside, f"{self.task}: {fire} covers no due time"
            assert (inside[0], inside[-1]) == (fire.first, fire.last), f"{self.task}: {fire} and {inside}"
            assert fire.count in (len(inside), None), f"{self.task}: {fire} covers {len(inside)} times"
            covered.update(inside)
        for time in times:
            found = covered[time] + self.runs[time]
            assert found == 1 or (found == 0 and time in others), (
                f"{self.task}: {from_micros(time)} has {self.runs[time]} runs, {covered[time]} fires"
            )
        assert self.runs.keys() <= set(times), f"{self.task}: runs at {self.runs.keys() - set(times)}"


class LedgerModel:
    """The rows of a ledger; `eras` are those of the due times that they must account for."""

    def __init__(self, tz: tzinfo = UTC) -> None:
        self.tz = tz
        self.tasks: dict[str, TaskRow] = {}
        self.runs: dict[str, Run] = {}
        self.attempts: dict[tuple[str, int], Attempt] = {}
        self.waits: dict[tuple[str, str], WaitRow] = {}
        self.settings: dict[str, str] = {}
        self.answers: dict[str, dict[str, Any]] = {}
        self.details: dict[str, dict[str, Any]] = {}
        self.scheduled: dict[tuple[str, int], str] = {}
        self.last: dict[str, State] = {}
        self.ends: Counter[str] = Counter()
        self.told: dict[str, Run] = {}  # as the events tell it
        self.seq = 0
        self.eras: dict[str, Era] = {}
        self.closed: list[Era] = []

    def apply(self, decision: Decision, now: int) -> None:
        """Write a decision that was made `now`, or refuse it as a whole."""
        changes = [change for change in decision.changes if isinstance(change, RunChanged)]
        self._guard(changes)
        new = {change.after.id: change.after for change in changes if change.before is None}
        for change in decision.changes:
            self._write(change, now, new)
        for event in decision.events:
            self._tell(event)
        for change in changes:
            run = change.after
            assert self.told[run.id] == run, f"{run} is told as {self.told[run.id]}"

    def _guard(self, changes: Iterable[RunChanged]) -> None:
        new = set()
        for change in changes:
            run, stands = change.after, self.runs.get(change.after.id)
            if change.before is not None:
                assert stands is not None, f"{run} is changed and was never written"
                assert not stands.state.final, f"{stands} ended, and is to be {run.state}"
                assert (stands.attempt, stands.state) == (change.before.attempt, change.before.state), (
                    f"{stands} was decided on as {change.before}"
                )
                continue
            if stands is not None:
                raise RefusedError(run)
            if run.scheduled is not None:
                if (run.task, run.scheduled) in self.scheduled.keys() | new:
                    raise RefusedError(run)
                new.add((run.task, run.scheduled))

    def _write(self, change: Any, now: int, new: Mapping[str, Run]) -> None:
        match change:
            case RunChanged(before, run):
                self._write_run(before, run)
            case AttemptRecorded(run, attempt):
                assert (run, attempt.number) not in self.attempts, f"attempt {attempt.number} of {run} twice"
                self.attempts[run, attempt.number] = attempt
            case TaskPut(row):
                self._write_task(row, now)
            case TaskAdvanced(task, was, to):
                assert self.tasks[task].next == was, f"{task} advances from {was}: {self.tasks[task]}"
                self.tasks[task] = replace(self.tasks[task], next=to)
                self.eras[task].until = to
            case TaskDropped(task):
                del self.tasks[task]
                self._close(task)
            case FireRecorded(task):
                era = self.eras[task]
                era.fires.append(change)
                era.over = change.reason == "rescheduled"
            case WaitAdded(wait):
                self._write_wait(wait, new[wait.run])
            case WaitBound(run, parent, parent_run):
                self.waits[run, parent] = replace(self.waits[run, parent], parent_run=parent_run)
            case WaitEnded(parent_run, state):
                for key, row in self.waits.items():
                    if row.parent_run == parent_run:
                        self.waits[key] = replace(row, ended=state)
            case WaitDropped(run, parent):
                del self.waits[run, parent]
            case SettingPut(key, value):
                self.settings[key] = value
            case Answered(command, _, answer):
                self.answers[command] = answer
            case DetailsTold(run, details):
                self.details[run] = details
            case _:
                raise AssertionError(f"a change of no known kind: {change}")

    def _write_wait(self, wait: WaitRow, run: Run) -> None:
        assert (wait.run, wait.parent) not in self.waits
        if run.cause == "after" and wait.parent_run is not None:
            pair = (wait.child, wait.parent)
            lacking = [
                row
                for row in self.waits.values()
                if (row.child, row.parent) == pair and row.parent_run is None
            ]
            assert not lacking, f"{wait} is made, though older runs lack a run of the parent: {lacking}"
        self.waits[wait.run, wait.parent] = wait

    def _write_run(self, before: Run | None, run: Run) -> None:
        self.runs[run.id] = run
        if before is None and run.scheduled is not None:
            self.scheduled[run.task, run.scheduled] = run.id
            if run.cause == "schedule":
                self.eras[run.task].runs[run.scheduled] += 1

    def _write_task(self, row: TaskRow, now: int) -> None:
        era = self.eras.get(row.name)
        before = self.tasks.get(row.name)
        same = before is not None and (before.trigger, before.anchored) == (row.trigger, row.anchored)
        # One that had no time left may have one again after the clock was set back.
        if same and era is not None and not era.over and (era.until is not None or row.next is None):
            era.until = row.next
        else:
            self._close(row.name, now + 1)
            if row.trigger is not None and row.next is not None:
                trigger = trigger_data.loads(row.trigger).bind(row.anchor, self.tz)
                self.eras[row.name] = Era(row.name, trigger, row.anchored, row.next, row.next)
        self.tasks[row.name] = row

    def _close(self, task: str, settled: int | None = None) -> None:
        """End an era; all its times before `settled` must have been left behind by then."""
        era = self.eras.pop(task, None)
        if era is not None:
            if settled is not None and era.until is not None:
                era.until = max(era.until, settled)
            self.closed.append(era)

    def _tell(self, event: Event) -> None:
        if event.seq:
            assert event.seq == self.seq + 1, f"event {event.seq} follows {self.seq}"
            self.seq = event.seq
        match event:
            case RunEnded():
                self.ends[event.run] += 1
                assert self.ends[event.run] == 1, f"{event.run} ends twice"
                self.last[event.task] = event.after.state
        if isinstance(event, RunStep):
            self.told[event.run] = event.after

    def snapshot(self, refused: Mapping[str, set[int]] = {}) -> Snapshot:
        """Return what an engine is made from; `refused` times have their run already."""
        live = {run.id: run for run in self.runs.values() if not run.state.final}
        taken = {task: set(times) for task, times in refused.items()}
        for task, time in self.scheduled:
            row = self.tasks.get(task)
            if row is not None and row.next is not None and time >= row.next:
                taken.setdefault(task, set()).add(time)
        waits = [
            row
            for row in self.waits.values()
            if row.parent_run is None or (row.run in live and live[row.run].state is State.PENDING)
        ]
        return Snapshot(
            tasks=list(self.tasks.values()),
            live=list(live.values()),
            waits=waits,
            taken=taken,
            last=self.last,
            paused=self.settings.get("paused") == "1",
            seq=self.seq,
        )

    def starts(self, task: str, count: int) -> tuple[int, ...]:
        """Return the latest starts of a task's attempts."""
        ended = [a.started for (run, _), a in self.attempts.items() if self.runs[run].task == task]
        running = [r.started for r in self.runs.values() if r.task == task and r.state is State.RUNNING]
        return tuple(sorted([*ended, *(start for start in running if start is not None)])[-count:])

    def check(self) -> None:
        """Every due time has its one disposition, every run its attempts, without gaps."""
        for era in [*self.closed, *self.eras.values()]:
            era.check({time for (task, time) in self.scheduled if task == era.task})
        numbers: dict[str, list[int]] = {}
        for run_id, number in self.attempts:
            numbers.setdefault(run_id, []).append(number)
        for run in self.runs.values():
            recorded = run.attempt - (run.state is State.RUNNING)
            assert sorted(numbers.get(run.id, ())) == list(range(1, recorded + 1)), f"{run}: {numbers}"
            assert 0 <= run.interruptions <= run.attempt


def describe(engine: Engine) -> dict[str, Any]:
    """Return all that an engine knows and rows hold, as plain values that compare."""
    pending = {run.id for run in engine.runs.values() if run.state is State.PENDING}
    return {
        "rows": dict(engine.rows),
        "tasks": dict(engine.tasks),
        "runs": dict(engine.runs),
        "order": {task: [run.id for run in engine.live_of(task)] for task in sorted(engine.rows)},
        "paused": engine.paused,
        "seq": engine.seq,
        "last": dict(engine.last),
        "waits": [w for w in engine.dependencies.rows() if w.run in pending or w.parent_run is None],
        "schedules": engine.schedules.due_times,
        "waiting": {w.id: (w.task, w.rank, w.due, w.keys, w.rate) for w in engine.queue.waiting},
        "places": set(engine.queue.running),
        "active": {a.run: (a.attempt, a.why, a.actor) for a in engine.active.values()},
    }
