"""A task asked for as data names a handler that is registered, never code."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

import pytest

from schedkit.core.model import After, Rate, Retry, Task
from schedkit.core.states import Overlap
from schedkit.core.tasks.declare import declare
from schedkit.core.tasks.registry import Registry
from schedkit.core.tasks.request import read_request
from schedkit.core.triggers.constructors import cron, every
from schedkit.errors import DeclarationError, ParameterError, TriggerError


def export(key_type: str, key_value: str, jira_envs: list[str] = [], user: str = "") -> str:  # noqa: B006  # as analysts write it
    return key_value


def other() -> None: ...


@pytest.fixture
def registry() -> Registry:
    found = Registry()
    found.add(declare(export, name="jira export", tags="JIRA_TASK_EXP", timeout="5m"))
    found.add(declare(other, every("1h")))
    return found


BODY: dict[str, Any] = {
    "name": "Nightly export",
    "task_type": "SCHEDULED",
    "cron_expr": "0 0 * * *",
    "tags": ["JIRA_TASK_EXP", "nightly"],
    "parameters": {"key_type": "project", "key_value": "PROJ"},
}


def test_a_body_with_everything(registry: Registry) -> None:
    found = read_request(
        {
            **BODY,
            "id": "5c1",
            "status": "PENDING",
            "priority": "HIGH",
            "owner": "johndoe",
            "dependencies": ["other"],
            "timeout_seconds": 90,
            "retry_policy": {"max_retries": 3, "retry_delay": 5, "backoff_factor": 2, "max_delay": 30},
            "metadata": {"ticket": "OPS-1"},
            "timezone": "Asia/Shanghai",
        },
        registry,
    )
    task = found.task
    assert (task.name, task.function, task.trigger) == (
        "Nightly export",
        export,
        cron("0 0 * * *", tz="Asia/Shanghai"),
    )
    assert task.params == {"key_type": "project", "key_value": "PROJ"}
    assert (task.priority, task.timeout, task.after) == (20, 90, (After("other"),))
    assert task.tags == ("JIRA_TASK_EXP", "nightly")
    assert task.retry == Retry(attempts=4, delay=5, backoff=2, max_delay=30)
    told = found.requested
    assert (found.run_now, told.owner, told.metadata) == (False, "johndoe", {"ticket": "OPS-1"})
    assert (told.handler, told.parameters) == ("jira export", {"key_type": "project", "key_value": "PROJ"})


def test_immediate_runs_now_and_with_a_cron_also_then(registry: Registry) -> None:
    now = read_request({**BODY, "task_type": "IMMEDIATE", "cron_expr": None}, registry)
    assert (now.run_now, now.task.trigger) == (True, None)
    both = read_request({**BODY, "task_type": "TaskType.IMMEDIATE"}, registry)
    assert (both.run_now, both.task.trigger) == (True, cron("0 0 * * *"))
    # Without a type, a cron expression says that it is scheduled.
    assert not read_request({k: v for k, v in BODY.items() if k != "task_type"}, registry).run_now


def test_what_the_handler_says_holds_unless_the_body_differs(registry: Registry) -> None:
    found = read_request(BODY, registry)
    assert (found.task.timeout, found.task.retry, found.requested.owner) == (300, Retry(), "")
    named = read_request({"task": "other", "task_type": "immediate"}, registry)
    assert named.task.function is other
    assert named.task.name.startswith("other-")


def test_a_handler_asked_for_by_its_own_name_runs_and_is_not_changed(registry: Registry) -> None:
    found = read_request({"name": "other"}, registry)
    assert (found.single, found.requested.handler, found.of_run) == (True, "other", {"name": "other"})
    with pytest.raises(DeclarationError, match="task 'other' is declared in code"):
        read_request({"name": "other", "cron_expr": "@daily"}, registry)


def test_parents_are_given_by_name_or_by_id(registry: Registry) -> None:
    id = uuid.uuid4()
    for parents in ([str(id)], [id], id, {"task": str(id)}, ["parent"]):
        found = read_request(
            {"task": "other", "name": "n", "dependencies": parents}, registry, ids=lambda: {str(id): "parent"}
        )
        assert (found.task.after, found.single) == ((After("parent"),), False)


def test_the_handler_may_be_known_to_others_only(registry: Registry) -> None:
    theirs = {"IMPORT": Task(name="import", tags=("IMPORT",))}
    for body in ({"tags": ["IMPORT"]}, {"task": "IMPORT"}, {"name": "IMPORT"}):
        found = read_request({**body, "parameters": {"any": 1}}, registry, elsewhere=theirs.get)
        assert (found.requested.handler, found.task.function, found.task.params) == (
            "import",
            None,
            {"any": 1},
        )


def test_what_is_requested_is_data(registry: Registry) -> None:
    """It is read as it comes back from the ledger."""
    body = {"timeout": timedelta(seconds=5), "tags": ("a", "b"), "task": "other", "cron_expr": "@daily"}
    found = read_request({**body, "metadata": {"day": date(2026, 1, 1)}}, registry)
    assert found.requested.options == {"timeout": 5.0, "tags": ["a", "b"]}
    assert found.requested.metadata == {"day": "2026-01-01"}
    assert (found.task.timeout, found.task.tags) == (5, ("a", "b"))


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"task_type": "LATER"}, DeclarationError, r"task_type='LATER' \(IMMEDIATE or SCHEDULED"),
        ({"cron_expr": None}, DeclarationError, "SCHEDULED needs cron_expr"),
        ({"cron_expr": "* * * * * *"}, TriggerError, "6 fields"),
        (
            {"parameters": {"key_tipe": "x"}},
            ParameterError,
            "unknown parameter 'key_tipe' .did you mean",
        ),
        ({"parameters": {"key_type": "x"}}, ParameterError, "needs the parameter 'key_value'"),
        ({"priority": "URGENT"}, DeclarationError, "priority='URGENT'"),
        ({"timeout_seconds": 0}, DeclarationError, "task request: timeout_seconds=0 .longer than 0s"),
        ({"timeout_seconds": "soon"}, DeclarationError, "timeout_seconds: invalid duration 'soon'"),
        (
            {"retry_policy": {"tries": 3}},
            DeclarationError,
            "retry_policy: unknown option 'tries' .did you",
        ),
        ({"retry_policy": {"max_retries": "x"}}, DeclarationError, "retry_policy: max_retries='x' .a whole"),
        ({"tags": ["UNKNOWN"]}, DeclarationError, "no task is named or tagged 'UNKNOWN'"),
        ({"tags": []}, DeclarationError, "names no handler"),
        ({"code": "import os"}, DeclarationError, "task request: unknown option 'code'"),
        ({"cron": "@daily"}, DeclarationError, "did you mean 'cron_expr'"),
        ({"parameters": [1]}, DeclarationError, r"parameters=\[1\] \(a mapping"),
        ({"retry_policy": "some"}, DeclarationError, "retry_policy='some'"),
        ({"metadata": 5}, DeclarationError, "metadata=5"),
        ({"tags": 5}, DeclarationError, "tags=5"),
        ({"tags": [["x"]]}, DeclarationError, r"tags=\[\['x'\]\]"),
        ({"dependencies": 5}, DeclarationError, "dependencies=5"),
        ({"dependencies": [None]}, DeclarationError, "dependencies=None: expected a task name"),
        ({"timezone": 5}, TriggerError, "task request: timezone: invalid time zone 5"),
        ({"task": "nobody"}, DeclarationError, "no task is named or tagged 'nobody'"),
    ],
)
def test_mistakes_name_the_field(
    registry: Registry, changes: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        read_request({**BODY, **changes}, registry)


def test_a_body_that_is_no_mapping_is_refused(registry: Registry) -> None:
    with pytest.raises(DeclarationError, match="is a mapping, not 'jira export'"):
        read_request("jira export", registry)


def test_one_text_is_one_tag_and_one_parent(registry: Registry) -> None:
    found = read_request({"task": "other", "name": "n", "tags": "nightly", "dependencies": "other"}, registry)
    assert (found.task.tags, found.task.after) == (("nightly",), (After("other"),))


def test_every_option_of_a_task_can_be_requested(registry: Registry) -> None:
    found = read_request(
        {
            "task": "other",
            "name": "n",
            "cron_expr": "@daily",
            "rate": "5/min",
            "max_instances": 2,
            "misfire_grace": "none",
            "coalesce": False,
            "catch_up": 7,
            "runs_in": "process",
            "overlap": "queue",
            "jitter": "5s",
            "retry": 2,
            "timeout": None,
            "link": "https://wiki.example.org/n",
        },
        registry,
    ).task
    assert (found.rate, found.max_instances, found.misfire_grace) == (Rate(5, 60), 2, None)
    assert (found.coalesce, found.catch_up, found.runs_in, found.jitter) == (False, 7, "process", 5)
    assert (found.overlap, found.retry, found.timeout) == (Overlap.QUEUE, Retry(attempts=2), 3600)
    assert found.details == {"link": "https://wiki.example.org/n"}
    assert found.left_open == frozenset()


def test_a_hook_is_no_data(registry: Registry) -> None:
    with pytest.raises(DeclarationError, match="task request: unknown option 'on_success'"):
        read_request({"task": "other", "on_success": print}, registry)
