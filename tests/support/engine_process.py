"""A process with an engine and the code that runs for it, at a ledger: what may go wrong between them."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC

from msgspec.structs import replace
from support.engine_checks import Checks
from support.engine_ledger import RefusedError, StaleError
from support.engine_likeness import same_engine
from support.engine_tasks import declaration, draw_task
from support.engine_world import World

from schedkit.core.engine.changes import CodeRecorded
from schedkit.core.engine.decision import Decision, Stop
from schedkit.core.engine.engine import Engine
from schedkit.core.engine.snapshot import OutdatedError
from schedkit.core.engine.state import EngineConfig
from schedkit.core.engine.stimuli import (
    Adopted,
    Began,
    Cancel,
    ClaimsSettled,
    Declare,
    DeclareLimits,
    Drain,
    Ended,
    EventsReceived,
    HoldWrites,
    LimitsSeen,
    Recover,
    Remove,
    Reschedule,
    Stimulus,
    Submit,
)
from schedkit.core.events import TaskChanged
from schedkit.core.model import Task
from schedkit.core.run import Run
from schedkit.values.instants import SECOND

__all__ = ["ProcessModel"]

Key = tuple[str, int]  # run and attempt


@dataclass
class Code:
    """The code of an attempt, alive or about to be; `adopted`: its engine was rebuilt since it began."""

    task: Task
    started: int
    begun: int | None = None
    asked: bool = False  # to tell when it begins
    adopted: bool = False


@dataclass
class Pending:
    """A decision that is not written yet; `heard` of the log the process had so much."""

    stimuli: tuple[Stimulus, ...]
    decision: Decision
    number: int
    now: int
    heard: int
    limits: dict[str, int]


@dataclass
class Asked:
    """Which code was asked to stop, and which runs were told to be cancelled."""

    stops: dict[Key, Stop] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)


class ProcessModel:
    """A process: its engine, and the code that runs for it.

    Attributes
    ----------
    declared : dict of str to Declare
        The tasks that are at home here.
    seen : int
        The last event of the log at which it has looked.
    late : list of Task
        Declarations that were decided on what is no longer so.
    """

    def __init__(self, world: World) -> None:
        self.world, self.random, self.ledger = world, world.random, world.ledger
        self.counts = world.counts
        world.processes.append(self)
        self.limits = {"thread": 2} if self.random.random() < 0.3 else {}
        self.shared = self.random.choice(({"tag:x": 1, "tag:y": 2}, {"tag:x": 1}, {"tag:x": 1, "tag:y": 1}))
        self.concurrency = self.random.choice((1, 2, 5))
        self.declared: dict[str, Declare] = {}
        self.pending: list[Pending] = []
        self.gathered: list[Stimulus] | None = None  # for one decision
        self.code: dict[Key, Code] = {}
        self.over: dict[Key, Code] = {}  # whose end is not written
        self.late: list[Task] = []
        self.settled: list[ClaimsSettled] = []  # not told yet
        self.begun: list[Began] = []  # neither
        self.asked = Asked()
        self.held = self.draining = False
        self.told_of_all = False  # somebody has paused or resumed all tasks
        self.wake: int | None = None
        self.offset = 0  # of its steady clock, which another start of the machine begins anew
        self.begin_life()

    @property
    def now(self) -> int:
        return self.world.now

    @property
    def steady(self) -> int:
        return self.world.steady + self.offset

    @property
    def life(self) -> str:
        return self.config.life

    def begin_life(self) -> None:
        """Begin with an engine with which nothing is at home."""
        self.config = EngineConfig(
            name="me",
            life=self.world.new_life(),
            concurrency=self.concurrency,
            limits=self.limits,
            shared=self.shared,
            tz=UTC,
            most_interruptions=2,
            cancel_grace=3 * SECOND,
            random=lambda: 0.5,
            new_id=self.world.new_id,
        )
        self.seen = self.ledger.seq
        self.engine = Engine(self.config)
        self.begin_engine()
        self.decide(Recover())
        self.decide(self.declare_limits())

    def declare_limits(self) -> DeclareLimits:
        """Return what tells an engine of the limits of this process."""
        lives = {life for _, _, life in [*self.ledger.claims.held, *self.ledger.claims.waits]}
        alone = not lives and self.random.random() < 0.3
        return DeclareLimits(limits=self.shared, alone=alone, actor="me")

    # One decision, and what follows from it

    def begin_engine(self, refused: dict[str, set[int]] | None = None) -> None:
        """Make the engine from the rows."""
        snapshot = self.ledger.snapshot(self.life, refused or {})
        self.engine = Engine(self.config, snapshot, self.engine.decided)
        self.checks = Checks(self.engine, self.config, self.world.is_set_back)
        self.known = self.ledger.seq

    def decide(self, *stimuli: Stimulus, careful: bool = False) -> None:
        """Let the engine decide, and judge what it decides."""
        if self.gathered is not None:
            self.gathered.extend(stimuli)
            return
        self.counts["stimuli"] += max(1, len(stimuli))
        decision = self.engine.handle_all(stimuli, self.now, self.steady, careful=careful)
        news = [
            event.seq - 1 for told in stimuli if isinstance(told, EventsReceived) for event in told.events
        ]
        limits, heard = dict(self.engine.queue.limits), min([max(self.seen, self.known), *news])
        self.pending.append(Pending(stimuli, decision, self.engine.decided, self.now, heard, limits))
        self.wake = decision.wake_at
        for start in decision.starts:  # anew: whoever asked an execution of before has gone with it
            self.asked.stops.pop((start.run.id, start.run.attempt), None)
        for stop in decision.stops:
            self.asked.stops[stop.run, stop.attempt] = stop
            self.check_timeout(stop)
        self.checks.judge(stimuli, decision, self.now, self.steady, self.held, self.draining)

    def hear(self, upto: int | None = None, again: int = 0) -> None:
        """Look at what others have written, up to an event, and at some of it `again`."""
        upto = self.ledger.seq if upto is None else upto
        news = [event for by, event in self.ledger.log[max(0, self.seen - again) : upto] if by != self.life]
        self.seen = max(self.seen, upto)
        self.told_of_all = self.told_of_all or any(e.task == "" and isinstance(e, TaskChanged) for e in news)
        paused = None
        if self.told_of_all and not self.pending and self.gathered is None:
            self.told_of_all, paused = False, self.ledger.settings.get("paused") == "1"
        if news or paused is not None:
            self.counts["heard"] += 1
            self.decide(EventsReceived(events=tuple(news), paused=paused))
        claims = self.ledger.claims
        if self.engine.shared_keys or claims.limits != self.engine.limits:
            uses = claims.uses(self.engine.shared_keys, self.life)
            written = self.pending[0].number - 1 if self.pending else self.engine.decided
            self.decide(LimitsSeen(limits=dict(claims.limits), uses=uses, written=written))
        for name in [name for name in self.declared if self.ledger.home_of(name) != self.life]:
            if name not in self.engine.rows and self.gathered is None:
                del self.declared[name]

    def commit(self, most: int | None = None, effects: bool = True) -> None:
        """Write what was decided, at most so many decisions; `effects` of the last of them may be lost."""
        count = len(self.pending) if most is None else most
        for number in range(count):
            pending = self.pending[0]
            try:
                self.world.write(pending.decision, pending.now, self.life, pending.limits)
            except RefusedError as refusal:
                self.refuse(refusal.run)
                return
            except StaleError as stale:
                self.find_stale(pending, stale)
                return
            del self.pending[0]
            self.note(pending)
            self.settle_claims(pending)
            if effects or number < count - 1:
                self.carry_out(pending)

    def settle_claims(self, pending: Pending) -> None:
        """Note which claims of a written decision hold."""
        if runs := pending.decision.claims:
            refused = self.ledger.claims.refused(self.life, runs)
            self.counts["claims"] += len(runs)
            self.counts["refused claims"] += len(refused)
            self.settled.append(ClaimsSettled(number=pending.number, runs=runs, refused=refused))

    def tell_claims(self) -> None:
        """Tell the engine which claims hold, until it claims nothing more."""
        while self.settled:
            self.decide(self.settled.pop(0))
            if not self.held:
                self.commit()

    def find_stale(self, pending: Pending, stale: StaleError) -> None:
        """What was decided on is no longer so, because of somebody else."""
        others = [by for by, _ in self.ledger.log[pending.heard :] if by != self.life]
        assert others, f"nobody else has written anything: {stale}"
        self.counts["stale"] += 1
        self.rebuild()

    def refuse(self, run: Run) -> None:
        """A due time has its run, or a run is there: its submission was written, which nobody knew."""
        self.counts["refused"] += 1
        if run.scheduled is not None:
            self.rebuild({run.task: {run.scheduled}})
        else:
            assert run.id in self.world.doubted, f"{run} is there already"
            for pending in self.pending:
                pending.stimuli = tuple(s for s in pending.stimuli if getattr(s, "run", "") != run.id)
            self.rebuild()

    def note(self, pending: Pending) -> None:
        """Remember what a written decision has changed besides rows."""
        refused = {id(reply.stimulus) for reply in pending.decision.replies if reply.error is not None}
        for stimulus in pending.stimuli:
            if id(stimulus) in refused:
                continue
            match stimulus:
                case Declare(task=task, found=found):
                    self.declared[task.name] = replace(stimulus, found=None)
                    if found is not None and found.row is not None and found.row.home != self.life:
                        self.counts["moved"] += 1
                        self.counts["abroad"] += bool(found.abroad)
                case Reschedule(task=name, trigger=trigger) if name in self.declared:
                    task = dataclasses.replace(self.declared[name].task, trigger=trigger)
                    self.declared[name] = declaration(task, found=None)
                case Remove(task=name):
                    self.declared.pop(name, None)
                case Ended(run=run, attempt=attempt):
                    self.over.pop((run, attempt), None)
                case Submit(run=run):
                    assert run in self.ledger.runs, f"{run} was submitted, and is lost"
        if any(event.task == "" and isinstance(event, TaskChanged) for event in pending.decision.events):
            self.told_of_all = True
        for reply in pending.decision.replies:
            if isinstance(reply.stimulus, Cancel) and reply.answer.get("cancelled"):
                self.asked.cancelled.add(reply.stimulus.run)
            if isinstance(reply.error, OutdatedError) and isinstance(reply.stimulus, Declare):
                self.counts["outdated"] += 1
                self.late.append(reply.stimulus.task)

    def carry_out(self, pending: Pending) -> None:
        """Start what a written decision starts."""
        for start in pending.decision.starts:
            key = (start.run.id, start.run.attempt)
            assert self.ledger.runs[key[0]].attempt >= key[1], f"{key} starts unwritten"
            assert key not in self.code, f"{key} starts twice"
            assert key not in self.over, f"{key} starts again after its end"
            begun = self.steady if self.world.begins.random() < 0.7 else None
            self.code[key] = Code(start.task, self.steady, begun)
        for ask in pending.decision.asks:
            self.counts["asked"] += 1
            if (code := self.code.get((ask.run, ask.attempt))) is not None:
                code.asked = True
                self.note_begin((ask.run, ask.attempt))
        assert len(self.code) <= self.config.concurrency, f"more code at once than places: {self.code}"
        if pending.decision.starts:
            self.check_keys(pending.limits)
            self.world.check_shared()

    def check_timeout(self, stop: Stop) -> None:
        """What has timed out has had its time since its code began."""
        code = self.code.get((stop.run, stop.attempt))
        if stop.why == "timeout" and code is not None:
            assert code.begun is not None, f"{stop} has not begun"
            assert code.task.timeout is not None
            assert code.begun + round(code.task.timeout * SECOND) <= self.steady, f"{stop} is too early"
            self.counts["timeouts"] += 1

    def note_begin(self, key: Key) -> None:
        """Note that code is to be told of which is asked for and has begun."""
        code = self.code[key]
        if code.asked and code.begun is not None:
            self.begun.append(Began(run=key[0], attempt=key[1], at=code.begun))

    def tell_begins(self) -> None:
        """Tell the engine when code began for which it has asked."""
        while self.begun:
            self.decide(self.begun.pop(0))

    def check_keys(self, limits: dict[str, int]) -> None:
        """No key is held by more code than it has room for, but for what an earlier engine started."""
        held: Counter[str] = Counter()
        for code in self.code.values():
            if not code.adopted:
                held.update(self.checks.keys(code.task))
        started = {key for start in self.code.values() for key in self.checks.keys(start.task)}
        for key in started & limits.keys():
            if not self.checks.lowered(key):
                assert held[key] <= limits[key], f"{held[key]} hold {key}: {self.code}"

    # Lost and refused commits, crashes

    def rebuild(self, refused: dict[str, set[int]] | None = None) -> None:
        """Make the engine anew from the rows, and handle again what was not written, one by one."""
        self.counts["rebuilt"] += 1
        again = self.unwritten()
        self.pending.clear()
        # One whose declaration was written is at home here, also if nobody heard that it was.
        told = {s.task.name: replace(s, found=None) for s in again if isinstance(s, Declare)}
        declared = {**self.declared, **told}
        self.declared = {n: d for n, d in declared.items() if self.ledger.home_of(n) == self.life}
        self.begin_engine(refused)
        for code in self.code.values():
            code.adopted = True
        self.decide(*self.as_it_is())
        if self.settled and self.random.random() < 0.5:  # of claims of the engine before
            self.decide(self.settled.pop(0))
        self.commit()
        careful = self.random.random() < 0.5
        for stimulus in again:
            if isinstance(stimulus, Declare) and (stimulus.found is None or self.random.random() < 0.5):
                stimulus = self.declare(stimulus.task)
            self.decide(stimulus, careful=careful)
            self.commit()
        while careful and self.wake is not None and self.wake <= self.now:
            self.decide(careful=True)
            self.commit()

    def unwritten(self) -> list[Stimulus]:
        """Return what is to be handled again; an end that was told of no code may be that of code to come."""
        kept = (HoldWrites, Drain)  # these stand for how things are now, and are told first
        stimuli = [s for pending in self.pending for s in pending.stimuli if not isinstance(s, kept)]
        return [s for s in stimuli if not isinstance(s, Ended) or (s.run, s.attempt) in self.over]

    def as_it_is(self) -> list[Stimulus]:
        """Return what an engine made from the rows is told first."""
        stimuli: list[Stimulus] = [
            self.declare_again(name) for name in self.declared if self.ledger.home_of(name) == self.life
        ]
        stimuli.append(Recover(adopted=self.adopted()))
        if self.held:
            stimuli.insert(0, HoldWrites(held=True))
        if self.draining:
            stimuli.insert(0, Drain())
        return stimuli

    def declare_again(self, name: str) -> Declare:
        """Return the declaration of a task that is at home here, as it is."""
        return replace(self.declared[name], starts=self.ledger.starts(name, 2))

    def declare(self, task: Task) -> Declare:
        """Return the declaration of a task that is to be at home here."""
        parents, home = [parent.task for parent in task.after], self.engine.rows
        found = None
        if parents or task.name not in home:
            found = self.ledger.found(task.name, parents, self.life)
        written = self.pending[0].number - 1 if self.pending else self.engine.decided
        return replace(declaration(task, self.ledger.starts(task.name, 2), found), written=written)

    def declare_other(self, name: str) -> Declare:
        """Return the declaration of a task of that name with other options."""
        return self.declare(draw_task(self.random, name))

    def declare_late(self) -> None:
        """Decide declarations anew that were decided on what is no longer so."""
        late, self.late = self.late, []
        for task in late:
            self.decide(self.declare(task))

    def adopted(self) -> tuple[Adopted, ...]:
        """Return all attempts of this process whose end is not written, also those whose code is over."""
        found = []
        for key in [*self.code, *self.over]:
            stop = self.asked.stops.get(key)
            why, actor = ("", "") if stop is None else (stop.why, stop.actor)
            code = self.code.get(key) or self.over[key]
            found.append(
                Adopted(
                    run=key[0],
                    attempt=key[1],
                    task=code.task,
                    started=code.started,
                    begun=code.begun,
                    why=why,
                    actor=actor,
                )
            )
        return tuple(found)

    def lose(self) -> None:
        """A commit fails: what was written before it stands, its effects perhaps not yet carried out."""
        if self.held:
            return
        self.commit(self.random.randint(0, len(self.pending)), effects=self.random.random() < 0.5)
        if self.pending and self.random.random() < 0.2:  # it was written, but the answer was lost
            pending = self.pending[0]
            with contextlib.suppress(RefusedError, StaleError):
                self.world.write(pending.decision, pending.now, self.life, pending.limits)
                self.world.doubted |= {s.run for s in pending.stimuli if isinstance(s, Submit)}
        self.rebuild()

    def crash(self) -> list[Task]:
        """The process dies, and another one begins; return what it had declared."""
        written = 0 if self.held else self.random.randint(0, len(self.pending))
        self.commit(written, effects=self.random.random() < 0.5)
        self.counts["crashes"] += 1
        self.pending.clear()
        self.code.clear()
        self.over.clear()
        self.late.clear()
        self.settled.clear()
        self.begun.clear()
        self.asked.stops.clear()
        self.held = self.draining = False
        tasks = [declared.task for declared in self.declared.values()]
        self.declared.clear()
        self.world.dead.append(self.config)
        if self.random.random() < 0.2:
            self.offset = self.random.randint(0, 10**9)  # of a machine that was started anew
        if self.random.random() < 0.7:
            self.world.bury()
        self.begin_life()
        self.commit()
        return tasks

    # The engine that is made from the rows

    def same_as_loaded(self) -> None:
        """An engine loaded from the rows is the one in memory, and has nothing to add."""
        if (
            self.pending
            or self.late
            or self.settled
            or self.begun
            or self.told_of_all
            or (self.wake is not None and self.wake <= self.now)
        ):
            return
        if any(by != self.life for by, _ in self.ledger.log[max(self.seen, self.known) :]):
            return  # it has to hear of that first
        if self.ledger.claims.limits != self.engine.limits:
            return
        if self.world.is_set_back() and any(
            row.trigger and row.next is None for row in self.engine.rows.values()
        ):
            return  # declared again, what had no time left has one again, which it has run
        loaded = Engine(self.config, self.ledger.snapshot(self.life))
        decision = loaded.handle_all(self.as_it_is(), self.now, self.steady)
        changes = [change for change in decision.changes if not isinstance(change, CodeRecorded)]
        assert not changes, f"loaded, it changes {changes}"
        same_engine(loaded, self.engine, self.ledger.mixed)
