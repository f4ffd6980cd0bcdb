"""What several decisions write together: each row once, as the last of them leaves it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from msgspec.structs import replace
from support.ledger_writer import HOME, NOW, a_run, a_task, begun, decided, put

from schedkit.core.engine.changes import (
    AttemptRecorded,
    AttemptStarted,
    CodeRecorded,
    DetailsRecorded,
    HomeExpected,
    ParentsFollowed,
    RunChanged,
    SettingPut,
    TaskAdvanced,
    TaskDropped,
    TaskUntouched,
)
from schedkit.core.model import TaskRow
from schedkit.core.run import Attempt, Run
from schedkit.core.states import Outcome, State
from schedkit.core.store.groups import rows_of
from schedkit.core.store.refusals import StaleError
from schedkit.core.store.rows import run_values, step_values, task_values

ROW = a_task()
MOVED = a_task(home="another")


def advanced(was: int, to: int | None) -> TaskAdvanced:
    return TaskAdvanced("t", was, to, HOME)


def dropped() -> TaskDropped:
    return TaskDropped("t", HOME)


def put_values(row: TaskRow, home: str = HOME) -> tuple[object, ...]:
    return (*task_values(row), "t", home)


def test_a_run_that_moves_several_times_is_one_row() -> None:
    queued = a_run()
    running = replace(queued, state=State.RUNNING, attempt=1, started=NOW)
    done = replace(running, state=State.DONE, finished=NOW + 1)
    new = rows_of([decided(begun(queued)), decided(RunChanged(queued, running), RunChanged(running, done))])
    assert new == {"new_runs": [run_values(done)]}
    step = rows_of([decided(RunChanged(queued, running)), decided(RunChanged(running, done))])
    assert step == {"runs": [step_values(queued, done)]}


def test_a_run_that_is_to_run_again_is_written_if_nobody_has_asked_it_to_stop() -> None:
    running = a_run(state=State.RUNNING, attempt=1, started=NOW)
    stopping = replace(running, reason="cancelled by you")
    queued = replace(running, state=State.RETRY, started=None)
    again = replace(queued, state=State.RUNNING, attempt=2, started=NOW + 1)
    failed = replace(again, state=State.FAILED, finished=NOW + 2)

    def written(*runs: Run) -> dict:
        return rows_of([decided(*(RunChanged(*step) for step in pairwise((running, *runs))))])

    assert written(stopping) == {"runs": [step_values(running, stopping)]}
    assert written(queued) == {"requeued_runs": [step_values(running, queued)]}
    assert written(queued, again) == {"requeued_runs": [step_values(running, again)]}
    assert written(queued, again, failed) == {"runs": [step_values(running, failed)]}


def test_of_details_and_settings_the_last_ones_count() -> None:
    rows = rows_of(
        [
            decided(DetailsRecorded("r", {"log": ["one"]}), SettingPut("paused", "1")),
            decided(DetailsRecorded("r", {"log": ["two"], "facts": {"n": 1}}), SettingPut("paused", "\x000")),
        ]
    )
    assert rows == {
        "details": [("r", "[]", '["two"]', '{"n":1}', "[]", "0")],
        "settings": [("paused", "\ufffd0")],
    }


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ([advanced(1, 2), advanced(2, 3)], {"advances": [(3, "t", 1, HOME)]}),
        (
            [advanced(NOW, 2), put(ROW, HOME)],
            {"advances": [(2, "t", NOW, HOME)], "tasks": [put_values(ROW)]},
        ),
        ([put(ROW), advanced(NOW, None)], {"new_tasks": [task_values(replace(ROW, next=None))]}),
        (
            [put(ROW, "before"), advanced(NOW, None)],
            {"tasks": [put_values(replace(ROW, next=None), "before")]},
        ),
        (
            [advanced(1, NOW), put(ROW, HOME), advanced(NOW, NOW + 1)],
            {"advances": [(NOW, "t", 1, HOME)], "tasks": [put_values(replace(ROW, next=NOW + 1))]},
        ),
        ([put(ROW, "before"), put(MOVED, HOME)], {"tasks": [put_values(MOVED, "before")]}),
        ([put(ROW, HOME), dropped()], {"dropped_tasks": [("t", HOME)]}),
        ([put(ROW, "before"), dropped()], {"dropped_tasks": [("t", "before")]}),
        ([dropped(), put(ROW)], {"tasks": [put_values(ROW)]}),
        ([put(ROW), dropped()], {}),
        (
            [advanced(1, 2), dropped()],
            {"advances": [(2, "t", 1, HOME)], "dropped_tasks": [("t", HOME)]},
        ),
        ([HomeExpected("t", HOME), HomeExpected("t", HOME)], {"expected_homes": [("t", HOME)]}),
        ([put(ROW, "before"), HomeExpected("t", HOME)], {"tasks": [put_values(ROW, "before")]}),
        (
            [ParentsFollowed("t", 4, HOME), ParentsFollowed("t", 5, HOME)],
            {"followed_parents": [(5, "t", HOME)]},
        ),
        (
            [put(ROW, HOME), ParentsFollowed("t", 5, HOME)],
            {"tasks": [put_values(replace(ROW, followed_seq=5))]},
        ),
        (
            [ParentsFollowed("t", 5, HOME), put(replace(ROW, followed_seq=5), HOME)],
            {"tasks": [put_values(replace(ROW, followed_seq=5))]},
        ),
        ([TaskUntouched("t", 7)], {"untouched_tasks": [("t", 7)]}),
        ([CodeRecorded("t", "its code", 3)], {"codes": [("t", "its code", 3)]}),
    ],
)
def test_a_task_moves_on_and_is_put_or_dropped_in_any_order(changes: list, rows: dict) -> None:
    assert rows_of([decided(*changes)]) == rows
    assert rows_of([decided(change) for change in changes]) == rows


@pytest.mark.parametrize(
    "changes",
    [
        [advanced(1, 2), advanced(1, 3)],
        [put(ROW), advanced(NOW + 1, None)],
        [dropped(), advanced(NOW, None)],
    ],
)
def test_a_schedule_that_is_not_where_it_was_is_stale(changes: list) -> None:
    with pytest.raises(StaleError, match="the schedule of task 't' has changed since it was read"):
        rows_of([decided(*changes)])


def test_a_run_that_is_not_as_it_was_is_stale() -> None:
    queued = a_run()
    running = replace(queued, state=State.RUNNING, attempt=1)
    for second in (begun(queued), RunChanged(queued, running)):
        with pytest.raises(StaleError, match=f"run {queued.id} has changed since it was read"):
            rows_of([decided(begun(queued), RunChanged(queued, running)), decided(second)])


def test_an_attempt_that_begins_and_ends_is_one_row() -> None:
    began = decided(AttemptStarted("r", 2, NOW))
    end = Attempt(number=2, started=NOW, finished=NOW + 1, outcome=Outcome.DONE, life="any")
    ended = decided(AttemptRecorded("r", end))
    assert rows_of([began]) == {"new_attempts": [("r", 2, NOW, None, None, None, None)]}
    assert rows_of([ended]) == {"attempts": [(NOW + 1, "done", None, None, "r", 2)]}
    assert rows_of([began, ended]) == {"new_attempts": [("r", 2, NOW, NOW + 1, "done", None, None)]}


def test_a_decision_that_only_tells_writes_nothing() -> None:
    assert rows_of([decided()]) == {}
