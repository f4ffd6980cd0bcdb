"""A ledger of dictionaries for tests of the engine: guarded like the real one, checked at each commit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, tzinfo
from typing import Any

from msgspec.structs import replace
from support.engine_claims import ClaimsModel
from support.engine_eras import Era
from support.engine_pairs import Pairs, parents_of

from schedkit.core.engine.changes import (
    Answered,
    AttemptRecorded,
    AttemptStarted,
    CodeRecorded,
    DetailsRecorded,
    FireRecorded,
    HomeExpected,
    KeysClaimed,
    KeysDropped,
    KeysKept,
    LimitPut,
    ParentsFollowed,
    RunChanged,
    SettingPut,
    TaskAdvanced,
    TaskDropped,
    TaskPut,
    TaskUntouched,
    WaitAdded,
    WaitBound,
    WaitDropped,
    WaitEnded,
)
from schedkit.core.engine.decision import Decision
from schedkit.core.engine.snapshot import Found, Snapshot, WaitRow
from schedkit.core.events import TO_COME, Event, RunEnded, RunQueued, RunStep, TaskChanged
from schedkit.core.model import TaskRow
from schedkit.core.run import Attempt, Run
from schedkit.core.states import State
from schedkit.core.triggers import data as trigger_data

__all__ = ["LedgerModel", "RefusedError", "StaleError"]


class StaleError(Exception):
    """What was decided is based on rows that another process has changed; nothing was written."""


class RefusedError(Exception):
    """A run is there already, or a task has its run of that time; nothing was written."""

    def __init__(self, run: Run) -> None:
        super().__init__(str(run))
        self.run = run


class LedgerModel:
    """The rows of a ledger; `eras` are those of the due times that they must account for."""

    def __init__(self, tz: tzinfo = UTC) -> None:
        self.tz = tz
        self.tasks: dict[str, TaskRow] = {}
        self.runs: dict[str, Run] = {}
        self.open: dict[tuple[str, int], tuple[str, int]] = {}  # attempt → where and since when it runs
        self.attempts: dict[tuple[str, int], Attempt] = {}
        self.waits: dict[tuple[str, str], WaitRow] = {}
        self.settings: dict[str, str] = {}
        self.answers: dict[str, dict[str, Any]] = {}
        self.details: dict[str, dict[str, Any]] = {}
        self.codes: dict[tuple[str, str], str] = {}
        self.claims = ClaimsModel()
        self.gone: set[str] = set()  # lives
        self.scheduled: dict[tuple[str, int], str] = {}
        self.last: dict[str, State] = {}
        self._ended_by: dict[str, str] = {}
        self.mixed: set[str] = set()  # tasks whose runs were ended by several processes
        self.ends: Counter[str] = Counter()
        self.told: dict[str, Run] = {}  # as the events tell it
        self.log: list[tuple[str, Event]] = []  # who wrote it, and what
        self.pairs = Pairs()
        self.eras: dict[str, Era] = {}
        self.closed: list[Era] = []

    @property
    def seq(self) -> int:
        """The number of the newest event."""
        return len(self.log)

    def apply(self, decision: Decision, now: int, life: str = "me", told_by: str | None = None) -> None:
        """Write a decision that a life made `now`, or refuse it as a whole; its events are numbered."""
        if life in self.gone:
            raise StaleError(f"{life} is gone")
        changes = [change for change in decision.changes if isinstance(change, RunChanged)]
        self._guard_tasks(decision.changes, life)
        self._guard_runs(changes)
        new = {change.after.id: change.after for change in changes if change.before is None}
        anew = [e.row for e in decision.events if isinstance(e, TaskChanged) and e.change == "rescheduled"]
        for change in decision.changes:
            if isinstance(change, TaskPut):
                self._write_task(change.row, now, anew=change.row in anew)
            else:
                self._write(change, life, new)
        self.claims.write(decision.changes)
        for place, event in enumerate(decision.events):
            assert event.seq in (0, TO_COME), f"{event} has a number that no ledger gave"
            if event.seq == TO_COME:
                decision.events[place] = replace(event, seq=self.seq + 1)
                self.log.append((life if told_by is None else told_by, decision.events[place]))
            self._tell(event, life)
        for change in changes:
            run = change.after
            assert self.told[run.id] == run, f"{run} is told as {self.told[run.id]}"

    def _guard_tasks(self, changes: Iterable[Any], life: str) -> None:
        """Each task that a decision is about is at home where it was decided, and due when it was."""
        rows: dict[str, TaskRow | None] = {}
        for change in changes:
            match change:
                case TaskPut(row, home):
                    self._guard_home(rows, row.name, home)
                    rows[row.name] = row
                case TaskAdvanced(task, was, to, home):
                    row = self._guard_home(rows, task, home)
                    assert row is not None
                    if row.next != was:
                        raise StaleError(f"{task} advances from {was}: {row}")
                    rows[task] = replace(row, next=to)
                case TaskDropped(task, home):
                    self._guard_home(rows, task, home)
                    rows[task] = None
                case HomeExpected(task, home) | ParentsFollowed(task, _, home):
                    self._guard_home(rows, task, home)
                case TaskUntouched(task, since):
                    if any(e.task == task and by != life for by, e in self.log[since:]):
                        raise StaleError(f"{task} was touched since {since}")

    def _guard_home(self, rows: Mapping[str, TaskRow | None], task: str, home: str | None) -> TaskRow | None:
        row = rows[task] if task in rows else self.tasks.get(task)
        if home != (None if row is None else row.home):
            raise StaleError(f"{task} was decided on at {home}: {row}")
        return row

    def _guard_runs(self, changes: Iterable[RunChanged]) -> None:
        new = set()
        for change in changes:
            run, stands = change.after, self.runs.get(change.after.id)
            if change.before is not None:
                assert stands is not None, f"{run} is changed and was never written"
                if (stands.attempt, stands.state) != (change.before.attempt, change.before.state):
                    raise StaleError(f"{stands} was decided on as {change.before}")
                again = not run.state.final and (run.state, run.attempt) != (stands.state, stands.attempt)
                if stands.state is State.RUNNING and stands.reason and again:
                    raise StaleError(f"{stands} is to stop, not to run again")
                continue
            if stands is not None:
                raise RefusedError(run)
            if run.scheduled is not None:
                if (run.task, run.scheduled) in self.scheduled.keys() | new:
                    raise RefusedError(run)
                new.add((run.task, run.scheduled))

    def _write(self, change: Any, life: str, new: Mapping[str, Run]) -> None:
        match change:
            case RunChanged(before, run):
                self._write_run(before, run)
            case AttemptStarted(run, number, started):
                key = (run, number)
                assert key not in self.open.keys() | self.attempts.keys(), f"attempt {key} begins twice"
                self.open[key] = (life, started)
            case AttemptRecorded(run, attempt):
                _, started = self.open.pop((run, attempt.number))
                assert attempt.started == started, f"{attempt} began at {started}"
                self.attempts[run, attempt.number] = attempt
            case TaskAdvanced(task, _, to):
                self.tasks[task] = replace(self.tasks[task], next=to)
                self.eras[task].until = to
            case TaskDropped(task):
                del self.tasks[task]
                self._close(task)
            case HomeExpected() | TaskUntouched() | LimitPut() | KeysClaimed() | KeysKept() | KeysDropped():
                pass
            case ParentsFollowed(task, seq):
                self.tasks[task] = replace(self.tasks[task], followed_seq=seq)
            case CodeRecorded(task, code):
                self.codes[life, task] = code
            case FireRecorded(task):
                self.eras[task].fires.append(change)
            case WaitAdded(wait):
                self._write_wait(wait, new[wait.run])
            case WaitBound(run, parent, parent_run):
                wait = self.waits[run, parent]
                if wait.parent_run == parent_run:
                    return  # the task's home before has bound it while the task moved, which has no event
                assert wait.parent_run is None, f"{wait} is bound to {parent_run} too"
                self.waits[run, parent] = replace(wait, parent_run=parent_run)
                self.pairs.pair(wait.child, parent_run)
            case WaitEnded(run, parent, state):
                self.waits[run, parent] = replace(self.waits[run, parent], ended=state)
            case WaitDropped(run, parent):
                del self.waits[run, parent]
            case SettingPut(key, value):
                self.settings[key] = value
            case Answered(command, _, answer):
                self.answers[command] = answer
            case DetailsRecorded(run, details):
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
            self.pairs.pair(wait.child, wait.parent_run)
        self.waits[wait.run, wait.parent] = wait

    def _write_run(self, before: Run | None, run: Run) -> None:
        self.runs[run.id] = run
        if before is None and run.scheduled is not None:
            self.scheduled[run.task, run.scheduled] = run.id
            if run.cause == "schedule":
                self.eras[run.task].runs[run.scheduled] += 1

    def _write_task(self, row: TaskRow, now: int, *, anew: bool) -> None:
        """Write a task's row; `anew`: it was rescheduled, perhaps with the trigger and anchor that it had."""
        era = self.eras.get(row.name)
        before = self.tasks.get(row.name)
        same = before is not None and (before.trigger, before.anchored) == (row.trigger, row.anchored)
        # One that had no time left may have one again after the clock was set back.
        if same and not anew and era is not None and (era.until is not None or row.next is None):
            assert era.until is None or row.next is None or row.next >= era.until, (
                f"{row.name} goes back from {era.until}: {row}"
            )
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

    def _tell(self, event: Event, by: str) -> None:
        match event:
            case RunEnded():
                self.ends[event.run] += 1
                assert self.ends[event.run] == 1, f"{event.run} ends twice"
                self.last[event.task] = event.after.state
                if self._ended_by.setdefault(event.task, by) != by:
                    self.mixed.add(event.task)
        if isinstance(event, RunStep):
            self.told[event.run] = event.after
        self.pairs.follow(event)

    # What an engine is made from

    def home_of(self, task: str) -> str | None:
        """Return the life with which a task is at home."""
        row = self.tasks.get(task)
        return None if row is None else row.home

    def snapshot(self, life: str = "me", refused: Mapping[str, set[int]] = {}) -> Snapshot:
        """Return what an engine of a life is made from; `refused` times have their run already."""
        rows = [row for row in self.tasks.values() if row.home == life]
        return self._read(rows, life, refused)

    def found(self, task: str, after: Iterable[str], life: str) -> Found:
        """Return what there is of a task that comes after others, for an engine of a life."""
        row, parents = self.tasks.get(task), set(after)
        read = self._read([] if row is None else [row], life, removed={task})
        live = [run for run in read.live if run.task == task]
        ids = frozenset(run.id for run in live)
        return Found(
            row=row,
            seq=self.seq,
            live=live,
            waits=read.waits,
            taken=read.taken.get(task, set()),
            last={name: self.last[name] for name in (parents | {task}) & self.last.keys()},
            here=ids & {run for (run, _), (where, _) in self.open.items() if where == life},
            abroad=ids & read.abroad,
            elsewhere=[run for run in self.runs.values() if not run.state.final and run.task in parents],
            unfollowed=read.unfollowed.get(task, []),
            children={
                child: unfollowed
                for child, unfollowed in self._unfollowed(
                    r for r in self.tasks.values() if r.home == life
                ).items()
                if any(run.task == task for _, run in unfollowed)
            },
            ended=read.ended,
        )

    def _read(
        self,
        rows: list[TaskRow],
        life: str,
        refused: Mapping[str, set[int]] = {},
        removed: Collection[str] = (),
    ) -> Snapshot:
        names = {row.name for row in rows}.union(removed)
        parents = {parent for row in rows for parent in parents_of(row)}
        at = {run: where for (run, _), (where, _) in self.open.items()}
        live = [
            run
            for run in self.runs.values()
            if not run.state.final and (run.task in names or at.get(run.id) == life)
        ]
        taken = {task: set(times) for task, times in refused.items() if task in names}
        for task, time in self.scheduled:
            row = self.tasks.get(task)
            if task in names and row is not None and row.next is not None and time >= row.next:
                taken.setdefault(task, set()).add(time)
        pending = {run.id for run in self.runs.values() if run.state is State.PENDING}
        waits = [
            wait
            for wait in self.waits.values()
            if wait.child in names and (wait.parent_run is None or wait.run in pending)
        ]
        return Snapshot(
            tasks=rows,
            live=live,
            waits=waits,
            taken=taken,
            last={parent: self.last[parent] for parent in parents & self.last.keys()},
            abroad=frozenset(
                run.id for run in live if run.task in names and at.get(run.id, life) not in {life} | self.gone
            ),
            guests=frozenset(run.id for run in live if run.task not in names),
            elsewhere=[
                run
                for run in self.runs.values()
                if not run.state.final and run.task in parents - names and at.get(run.id) != life
            ],
            unfollowed=self._unfollowed(rows),
            ended=[self.runs[id] for id in {w.parent_run: 0 for w in waits} if self._ended_unseen(id, waits)],
            limits=dict(self.claims.limits),
            claims=self.claims.of(life),
            paused=self.settings.get("paused") == "1",
            seq=self.seq,
        )

    def _ended_unseen(self, run: str | None, waits: Iterable[WaitRow]) -> bool:
        open_ones = {wait.parent_run for wait in waits if wait.ended is None}
        return run is not None and run in open_ones and self.runs[run].state.final

    def _unfollowed(self, rows: Iterable[TaskRow]) -> dict[str, list[tuple[int, Run]]]:
        unfollowed: dict[str, list[tuple[int, Run]]] = {}
        for row in rows:
            for by, event in self.log[row.followed_seq :] if row.trigger is None else ():
                follows = isinstance(event, RunQueued) and event.followed and event.task in parents_of(row)
                # What its home before has bound to runs is no longer to be followed either.
                if follows and by != row.home and (row.name, event.run) not in self.pairs.paired:
                    unfollowed.setdefault(row.name, []).append((event.seq, self.runs[event.run]))
        return unfollowed

    def starts(self, task: str, count: int) -> tuple[int, ...]:
        """Return the latest starts of a task's attempts."""
        found = [
            attempt.started for (run, _), attempt in self.attempts.items() if self.runs[run].task == task
        ]
        found += [started for (run, _), (_, started) in self.open.items() if self.runs[run].task == task]
        return tuple(sorted(found)[-count:])

    def running(self, task: str) -> int:
        """Return how many attempts of a task have not ended, wherever they run."""
        return sum(self.runs[run].task == task for run, _ in self.open)

    # What must hold of it

    def check(self) -> None:
        """Every due time has its one outcome, every run its attempts, without gaps."""
        for era in [*self.closed, *self.eras.values()]:
            era.check({time for (task, time) in self.scheduled if task == era.task})
        numbers: dict[str, list[int]] = {}
        for run_id, number in self.attempts:
            numbers.setdefault(run_id, []).append(number)
        for run in self.runs.values():
            recorded = run.attempt - (run.state is State.RUNNING)
            assert sorted(numbers.get(run.id, ())) == list(range(1, recorded + 1)), f"{run}: {numbers}"
            assert 0 <= run.interruptions <= run.attempt
