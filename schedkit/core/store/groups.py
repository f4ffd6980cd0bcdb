"""What several decisions write together: the rows of one transaction, each row once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

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
from schedkit.core.events import TO_COME
from schedkit.core.model import TaskRow
from schedkit.core.run import Attempt, Run
from schedkit.core.states import State
from schedkit.core.store.refusals import StaleError
from schedkit.core.store.rows import (
    Row,
    answer_values,
    details_values,
    end_values,
    event_values,
    fire_values,
    run_values,
    start_values,
    step_values,
    task_values,
    wait_values,
)
from schedkit.core.store.sections import SECTIONS
from schedkit.values.text import clean

__all__ = ["Rows", "rows_of"]

Rows = dict[str, list[Row]]


def rows_of(decisions: Iterable[Decision]) -> Rows:
    """Return what decisions write, by section.

    A run that moved on several times has one row, from what it was at first to what it is at last; so has a
    task; of details and settings the last ones count.

    Raises
    ------
    StaleError
        If a run or a schedule is to move on from where the group has not left it.
    """
    group = _Group()
    for decision in decisions:
        for change in decision.changes:
            _TAKE[type(change)](group, change)
        group.rows["events"].extend(event_values(event) for event in decision.events if event.seq == TO_COME)
    return group.finish()


class _Group:
    """Changes by row, in the making."""

    def __init__(self) -> None:
        self.rows = Rows({name: [] for name in SECTIONS})
        self._runs: dict[str, tuple[Run | None, Run]] = {}
        # Each task's schedule moves on first; then its row is put, or dropped (None).
        self._advanced: dict[str, TaskAdvanced] = {}
        self.put: dict[str, TaskRow | None] = {}
        self._homes: dict[str, str | None] = {}  # where each of these was at home before, None: it is new
        self.homes_expected: dict[tuple[str, str], None] = {}
        self._followed: dict[str, ParentsFollowed] = {}
        self.started: dict[tuple[str, int], AttemptStarted] = {}
        self._ended: dict[tuple[str, int], Attempt] = {}
        self.details: dict[str, dict[str, Any]] = {}
        self.settings: dict[str, str] = {}
        self._limits: dict[str, LimitPut] = {}
        self._claims: dict[tuple[str, str], KeysClaimed] = {}

    def move(self, change: RunChanged) -> None:
        before, after = change.before, change.after
        known = self._runs.get(after.id)
        if known is None:
            self._runs[after.id] = (before, after)
        elif before is None or (before.attempt, before.state) != (known[1].attempt, known[1].state):
            raise StaleError(f"run {after.id} has changed since it was read")
        else:
            self._runs[after.id] = (known[0], after)

    def advance(self, change: TaskAdvanced) -> None:
        name = change.task
        before = self._advanced.get(name, change)
        if name in self.put:
            row = self.put[name]
            if row is None or row.next != change.was:
                raise StaleError(f"the schedule of task {name!r} has changed since it was read")
            self.put[name] = replace(row, next=change.to)
        elif before is not change and before.to != change.was:
            raise StaleError(f"the schedule of task {name!r} has changed since it was read")
        else:
            self._advanced[name] = TaskAdvanced(name, before.was, change.to, before.home)

    def put_task(self, change: TaskPut) -> None:
        name = change.row.name
        if name not in self._homes:
            self._homes[name] = change.home
        self.put[name] = change.row

    def follow_parents(self, change: ParentsFollowed) -> None:
        row = self.put.get(change.task)
        if row is None:
            self._followed[change.task] = change
        else:
            self.put[change.task] = replace(row, followed_seq=change.seq)

    def drop_task(self, change: TaskDropped) -> None:
        self._homes.setdefault(change.task, change.home)
        self.put[change.task] = None

    def end_attempt(self, change: AttemptRecorded) -> None:
        key = (change.run, change.attempt.number)
        if key in self.started:
            self._ended[key] = change.attempt
        else:
            self.rows["attempts"].append(end_values(change.run, change.attempt))

    def put_limit(self, change: LimitPut) -> None:
        self._limits[change.key] = change

    def claim(self, change: KeysClaimed) -> None:
        self._claims[change.run, change.life] = change

    def keep(self, change: KeysKept) -> None:
        self.rows["kept_claims"] += [(key, change.run, change.life, 0, 1) for key in change.keys]

    def drop_claims(self, change: KeysDropped) -> None:
        # What is dropped is written first; it may have been claimed in the same group.
        gone = (change.run, change.life)
        self._claims.pop(gone, None)
        kept = self.rows["kept_claims"]
        kept[:] = [row for row in kept if row[1:3] != gone]
        self.rows["dropped_claims"].append((change.run, change.life))

    def finish(self) -> Rows:
        """Return the rows by section."""
        rows = self.rows
        for first, last in self._runs.values():
            if first is None:
                rows["new_runs"].append(run_values(last))
            elif first.state is State.RUNNING and not (last.state.final or _is_same_attempt(first, last)):
                rows["requeued_runs"].append(step_values(first, last))
            else:
                rows["runs"].append(step_values(first, last))
        for key, it in self.started.items():
            rows["new_attempts"].append(start_values(it.run, it.number, it.started, self._ended.get(key)))
        rows["advances"] += [(it.to, it.task, it.was, it.home) for it in self._advanced.values()]
        rows["followed_parents"] += [
            (it.seq, it.task, it.home) for it in self._followed.values() if it.task not in self._homes
        ]
        rows["expected_homes"] += [key for key in self.homes_expected if key[0] not in self._homes]
        for name, row in self.put.items():
            home = self._homes[name]
            if row is not None and home is None:
                rows["new_tasks"].append(task_values(row))
            elif row is not None:
                rows["tasks"].append((*task_values(row), name, home))
            elif home is not None:
                rows["dropped_tasks"].append((name, home))
        rows["details"] += [details_values(run, details) for run, details in self.details.items()]
        if self._limits or self._claims:
            self._finish_limits()
        rows["settings"] += [(key, clean(value)) for key, value in self.settings.items()]
        return {name: found for name, found in rows.items() if found}

    def _finish_limits(self) -> None:
        for limit in self._limits.values():
            if limit.most is None:
                self.rows["dropped_limits"].append((limit.key,))
            else:
                self.rows["limits"].append((limit.key, limit.most, clean(limit.actor)))
        claimed: Counter[str] = Counter()
        for it in self._claims.values():
            for key in it.keys:
                row = (key, it.run, it.life, it.rank, int(it.yields), claimed[key])
                self.rows["claims"].append(row)
                claimed[key] += 1


def _is_same_attempt(first: Run, last: Run) -> bool:
    return (last.state, last.attempt) == (first.state, first.attempt)


# One for all groups: each would be a circle with a table of its own, which the collector has to find.
_TAKE: dict[type[Any], Callable[[_Group, Any], object]] = {
    Answered: lambda group, it: group.rows["answers"].append(answer_values(it)),
    AttemptRecorded: _Group.end_attempt,
    AttemptStarted: lambda group, it: group.started.update({(it.run, it.number): it}),
    DetailsRecorded: lambda group, it: group.details.update({it.run: it.details}),
    ParentsFollowed: _Group.follow_parents,
    FireRecorded: lambda group, it: group.rows["fires"].append(fire_values(it)),
    KeysClaimed: _Group.claim,
    KeysDropped: _Group.drop_claims,
    KeysKept: _Group.keep,
    LimitPut: _Group.put_limit,
    RunChanged: _Group.move,
    SettingPut: lambda group, it: group.settings.update({it.key: it.value}),
    TaskAdvanced: _Group.advance,
    CodeRecorded: lambda group, it: group.rows["codes"].append((it.task, it.code, it.since)),
    TaskDropped: _Group.drop_task,
    HomeExpected: lambda group, it: group.homes_expected.update({(it.task, it.home): None}),
    TaskPut: _Group.put_task,
    TaskUntouched: lambda group, it: group.rows["untouched_tasks"].append((it.task, it.since)),
    WaitAdded: lambda group, it: group.rows["waits"].append(wait_values(it.row)),
    WaitBound: lambda group, it: group.rows["bound_waits"].append((it.parent_run, it.run, it.parent)),
    WaitDropped: lambda group, it: group.rows["dropped_waits"].append((it.run, it.parent)),
    WaitEnded: lambda group, it: group.rows["ended_waits"].append((it.state.value, it.run, it.parent)),
}
