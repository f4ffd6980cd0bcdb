"""Entries of work: the same person makes each once."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from schedkit.demo import DemoSite
from schedkit.errors import UsageError
from schedkit.jira import Jira
from schedkit.jira.write import values

AT = pd.Timestamp("2026-02-03T09:00", tz="Europe/Berlin")
FRAME = pd.DataFrame(
    {
        "Key": ["DEMO-1", "DEMO-1", "demo-2"],
        "Started": [AT, AT + pd.Timedelta("2h"), AT],
        "Hours": [1.5, None, 0.25],
        "Time": [None, "2h 30m", None],
        "Comment": ["Looked at it", None, "Talked"],
    }
)


def test_work_is_logged_once(site: DemoSite, jira: Jira) -> None:
    plan = jira.worklog(FRAME)
    assert "DEMO-1  Log Work: (empty) → 1h 30m on 2026-02-03 08:00 UTC" in repr(plan)
    site.faults = "rate=1,kinds=lost,method=POST,path=/worklog,times=1"
    assert set(plan.apply()["Outcome"]) == {"done"}
    logs = site.store.worklogs(site.store.get("DEMO-1"))[-2:]
    assert sorted(log.seconds for log in logs) == [5400, 9000]
    assert {log.started for log in logs} == {int(t.timestamp() * 1000) for t in FRAME["Started"][:2]}
    assert len(jira.worklog(FRAME)) == 0, "a cell that runs again logs nothing twice"
    more = FRAME.head(1).assign(Comment="Looked at it again")
    assert len(jira.worklog(more)) == 1
    held = jira.worklogs(["DEMO-2"])
    assert (held["Hours"].iloc[-1], held["Comment"].iloc[-1]) == (0.25, "Talked")


def test_a_start_without_a_zone_is_this_machines(jira: Jira, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "local_timezone", lambda: ZoneInfo("Asia/Kolkata"))
    plan = jira.worklog(FRAME.head(1).assign(Started=pd.Timestamp("2026-02-03T09:00")))
    assert "1h 30m on 2026-02-03 03:30 UTC" in repr(plan)


@pytest.mark.parametrize(
    ("wall", "utc"),
    [
        ("2026-10-25 02:30", "2026-10-25 00:30"),  # the clock repeats this hour
        ("2026-03-29 02:30", "2026-03-29 01:00"),  # … and leaves this one out
        ("2026-07-01 02:30+09:00", "2026-06-30 17:30"),
    ],
)
def test_a_cell_without_a_zone_is_this_machines(wall: str, utc: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "local_timezone", lambda: ZoneInfo("Europe/Berlin"))
    assert values.cell_value(pd.Timestamp(wall), "datetime") == pd.Timestamp(utc, tz="UTC")
    assert values.cell_value(wall, "datetime") == pd.Timestamp(utc, tz="UTC")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Hours": [None]}, "the worklog for DEMO-1 has no time spent"),
        ({"Hours": [0.001]}, "the time spent on DEMO-1 is 4 s"),
        ({"Hours": ["1,5"]}, "'1,5' is not a number of hours for DEMO-1"),
        ({"Hours": [float("inf")]}, "inf is not a number of hours for DEMO-1"),
        ({"Started": ["some day"]}, "the worklog for DEMO-1 has no start time"),
        ({"Started": [None]}, "the worklog for DEMO-1 has no start time"),
        ({"Nonsense": [1]}, "unexpected column 'Nonsense' in a frame of worklogs"),
        ({"Time": ["forever"]}, "forever"),
    ],
)
def test_entries_that_cannot_be(jira: Jira, change: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        jira.worklog(FRAME.head(1).assign(**change))


def test_frames_without_a_column(jira: Jira) -> None:
    with pytest.raises(UsageError, match="lacks a column of a worklog"):
        jira.worklog(FRAME.drop(columns=["Hours", "Time"]))


def test_an_issue_that_is_not_there(jira: Jira) -> None:
    plan = jira.worklog(FRAME.head(1).assign(Key="DEMO-404"))
    assert len(plan) == 0
    assert "refused" in repr(plan)


def test_edits_without_mails(site: DemoSite, jira: Jira) -> None:
    df = jira.search("project = DEMO ORDER BY key", fields=["Summary"], limit=1)
    assert list(jira.edit(df.assign(Summary="Quietly"), notify=False).apply()["Outcome"]) == ["done"]
    asked = site.requests.matching(method="PUT")
    assert [entry.query for entry in asked] == ["notifyUsers=false"]
