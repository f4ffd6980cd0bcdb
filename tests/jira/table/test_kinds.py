"""Structured values: a useful cell by default, and the whole structure on request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from schedkit import excel
from schedkit.demo import DemoSite
from schedkit.errors import UsageError
from schedkit.jira import Jira, read_parquet, to_frame
from tests.jira.conftest import client

HOUR = 3_600_000


def duration(hours: float) -> dict[str, Any]:
    return {"millis": int(hours * HOUR), "friendly": f"{hours}h"}


def cycle(spent: float, goal: float, **more: Any) -> dict[str, Any]:
    made = {
        "goalDuration": duration(goal),
        "elapsedTime": duration(spent),
        "remainingTime": duration(goal - spent),
    }
    return {"startTime": {"epochMillis": 1}, "breached": spent > goal, **made, **more}


def column(schema: dict[str, Any], *values: Any) -> pd.Series[Any]:
    """The column of a custom field of that type with those values."""
    issues = [
        {"id": str(n), "key": f"A-{n}", "fields": {"customfield_1": v}} for n, v in enumerate(values, 1)
    ]
    frame = to_frame({"issues": issues, "names": {"customfield_1": "X"}, "schema": {"customfield_1": schema}})
    return frame["X"]


SLA = {"type": "sd-servicelevelagreement", "custom": "com.atlassian.servicedesk:sd-sla-field"}
APPROVALS = {
    "type": "sd-approvals",
    "custom": "com.atlassian.servicedesk.approvals-plugin:sd-approvals",
}
ASSETS = "com.atlassian.jira.plugins.cmdb:cmdb-object-cftype"


@pytest.mark.parametrize(
    ("schema", "value", "cell"),
    [
        (SLA, {"name": "Time to resolution", "completedCycles": [cycle(5.5, 4)]}, "breached (5h 30m of 4h)"),
        (SLA, {"name": "X", "completedCycles": [cycle(9, 4), cycle(1, 4)]}, "met (1h of 4h)"),
        (SLA, {"name": "X", "completedCycles": [], "ongoingCycle": cycle(1, 4)}, "running (1h of 4h)"),
        (SLA, {"name": "X", "ongoingCycle": cycle(1, 4, paused=True)}, "paused (1h of 4h)"),
        (SLA, {"name": "X", "ongoingCycle": cycle(6, 4, paused=True)}, "breached (6h of 4h)"),
        (SLA, {"name": "X", "ongoingCycle": {"breached": False}}, "running"),
        (SLA, {"name": "X", "completedCycles": []}, None),
        ({"type": "sd-customerrequesttype"}, {"requestType": {"id": "5", "name": "Get help"}}, "Get help"),
        ({"type": "sd-customerrequesttype"}, {"_links": {}}, None),
        (APPROVALS, [{"id": "1", "name": "Manager", "finalDecision": "declined", "approvers": []},
                     {"id": "2", "name": "Manager", "finalDecision": "approved"}, {"name": "Board"}, {}],
         ("Manager: declined", "Manager: approved", "Board")),
        ({"type": "sd-feedback"}, {"rating": 4}, 4),
        ({"type": "array", "items": "cmdb-object-field", "custom": ASSETS},
         [{"workspaceId": "w", "id": "w:12", "objectId": "12"}, {"label": "Laptop 7", "id": "w:13"}, {}],
         ("12", "Laptop 7")),
        ({"type": "any", "custom": ASSETS}, [{"objectKey": "IT-7", "objectId": 3}], ("IT-7",)),
        ({"type": "any", "custom": "com.riadalabs.jira.plugins.insight:rlabs-customfield-default-object"},
         ["Laptop 7 (IT-7)", "A, B (IT-8)"], ("Laptop 7 (IT-7)", "A, B (IT-8)")),
        ({"type": "progress"}, {"progress": 3600, "total": 7200, "percent": 50}, 50.0),
        ({"type": "progress"}, {"progress": 0, "total": 0}, 0.0),
        ({"type": "timetracking"},
         {"originalEstimate": "1d", "remainingEstimate": "4h", "timeSpent": "4h", "timeSpentSeconds": 14400},
         "4h spent, of 1d, 4h left"),
        ({"type": "timetracking"}, {}, None),
        ({"type": "team"}, {"id": "ab-1", "name": "Red", "isShared": True}, "Red"),
    ],
)  # fmt: skip
def test_a_useful_cell(schema: dict[str, Any], value: Any, cell: Any) -> None:
    held = column(schema, value, None)
    if cell is None:
        assert held.isna().all()
    else:
        assert held[0] == cell


def entry(**more: Any) -> dict[str, Any]:
    return {"id": "1", "author": {"displayName": "Ann", "name": "ann"}, "timeSpent": "1h", **more}


@pytest.mark.parametrize(
    ("value", "cells"),
    [
        ({"comments": [entry(body="Hi")], "total": 1}, ("Ann: Hi",)),
        ([entry(body="Hi"), {"body": "No author"}], ("Ann: Hi", "No author")),
        ([], ()),
        ([entry(body="Hi"), entry(body=7), {"id": "2", "name": "odd"}], ("Ann: Hi", "odd")),
    ],
)
def test_comments_in_every_form(value: Any, cells: tuple[str, ...]) -> None:
    """Older sites send a bare list; an entry that is none does not change the others."""
    frame = to_frame([{"id": "1", "key": "A-1", "fields": {"comment": value}}])
    held = frame["Comment"][0]
    assert [cell for cell in held if not cell.startswith("{")] == list(cells)


@pytest.mark.parametrize("whole", [True, False])
def test_work_in_every_form(whole: bool) -> None:
    rows = [entry(), {"timeSpentSeconds": 60, "author": {"name": "bob"}}]
    value = {"worklogs": rows, "total": 2} if whole else rows
    frame = to_frame([{"id": "1", "key": "A-1", "fields": {"worklog": value}}])
    assert frame["Log Work"][0] == ("Ann: 1h", "bob")


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ((5.0, 3, None), "float64"),
        (("2026-01-02T03:04:05.000+0100", None), "datetime64[us, UTC]"),
        (("007", "5"), "str"),
        ((5.0, "five"), "str"),
        ((True, False), "str"),
        (("2026-13-42T03:04:05.000+0100",), "str"),
        ((None,), "str"),
        (({"name": "Red"}, ["a", {"value": "b"}]), "str"),
    ],
)
def test_scripted_values_take_the_type_they_all_have(values: tuple[Any, ...], dtype: str) -> None:
    assert str(column({"type": "any", "custom": "x:scripted-field"}, *values).dtype) == dtype


def test_objects_of_unknown_type_are_shown_by_name() -> None:
    held = column({"type": "any"}, {"name": "Red"}, ["a", {"value": "b"}])
    assert held.tolist() == ["Red", "a, b"]


@pytest.fixture(scope="module", params=["cloud", "dc"])
def jira(request: pytest.FixtureRequest, demo_site: DemoSite) -> Jira:
    return client(demo_site, request.param)


def test_whole_structures_on_request(jira: Jira, tmp_path: Path) -> None:
    jql = "project = DEMO AND sprint is not EMPTY AND assignee is not EMPTY ORDER BY key"
    df = jira.search(jql, fields=["Sprint", "Assignee"], raw=["Sprint", "Assignee", "Fix Versions"], limit=5)
    assert list(df) == ["Key", "Sprint", "Assignee", "Sprint (raw)", "Assignee (raw)", "Fix Versions (raw)"]
    first = df.iloc[0]
    assert first["Assignee (raw)"]["displayName"] == first["Assignee"]
    identity = {"accountId", "name"} & set(first["Assignee (raw)"])
    assert identity, "two people of one name are told apart by it"
    sprint = first["Sprint (raw)"][0]
    assert sprint["name"] == first["Sprint"][0] if isinstance(sprint, dict) else first["Sprint"][0] in sprint
    assert df.attrs["fields"]["Sprint (raw)"]["type"] == "raw"
    stored = tmp_path / "x.parquet"
    jira.sync(jql, stored, fields=["Summary", "Sprint (raw)"])
    assert read_parquet(stored)["Sprint (raw)"][0] == first["Sprint (raw)"]
    plan = jira.edit(excel.read(excel.write(df, tmp_path / "x.xlsx").path).assign(Assignee=None))
    assert set(plan.frame["Field"]) == {"Assignee"}
    with pytest.raises(UsageError, match="edit the column of the field itself"):
        jira.edit(df, columns=["Sprint (raw)"])


def test_the_default_columns_stay_beside_a_structure(jira: Jira) -> None:
    df = jira.search("project = DEMO", raw="Priority", limit=2)
    assert {"Summary", "Priority", "Priority (raw)"} <= set(df)
    assert df["Priority (raw)"][0]["name"] == df["Priority"][0]
    assert df["Priority"].cat.ordered
