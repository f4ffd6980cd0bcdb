"""Faults planted into the engine, each found by its random histories: what they judge is worth something."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from support.engine_histories import History

from schedkit.core.engine import attempts, tasks
from schedkit.core.engine.attempts import Attempts
from schedkit.core.engine.dependencies import DependencyTracker
from schedkit.core.engine.engine import Engine
from schedkit.core.engine.queue import RunQueue
from schedkit.core.engine.runs import Runs
from schedkit.core.engine.schedules import Schedules
from schedkit.core.engine.state import EngineState
from schedkit.core.engine.tasks import Tasks
from schedkit.core.states import State

MOST = 400  # histories until a fault must have been found

Plant = Callable[[pytest.MonkeyPatch], None]
FAULTS: dict[str, Plant] = {}


def fault(plant: Plant) -> Plant:
    FAULTS[plant.__name__] = plant
    return plant


@fault
def a_place_is_not_released(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RunQueue, "release", lambda self, run: None)


@fault
def a_key_is_not_released(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RunQueue, "release", lambda self, run: self.running.pop(run, None))


@fault
def a_freed_key_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RunQueue, "_look_again", lambda self: None)


@fault
def a_full_key_is_passed_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RunQueue, "_full", lambda self, key: False)


@fault
def a_rate_counts_each_moment_once(patch: pytest.MonkeyPatch) -> None:
    def remember_starts(self: Any, task: str, starts: Any) -> None:
        known = {*self._starts.get(task, ()), *starts}
        self._starts[task] = deque(sorted(known))

    patch.setattr(RunQueue, "remember_starts", remember_starts)


@fault
def a_schedule_that_is_put_again_fires_twice(patch: pytest.MonkeyPatch) -> None:
    put = Schedules.put

    def put_twice(self: Any, schedule: Any, due: int) -> None:
        serial = self._known.get(schedule.task, (self._serial + 1,))[0]
        put(self, schedule, due)
        # Both places of the heap bear the number that is known.
        self._known[schedule.task] = (serial, schedule)
        self._heap[:] = [(at, serial if task == schedule.task else n, task) for at, n, task in self._heap]

    patch.setattr(Schedules, "put", put_twice)


@fault
def a_dropped_schedule_stays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Schedules, "drop", lambda self, task: None)


@fault
def a_stale_end_is_believed(patch: pytest.MonkeyPatch) -> None:
    ended = Attempts.ended

    def believed(self: Any, stimulus: Any) -> Any:
        active = self.active.get(stimulus.run)
        return ended(self, stimulus if active is None else replace(stimulus, attempt=active.attempt))

    patch.setattr(Attempts, "ended", believed)


@fault
def a_retry_does_not_wait(patch: pytest.MonkeyPatch) -> None:
    follow = attempts.follow

    def at_once(run: Any, outcome: Any, *, now: int, **how: Any) -> Any:
        after = follow(run, outcome, now=now, **how)
        return replace(after, due=now) if after.state is State.RETRY else after

    patch.setattr(attempts, "follow", at_once)


@fault
def an_interruption_counts_as_a_try(patch: pytest.MonkeyPatch) -> None:
    follow = attempts.follow

    def counted(run: Any, outcome: Any, **how: Any) -> Any:
        return follow(replace(run, interruptions=0), outcome, **how)

    patch.setattr(attempts, "follow", counted)


@fault
def a_timed_out_attempt_gives_its_place_back(patch: pytest.MonkeyPatch) -> None:
    overrun = Attempts._overrun

    def gives_back(self: Any, active: Any) -> None:
        overrun(self, active)
        self._state.queue.release(active.run)

    patch.setattr(Attempts, "_overrun", gives_back)


@fault
def joins_are_not_paired_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DependencyTracker, "bind", lambda self, child, parent, parent_run: None)


@fault
def a_judged_run_takes_no_partner(patch: pytest.MonkeyPatch) -> None:
    def judge(self: Any, run: str) -> None:
        for parent, wait in list(self._waits.get(run, {}).items()):
            if wait.parent_run is None:
                self._unpair(run, self._children[run], parent, None)
                del self._waits[run][parent]
        if run in self._waits:
            self._judged.add(run)
            self._tidy(run)

    patch.setattr(DependencyTracker, "judge", judge)


@fault
def the_end_of_a_parent_is_not_written(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DependencyTracker, "runs_of", lambda self, parent_run: [])


@fault
def one_time_too_many_is_caught_up(patch: pytest.MonkeyPatch) -> None:
    settle = tasks.settle

    def off_by_one(schedule: Any, next_at: Any, now: Any, active: int) -> Any:
        settled = settle(schedule, next_at, now, active)
        if settled.next_at is None or settled.next_at == next_at:
            return settled
        return type(settled)(settled.fires, schedule.trigger.next(settled.next_at), settled.error)

    patch.setattr(tasks, "settle", off_by_one)


@fault
def a_pause_forgets_what_it_passed_over(patch: pytest.MonkeyPatch) -> None:
    skipped = tasks.skipped

    def forgotten(*what: Any) -> Any:
        settled = skipped(*what)
        return type(settled)((), settled.next_at, settled.error)

    patch.setattr(tasks, "skipped", forgotten)


@fault
def nobody_is_woken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Engine, "_wake_at", lambda self: None)


@fault
def a_cancel_leaves_no_reason(patch: pytest.MonkeyPatch) -> None:
    move = EngineState.move

    def without_reason(self: Any, before: Any, after: Any) -> None:
        running = after.state is State.RUNNING
        move(self, before, replace(after, reason="") if running else after)

    patch.setattr(EngineState, "move", without_reason)


@fault
def a_cancel_is_lost_when_all_is_stopped(patch: pytest.MonkeyPatch) -> None:
    cancel_run = Attempts.cancel_run

    def unless_asked(self: Any, run: Any, actor: str) -> None:
        active = self.active.get(run.id)
        if active is None or not active.why:
            cancel_run(self, run, actor)

    patch.setattr(Attempts, "cancel_run", unless_asked)


@fault
def a_retry_is_not_told(patch: pytest.MonkeyPatch) -> None:
    again = Attempts._again

    def untold(self: Any, before: Any, after: Any, outcome: Any) -> None:
        again(self, before, after, outcome)
        self._state.draft.events.pop()
        self._state.seq -= 1

    patch.setattr(Attempts, "_again", untold)


@fault
def a_redeclared_task_keeps_its_old_limit(patch: pytest.MonkeyPatch) -> None:
    limit = RunQueue.limit

    def kept(self: Any, key: str, most: int | None) -> None:
        if key not in self.limits:
            limit(self, key, most)

    patch.setattr(RunQueue, "limit", kept)


@fault
def a_time_that_has_its_run_runs_again(patch: pytest.MonkeyPatch) -> None:
    load = Engine._load

    def unknown(self: Any, snapshot: Any) -> None:
        load(self, snapshot)
        self._state.taken = {}

    patch.setattr(Engine, "_load", unknown)


@fault
def what_follows_a_task_is_not_made(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Runs, "_follow_up", lambda self, run: None)


@fault
def resuming_all_resumes_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Tasks, "_resume", lambda self, *row, **how: None)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    logging.getLogger("schedkit").setLevel(logging.CRITICAL)
    FAULTS[name](monkeypatch)
    with pytest.raises(Exception):  # noqa: B017  # a broken engine may fail in any way
        for seed in range(MOST):
            History(seed).play(40)
