"""A trigger that fails costs its own task its further times, and nobody else anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from core.conftest import Recorder
from support.boards import board_now

from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import State
from schedkit.core.triggers.constructors import Trigger, at, calendar, cron, every
from schedkit.core.triggers.data import custom_trigger
from schedkit.errors import TriggerError

Make = Callable[..., Scheduler]
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
FAILS = {"now": False}


@custom_trigger("brittle")
class Brittle:
    """Every tenth of a second, until it fails."""

    def to_data(self) -> dict[str, Any]:
        return {}

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> Any:
        if FAILS["now"]:
            raise ZeroDivisionError("no such day")
        return datetime.fromtimestamp((now.timestamp() * 10 // 1 + 1) / 10, UTC)


@pytest.fixture(autouse=True)
def sound() -> Iterator[None]:
    FAILS["now"] = False
    yield
    FAILS["now"] = False


def test_the_others_go_on_and_it_does_when_it_is_declared_again(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    sched = make(name="tests")
    sched.start()
    recorder = Recorder(sched)

    def declare() -> None:
        sched.task(Brittle(), name="brittle", overlap="allow")(lambda: 1)

    declare()
    sched.task(every("0.1s"), name="sound", overlap="allow")(lambda: 2)
    recorder.wait_for(recorder.of(events.RunEnded, task="brittle"))
    FAILS["now"] = True
    recorder.wait_for(
        lambda event: (
            isinstance(event, events.ScheduleAdvanced) and (event.task, event.next) == ("brittle", None)
        )
    )
    assert "the trigger of task 'brittle' failed; it has no further due times" in caplog.text
    assert "no such day" in caplog.text
    ended = recorder.of(events.RunEnded, task="sound")
    recorder.wait_for(ended, sum(map(ended, list(recorder.events))) + 5)
    with pytest.raises(TriggerError, match="'brittle' failed: ZeroDivisionError: no such day"):
        declare()
    FAILS["now"] = False
    declare()
    again = recorder.of(events.RunEnded, task="brittle")
    recorder.wait_for(again, sum(map(again, list(recorder.events))) + 2)
    sched.stop()
    FAILS["now"] = True
    sched.start()  # it has no time now, and keeps nobody from running
    recorder.wait_for(ended, sum(map(ended, list(recorder.events))) + 3)
    assert sched.submit("brittle").wait("60s").state is State.DONE


@pytest.mark.parametrize(
    "make_trigger",
    [
        lambda: at("9999-12-31 23:59", tz="America/New_York"),
        lambda: cron("0 7 * * *", end=datetime.max, tz="America/New_York"),
        lambda: every("1h", start=datetime.min, tz="Asia/Tokyo"),
        lambda: every("1h", start=datetime.min, end="2026-12-31", tz="Asia/Tokyo"),
        lambda: calendar(days=1, start=datetime.min, tz="Asia/Tokyo"),
    ],
)
def test_what_lies_outside_the_calendar_is_refused_and_leaves_nothing(
    make: Make, make_trigger: Callable[[], Trigger]
) -> None:
    sched = make(name="tests")
    sched.start()
    recorder = Recorder(sched)
    sched.task(every("1h"), name="sound")(lambda: 1)
    recorder.wait_for(recorder.of(events.TaskChanged, task="sound", change="declared"))  # it is in the ledger
    with pytest.raises(TriggerError, match=r"outside the supported range \(use the years 1 to 9999\)"):
        sched.task(make_trigger(), name="never")(lambda: 1)
    with pytest.raises(TriggerError, match="outside the supported range"):
        sched.reschedule("sound", make_trigger())
    assert list(sched.tasks) == ["sound"]
    shown = board_now(sched)["tasks"]
    assert [(row["name"], row["trigger"]) for row in shown] == [("sound", "every 1h")]
    sched.stop()
    sched.start()
    assert sched.submit("sound").result("60s") == 1


@pytest.mark.parametrize("trigger", [calendar(years=8000, tz="UTC"), calendar(days=10**9, tz="UTC")], ids=str)
def test_beyond_the_last_year_there_is_no_time(trigger: Trigger) -> None:
    assert trigger.next(datetime(2500, 1, 1, tzinfo=UTC)) is None
    last = every("1h", start="9999-12-31 23:30", tz="UTC").bind(NOON)
    assert last.first(NOON) == datetime(9999, 12, 31, 23, 30, tzinfo=UTC)
    assert last.next(datetime(9999, 12, 31, 23, 30, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("soon", "returned 'soon', not a datetime"),
        (NOON.replace(tzinfo=None), "without a time zone"),
    ],
)
def test_a_custom_trigger_that_gives_no_time_is_refused(sched: Scheduler, given: Any, words: str) -> None:
    @custom_trigger("odd")
    class Odd:
        def to_data(self) -> dict[str, Any]:
            return {}

        def get_next_fire_time(self, previous: datetime | None, now: datetime) -> Any:
            return given

    with pytest.raises(TriggerError, match=words):
        sched.task(Odd(), name="odd")(lambda: 1)
    assert not sched.tasks
