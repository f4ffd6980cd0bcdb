"""What several decisions write together: each row once, as the last of them leaves it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.ledger_writer import NOW, a_run, begun, decided

from schedkit.core.engine.values import (
    DetailsTold,
    RunChanged,
    SettingPut,
    TaskAdvanced,
    TaskDropped,
    TaskPut,
)
from schedkit.core.model import TaskRow
from schedkit.core.states import State
from schedkit.core.store.groups import rows_of
from schedkit.core.store.refusals import StaleError
from schedkit.core.store.rows import run_values, step_values, task_values

ROW = TaskRow(name="t", trigger="{}", anchored=NOW, next=NOW, declared=NOW)


def test_a_run_that_moves_several_times_is_one_row() -> None:
    queued = a_run()
    running = replace(queued, state=State.RUNNING, attempt=1, started=NOW)
    done = replace(running, state=State.DONE, finished=NOW + 1)
    new = rows_of([decided(begun(queued)), decided(RunChanged(queued, running), RunChanged(running, done))])
    assert new == {"new_runs": [run_values(done)]}
    step = rows_of([decided(RunChanged(queued, running)), decided(RunChanged(running, done))])
    assert step == {"runs": [step_values(queued, done)]}


def test_of_details_and_settings_the_last_ones_count() -> None:
    rows = rows_of(
        [
            decided(DetailsTold("r", {"log": ["one"]}), SettingPut("paused", "1")),
            decided(DetailsTold("r", {"log": ["two"], "facts": {"n": 1}}), SettingPut("paused", "\x000")),
        ]
    )
    assert rows == {
        "details": [("r", "[]", '["two"]', '{"n":1}', "[]", "0")],
        "settings": [("paused", "\ufffd0")],
    }


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ([TaskAdvanced("t", 1, 2), TaskAdvanced("t", 2, 3)], {"advances": [(3, "t", 1)]}),
        (
            [TaskAdvanced("t", NOW, 2), TaskPut(ROW)],
            {"advances": [(2, "t", NOW)], "tasks": [task_values(ROW)]},
        ),
        (
            [TaskPut(ROW), TaskAdvanced("t", NOW, None)],
            {"tasks": [task_values(replace(ROW, next=None))]},
        ),
        (
            [TaskAdvanced("t", 1, NOW), TaskPut(ROW), TaskAdvanced("t", NOW, NOW + 1)],
            {"advances": [(NOW, "t", 1)], "tasks": [task_values(replace(ROW, next=NOW + 1))]},
        ),
        ([TaskPut(ROW), TaskDropped("t")], {"dropped_tasks": [("t",)]}),
        ([TaskDropped("t"), TaskPut(ROW)], {"tasks": [task_values(ROW)]}),
        (
            [TaskAdvanced("t", 1, 2), TaskDropped("t")],
            {"advances": [(2, "t", 1)], "dropped_tasks": [("t",)]},
        ),
    ],
)
def test_a_task_moves_on_and_is_put_or_dropped_in_any_order(changes: list, rows: dict) -> None:  # type: ignore[type-arg]
    assert rows_of([decided(*changes)]) == rows
    assert rows_of([decided(change) for change in changes]) == rows


@pytest.mark.parametrize(
    "changes",
    [
        [TaskAdvanced("t", 1, 2), TaskAdvanced("t", 1, 3)],
        [TaskPut(ROW), TaskAdvanced("t", NOW + 1, None)],
        [TaskDropped("t"), TaskAdvanced("t", NOW, None)],
    ],
)
def test_a_schedule_that_is_not_where_it_was_is_stale(changes: list) -> None:  # type: ignore[type-arg]
    with pytest.raises(StaleError, match="the schedule of task 't' is no longer as it was"):
        rows_of([decided(*changes)])


def test_a_run_that_is_not_as_it_was_is_stale() -> None:
    queued = a_run()
    running = replace(queued, state=State.RUNNING, attempt=1)
    for second in (begun(queued), RunChanged(queued, running)):
        with pytest.raises(StaleError, match=f"run {queued.id} is no longer as it was"):
            rows_of([decided(begun(queued), RunChanged(queued, running)), decided(second)])


def test_a_decision_that_only_tells_writes_nothing() -> None:
    assert rows_of([decided()]) == {}
