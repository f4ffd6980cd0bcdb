"""Random histories of the engine: everything that may happen to it, in an order drawn from a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

from support.engine_process import ProcessModel
from support.engine_tasks import NAMES, TIMED, TRIGGERS

from schedkit.core.engine.values import (
    Abandon,
    Cancel,
    Drain,
    Ended,
    HoldWrites,
    Pause,
    Remove,
    Reschedule,
    Resume,
    StopAttempts,
    Submit,
)
from schedkit.core.run import Run
from schedkit.core.states import Outcome, State
from schedkit.core.triggers import data as trigger_data
from schedkit.values.instants import SECOND

__all__ = ["History"]

Key = tuple[str, int]  # run and attempt


class History:
    """A process, moved by random steps."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.process = ProcessModel(self.random)

    @property
    def counts(self) -> Counter[str]:
        """How often what happened."""
        return self.process.counts

    # Steps

    def step(self) -> None:
        """Let one thing happen."""
        pick = self.random.choices(STEPS, WEIGHTS)[0]
        pick(self)
        if not self.process.held and self.random.random() < 0.7:
            self.process.commit()
            self.process.same_as_loaded()

    def burst(self) -> None:
        """Several things happen at once."""
        self.process.gathered = []
        for pick in self.random.choices(AT_ONCE, k=self.random.randint(2, 5)):
            pick(self)
        stimuli, self.process.gathered = self.process.gathered, None
        self.process.decide(*stimuli)

    def submit(self) -> None:
        name = self.random.choice(NAMES)
        run = self.process.new_id()
        row, scheduled = self.process.engine.rows.get(name), None
        if row is not None and row.next is not None and self.random.random() < 0.1:
            # A due time is made up for; one that has its run is refused.
            scheduled = row.next - self.random.choice((0, 7, 13, 60)) * SECOND
        command = run if self.random.random() < 0.1 else ""
        self.process.decide(
            Submit(run=run, task=name, actor="me", token=run, command=command, scheduled=scheduled)
        )

    def end(self) -> None:
        """Some code ends, as it likes."""
        if not self.process.code:
            return
        key = self.random.choice(list(self.process.code))
        outcome = self.random.choice(
            (Outcome.DONE, Outcome.DONE, Outcome.FAILED, Outcome.FAILED, Outcome.CANCELLED)
        )
        ended = Ended(
            run=key[0],
            attempt=key[1],
            outcome=outcome,
            value=self.random.choice((None, 7)),
            retryable=self.random.random() < 0.7,
            skipped=self.random.random() < 0.1,
            error={"type": "E"} if outcome is Outcome.FAILED else None,
            details={"log": []} if self.random.random() < 0.2 else None,
        )
        self.process.over[key] = self.process.code.pop(key)
        self.process.decide(ended)

    def end_stale(self) -> None:
        """An end is told of an attempt that is over, or is none."""
        if self.process.ledger.runs:
            run = self.random.choice(list(self.process.ledger.runs.values()))
            attempt = run.attempt + self.random.choice((-1, -1, 1))
            if (run.id, attempt) not in self.process.code and not any(
                start.run.id == run.id
                for pending in self.process.pending
                for start in pending.decision.starts
            ):
                self.process.decide(Ended(run=run.id, attempt=attempt, outcome=Outcome.DONE))

    def cancel(self) -> None:
        runs = list(self.process.engine.runs) or list(self.process.ledger.runs)
        if runs:
            self.process.decide(Cancel(run=self.random.choice(runs), actor="you", token="cancel"))

    def pause(self) -> None:
        self.process.decide(Pause(task=self.random.choice((None, *TIMED)), actor="me"))

    def resume(self) -> None:
        self.process.decide(Resume(task=self.random.choice((None, *TIMED)), actor="me"))

    def remove(self) -> None:
        self.process.decide(Remove(task=self.random.choice(NAMES), actor="me"))

    def declare(self) -> None:
        """A cell runs again: a task is declared as it is, or with other options."""
        name = self.random.choice(NAMES)
        known = self.process.declared.get(name)
        same = known is not None and self.random.random() < 0.4
        if same and known is not None:
            self.process.decide(self.process.declare_again(name))
        else:
            self.process.decide(self.process.declare_other(name))

    def reschedule(self) -> None:
        trigger = self.random.choice((None, *TRIGGERS))
        text = None if trigger is None else trigger_data.dumps(trigger)
        words = "" if trigger is None else trigger.text()
        name = self.random.choice(TIMED)
        self.process.decide(Reschedule(task=name, trigger=trigger, text=text, words=words, actor="me"))

    def pass_time(self) -> None:
        self.forward(self.random.randint(0, 5 * SECOND))
        self.process.decide()

    def wait(self) -> None:
        """Time passes until the engine wants to be asked."""
        if self.process.wake is not None:
            self.forward(max(0, self.process.wake - self.process.now))
            self.process.decide()

    def sleep(self) -> None:
        """The machine sleeps: the wall clock is far ahead, the steady one stood still."""
        self.process.now += self.random.randint(0, 400) * SECOND
        self.process.decide()

    def set_back(self) -> None:
        self.process.latest = max(self.process.latest, self.process.now + 60 * SECOND)
        self.process.now -= self.random.randint(0, 90) * SECOND
        self.process.decide()

    def hold(self) -> None:
        """The store goes away, or comes back."""
        self.process.held = not self.process.held
        self.process.decide(HoldWrites(held=self.process.held))

    def stop(self) -> None:
        """The scheduler is stopped, step by step, and started again in the same process."""
        pick = self.random.random()
        if not self.process.draining:
            self.process.draining = True
            self.process.decide(Drain(), *([StopAttempts()] if pick < 0.5 else []))
        elif pick < 0.4:
            self.process.decide(StopAttempts())
        elif pick < 0.6:
            self.process.decide(StopAttempts(), Abandon())
        elif not self.process.held:
            self.process.commit()
            self.process.draining = False
            self.process.rebuild()

    def fail(self) -> None:
        self.process.lose()

    def crash(self) -> None:
        self.process.crash()

    def forward(self, by: int) -> None:
        self.process.now += by
        self.process.steady += by

    # The end

    def play(self, steps: int) -> None:
        """Let so many things happen, then bring all to an end and judge the whole."""
        for _ in range(steps):
            self.step()
        self.finish()
        self.judge()

    def finish(self) -> None:
        """Let nothing more be due, and all that was begun end well."""
        if self.process.held:
            self.hold()
        self.process.commit()
        if self.process.draining:
            self.process.draining = False
            self.process.rebuild()
        missing = [name for name in self.process.engine.rows if name not in self.process.engine.tasks]
        self.process.decide(Pause(task=None, actor="me"), *map(self.process.declare_other, missing))
        self.process.commit()
        for _ in range(5000):
            if self.process.code:
                key = next(iter(self.process.code))
                self.process.over[key] = self.process.code.pop(key)
                self.process.decide(Ended(run=key[0], attempt=key[1], outcome=Outcome.DONE))
            elif self.process.wake is not None:
                self.wait()
            else:
                break
            self.process.commit()
        self.process.same_as_loaded()

    def judge(self) -> None:
        """Nothing is lost, nothing is left, and the ledger accounts for all."""
        self.process.ledger.check()
        assert not self.process.code
        assert not self.process.engine.queue.running
        for run in self.process.ledger.runs.values():
            if not run.state.final:
                self.check_waits(run)
        for run_id in self.process.asked.cancelled:
            assert self.process.ledger.runs[run_id].state is State.CANCELLED, (
                f"{self.process.ledger.runs[run_id]}"
            )

    def check_waits(self, run: Run) -> None:
        """Only a run that waits for a parent's run to come may be left."""
        assert run.state is State.PENDING, f"{run} is left"
        declared = {parent.task for parent in self.process.engine.tasks[run.task].after}
        assert set(self.process.engine.dependencies.missing(run.id)) <= declared, f"{run} waits for others"
        parents = [self.process.ledger.waits.get((run.id, parent)) for parent in run.waiting_for]
        assert any(
            wait is not None
            and (
                wait.parent_run is None
                or (wait.ended is None and not self.process.ledger.runs[wait.parent_run].state.final)
            )
            for wait in parents
        ), f"{run} waits for nothing: {parents}"


AT_ONCE = (History.submit, History.end, History.cancel, History.pause, History.resume, History.declare)
STEPS: tuple[Callable[[History], None], ...]
WEIGHTS: tuple[int, ...]
STEPS, WEIGHTS = zip(
    *(
        (History.submit, 22),
        (History.end, 25),
        (History.end_stale, 3),
        (History.cancel, 5),
        (History.pause, 3),
        (History.resume, 5),
        (History.remove, 1),
        (History.declare, 5),
        (History.reschedule, 3),
        (History.pass_time, 12),
        (History.wait, 16),
        (History.sleep, 1),
        (History.set_back, 1),
        (History.hold, 3),
        (History.burst, 5),
        (History.fail, 3),
        (History.crash, 2),
        (History.stop, 4),
    ),
    strict=True,
)
