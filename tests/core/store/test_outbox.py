"""Alerts that wait: bounded, and taken over from processes that have ended."""

from __future__ import annotations

from collections.abc import Callable

from support.lives import die, life_of

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.store.outbox import MOST_AGE, MOST_ALERTS, Alert, keep_alert, waiting_alerts
from schedkit.values.instants import SECOND, wall_now

Make = Callable[..., Scheduler]


def test_what_a_process_leaves_is_taken_by_the_next_one_once(make: Make) -> None:
    first, second, third = make(name="first"), make(name="second"), make(name="third")
    assert first.queries.outbox.keep("CHAT", "title", "body", "failed") == "", "nothing runs"
    assert first.queries.outbox.take("CHAT") == []
    for sched in (first, second, third):
        sched.start()
    id = first.queries.outbox.keep("CHAT", "title", "body", "failed")
    first.queries.outbox.keep("MAIL", "title", "body", "late")
    assert second.queries.outbox.take("CHAT") == [], "who has kept it lives and sends it"
    die(first)
    assert second.queries.outbox.take("CHAT") == [(id, ("title", "body", "failed"))]
    assert third.queries.outbox.take("CHAT") == second.queries.outbox.take("CHAT") == []
    assert third.queries.outbox.take("OTHER") == []
    (told, other) = [str(each) for each in third.why() if each.kind == "outbox"]
    assert told.startswith("1 alert waits for CHAT, which has taken none since ")
    assert other.startswith("1 alert waits for MAIL")
    second.queries.outbox.done(id)
    assert [alert.channel for alert in waiting_alerts(third.queries.ledger.store)] == ["MAIL"]


def test_they_are_bounded_in_number_and_age(make: Make) -> None:
    sched = make()
    sched.start()
    store, life = sched.queries.ledger.store, life_of(sched).lease.life

    def fill(count: int, at: int) -> None:
        with store.connect() as connection, connection.begin():
            for number in range(count):
                keep_alert(
                    connection, life, Alert(channel="C", title=str(number), body="", kind="late", at=at)
                )

    fill(MOST_ALERTS + 3, wall_now())
    assert [alert.title for alert in waiting_alerts(store)][:2] == ["3", "4"]
    assert len(waiting_alerts(store)) == MOST_ALERTS
    fill(1, wall_now() + round(MOST_AGE.total_seconds() + 60) * SECOND)
    assert len(waiting_alerts(store)) <= 1
