"""Every function of `schedkit.flow` as a step, equal to the function called in Python."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from schedkit import flow
from schedkit.demo import DemoSite
from schedkit.errors import UsageError
from schedkit.jira import Jira
from schedkit.report import Shape
from schedkit.report.frames import Frames
from schedkit.report.metrics import metric_names
from schedkit.report.shape import shape_frames

UNTIL = pd.Timestamp("2026-06-01", tz="UTC")


@pytest.fixture(scope="module")
def frames() -> Iterator[Frames]:
    # What is asked for below ends at a day of the calendar.
    with DemoSite(issues=80, now=datetime(2026, 12, 1, tzinfo=UTC)) as site:
        jira = Jira(site.jira_cloud.url, user=site.jira_cloud.user, token=site.jira_cloud.token)
        issues = jira.search("project is not EMPTY")
        history = jira.changelog(issues)
        yield Frames(issues, {"issues": issues, "history": history}, ("history",))


def step(frames: Frames, **metrics: Any) -> pd.DataFrame:
    return shape_frames(frames, Shape.model_validate({"metrics": metrics})).current


EXAMPLES: dict[str, dict[str, Any]] = {
    "cycle_times": {"until": UNTIL},
    "status_spans": {"until": UNTIL},
    "time_in_status": {"until": UNTIL, "states": "category"},
    "cumulative_flow": {"until": UNTIL, "freq": "W"},
    "throughput": {"freq": "M"},
    "spans": {"field": "Status", "until": UNTIL},
    "as_of": {"when": "2026-03-01"},
    "cycle_percentiles": {"until": UNTIL, "by": "Type"},
    "ageing": {"until": UNTIL, "workflow": {"begin": "first"}},
    "flow_balance": {"until": UNTIL, "freq": "M"},
    "forecast_when": {"until": UNTIL, "n": 5, "trials": 100, "sample": "day"},
    "service_times": {"until": UNTIL, "to": "response", "goal": "4h"},
    "data_quality": {"until": UNTIL, "points": None},
}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_function_by_its_name(frames: Frames, name: str) -> None:
    options = EXAMPLES[name]
    found = step(frames, **{name: options})
    issues, history = frames.named["issues"], frames.named["history"]
    arguments = {"spans": (history,), "throughput": (issues,)}.get(name, (issues, history))
    expected = getattr(flow, name)(*arguments, **options)
    assert len(found) == len(expected)
    assert isinstance(found.index, pd.RangeIndex)
    assert all(isinstance(column, str) for column in found.columns)
    assert found.attrs["site"] == issues.attrs["site"]
    if isinstance(expected, pd.DataFrame):
        first = expected.columns[-1]
        assert found[str(first)].astype(str).tolist() == expected[first].astype(str).tolist()
    else:
        assert found["Finished"].tolist() == expected.tolist()


def test_every_function_that_takes_frames_can_be_named() -> None:
    assert set(EXAMPLES) <= set(metric_names())
    assert not {"WorkingHours", "pack", "plot"} & set(metric_names()), "what returns no frame"


def test_columns_are_added_to_the_rows(frames: Frames) -> None:
    found = step(frames, cycle_times={"until": UNTIL}, add=["Cycle", "Lead"])
    expected = flow.cycle_times(frames.current, frames.named["history"], until=UNTIL).set_index("Key")
    assert found["Lead"].tolist() == expected.loc[found["Key"], "Lead"].tolist()
    assert "Summary" in found.columns


def test_a_calendar_of_working_hours(frames: Frames) -> None:
    hours = {"tz": "Europe/Berlin", "holidays": ["2026-01-01"]}
    found = step(frames, cycle_times={"until": UNTIL, "calendar": hours})
    issues, history = frames.named["issues"], frames.named["history"]
    expected = flow.cycle_times(issues, history, until=UNTIL, calendar=flow.WorkingHours(**hours))
    assert found["Cycle"].tolist() == expected["Cycle"].tolist()


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        (
            {"cycle_time": {}},
            "there is no function 'cycle_time' in schedkit.flow .did you mean 'cycle_times'",
        ),
        ({"cycle_times": {"strt": 1}}, "metrics.cycle_times: unknown option 'strt' .did you mean 'start'"),
        ({"cycle_times": 3}, "cycle_times: write its options as a mapping"),
        ({}, "write one function of schedkit.flow"),
    ],
)
def test_what_is_no_function(metrics: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Shape.model_validate({"metrics": metrics})


def test_what_the_figures_need(frames: Frames) -> None:
    alone = Frames(frames.current)
    with pytest.raises(
        UsageError, match=r"shape.metrics: cycle_times: there is no changelog .write changes:"
    ):
        step(alone, cycle_times={})
    twice = Frames(frames.current, {**frames.named, "other": frames.named["history"]}, ("history", "other"))
    with pytest.raises(UsageError, match="there are several changelogs"):
        step(twice, cycle_times={})
    assert len(step(twice, cycle_times={"changes": "other"})) == len(frames.current)
    with pytest.raises(UsageError, match="changes: there is no frame 'hist'"):
        step(frames, cycle_times={"changes": "hist"})
    with pytest.raises(UsageError, match="velocity: sprints are missing"):
        step(frames, velocity={})
    with pytest.raises(UsageError, match="several rows for one issue cannot be added"):
        step(frames, status_spans={}, add="Duration")
