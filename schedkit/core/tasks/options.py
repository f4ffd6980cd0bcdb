"""The options of a task: the one definition from which every way to declare a task is derived.

To add an option, add a field here. One that only screens read is complete with that: it is a key of
``Task.details``. One that changes how a task runs also gets a field of the same name in `Task`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import fields
from typing import Annotated, Any, Literal, TypedDict

from schedkit.core.model import Hooks, Rate, Retry, Task
from schedkit.core.states import Overlap
from schedkit.core.tasks.parsers import (
    Parent,
    parse_executor,
    parse_hook,
    parse_link,
    parse_name,
    parse_overlap,
    parse_parents,
    parse_priority,
    parse_rate,
    parse_resources,
    parse_retry,
)
from schedkit.errors import DeclarationError
from schedkit.values.durations import Duration, duration_text
from schedkit.values.options import Option, Options
from schedkit.values.parsers import duration, flag, mapping, optional, text, texts, whole_number
from schedkit.values.text import near_matches

__all__ = [
    "HOOKS",
    "TASK_OPTIONS",
    "TaskOptions",
    "option_values",
    "refuse_schedule_by_name",
    "shown_options",
    "task_fields",
]

Hook = Callable[..., object]


def _seconds(value: float | None) -> str:
    return "none" if value is None else duration_text(value)


class TaskOptions(TypedDict, total=False):
    """What may be said of a task; each field carries how it is read and described."""

    name: Annotated[
        str | None,
        Option(
            parse=parse_name,
            default=None,
            default_words="the function's name",
            words="Its key in the ledger.",
        ),
    ]
    description: Annotated[
        str,
        Option(
            parse=text,
            default="",
            default_words="the docstring's first line",
            words="One line for people.",
        ),
    ]
    params: Annotated[
        Mapping[str, Any] | None,
        Option(
            parse=mapping,
            default=None,
            words="Parameters of its runs; those given at submit() win.",
            spellings=("parameters",),
        ),
    ]
    retry: Annotated[
        Retry | int | Mapping[str, Any] | None,
        Option(
            parse=parse_retry,
            default=None,
            words="Tries in all, or a Retry with delays; in YAML a mapping: {attempts: 3, delay: 10s}.",
            spellings=("retry_policy",),
            show=lambda retry: f"{retry.attempts} tries",
        ),
    ]
    timeout: Annotated[
        Duration | None,
        Option(
            parse=optional(duration(above=True)),
            default="1h",
            words="How long an attempt may take from when its code begins; None: no limit.",
            spellings=("timeout_seconds",),
            show=_seconds,
        ),
    ]
    priority: Annotated[
        Literal["low", "medium", "high"] | int,
        Option(
            parse=parse_priority,
            default="medium",
            words="Which queued run starts first: low, medium, high, or a number (0, 10, 20).",
        ),
    ]
    after: Annotated[
        Parent | Iterable[Parent],
        Option(
            parse=parse_parents,
            default=(),
            words="Tasks that must end first; After('parent', on='any') whichever way that ends.",
            spellings=("dependencies",),
            several=True,
        ),
    ]
    overlap: Annotated[
        Overlap | Literal["skip", "queue", "cancel", "allow"],
        Option(
            parse=parse_overlap,
            default="skip",
            words="What happens to a due time while earlier runs are alive: skip, queue, cancel or allow.",
            show=str,
        ),
    ]
    tags: Annotated[
        str | Iterable[str],
        Option(
            parse=texts,
            default=(),
            words="Labels; a scheduler's limits count runs by tag.",
            several=True,
        ),
    ]
    rate: Annotated[
        str | Rate | None,
        Option(
            parse=optional(parse_rate),
            default=None,
            words="Most starts in a time: '5/min', '100/h', '3/10s'.",
        ),
    ]
    runs_in: Annotated[
        Literal["auto", "thread", "process", "dask"] | Executor | None,
        Option(
            parse=parse_executor,
            default="auto",
            words="Where it runs: thread, process, dask (a worker of the scheduler's Dask cluster), or an "
            "Executor; auto: a coroutine on a loop, else thread.",
            spellings=("executor",),
        ),
    ]
    runs_on: Annotated[
        Mapping[str, float | str] | None,
        Option(
            parse=parse_resources,
            default=None,
            words="What each run takes of a worker's resources, with runs_in='dask': {'memory': '8GB'}.",
            show=lambda needs: ", ".join(f"{name} {amount:g}" for name, amount in needs.items()),
        ),
    ]
    max_instances: Annotated[
        int,
        Option(
            parse=whole_number(1),
            default=1,
            default_words="the scheduler's job_defaults: 1",
            words="Runs of it that may be alive at once; those that are submitted do not wait for it.",
            scheduler_default=True,
        ),
    ]
    misfire_grace: Annotated[
        Duration | None,
        Option(
            parse=optional(duration(above=True)),
            default=None,
            default_words="the scheduler's job_defaults: None",
            words="How late a due time may still start; None: however late.",
            spellings=("misfire_grace_time",),
            scheduler_default=True,
            show=_seconds,
        ),
    ]
    coalesce: Annotated[
        bool,
        Option(
            parse=flag,
            default=True,
            default_words="the scheduler's job_defaults: True",
            words="Whether overdue times become one run.",
            scheduler_default=True,
            show=lambda coalesce: "yes" if coalesce else "no",
        ),
    ]
    catch_up: Annotated[
        int,
        Option(
            parse=whole_number(1),
            default=100,
            words="Most runs started at once for overdue times that are not coalesced.",
        ),
    ]
    jitter: Annotated[
        Duration | None,
        Option(
            parse=lambda value, what: 0.0 if value is None else duration()(value, what),
            default=None,
            words="Longest random delay of a due time, to spread load.",
        ),
    ]
    enabled: Annotated[
        bool,
        Option(
            parse=flag,
            default=True,
            words="Whether its due times happen from the first declaration; False: after resume().",
        ),
    ]
    link: Annotated[
        str,
        Option(
            parse=parse_link,
            default="",
            words="A web page about the task, such as its runbook or dashboard; screens link to it.",
            show=str,
        ),
    ]
    on_success: Annotated[
        Hook | None,
        Option(parse=parse_hook, default=None, words="Called with the result of a DONE run.", data=False),
    ]
    on_failure: Annotated[
        Hook | None,
        Option(parse=parse_hook, default=None, words="Called with the error that ended a run.", data=False),
    ]
    on_retry: Annotated[
        Hook | None,
        Option(
            parse=parse_hook,
            default=None,
            words="Called with the failed attempt's number and the number of tries, before the next try.",
            data=False,
        ),
    ]
    cleanup: Annotated[
        Hook | None,
        Option(parse=parse_hook, default=None, words="Called after every attempt.", data=False),
    ]
    validate_params: Annotated[
        Hook | None,
        Option(
            parse=parse_hook,
            default=None,
            words="Called with all parameters before an attempt; refuses by raising or returning False.",
            data=False,
        ),
    ]


TASK_OPTIONS = Options.of(TaskOptions)
# Under these names other schedulers take when a task runs.
SCHEDULES = ("every", "cron", "at", "interval", "schedule", "trigger")
HOOKS = tuple(each.name for each in fields(Hooks))
_FIELDS = frozenset(each.name for each in fields(Task))


def refuse_schedule_by_name(options: Iterable[str]) -> None:
    """Refuse a schedule among the options of a decorator, which takes it first and without a name.

    Raises
    ------
    DeclarationError
        If one is there, also misspelt.
    """
    for name in options:
        if TASK_OPTIONS.find(name) is None and near_matches(name, SCHEDULES, least=0.85):
            raise DeclarationError(
                f"unknown option {name!r}",
                hint="the schedule comes first: @sched.task(every('1h')), @sched.task(cron('0 7 * * *'))",
            )


def task_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return parsed options as the fields of a `Task`."""
    made: dict[str, Any] = {name: value for name, value in values.items() if name in _FIELDS}
    made["hooks"] = Hooks(**{name: values[name] for name in HOOKS if name in values})
    defaults = TASK_OPTIONS.defaults
    details = {
        name: value
        for name, value in values.items()
        if name not in _FIELDS and name not in HOOKS and value != defaults[name]
    }
    return {**made, "details": details}


def option_values(task: Task) -> dict[str, Any]:
    """Return every option of a task by name, as its fields hold it."""
    found: dict[str, Any] = {}
    for name, default in TASK_OPTIONS.defaults.items():
        if name in HOOKS:
            found[name] = getattr(task.hooks, name)
        else:
            found[name] = getattr(task, name) if name in _FIELDS else task.details.get(name, default)
    return found


def shown_options(task: Task) -> dict[str, str]:
    """Return the texts of the options that a screen lists: those that differ from their default."""
    values, defaults = option_values(task), TASK_OPTIONS.defaults
    return {
        name: option.show(values[name])
        for name, option in TASK_OPTIONS.items()
        if option.show is not None and values[name] != defaults[name]
    }
