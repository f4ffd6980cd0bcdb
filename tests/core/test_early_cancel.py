"""A run that is cancelled between its claim and its first step ends like any other."""

from __future__ import annotations

import threading
from collections.abc import Callable

from core.conftest import Recorder
from support.lives import life_of

from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import State


def test_a_coroutine_cancelled_before_its_first_step_gives_its_place_back(
    make: Callable[..., Scheduler],
) -> None:
    sched = make(concurrency=2, cancel_grace="0.1s")
    sched.start()
    recorder = Recorder(sched)
    entered, release = threading.Event(), threading.Event()

    @sched.task(name="blocks")
    async def blocks() -> None:
        entered.set()
        release.wait(60)  # the users' loop stands still: nothing that is started now takes its first step

    @sched.task(name="waits")
    async def waits() -> None: ...

    blocking = sched.submit("blocks")
    assert entered.wait(60)
    run = sched.submit("waits")
    recorder.wait_for(recorder.of(events.RunStarted, run=run.id))
    run.cancel()
    release.set()
    blocking.wait("60s")
    assert run.wait("60s").state is State.CANCELLED
    together = threading.Barrier(2)
    sched.task(name="both", overlap="allow")(lambda: together.wait(60))
    for both in sched.submit_many("both", [{}, {}]):
        both.result("60s")  # two places, as before
    life = life_of(sched)
    assert not life.executions
