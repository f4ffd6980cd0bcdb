"""The options of a scheduler: read the same under each spelling, shown by the class, refused by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from schedkit.core.api.options import SCHEDULER_OPTIONS
from schedkit.core.api.scheduler import Scheduler
from schedkit.errors import SettingsError


@pytest.mark.parametrize(
    ("name", "spellings", "value"),
    [
        ("concurrency", [3, "3"], 3),
        ("processes", [2], 2),
        ("limits", [{"jira": 2}, {"jira": "2"}], {"jira": 2}),
        ("limits", [None, {}], {}),
        ("results", ["out", Path("out")], Path("out")),
        ("name", ["night"], "night"),
        ("tz", ["utc", "UTC", UTC], UTC),
        ("durability", ["full", "FULL"], "full"),
        ("lease", ["15s", 15, timedelta(seconds=15)], 15.0),
        ("cancel_grace", [0, "0s"], 0.0),
        ("write_patience", ["1m", 60], 60.0),
        ("keep_runs", ["1d", 86400], 86400.0),
        ("keep_runs", [None, "none"], None),
        ("keep_results", [None, "none"], None),
        ("job_defaults", [{"misfire_grace_time": "5m"}, {"misfire_grace": 300}], {"misfire_grace": 300.0}),
        ("job_defaults", [None, {}], {}),
    ],
)
def test_every_spelling_of_a_value_is_the_same_value(
    make: Callable[..., Scheduler], name: str, spellings: list[Any], value: object
) -> None:
    for spelling in spellings:
        assert make(**{name: spelling}).process.options[name] == value, spelling


def test_defaults_are_those_that_are_documented(make: Callable[..., Scheduler]) -> None:
    options = make(results=None, lease="15s").process.options
    assert set(options) == set(SCHEDULER_OPTIONS)
    assert (options["concurrency"], options["threads"], options["keep_runs"]) == (5, 20, 90 * 86400)
    assert 1 <= options["processes"] <= 5


def test_other_spellings_are_accepted(make: Callable[..., Scheduler]) -> None:
    options = make(max_workers=7, timezone="UTC").process.options
    assert (options["concurrency"], options["tz"]) == (7, UTC)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"results": 5}, r"^results=5 \(the path of a folder, or a URL\)"),
        ({"name": " "}, r"^name=' ' \(write text\)"),
        ({"limits": {5: 1}}, r"^limits: tag=5 \(write text\)"),
        ({"tz": "Europe"}, "^tz: unknown time zone 'Europe'"),
        ({"job_defaults": 5}, r"^job_defaults=5 \(a mapping"),
        ({"concurrency": 3, "max_workers": 3}, "are the same option .keep concurrency"),
    ],
)
def test_mistakes_are_named(make: Callable[..., Scheduler], options: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        make(**options)


def test_the_class_shows_every_option() -> None:
    assert list(inspect.signature(Scheduler).parameters) == ["ledger", *SCHEDULER_OPTIONS]
    assert SCHEDULER_OPTIONS.reference() in (Scheduler.__doc__ or "")
