"""A scheduler's job defaults hold for every spelling of a task that does not say itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Task
from schedkit.core.tasks.base import BaseTask
from schedkit.core.tasks.block import yaml_tasks
from schedkit.core.tasks.declare import declare, replaced, task
from schedkit.core.tasks.defaults import fill, parse_job_defaults
from schedkit.errors import DeclarationError, SettingsError

DEFAULTS = {"coalesce": False, "max_instances": 3, "misfire_grace_time": 30}


@pytest.fixture
def where(tmp_path: Path) -> str:
    """Nothing here depends on the database."""
    return str(tmp_path / "ledger.db")


def run() -> None: ...


class Sync(BaseTask):
    """Does nothing."""

    def execute(self) -> None: ...


def by_decorator(sched: Scheduler, **own: Any) -> Task:
    return sched.task(name="one", **own)(run).task


def by_job(sched: Scheduler, **own: Any) -> Task:
    if "misfire_grace" in own:
        own["misfire_grace_time"] = own.pop("misfire_grace")
    job = sched.add_job(run, "interval", hours=1, id="one", **own)
    return sched.tasks[job.id].task


def by_mark(sched: Scheduler, **own: Any) -> Task:
    return sched.add(task(None, name="one", **own)(lambda: 1)).task


def by_class(sched: Scheduler, **own: Any) -> Task:
    return sched.add(type("One", (Sync,), own)).task


def by_block(sched: Scheduler, **own: Any) -> Task:
    known = {"one": declare(run, name="one")}
    (made,) = yaml_tasks({"one": {"args": {"hours": 1}, **own}}, known=known).tasks
    return sched.add(made).task


def by_request(sched: Scheduler, **own: Any) -> Task:
    sched.task(name="base", **own)(run)
    return sched.add_request({"name": "one", "task": "base", "cron_expr": "0 0 * * *"}).task


SPELLINGS = [by_decorator, by_job, by_mark, by_class, by_block, by_request]


def options(made: Task) -> tuple[bool, int, float | None]:
    assert not made.left_open
    return made.coalesce, made.max_instances, made.misfire_grace


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_they_fill_what_is_not_said_and_only_that(
    make: Callable[..., Scheduler], spelling: Callable[..., Task]
) -> None:
    assert options(spelling(make())) == (True, 1, None)
    assert options(spelling(make(job_defaults=DEFAULTS))) == (False, 3, 30)
    own = {"coalesce": True, "max_instances": 2, "misfire_grace": None}
    assert options(spelling(make(job_defaults=DEFAULTS), **own)) == (True, 2, None)
    assert options(spelling(make(job_defaults=DEFAULTS), max_instances=2)) == (False, 2, 30)


def test_a_task_made_from_another_keeps_what_is_open_and_what_is_said() -> None:
    base = declare(run, name="one", coalesce=False)
    assert base.left_open == {"max_instances", "misfire_grace"}
    again = replaced(base, name="two", max_instances=4)
    assert again.left_open == {"misfire_grace"}
    filled = fill(again, parse_job_defaults(DEFAULTS, "job_defaults"))
    assert options(filled) == (False, 4, 30)
    assert fill(filled, {}) is filled
    assert options(fill(again, {})) == (False, 4, None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"coalesc": True}, r"job_defaults: unknown option 'coalesc' \(did you mean 'coalesce'\?\)"),
        ({"rate": 1}, r"job_defaults: unknown option 'rate' \(known: max_instances, misfire_grace, "),
        ({"coalesce": 1}, "coalesce=1"),
        ({"max_instances": 0}, "max_instances=0"),
        ({"max_instances": True}, "max_instances=True"),
        ({"misfire_grace_time": 0}, r"job_defaults: misfire_grace_time=0 \(longer than 0s"),
        ({"misfire_grace_time": "soon"}, "job_defaults: misfire_grace_time: invalid duration 'soon'"),
    ],
)
def test_wrong_ones_are_refused(where: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Scheduler(where, job_defaults=values)


def test_what_a_task_says_itself_is_checked(make: Callable[..., Scheduler]) -> None:
    with pytest.raises(DeclarationError, match="max_instances=0"):
        make().task(name="one", max_instances=0)(run)
