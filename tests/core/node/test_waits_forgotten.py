"""Runs that wait for parents while their task is declared again or removed."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from core.conftest import Recorder
from support.lives import life_of

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import RunEnded, RunQueued
from schedkit.core.states import State
from schedkit.core.store import schema
from schedkit.core.triggers.constructors import cron

Make = Callable[..., Scheduler]
YEARLY = cron("0 0 1 1 *", tz="UTC")


def declare(sched: Scheduler, *names: str) -> None:
    for name in names:
        sched.task(name=name)(lambda: 1)


def wait_of(sched: Scheduler, child: str) -> list[str]:
    """Return the parents whose runs are still awaited, as the ledger has it."""
    life = life_of(sched)
    query = sa.select(schema.waits.c.parent).where(
        schema.waits.c.child == child, schema.waits.c.ended.is_(None)
    )
    return life.writer.call(lambda connection: list(connection.scalars(query))).result(60)


def only_run(sched: Scheduler, task: str) -> State:
    (run,) = sched.runs(task)
    return sched.run(run.id).wait("60s").state


def pend(sched: Scheduler, recorder: Recorder, child: str, after: list[str], done: str) -> None:
    """Declare a child and let all but the parents that are `done` still be awaited."""
    sched.task(name=child, after=after)(lambda: 1)
    sched.submit(done).wait("60s")
    recorder.wait_for(recorder.of(RunQueued, task=child, state=State.PENDING))


def test_a_removed_task_takes_no_runs_of_its_parents_from_one_declared_after_it(
    sched: Scheduler, recorder: Recorder
) -> None:
    declare(sched, "p", "q")
    pend(sched, recorder, "child", ["p", "q"], done="p")
    sched.remove("child")
    recorder.wait_for(recorder.of(RunEnded, task="child", state=State.CANCELLED))
    assert wait_of(sched, "child") == []
    pend(sched, recorder, "child", ["p", "q"], done="p")
    sched.submit("q").wait("60s")
    recorder.wait_for(recorder.of(RunEnded, task="child", state=State.DONE))


def test_a_removed_task_is_forgotten_after_a_restart_too(make: Make) -> None:
    first = make()
    first.start()
    declare(first, "p", "q")
    pend(first, Recorder(first), "child", ["p", "q"], done="p")
    first.remove("child")
    first.stop("1s")
    sched = make()
    sched.start()
    declare(sched, "p", "q")
    recorder = Recorder(sched)
    pend(sched, recorder, "child", ["p", "q"], done="p")
    sched.submit("q").wait("60s")
    recorder.wait_for(recorder.of(RunEnded, task="child", state=State.DONE))


def test_runs_go_on_that_waited_only_for_a_parent_no_longer_named(
    sched: Scheduler, recorder: Recorder
) -> None:
    declare(sched, "p", "q")
    pend(sched, recorder, "child", ["p", "q"], done="p")
    sched.task(name="child", after="p")(lambda: 1)
    assert only_run(sched, "child") is State.DONE
    assert wait_of(sched, "child") == []
    sched.remove("q")


def test_runs_go_on_waiting_for_the_parents_that_stay(sched: Scheduler, recorder: Recorder) -> None:
    declare(sched, "p", "q", "r")
    pend(sched, recorder, "child", ["p", "q", "r"], done="p")
    sched.task(name="child", after=["p", "r"])(lambda: 1)
    (run,) = sched.runs("child")
    assert (run.state, run.waiting_for) == (State.PENDING, ("p", "r"))
    recorder.wait_for(recorder.of(RunQueued, task="child", state=State.PENDING, waiting_for=("p", "r")))
    assert wait_of(sched, "child") == ["r"]
    sched.submit("r").wait("60s")
    assert only_run(sched, "child") is State.DONE


def test_runs_go_on_whose_parent_is_no_longer_named_after_a_restart(make: Make) -> None:
    first = make()
    first.start()
    declare(first, "p", "q")
    pend(first, Recorder(first), "child", ["p", "q"], done="p")
    first.stop("1s")
    sched = make()
    declare(sched, "p")
    sched.task(name="child", after="p")(lambda: 1)
    sched.start()
    assert only_run(sched, "child") is State.DONE


def test_runs_go_on_whose_task_no_longer_follows_its_parents(sched: Scheduler, recorder: Recorder) -> None:
    declare(sched, "p", "q")
    pend(sched, recorder, "child", ["p", "q"], done="p")
    sched.task(YEARLY, name="child", after=["p", "q"])(lambda: 1)
    assert only_run(sched, "child") is State.DONE


def test_a_run_that_was_skipped_waits_for_no_partner_that_is_no_longer_named(
    sched: Scheduler, recorder: Recorder
) -> None:
    declare(sched, "q")
    fails = [True]

    def p() -> None:
        if fails:
            raise ValueError(fails.pop())

    sched.task(name="p")(p)
    pend(sched, recorder, "child", ["p", "q"], done="p")
    recorder.wait_for(recorder.of(RunEnded, task="child", state=State.SKIPPED))
    sched.task(name="child", after="p")(lambda: 1)
    assert wait_of(sched, "child") == []
    pend(sched, recorder, "child", ["p", "q"], done="p")
    sched.submit("q").wait("60s")
    recorder.wait_for(recorder.of(RunEnded, task="child", state=State.DONE))
