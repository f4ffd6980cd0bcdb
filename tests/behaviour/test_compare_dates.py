"""Dates of Jira compare with moments, and all that shows or writes them knows that they are dates."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from schedkit import excel
from schedkit.confluence import Look
from schedkit.confluence.tables.render import render
from schedkit.demo import DemoSite
from schedkit.jira import Jira, diff, read_parquet, search_sites
from tests.jira.conftest import client

QUERY = "project = DEMO ORDER BY key"
COLUMNS = ["Summary", "Created", "Resolved", "Due", "Go-live", "Updated"]
DATES = ["Due", "Go-live"]
# At midnight in UTC it is 9 in the morning in Tokyo, and the evening before in New York.
ZONES = ["Asia/Tokyo", "America/New_York"]


@pytest.fixture(params=["cloud", "dc"])
def jira(request: pytest.FixtureRequest, demo_site: DemoSite) -> Jira:
    return client(demo_site, request.param)


@pytest.fixture
def frame(jira: Jira) -> pd.DataFrame:
    return jira.search(QUERY, fields=COLUMNS)


def told(demo_site: DemoSite, frame: pd.DataFrame) -> list[str]:
    """The due dates as the site keeps them, "" for none."""
    return [demo_site.store.get(key).due or "" for key in frame["Key"]]


def test_a_date_is_the_midnight_in_utc_with_which_it_begins(frame: pd.DataFrame, demo_site: DemoSite) -> None:
    for column in DATES:
        assert frame[column].dtype == frame["Resolved"].dtype == "datetime64[us, UTC]"
        assert frame.attrs["fields"][column]["type"] == "date"
    shown = frame["Due"].dt.strftime("%Y-%m-%d").fillna("").tolist()
    assert shown == told(demo_site, frame)
    known = frame.dropna(subset=["Due"])
    assert known["Due"].dt.date.tolist() == [date.fromisoformat(day) for day in filter(None, shown)]
    assert frame.sort_values("Due")["Due"].dropna().is_monotonic_increasing


def test_dates_compare_with_moments_and_with_each_other(frame: pd.DataFrame) -> None:
    both = frame.dropna(subset=["Resolved", "Due"])
    late = (both["Resolved"] >= both["Due"] + pd.Timedelta(days=1)).tolist()
    assert late == [
        moment.date() > due.date() for moment, due in zip(both["Resolved"], both["Due"], strict=True)
    ]
    assert {True, False} <= {*late}
    assert frame.query("Due > Created")["Due"].notna().any()
    assert (frame["Due"] < "2100-01-01").sum() == frame["Due"].notna().sum()
    assert (frame["Due"] - frame["Created"]).notna().tolist() == frame["Due"].notna().tolist()
    assert not (frame["Go-live"] < frame["Due"]).all()


@pytest.mark.parametrize("zone", ZONES)
def test_a_workbook_shows_the_date_and_gives_it_back(
    jira: Jira, frame: pd.DataFrame, demo_site: DemoSite, tmp_path: Path, zone: str
) -> None:
    path = tmp_path / "issues.xlsx"
    for _ in range(2):
        # The second time it is written from what was read.
        excel.write(frame, path, tz=zone)
        [sheet] = openpyxl.load_workbook(path).worksheets
        header = next(row for row in sheet.iter_rows() if any(cell.value == "Due" for cell in row))
        at = next(cell for cell in header if cell.value == "Due")
        cells = [sheet.cell(at.row + n, at.column) for n in range(1, len(frame) + 1)]
        assert ["" if c.value is None else c.value.isoformat() for c in cells] == [
            day and f"{day}T00:00:00" for day in told(demo_site, frame)
        ]
        assert {c.number_format for c in cells if c.value is not None} == {"yyyy-mm-dd"}
        assert "Times in" not in at.comment.text
        back = excel.read(path)
        for column in DATES:
            pd.testing.assert_series_equal(back[column], frame[column])
        plan = jira.edit(back)
        assert plan.frame.empty
        frame = back


@pytest.mark.parametrize("zone", ZONES)
def test_a_frame_without_attrs_is_written_alike(frame: pd.DataFrame, tmp_path: Path, zone: str) -> None:
    path = tmp_path / "issues.xlsx"
    bare = frame[["Key", *DATES]].copy()
    bare.attrs = {}
    excel.write(bare, path, tz=zone)
    pd.testing.assert_frame_equal(excel.read(path)[DATES], frame[DATES])


@pytest.mark.parametrize("zone", ZONES)
def test_a_csv_file_shows_the_date(
    frame: pd.DataFrame, demo_site: DemoSite, tmp_path: Path, zone: str
) -> None:
    path = tmp_path / "issues.csv"
    excel.write(frame, path, tz=zone)
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert [row["Due"] for row in csv.DictReader(file)] == told(demo_site, frame)


@pytest.mark.parametrize("zone", ZONES)
def test_a_page_shows_the_date(frame: pd.DataFrame, demo_site: DemoSite, zone: str) -> None:
    rendered = render(frame, key="Key", look=Look(tz=zone))
    cells = dict(zip(rendered.names, rendered.columns, strict=True))
    assert cells["Due"] == [day and f'<time datetime="{day}" />' for day in told(demo_site, frame)]
    assert ":" in cells["Created"][0]


@pytest.mark.parametrize("dialect", ["cloud", "dc"])
def test_an_edit_writes_the_date(dialect: str) -> None:
    with DemoSite(issues=30) as site:
        jira = client(site, dialect)
        frame = jira.search(QUERY, fields=["Due"], limit=3)
        assert jira.edit(frame).frame.empty
        frame.loc[0, "Due"] = "2027-03-04"
        frame.loc[1, "Due"] = pd.Timestamp("2027-03-05", tz="UTC")
        frame.loc[2, "Due"] = pd.NaT
        jira.edit(frame).apply()
        assert [site.store.get(key).due for key in frame["Key"]] == ["2027-03-04", "2027-03-05", None]


def test_two_extractions_join(jira: Jira, frame: pd.DataFrame) -> None:
    joined = pd.concat([frame, jira.search(QUERY, fields=COLUMNS)], ignore_index=True)
    assert set(joined.dtypes[DATES].astype(str)) == {"datetime64[us, UTC]"}
    several = search_sites({"one": jira, "other": jira}, lambda site: site.search(QUERY, fields=COLUMNS))
    assert several.attrs["fields"]["Due"]["type"] == "date"
    assert several["Due"].dtype == frame["Due"].dtype


def test_a_store_keeps_the_date(jira: Jira, frame: pd.DataFrame, tmp_path: Path) -> None:
    jira.to_parquet(QUERY, tmp_path / "issues.parquet", fields=COLUMNS)
    for held in (
        read_parquet(tmp_path / "issues.parquet"),
        jira.sync(QUERY, tmp_path / "synced.parquet", fields=COLUMNS),
        jira.sync(QUERY, tmp_path / "synced.parquet", fields=COLUMNS),
        read_parquet(tmp_path / "synced.parquet"),
    ):
        assert held.set_index("Key")["Due"].to_dict() == frame.set_index("Key")["Due"].to_dict()
        assert held.attrs["fields"]["Due"]["type"] == "date"


def test_a_difference_shows_the_dates(frame: pd.DataFrame) -> None:
    later = frame.copy()
    place = int(frame["Due"].notna().to_numpy().argmax())
    later.loc[place, "Due"] += pd.Timedelta(days=1)
    row = diff(frame, later).iloc[0]
    assert (row["Field"], row["Old"], row["New"]) == (
        "Due",
        frame["Due"][place].tz_localize(None),
        later["Due"][place].tz_localize(None),
    )


def test_dates_of_versions_compare_with_moments(jira: Jira, tmp_path: Path) -> None:
    versions: Any = jira.versions("DEMO")
    assert versions.attrs["fields"]["Release"]["type"] == "date"
    assert str(versions["Release"].dtype) == "datetime64[us, UTC]"
    path = tmp_path / "versions.xlsx"
    excel.write(versions, path, tz="America/New_York")
    pd.testing.assert_frame_equal(excel.read(path)[["Start", "Release"]], versions[["Start", "Release"]])
