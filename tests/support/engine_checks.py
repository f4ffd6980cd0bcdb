"""What must hold of each decision of an engine, judged from outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from schedkit.core.engine.changes import AttemptRecorded, RunChanged, WaitAdded, WaitBound
from schedkit.core.engine.decision import Decision
from schedkit.core.engine.engine import Engine
from schedkit.core.engine.state import EngineConfig
from schedkit.core.engine.stimuli import Declare, Ended, EventsReceived, Remove, Reschedule, Stimulus
from schedkit.core.events import RunStarted
from schedkit.core.model import Task
from schedkit.core.run import Run
from schedkit.core.states import Outcome, Overlap, State
from schedkit.values.instants import SECOND, from_micros, to_micros

__all__ = ["Checks"]


class Checks:
    """Judges each decision of one engine.

    While the clock is `set_back`, starts that are now in the future count for rates, and what was due stays
    so.
    """

    def __init__(
        self,
        engine: Engine,
        config: EngineConfig,
        set_back: Callable[[], bool],
    ) -> None:
        self._engine, self._config = engine, config
        self._starts: dict[str, Counter[int]] = {}
        self._tasks: dict[tuple[str, int], Task] = {}
        self._lowered: set[str] = set()
        self._set_back = set_back
        self._most: dict[str, int] = dict(config.limits)

    def lowered(self, key: str) -> bool:
        """Whether the limit of a key was lowered, or set anew, since the engine began."""
        return key in self._lowered

    def keys(self, task: Task) -> list[str]:
        """Return what a run of a task holds while it runs."""
        tags = [key for tag in task.tags if (key := f"tag:{tag}") in self._engine.limits]
        keys = [*tags, *([task.executor_kind] if task.executor_kind in self._config.limits else [])]
        return keys if task.overlap is Overlap.ALLOW else [f"task:{task.name}", *keys]

    def judge(
        self,
        stimuli: tuple[Stimulus, ...],
        decision: Decision,
        now: int,
        steady: int,
        held: bool,
        draining: bool,
    ) -> None:
        """Judge a decision that was made now."""
        self._note_limits()
        for stimulus in stimuli:
            if isinstance(stimulus, Declare) and stimulus.starts:
                name = stimulus.task.name
                self._starts[name] = self._starts.get(name, Counter()) | Counter(stimulus.starts)
        still = held or draining
        self._judge_starts(decision, now, still)
        self._judge_new(decision, still)
        # Among these, one is declared that was not, or is no more, when a run of its parent was made.
        if not any(
            isinstance(stimulus, Declare | EventsReceived | Reschedule | Remove) for stimulus in stimuli
        ):
            self._judge_followed(decision)
        self._judge_ends(stimuli, decision, now)
        if decision.wake_at is None or decision.wake_at > now:
            if not still:
                self._judge_waiting(now)
                self._judge_schedules(now)
            self._judge_deadlines(steady)
        if decision.more:
            assert decision.wake_at == now
        else:
            self._judge_wake(decision.wake_at, now, steady, still)

    def _note_limits(self) -> None:
        limits = self._engine.queue.limits
        for task in self._engine.tasks.values():
            most = None if task.overlap is Overlap.ALLOW else task.max_instances
            assert limits.get(f"task:{task.name}") == most, f"{task.name} has the limit of before"
        for key, most in limits.items():
            if most < self._most.get(key, most):
                self._lowered.add(key)
        # A key that was free for a time may have been taken by any number.
        self._lowered |= self._most.keys() ^ limits.keys()
        self._most = dict(limits)

    def _judge_starts(self, decision: Decision, now: int, still: bool) -> None:
        for start in decision.starts:
            self._tasks[start.run.id, start.run.attempt] = start.task
            assert start.task is self._engine.tasks[start.run.task], "it starts as it was declared before"
            early = start.run.due > now and start.run.started == now
            assert self._set_back() or not early, f"{start.run} starts early"
        for event in decision.events:
            if isinstance(event, RunStarted):
                assert not still, f"{event.run} starts while nothing may"
                # Only what was recorded and was not known to be, goes on beyond the places that there are.
                assert len(self._engine.queue.running) <= self._config.concurrency
                self._judge_rate(self._engine.tasks[event.task], now)

    def _judge_rate(self, task: Task, now: int) -> None:
        if task.rate is not None:
            starts = self._starts.setdefault(task.name, Counter())
            starts[now] += 1
            window = round(task.rate.seconds * SECOND)
            recent = sum(count for start, count in starts.items() if now - window < start <= now)
            # Starts that were forgotten as too long ago may be recent again.
            assert self._set_back() or recent <= task.rate.count, (
                f"{task.name} starts {recent} times in {task.rate}"
            )

    def _judge_new(self, decision: Decision, still: bool) -> None:
        for change in decision.changes:
            if isinstance(change, RunChanged) and change.before is None and change.after.cause == "schedule":
                row = self._engine.rows[change.after.task]
                stands = row.paused or self._engine.paused or still
                assert not stands, f"{row} fires while it is paused"

    def _judge_followed(self, decision: Decision) -> None:
        """Each task that comes after others has a run for each of theirs."""
        new = {
            c.after.id: c.after for c in decision.changes if isinstance(c, RunChanged) and c.before is None
        }
        pairs: Counter[str] = Counter()
        for change in decision.changes:
            if isinstance(change, WaitBound) or (
                isinstance(change, WaitAdded) and new[change.row.run].cause == "after"
            ):
                parent_run = change.parent_run if isinstance(change, WaitBound) else change.row.parent_run
                pairs[parent_run or ""] += 1
        for run in new.values():
            blocked = run.cause == "schedule" and run.state is State.SKIPPED
            tasks = self._engine.tasks.values()
            following = [t for t in tasks if t.trigger is None and run.task in {p.task for p in t.after}]
            assert blocked or pairs[run.id] == len(following), f"{run} is followed by {pairs[run.id]}"

    def _judge_ends(self, stimuli: tuple[Stimulus, ...], decision: Decision, now: int) -> None:
        """What follows an attempt is what its retry says."""
        runs = {c.after.id: c for c in decision.changes if isinstance(c, RunChanged)}
        told = {(s.run, s.attempt): s for s in stimuli if isinstance(s, Ended)}
        for change in decision.changes:
            if not isinstance(change, AttemptRecorded):
                continue
            key = (change.run, change.attempt.number)
            moved = runs[change.run]
            assert moved.before is not None
            assert moved.before.state is State.RUNNING
            match change.attempt.outcome:
                case Outcome.FAILED | Outcome.TIMEOUT:
                    retryable = key not in told or told[key].retryable
                    self._judge_retry(moved.before, moved.after, self._tasks.get(key), retryable, now)
                case Outcome.INTERRUPTED:
                    gave_up = moved.before.interruptions == self._config.most_interruptions
                    assert moved.after.interruptions == moved.before.interruptions + 1
                    assert (moved.after.state is State.FAILED) == (gave_up and not moved.before.reason), (
                        (f"{moved}") if moved.after.state is not State.CANCELLED else True
                    )
                case Outcome.DONE:
                    assert moved.after.state in (State.DONE, State.SKIPPED)
                case Outcome.CANCELLED:
                    assert moved.after.state is State.CANCELLED
                    assert moved.after.reason

    def _judge_retry(self, before: Run, after: Run, task: Task | None, retryable: bool, now: int) -> None:
        if task is None:  # of an engine before this one
            return
        tried = before.attempt - before.interruptions
        if not retryable or tried >= task.retry.attempts:
            assert after.state in (State.FAILED, State.TIMEOUT), f"{after} is tried again"
            return
        assert after.state not in (State.FAILED, State.TIMEOUT), f"{after} gave up after {tried} tries"
        if after.state is State.RETRY:
            delay = task.retry.delay_before(tried + 1, self._config.random())
            assert after.due == now + round(delay * SECOND), f"{after} waits for another time"

    def _judge_waiting(self, now: int) -> None:
        """Nothing waits that could start."""
        queue = self._engine.queue
        if len(queue.running) >= self._config.concurrency:
            return
        claiming = {run.task for run in queue.running.values() if run.id not in self._engine.active}
        for waiting in queue.waiting:
            full = any(queue.used(key) >= queue.limits[key] for key in waiting.keys if key in queue.limits)
            full |= not queue.blocked.isdisjoint(waiting.keys)
            rated = waiting.rate is not None and (
                self._set_back() or waiting.task in claiming or not self._rate_allows(waiting.task, now)
            )
            assert waiting.due > now or full or rated, f"{waiting} could start"

    def _rate_allows(self, name: str, now: int) -> bool:
        rate = self._engine.tasks[name].rate
        if rate is None:
            return True
        window = round(rate.seconds * SECOND)
        starts = self._starts.get(name, Counter())
        return sum(count for start, count in starts.items() if start > now - window) < rate.count

    def _schedules(self) -> dict[str, int]:
        """Return when each schedule is due, by the rows and the declarations."""
        found = {}
        for name, row in self._engine.rows.items():
            task = self._engine.tasks.get(name)
            if task is None or task.trigger is None or row.next is None or row.paused or self._engine.paused:
                continue
            found[name] = row.next
        return found

    def _judge_schedules(self, now: int) -> None:
        """What has a time is in the order of the schedules, with its jitter, and no time of it is past."""
        due_times = self._engine.schedules.due_times
        wanted = self._schedules()
        assert due_times.keys() == wanted.keys(), f"{due_times} for {wanted}"
        for name, due in due_times.items():
            at = from_micros(wanted[name])
            assert due == to_micros(self._engine.schedules[name].due_time(at)), f"{name} is due at {due}"
            assert due > now, f"{name} was due at {due}"

    def _judge_deadlines(self, steady: int) -> None:
        for active in self._engine.active.values():
            assert active.deadline is None or active.deadline > steady, f"{active} is overdue"
            if active.why == "cancel" and not active.wanted:
                assert active.deadline is not None
                assert active.deadline <= steady + self._config.cancel_grace
            elif active.task.timeout is None:
                assert active.deadline is None
            elif active.deadline is None:
                assert not active.begun, f"{active} never times out"
            else:
                assert active.deadline <= steady + round(active.task.timeout * SECOND)

    def _judge_wake(self, wake: int | None, now: int, steady: int, still: bool) -> None:
        """It wants to be asked when the next thing is to happen, and not before."""
        deadlines = [a.deadline for a in self._engine.active.values() if a.deadline is not None]
        times = [now + max(0, deadline - steady) for deadline in deadlines]
        rated = False
        if not still:
            times += self._engine.schedules.due_times.values()
            if not self._set_back():
                times += [waiting.due for waiting in self._engine.queue.waiting if waiting.due > now]
            rated = any(waiting.rate is not None for waiting in self._engine.queue.waiting)
        first = min(times, default=None)
        if rated or self._set_back():
            assert first is None or (wake is not None and wake <= first), f"{wake} for {first}"
        else:
            assert wake == first, f"it wakes at {wake}, and something happens at {first}"
