"""The definition of a task's options is the only one: everything else is derived from it or equal to it."""

from __future__ import annotations

import dataclasses
import threading
from typing import Annotated, Any, get_type_hints

import pytest
from support.boards import board_now

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import TaskChanged
from schedkit.core.model import Hooks, Task
from schedkit.core.tasks.base import BaseTask
from schedkit.core.tasks.declare import declare, declare_data
from schedkit.core.tasks.options import HOOKS, TASK_OPTIONS, TaskOptions, option_values, shown_options
from schedkit.values.options import Option, Options
from schedkit.values.parsers import text

LINK = "https://wiki.example.org/runbook"


def work() -> None: ...


def test_the_attributes_of_a_class_are_the_options() -> None:
    attributes = get_type_hints(BaseTask)
    del attributes["schedule"]
    # One that is missing works, but type checkers do not know its type.
    assert attributes == {name: TASK_OPTIONS[name].type for name in attributes}
    assert set(attributes) >= {"retry", "timeout", "link"}


def test_every_field_of_a_task_is_an_option_or_derived() -> None:
    own = {field.name for field in dataclasses.fields(Task)}
    derived = {"function", "trigger", "hooks", "details", "left_open", "requested"}
    assert own - derived <= set(TASK_OPTIONS)
    assert set(HOOKS) == {field.name for field in dataclasses.fields(Hooks)} <= set(TASK_OPTIONS)
    plain = declare(work)
    for name in own - derived - {"name", "description"}:
        assert getattr(plain, name) == TASK_OPTIONS.defaults[name] == getattr(Task(name="t"), name), name


def test_what_was_read_is_read_again_as_the_same() -> None:
    made = declare(work, retry=3, timeout="5m", rate="5/min", after="p", tags="x", link=LINK, jitter="1s")
    values = option_values(made)
    assert declare_data(work, None, values) == dataclasses.replace(made, left_open=frozenset())


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, {}),
        ({"timeout": "90s"}, {"timeout": "1m 30s"}),
        (
            {"timeout": None, "retry": 3, "overlap": "queue"},
            {"timeout": "none", "retry": "3 tries", "overlap": "queue"},
        ),
        ({"misfire_grace": "5m", "coalesce": False}, {"misfire_grace": "5m", "coalesce": "no"}),
        ({"link": LINK}, {"link": LINK}),
    ],
)
def test_a_screen_lists_what_differs_from_the_default(options: dict[str, Any], shown: dict[str, str]) -> None:
    assert shown_options(declare_data(work, None, options)) == shown


def test_a_new_option_is_one_entry(sched: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    class More(TaskOptions, total=False):
        team: Annotated[str, Option(parse=text, default="", words="Who cares for it.", show=str)]

    for module in ("options", "declare"):
        monkeypatch.setattr(f"schedkit.core.tasks.{module}.TASK_OPTIONS", Options.of(More))
    sched.add(declare_data(work, None, {"team": "platform", "link": LINK}))
    (row,) = board_now(sched)["tasks"]
    assert row["options"] == {"link": LINK, "team": "platform"}
    assert sched.tasks["work"].task.details == {"link": LINK, "team": "platform"}


def test_the_board_shows_an_option_to_whoever_only_looks(sched: Scheduler) -> None:
    sched.task(name="bugs", link=LINK, timeout="5m")(work)
    expected = {"link": LINK, "timeout": "5m"}
    assert board_now(sched)["tasks"][0]["options"] == expected
    with Scheduler(sched.process.address).viewing() as looking:
        assert board_now(looking)["tasks"][0]["options"] == expected
    changed = threading.Event()
    sched.subscribe(lambda event: changed.set() if isinstance(event, TaskChanged) else None)
    sched.task(name="bugs", link=f"{LINK}2")(work)
    assert changed.wait(60)
    assert board_now(sched)["tasks"][0]["options"] == {"link": f"{LINK}2"}
