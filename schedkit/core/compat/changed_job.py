"""Jobs that are made of other tasks: by `modify_job`, and one-time jobs of a known task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schedkit.core.compat.args import NOT_OPTIONS, Plan, bound, resolved
from schedkit.core.compat.job_ids import BoundFunction
from schedkit.core.compat.task_snapshot import ONE_TIME
from schedkit.core.model import Task
from schedkit.core.tasks.declare import replaced
from schedkit.core.tasks.options import TASK_OPTIONS, option_values, task_fields
from schedkit.core.triggers.base import Trigger
from schedkit.errors import UsageError
from schedkit.values.options import refuse_unknown
from schedkit.values.parsers import text

__all__ = ["changed", "declare_like"]

JOB = ("func", "args", "kwargs", "name", "trigger", "next_run_time")


def changed(task: Task, changes: Mapping[str, Any], plan: Plan) -> Task:
    """Return a task with some of the attributes of its job changed.

    Raises
    ------
    UsageError
        If a change is none.
    """
    if "id" in changes:
        raise UsageError(
            f"job {task.name!r}: its id cannot be changed", hint="add another job, and remove this one"
        )
    own = {name: value for name, value in changes.items() if name in JOB}
    options = {name: value for name, value in changes.items() if name not in JOB}
    known = [name for name in TASK_OPTIONS.spellings if name not in NOT_OPTIONS]
    refuse_unknown([name for name in options if name not in known], (*JOB, *known), f"job {task.name!r}")
    values = {**option_values(task), **TASK_OPTIONS.read(options, f"job {task.name!r}")}
    if "name" in own:
        values["description"] = text(own["name"], "name")
    values["tags"] = (
        *(tag for tag in values["tags"] if tag != ONE_TIME),
        *((ONE_TIME,) if plan.once else ()),
    )
    fields = task_fields(values)
    if not own.keys().isdisjoint(("func", "args", "kwargs")):
        fields["function"], fields["params"] = _call(task, own, values["params"])
    return replaced(task, **{**fields, "trigger": plan.trigger})


def _call(task: Task, own: Mapping[str, Any], params: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the function of a job and its parameters, some of them changed."""
    function: Any = task.function
    args: tuple[Any, ...] = ()
    if isinstance(function, BoundFunction):
        function, args = function.func, function.args
    elif "args" in own and "kwargs" not in own:
        params = {}  # they held the former arguments, by name
    return bound(resolved(own.get("func", function)), own.get("args", args), own.get("kwargs", params))


def declare_like(
    base: Task, name: str, trigger: Trigger | None, params: Mapping[str, Any] | None, **changes: Any
) -> Task:
    """Return a task of another name with the function and rules of `base`."""
    tags = tuple(dict.fromkeys((*base.tags, ONE_TIME)))
    return replaced(
        base,
        name=name,
        trigger=trigger,
        params={**base.params, **(params or {})},
        after=(),
        **{"tags": tags, **changes},
    )
