"""Random histories of the engine: everything that may happen to it, in an order drawn from a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

from support.engine_ledger import LedgerModel
from support.engine_process import ProcessModel
from support.engine_tasks import NAMES, TIMED, TRIGGERS
from support.engine_world import World

from schedkit.core.engine.stimuli import (
    Abandon,
    Cancel,
    Drain,
    Ended,
    HoldWrites,
    Pause,
    Remove,
    Reschedule,
    Resume,
    StandBy,
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
    """Processes at one ledger, moved by random steps."""

    def __init__(self, seed: int, processes: int = 1, ledger: LedgerModel | None = None) -> None:
        self.random = Random(seed)
        self.world = World(self.random, ledger)
        self.processes = [ProcessModel(self.world) for _ in range(processes)]
        for process in self.processes:
            process.commit()
        for name in NAMES:
            if self.random.random() < 0.9:
                process = self.random.choice(self.processes)
                process.decide(process.declare_other(name))

    @property
    def counts(self) -> Counter[str]:
        """How often what happened."""
        return self.world.counts

    # Steps

    def step(self) -> None:
        """Let one thing happen to one process."""
        self.process = self.random.choice(self.processes)
        pick = self.random.choices(STEPS, WEIGHTS)[0]
        pick(self)
        if self.world.begins.random() < 0.3:
            self.begin()
        if not self.process.held and self.random.random() < 0.7:
            self.process.commit()
            if self.random.random() < 0.8:
                self.process.tell_claims()
            self.process.declare_late()
            self.process.same_as_loaded()

    def burst(self) -> None:
        """Several things happen at once."""
        self.process.gathered = []
        for pick in self.random.choices(AT_ONCE, k=self.random.randint(2, 5)):
            pick(self)
        stimuli, self.process.gathered = self.process.gathered, None
        self.process.decide(*stimuli)

    def hear(self) -> None:
        """A look at the log, which may see only a part of what is there, and some of it again."""
        process = self.process
        upto = self.random.choice((process.ledger.seq, self.random.randint(process.seen, process.ledger.seq)))
        process.hear(upto, again=self.random.choice((0, 0, 3)))

    def bury(self) -> None:
        self.world.bury()

    def submit(self) -> None:
        name = self.random.choice(NAMES)
        run = self.world.new_id()
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

    def begin(self) -> None:
        """Some code begins that had to wait, and what was asked is told."""
        waiting = [key for key, code in self.process.code.items() if code.begun is None]
        if waiting:
            key = self.world.begins.choice(waiting)
            self.process.code[key].begun = self.process.steady
            self.process.note_begin(key)
        self.process.tell_begins()

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
        process = self.process
        runs = list(process.engine.runs) or list(process.ledger.runs)
        abroad = [run for (run, _), (life, _) in process.ledger.open.items() if life != process.life]
        if self.random.random() < 0.5:
            runs = [run for run in abroad if run in process.engine.runs] or runs
        if runs:
            process.decide(Cancel(run=self.random.choice(runs), actor="you", token="cancel"))

    def pause(self) -> None:
        self.process.decide(Pause(task=self.random.choice((None, *TIMED)), actor="me"))

    def resume(self) -> None:
        self.process.decide(Resume(task=self.random.choice((None, *TIMED)), actor="me"))

    def remove(self) -> None:
        self.process.decide(Remove(task=self.random.choice(NAMES), actor="me"))

    def declare(self) -> None:
        """A cell runs again: a task is declared as it is, or with other options; it may move here by that."""
        name, process = self.random.choice(NAMES), self.process
        known = process.declared.get(name)
        if known is None and self.is_alive(name) and self.random.random() < 0.5:
            process.decide(StandBy(task=name, code="its code"))
        elif known is not None and self.random.random() < 0.4:
            process.decide(process.declare(known.task))
        else:
            process.decide(process.declare_other(name))

    def is_alive(self, task: str) -> bool:
        """Whether a process lives with which a task is at home."""
        return self.world.ledger.home_of(task) in {process.life for process in self.processes}

    def reschedule(self) -> None:
        trigger = self.random.choice((None, *TRIGGERS))
        text = None if trigger is None else trigger_data.dumps(trigger)
        words = "" if trigger is None else trigger.text()
        name = self.random.choice(TIMED)
        self.process.decide(
            Reschedule(task=name, trigger=trigger, trigger_json=text, schedule_text=words, actor="me")
        )

    def pass_time(self) -> None:
        self.world.forward(self.random.randint(0, 5 * SECOND))
        self.process.decide()

    def wait(self) -> None:
        """Time passes until the engine wants to be asked."""
        if self.process.wake is not None:
            self.world.forward(max(0, self.process.wake - self.world.now))
            self.process.decide()

    def sleep(self) -> None:
        """The machine sleeps: the wall clock is far ahead, the steady one stood still."""
        self.world.now += self.random.randint(0, 400) * SECOND
        self.process.decide()

    def set_back(self) -> None:
        self.world.set_back()
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
        """The process dies; the next one of its place declares most of its tasks, unless another has them."""
        process = self.process
        for task in process.crash():
            if not self.is_alive(task.name) and self.random.random() < 0.9:
                process.decide(process.declare(task))

    # The end

    def play(self, steps: int) -> None:
        """Let so many things happen, then bring all to an end and judge the whole."""
        for _ in range(steps):
            self.step()
        self.finish()
        self.judge()

    def finish(self) -> None:
        """Let nothing more be due, and all that was begun end well."""
        while self.world.dead:
            self.world.bury()
        for process in self.processes:
            self.recover(process)
        self.process.decide(Pause(task=None, actor="me"))
        self.process.commit()
        for name in self.world.ledger.tasks:
            if not self.is_alive(name):
                self.process = self.random.choice(self.processes)
                self.process.hear()
                self.process.decide(self.process.declare_other(name))
                self.process.commit()
        for _ in range(5000):
            if not [process for process in self.processes if self.go_on(process)]:
                break
        for process in self.processes:
            process.same_as_loaded()

    def recover(self, process: ProcessModel) -> None:
        """Let a process be as it is when nothing is wrong."""
        self.process = process
        if self.process.held:
            self.hold()
        self.process.commit()
        if self.process.draining:
            self.process.draining = False
            self.process.rebuild()
        self.process.declare_late()
        self.process.hear()
        self.process.commit()

    def go_on(self, process: ProcessModel) -> bool:
        """Let what a process has to do happen, one thing; tell whether there was one."""
        self.process = process
        process.hear()
        if process.late:
            process.declare_late()
        elif process.settled:
            process.tell_claims()
        elif process.begun:
            process.tell_begins()
        elif process.code:
            key = next(iter(process.code))
            process.over[key] = process.code.pop(key)
            process.decide(Ended(run=key[0], attempt=key[1], outcome=Outcome.DONE))
        elif process.wake is not None:
            self.wait()
        elif not process.pending:
            return False
        process.commit()
        return True

    def judge(self) -> None:
        """Nothing is lost, nothing is left, and the ledger accounts for all."""
        ledger = self.world.ledger
        ledger.check()
        assert not ledger.pairs.owed, f"no run for these runs of parents: {ledger.pairs.owed}"
        assert not ledger.open
        for process in self.processes:
            assert not process.code
            assert not process.engine.queue.running
            for run_id in process.asked.cancelled:
                assert ledger.runs[run_id].state is State.CANCELLED, f"{ledger.runs[run_id]}"
        for run in ledger.runs.values():
            if not run.state.final:
                self.check_waits(run)

    def check_waits(self, run: Run) -> None:
        """Only a run that waits for a parent's run to come may be left."""
        assert run.state is State.PENDING, f"{run} is left"
        ledger = self.world.ledger
        (engine,) = [process.engine for process in self.processes if run.id in process.engine.runs]
        declared = {parent.task for parent in engine.tasks[run.task].after}
        assert set(engine.dependencies.missing(run.id)) <= declared, f"{run} waits for others"
        parents = [ledger.waits.get((run.id, parent)) for parent in run.waiting_for]
        assert any(
            wait is not None
            and (
                wait.parent_run is None
                or (wait.ended is None and not ledger.runs[wait.parent_run].state.final)
            )
            for wait in parents
        ), f"{run} waits for nothing: {parents}"


AT_ONCE = (
    History.submit,
    History.end,
    History.cancel,
    History.pause,
    History.resume,
    History.declare,
    History.hear,
)
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
        (History.hear, 18),
        (History.bury, 2),
        (History.fail, 3),
        (History.crash, 2),
        (History.stop, 4),
    ),
    strict=True,
)
