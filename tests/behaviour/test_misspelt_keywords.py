"""A misspelt keyword is refused in one wording, with a near match, by everything that a user calls."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest

from schedkit.atlassian import Site
from schedkit.atlassian.credentials import OAuth2
from schedkit.confluence import Confluence
from schedkit.core.api.run_handle import RunHandle
from schedkit.core.api.scheduler import AsyncScheduler, Scheduler
from schedkit.core.api.task_handle import TaskHandle
from schedkit.core.tasks.declare import task
from schedkit.core.tasks.schedule import TaskSchedule
from schedkit.errors import UsageError
from schedkit.jira import Jira

MODULES = ("confluence", "context", "demo", "excel", "flow", "jira", "notify", "report")
OTHERS = (AsyncScheduler, Scheduler, RunHandle, TaskHandle, TaskSchedule, Site, OAuth2)
# What schedkit makes for its users, and what they extend.
MADE_BY_US = ("AsyncScheduler", "Pack", "Page", "PagesPlan", "Plan", "Table")
NOT_CALLED = (
    "Applied", "Attached", "BaseTask", "Change", "Effects", "Endpoint", "ExecutionContext", "Faults",
    "NoListener", "Notice", "TaskResult", "Tls", "Tools", "Written", "parse_faults", "parse_latency",
    "set_default", "use",
)  # fmt: skip


def _public() -> Iterator[tuple[str, Any]]:
    for module in ("schedkit", *(f"schedkit.{each}" for each in MODULES)):
        found = importlib.import_module(module)
        for name in found.__all__:
            if name not in NOT_CALLED:
                yield name, getattr(found, name)
    for each in OTHERS:
        yield each.__name__, each


def _of_class(name: str, cls: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    # Errors have no options; the keys of a model of YAML are tested where it is read.
    if issubclass(cls, BaseException | pydantic.BaseModel):
        return
    if name not in MADE_BY_US:
        yield name, cls
    for method, function in inspect.getmembers(cls, inspect.isfunction):
        if not method.startswith("_") and function.__module__.startswith("schedkit"):
            yield f"{name}.{method}", function.__get__(object.__new__(cls))


def _callables() -> dict[str, Callable[..., Any]]:
    found: dict[str, Callable[..., Any]] = {}
    for name, thing in _public():
        if inspect.isclass(thing):
            found |= _of_class(name, thing)
        elif inspect.isfunction(thing):
            found[name] = thing
    return {name: function for name, function in found.items() if _keywords(function)}


def _keywords(function: Callable[..., Any]) -> list[str]:
    """Return the keywords of a function, none if it takes any."""
    parameters = inspect.signature(function).parameters.values()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    takes_any = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters)
    return [] if takes_any else [each.name for each in parameters if each.kind in named]


CALLABLES = _callables()


def _called(function: Callable[..., Any], keyword: str) -> None:
    """Call a function, or await it, with a keyword only: an unknown one is refused before anything else."""
    answer = function(**{keyword: 1})
    asyncio.run(answer)


@pytest.mark.parametrize("name", CALLABLES)
def test_a_misspelt_keyword_is_refused_with_a_near_match(name: str) -> None:
    function = CALLABLES[name]
    meant = max(_keywords(function), key=len)
    misspelt = f"{meant}_"
    with pytest.raises(UsageError) as caught:
        _called(function, misspelt)
    assert f"unknown option '{misspelt}' (did you mean '{meant}'" in str(caught.value)


def test_the_public_api_is_walked() -> None:
    for name in (
        "cron",
        "every",
        "write",
        "Jira.search",
        "AsyncJira.search",
        "Table.replace",
        "Site",
        "Retry",
    ):
        assert name in CALLABLES
    assert len(CALLABLES) > 120


def work(project: str = "KAFKA") -> None: ...


# What reads its options itself.
READERS: dict[str, tuple[Callable[[], object], str]] = {
    "@task": (lambda: task(timout="5m"), "unknown option 'timout' (did you mean 'timeout'?)"),
    "Scheduler": (
        lambda: Scheduler(concurency=1),
        "unknown option 'concurency' (did you mean 'concurrency'?)",
    ),
    "add_job": (
        lambda: Scheduler("x.db").add_job(work, "interval", hours=1, max_instnces=2),
        "unknown option 'max_instnces' (did you mean 'max_instances'?)",
    ),
    "scheduled_job": (
        lambda: Scheduler("x.db").scheduled_job("interval", hours=1, coalese=True)(work),
        "unknown option 'coalese' (did you mean 'coalesce'?)",
    ),
    "Jira": (lambda: Jira("https://x.example", tokn="s"), "unknown option 'tokn' (did you mean 'token'?)"),
    "Confluence": (
        lambda: Confluence("https://x.example", token="s", verfy=False),
        "unknown option 'verfy' (did you mean 'verify'?)",
    ),
    "submit": (
        lambda: Scheduler("x.db").task(work).submit(projct="X"),
        "unknown parameter 'projct' (did you mean 'project'?)",
    ),
}


@pytest.mark.parametrize("name", READERS)
def test_what_reads_its_options_itself_says_the_same(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call, words = READERS[name]
    with pytest.raises(UsageError) as caught:
        call()
    assert words in str(caught.value)
