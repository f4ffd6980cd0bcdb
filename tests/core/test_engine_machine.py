"""Whole schedulers on a real SQLite file under generated traffic: crashes, failing writes, tasks that move.

Whatever people, other processes and faults do, in whatever order: at the end every due time has exactly one
outcome, every effect has its attempt, and nothing is stuck.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from crash.judge import judge
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from support.faulty import answers_lost, commits_failing, failing
from support.lives import die

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Retry
from schedkit.core.states import State
from schedkit.core.tasks.origin import declared_in
from schedkit.core.triggers.constructors import every
from schedkit.errors import RetryableError, SchedkitError

NAMES = ("a", "b", "c", "child")
KINDS = ("quick", "slow", "flaky", "fails", "waits", "refuses")
STATEMENTS = (
    "INSERT INTO schedkit_runs",
    "UPDATE schedkit_runs",
    "UPDATE schedkit_tasks SET next_at",
    "INSERT INTO schedkit_attempts",
    "INSERT INTO schedkit_fires",
    "INSERT INTO schedkit_events",
)
# Of all processes: what it declares anew moves from the process that runs it as it was.
FILE = "/cells.py"
names = st.sampled_from(NAMES)
periods = st.sampled_from([0.02, 0.05, 0.11, 0.2])
options = st.fixed_dictionaries(
    {
        "coalesce": st.booleans(),
        "overlap": st.sampled_from(["skip", "queue", "cancel", "allow"]),
        "max_instances": st.integers(1, 3),
        "misfire_grace": st.sampled_from([None, 0.05, 10]),
        "catch_up": st.integers(1, 5),
        "priority": st.sampled_from(["low", "medium", "high"]),
        "rate": st.sampled_from([None, None, "5/1s"]),
    }
)


class EngineMachine(RuleBasedStateMachine):
    """The world around one ledger: the process that runs cells, another, the dead, and what tasks did."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="schedkit-machine-"))
        self.where = str(self.folder / "ledger.db")
        self.journal = os.open(self.folder / "journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.declared: dict[str, Callable[[Scheduler], object]] = {}
        self.handed_in: list[str] = []
        self.dead: list[Scheduler] = []
        self.generation = 0
        self.other: Scheduler | None = None
        self.begin()

    # The world

    def made(self, name: str) -> Scheduler:
        return Scheduler(
            self.where,
            name=name,
            concurrency=3,
            interruptions=1000,
            results=self.folder / "results",
            cancel_grace="0.3s",
        )

    def begin(self) -> None:
        """Start a process: its cells run in the order in which they were written, before or after start."""
        self.generation += 1
        self.sched = self.made(f"process {self.generation}")
        if self.generation % 2:
            self.run_cells()
        self.sched.start()
        assert self.sched.state == "running"
        if not self.generation % 2:
            self.run_cells()

    def run_cells(self) -> None:
        for cell in list(self.declared.values()):
            cell(self.sched)

    def function(self, kind: str) -> Callable[..., Any]:
        journal = self.journal

        def note(run: Any) -> None:
            os.write(journal, f"effect {run.task} {run.id} {run.attempt}\n".encode())

        def work(run: Any) -> str:
            note(run)
            if kind == "slow":
                time.sleep(0.03)
                run.log("half way")
            if kind == "flaky" and run.attempt % 2:
                raise RetryableError("again")
            if kind == "fails":
                raise ValueError("no")
            return "kept"

        async def waits(run: Any) -> None:
            note(run)
            await asyncio.sleep(0.02)

        return waits if kind == "waits" else work

    def attempt(self, call: Callable[[], Any]) -> Any:
        """Do what may be refused: a stranger's name, a parent that others come after."""
        try:
            return call()
        except SchedkitError:
            return None

    # What people do

    @rule(name=names, kind=st.sampled_from(KINDS), period=st.none() | periods, more=options)
    def a_cell_declares(self, name: str, kind: str, period: float | None, more: dict[str, Any]) -> None:
        trigger = None if period is None else every(timedelta(seconds=period))
        function = self.function(kind)
        parents = ("a", "b") if name == "child" else ()

        def cell(sched: Scheduler) -> object:
            after = [parent for parent in parents if parent in sched.tasks]
            retry = Retry(attempts=3, delay=0.01, max_delay=0.02)
            with declared_in("/cells.py"):  # edited, it moves from another process that declares it
                return sched.task(trigger, name=name, retry=retry, after=after, timeout="5s", **more)(
                    function
                )

        self.declared.pop(name, None)
        self.declared[name] = cell
        cell(self.sched)

    @rule(name=names, count=st.integers(1, 4))
    def somebody_submits(self, name: str, count: int) -> None:
        runs = self.attempt(lambda: self.sched.submit_many(name, [{}] * count))
        self.handed_in += [run.id for run in runs or ()]

    @precondition(lambda self: self.handed_in)
    @rule(data=st.data())
    def somebody_cancels(self, data: st.DataObject) -> None:
        self.sched.cancel(data.draw(st.sampled_from(self.handed_in[-10:])))

    @rule(name=st.none() | names, word=st.sampled_from(["pause", "resume", "resume"]))
    def somebody_pauses_or_resumes(self, name: str | None, word: str) -> None:
        self.attempt(lambda: getattr(self.sched, word)(name))

    @rule(name=names, period=st.none() | periods)
    def somebody_reschedules(self, name: str, period: float | None) -> None:
        trigger = None if period is None else every(timedelta(seconds=period))
        self.attempt(lambda: self.sched.reschedule(name, trigger))

    @rule(name=names)
    def somebody_removes(self, name: str) -> None:
        if self.attempt(lambda: self.sched.remove(name) or True):
            self.declared.pop(name, None)

    @rule(name=names)
    def somebody_backfills(self, name: str) -> None:
        now = datetime.now(UTC)
        self.attempt(lambda: self.sched.backfill(name, now - timedelta(seconds=0.5), now))

    # What happens

    @rule(seconds=st.sampled_from([0.01, 0.05, 0.15]))
    def time_passes(self, seconds: float) -> None:
        threading.Event().wait(seconds)  # due times come and go: time itself is the event

    @rule(statement=st.sampled_from(STATEMENTS), times=st.integers(1, 3))
    def writes_fail(self, statement: str, times: int) -> None:
        with failing(self.sched, statement, times):
            self.somebody_submits("a", 2)
            self.time_passes(0.05)

    @rule(times=st.integers(1, 3))
    def answers_are_lost(self, times: int) -> None:
        with answers_lost(self.sched, times):
            self.somebody_submits("b", 2)
            self.time_passes(0.05)

    @rule(times=st.integers(1, 3))
    def commits_fail(self, times: int) -> None:
        with commits_failing(self.sched, times):
            self.somebody_submits("b", 2)
            self.time_passes(0.05)

    @rule(patience=st.sampled_from(["0s", "0.2s"]))
    def it_stops_and_starts(self, patience: str) -> None:
        self.sched.stop(patience)
        self.sched.queries.ledger.store.close()
        self.begin()

    @rule()
    def it_dies(self) -> None:
        """The next process comes as after kill -9; what the dead one still does is not written."""
        self.dead.append(self.sched)
        die(self.sched)
        self.begin()

    # What another process does

    @rule(name=names, word=st.sampled_from(["submit", "pause", "resume", "backfill"]))
    def another_process_asks(self, name: str, word: str) -> None:
        if self.other is None:
            self.other = self.made(f"another {self.generation}")
            self.other.start()
        other, now = self.other, datetime.now(UTC)
        window = (now - timedelta(seconds=0.3), now) if word == "backfill" else ()
        self.attempt(lambda: getattr(other, word)(name, *window))

    @precondition(lambda self: self.other is not None)
    @rule()
    def another_process_runs_the_cells(self) -> None:
        """Its file is the same: all tasks are at home there from now on, and what runs here ends here."""
        other = self.other
        assert other is not None
        self.sched, self.other = other, self.sched
        self.run_cells()

    # The end

    def teardown(self) -> None:
        try:
            self.settle()
            self.judge()
        finally:
            for sched in (self.sched, self.other, *self.dead):
                if sched is not None:
                    sched.stop("0s")
                    sched.queries.ledger.store.close()
            os.close(self.journal)
            shutil.rmtree(self.folder, ignore_errors=True)

    def settle(self) -> None:
        self.run_cells()
        for name in self.sched.tasks:
            # What was removed here, and another process declares still: its runs wait for its code.
            if name not in self.declared:
                with declared_in(FILE):
                    self.sched.task(name=name)(self.function("quick"))
        self.sched.pause()
        if self.other is not None:  # it would hear of that within a second, and queue runs until then
            self.other.pause()
        give_up = time.monotonic() + 60
        while live := [run for run in self.sched.queries.ledger.live() if run.state is not State.PENDING]:
            assert time.monotonic() < give_up, f"stuck: {live}"
            threading.Event().wait(0.01)
        self.sched.stop("1s")
        if self.other is not None:
            self.other.stop("1s")

    def judge(self) -> None:
        judge(self.where, self.folder / "journal")
        ledger = self.sched.queries.ledger
        twice = Counter(
            (run.task, run.scheduled_at) for run in ledger.runs(limit=100_000) if run.scheduled_at is not None
        )
        assert not twice or max(twice.values()) == 1
        known = {run.id for run in ledger.runs(limit=100_000)}
        assert set(self.handed_in) <= known, "a run that was promised is gone"


# What fails depends on the moment too: shrinking would chase a ghost.
ALL_BUT_SHRINKING = tuple(phase for phase in Phase if phase is not Phase.shrink)


class TestEngine(EngineMachine.TestCase):
    settings = settings(max_examples=8, stateful_step_count=20, phases=ALL_BUT_SHRINKING)


@pytest.mark.thorough
class TestEngineAtLength(EngineMachine.TestCase):
    settings = settings(max_examples=1000, stateful_step_count=40, phases=ALL_BUT_SHRINKING)
