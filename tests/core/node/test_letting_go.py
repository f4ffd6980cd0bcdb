"""A scheduler that was stopped and dropped leaves nothing behind; a second stop may be in a hurry."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

from core.conftest import Recorder
from support.lives import life_of, node_of

from schedkit import context
from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import State
from schedkit.loop import service

Make = Callable[..., Scheduler]


def test_a_life_goes_with_its_scheduler_though_deadlines_were_an_hour_away(tmp_path: Path) -> None:
    sched = Scheduler(tmp_path / "ledger.db")
    received: list[events.Event] = []
    sched.subscribe(received.append)
    sched.start()
    sched.task(name="one", timeout="1h")(lambda: 1)
    assert sched.submit("one").result("60s") == 1
    sched.stop()
    left = weakref.ref(node_of(sched).life or node_of(sched)), weakref.ref(sched.queries.ledger.store)
    thread = node_of(sched).bus._thread
    assert thread is not None
    del sched
    for _ in range(2):  # the loop's last callback holds it until its next turn
        service().call(_turn)
        gc.collect()
    assert [ref() for ref in left] == [None, None]
    thread.join(60)
    assert not thread.is_alive()


async def _turn() -> None: ...


def test_who_is_in_a_hurry_before_a_stop_begins_to_wait_is_heard(make: Make) -> None:
    sched = make(name="tests")
    sched.start()
    entered, over = threading.Event(), threading.Event()

    @sched.task(name="long")
    def long() -> None:
        entered.set()
        over.wait()

    run = sched.submit("long")
    assert entered.wait(60)

    async def hurry() -> None:
        life_of(sched).hurry(0.0)

    service().call(hurry)
    sched.stop("1h")
    over.set()
    assert run.state is State.QUEUED


def test_the_shorter_deadline_of_two_stops_counts(make: Make) -> None:
    sched = make(name="tests")
    sched.start()
    recorder, entered = Recorder(sched), threading.Event()

    @sched.task(name="long")
    def long() -> None:
        entered.set()
        while True:
            context.checkpoint()
            threading.Event().wait(0.01)

    run = sched.submit("long")
    assert entered.wait(60)
    patient = threading.Thread(target=sched.stop, args=("1h",))
    patient.start()
    life = life_of(sched)
    while not life.stopping:
        service().call(_turn)
    sched.stop("0s")
    patient.join(60)
    assert not patient.is_alive()
    assert sched.state == "stopped"
    recorder.wait_for(recorder.of(events.RunRetrying, run=run.id))
    assert run.state is State.QUEUED, "interrupted, and offered again at the next start"
