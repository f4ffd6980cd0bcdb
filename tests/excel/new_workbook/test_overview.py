"""The figures of a Summary, compared with counting issue by issue."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.excel_issues import issue_frame

from schedkit import excel
from schedkit.excel.column_types import Policy
from schedkit.excel.new_workbook.overview import overview
from schedkit.values.timezones import parse_timezone

UTC = Policy(parse_timezone("UTC"), "UTC")
PROFILE = settings.get_profile("excel")


def counted(days: pd.Series, after: pd.Timestamp | None, until: pd.Timestamp) -> int:
    end = until.date()
    return sum(
        1 for day in days.dropna() if day.date() <= end and (after is None or day.date() > after.date())
    )


@settings(PROFILE, max_examples=8)
@given(rows=st.integers(1, 60), seed=st.integers(0, 99), span=st.sampled_from([0.02, 0.3, 1, 5]))
def test_flow_is_what_counting_gives(rows: int, seed: int, span: float) -> None:
    frame = issue_frame(rows, seed)
    start = frame["Created"].min()
    for name in ("Created", "Resolved"):
        frame[name] = start + (frame[name] - start) * span
    flow = overview(frame, UTC).flow
    assert flow is not None
    previous = None
    for place, until in enumerate(flow.until):
        assert flow.created[place] == counted(frame["Created"], previous, until)
        assert flow.resolved[place] == counted(frame["Resolved"], previous, until)
        end = until.tz_localize("UTC") + pd.Timedelta(days=1)
        done, made = frame["Resolved"] < end, frame["Created"] < end
        assert flow.stock["Done"][place] == done.sum()
        assert flow.stock["Open"][place] == made.sum() - done.sum()
        points = frame["Story Points"].fillna(0)
        if flow.unit == "story points":
            assert flow.scope[place] == pytest.approx(points[made].sum())
            assert flow.done[place] == pytest.approx(points[done].sum())
        previous = until
    assert sum(flow.created) == rows
    assert sum(flow.resolved) == frame["Resolved"].notna().sum()
    assert len(flow.until) <= 130


def test_flow_counts_days_in_the_chosen_zone() -> None:
    frame = pd.DataFrame(
        {
            "Created": pd.to_datetime(["2024-01-01T23:30:00Z", "2024-01-03T10:00:00Z"]),
            "Resolved": pd.to_datetime([None, None], utc=True),
        }
    )
    utc = overview(frame, UTC).flow
    berlin = overview(frame, Policy(parse_timezone("Europe/Berlin"), "Europe/Berlin")).flow
    assert utc is not None
    assert berlin is not None
    assert (str(utc.until[0].date()), utc.created) == ("2024-01-01", [1, 0, 1])
    assert (str(berlin.until[0].date()), berlin.created) == ("2024-01-02", [1, 1])
    assert utc.unit == "issues"


def test_history_tells_each_category() -> None:
    frame = pd.DataFrame(
        {
            "Key": ["A-1", "A-2", "A-3"],
            "Created": pd.to_datetime(["2024-01-01T08:00Z", "2024-01-02T08:00Z", "2024-01-02T09:00Z"]),
            "Resolved": pd.to_datetime(["2024-01-04T08:00Z", None, None]),
        }
    )
    history = pd.DataFrame(
        {
            "Key": ["A-1", "A-1", "A-3", "A-3"],
            "At": pd.to_datetime(
                ["2024-01-02T08:00Z", "2024-01-04T08:00Z", "2024-01-02T09:00Z", "2024-01-03T00:00Z"]
            ),
            "Status Category": ["In Arbeit", "Done", "To Do", "In Progress"],
        }
    )
    flow = overview(frame, UTC, history).flow
    assert flow is not None
    assert flow.stock == {
        "Done": [0, 0, 0, 1],
        "In Progress": [0, 1, 2, 1],
        "To Do": [1, 2, 1, 1],
    }


def test_counts_follow_the_flow_of_work_and_end_in_others() -> None:
    status = ["Done"] * 5 + ["Open"] * 2 + ["Odd"] * 4 + [None]
    category = ["Done"] * 5 + ["To Do"] * 2 + ["?"] * 5
    people = [f"P{n}" for n in range(12)]
    frame = pd.DataFrame({"Status": status, "Status Category": category, "Assignee": people})
    figures = overview(frame, UTC)
    assert [(c.name, c.issues, c.category) for c in figures.by_status] == [
        ("Open", 2, 0),
        ("Done", 5, 2),
        ("Odd", 4, None),
        ("(none)", 1, None),
    ]
    assert [(c.name, c.issues) for c in figures.by_category] == [
        ("To Do", 2),
        ("In Progress", 0),
        ("Done", 5),
    ]
    assert len(figures.by_assignee) == 12
    many = overview(pd.DataFrame({"Assignee": [f"P{n}" for n in range(40)] + ["P7"]}), UTC)
    assert next((c.name, c.issues) for c in many.by_assignee) == ("P7", 2)
    assert (many.by_assignee[-1].name, many.by_assignee[-1].issues) == ("(29 others)", 29)


def test_lists_of_components_count_each() -> None:
    frame = pd.DataFrame({"Components": [("Web", "API"), ["Web"], (), None, "API, Core"]})
    assert {c.name: c.issues for c in overview(frame, UTC).by_component} == {
        "Web": 2,
        "API": 2,
        "(none)": 2,
        "Core": 1,
    }


def test_what_is_not_there_is_not_told() -> None:
    figures = overview(pd.DataFrame({"Story Points": ["many"], "Due": ["soon"], "Created": ["once"]}), UTC)
    assert (figures.points, figures.overdue, figures.flow) == (None, None, None)
    nothing = pd.DataFrame(
        {"Created": pd.to_datetime([None], utc=True), "Resolved": pd.to_datetime([None], utc=True)}
    )
    assert overview(nothing, UTC).flow is None
    assert np.isclose(overview(pd.DataFrame({"Story Points": [1.5, None]}), UTC).points or 0, 1.5)


@pytest.mark.parametrize("language", [("待办", "进行中", "完成"), ("Ütlesanne", "Käsil", 'Val"mis')])
def test_categories_are_known_by_their_key(language: tuple[str, str, str], tmp_path: Path) -> None:
    todo, _, done = language
    frame = pd.DataFrame(
        {
            "Key": ["A-1", "A-2", "A-3"],
            "Status": ["a", "b", "c"],
            "Status Category": pd.Categorical([todo, done, done]),
            "Due": pd.to_datetime(["2026-01-01"] * 3),
        }
    )
    keys = ("new", "indeterminate", "done")
    frame.attrs["statuses"] = {
        str(number): {"name": name, "category": category, "key": key}
        for number, (name, category, key) in enumerate(zip("abc", language, keys, strict=True))
    }
    frame.attrs["extraction"] = {"as_of": "2026-11-20T12:00:00Z"}
    figures = overview(frame, UTC)
    assert [count.issues for count in figures.by_category] == [1, 0, 2]
    assert figures.overdue == 1
    sheet = openpyxl.load_workbook(excel.write(frame, tmp_path / "c.xlsx").path).active
    rules = {str(area.sqref): area.rules for area in sheet.conditional_formatting}
    escaped = done.replace('"', '""').casefold()
    assert f'$C2="{escaped}"' in rules["D2:D4"][0].formula[0]
    back = excel.read(tmp_path / "c.xlsx")
    assert overview(back, UTC).by_category == figures.by_category


def test_priorities_are_coloured_by_the_order_of_the_site(tmp_path: Path) -> None:
    ranks = ["Gering", "Mittel", "Dringend"]
    frame = pd.DataFrame({"Priority": pd.Categorical(["Dringend", "Gering"], ranks, ordered=True)})
    sheet = openpyxl.load_workbook(excel.write(frame, tmp_path / "p.xlsx").path).active
    (area,) = sheet.conditional_formatting
    told = [rule.formula[0] for rule in area.rules]
    assert told == [f'OR($A2="{name}")' for name in reversed(ranks)]
    assert area.rules[0].dxf.font.color.rgb == "00BF2600"
