"""A task asked for as data names a handler that is registered, never code."""

from __future__ import annotations

from typing import Any

import pytest

from schedkit.core.model import After, Retry
from schedkit.core.tasks.declare import declare
from schedkit.core.tasks.registry import Registry
from schedkit.core.tasks.request import read_request, retry_policy
from schedkit.core.when.triggers import cron, every
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
    assert (found.run_now, found.owner, found.metadata) == (False, "johndoe", {"ticket": "OPS-1"})


def test_immediate_runs_now_and_with_a_cron_also_then(registry: Registry) -> None:
    now = read_request({**BODY, "task_type": "IMMEDIATE", "cron_expr": None}, registry)
    assert (now.run_now, now.task.trigger) == (True, None)
    both = read_request({**BODY, "task_type": "TaskType.IMMEDIATE"}, registry)
    assert (both.run_now, both.task.trigger) == (True, cron("0 0 * * *"))
    # Without a type, a cron expression says that it is scheduled.
    assert not read_request({k: v for k, v in BODY.items() if k != "task_type"}, registry).run_now


def test_what_the_handler_says_holds_unless_the_body_differs(registry: Registry) -> None:
    found = read_request(BODY, registry)
    assert (found.task.timeout, found.task.retry, found.owner) == (300, Retry(), "")
    named = read_request({"task": "other", "task_type": "immediate"}, registry)
    assert named.task.function is other
    assert named.task.name.startswith("other-")


def test_asking_for_a_task_by_its_own_name_keeps_its_times(registry: Registry) -> None:
    found = read_request({"name": "other"}, registry)
    assert (found.task.name, found.task.trigger, found.run_now) == ("other", every("1h"), True)
    moved = read_request({"name": "other", "cron_expr": "@daily"}, registry)
    assert moved.task.trigger == cron("@daily")


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"task_type": "LATER"}, DeclarationError, r"task_type='LATER' \(IMMEDIATE or SCHEDULED"),
        ({"cron_expr": None}, DeclarationError, "SCHEDULED needs cron_expr"),
        ({"cron_expr": "* * * * * *"}, TriggerError, "6 fields"),
        ({"parameters": {"key_tipe": "x"}}, ParameterError, "no parameter 'key_tipe'"),
        ({"parameters": {"key_type": "x"}}, ParameterError, "needs the parameter 'key_value'"),
        ({"priority": "URGENT"}, DeclarationError, "priority='URGENT'"),
        ({"timeout_seconds": 0}, DeclarationError, "timeout=0"),
        ({"timeout_seconds": "soon"}, DeclarationError, "timeout_seconds: 'soon'"),
        ({"retry_policy": {"tries": 3}}, DeclarationError, "retry_policy has no field 'tries'"),
        ({"retry_policy": {"max_retries": "3"}}, DeclarationError, "max_retries='3' is not a number"),
        ({"tags": ["UNKNOWN"]}, DeclarationError, "no task is named or tagged 'UNKNOWN'"),
        ({"tags": []}, DeclarationError, "names no handler"),
        ({"code": "import os"}, DeclarationError, "a task has no field 'code'"),
        ({"cron": "@daily"}, DeclarationError, "did you mean 'cron_expr'"),
        ({"parameters": [1]}, DeclarationError, r"parameters=\[1\] \(it is a mapping"),
        ({"retry_policy": 3}, DeclarationError, "retry_policy=3"),
        ({"metadata": 5}, DeclarationError, "metadata=5"),
        ({"tags": 5}, DeclarationError, "tags=5"),
        ({"tags": [["x"]]}, DeclarationError, r"tag \['x'\] is no text"),
        ({"dependencies": 5}, DeclarationError, "dependencies=5"),
        ({"dependencies": [None]}, DeclarationError, r"dependencies=\[None\]"),
        ({"timezone": 5}, TriggerError, "tz=5 is no time zone"),
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
        read_request("jira export", registry)  # type: ignore[arg-type]


def test_one_text_is_one_tag_and_one_parent(registry: Registry) -> None:
    found = read_request({"task": "other", "name": "n", "tags": "nightly", "dependencies": "other"}, registry)
    assert (found.task.tags, found.task.after) == (("nightly",), (After("other"),))


def test_retries_are_not_attempts() -> None:
    assert retry_policy({"max_retries": 0}).attempts == 1
    assert retry_policy({"max_attempts": 3, "delay": 1.5, "backoff": 1}) == Retry(
        attempts=3, delay=1.5, backoff=1
    )
