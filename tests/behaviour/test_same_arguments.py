"""One concept is said in the same way everywhere: what one function takes, its siblings take alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from support.flow_frames import issues, moves

from schedkit import excel, flow
from schedkit.confluence.tables.arguments import rules
from schedkit.confluence.tables.look import Look
from schedkit.confluence.tables.render import render
from schedkit.core.api.scheduler import Scheduler
from schedkit.errors import UsageError
from schedkit.excel.column_types import Policy
from schedkit.excel.new_workbook.overview import overview
from schedkit.values.timezones import parse_timezone

CREATED = "2026-03-01T08:00Z"
ISSUES = issues(("A-1", CREATED, "Done"), ("A-2", CREATED, "Done"), ("A-3", CREATED, "Open"))
ISSUES["Type"] = ["Bug", "Bug", "Story"]
CHANGES = moves(
    ("A-1", "2026-03-02T09:00Z", "Open", "Doing"),
    ("A-1", "2026-03-04T09:00Z", "Doing", "Done"),
    ("A-2", "2026-03-03T09:00Z", "Open", "Doing"),
    ("A-2", "2026-03-09T23:30Z", "Doing", "Done"),
)
HISTORY = flow.History(ISSUES, CHANGES, now="2026-03-20")
FRAME = pd.DataFrame({"Key": ["A-1", "A-2"], "Points": [1, 2]})
BERLIN = {"tz": "Europe/Berlin"}


def test_a_history_is_taken_wherever_frames_are() -> None:
    times = flow.cycle_times(HISTORY, by="Type")
    assert flow.throughput(HISTORY).to_dict() == flow.throughput(times).to_dict()
    by_type = flow.throughput(HISTORY, freq="D", by="Type")
    assert by_type.sum().to_dict() == {"Bug": 2, "Story": 0}
    then = flow.as_of(ISSUES, CHANGES, "2026-03-03")
    pd.testing.assert_frame_equal(flow.as_of(HISTORY, when="2026-03-03"), then)
    pd.testing.assert_frame_equal(flow.spans(HISTORY, "Status"), flow.spans(CHANGES, "Status", ISSUES))
    with pytest.raises(UsageError, match="a History knows its changes"):
        flow.as_of(HISTORY, CHANGES, "2026-03-03")
    with pytest.raises(UsageError, match=r"as_of\(\) needs changes"):
        flow.as_of(ISSUES, when="2026-03-03")
    with pytest.raises(UsageError, match=r"as_of\(\) needs when"):
        flow.as_of(HISTORY)


def test_a_day_is_one_of_the_zone_in_every_figure() -> None:
    # A-2 is finished half an hour after midnight in Berlin, and on the day before in UTC.
    times = flow.cycle_times(HISTORY)
    assert flow.throughput(times, until="2026-03-10").sum() == 2
    assert flow.throughput(times, until="2026-03-10", **BERLIN).sum() == 1
    assert len(flow.control_chart(HISTORY, until="2026-03-10", **BERLIN)) == 1
    assert flow.throughput(times, "D", since="2026-03-10", until="2026-03-11", **BERLIN).tolist() == [1, 0]
    figures = flow.pack(HISTORY, until="2026-03-10", **BERLIN)
    assert figures["throughput"].to_numpy().sum() == 1
    assert figures["returns"].attrs["period"] == "2025-12-15 23:00 to 2026-03-09 23:00 UTC"


def test_the_last_day_of_a_forecast_is_one_of_the_zone() -> None:
    plain, aware = (
        flow.forecast_how_many(HISTORY, to=to, **BERLIN)["At Least"].tolist()
        for to in ("2026-04-20", pd.Timestamp("2026-04-20", tz="Europe/Berlin"))
    )
    assert plain == aware


@pytest.mark.parametrize("states", [{"Doing": "Work", "Review": "Work"}, pd.Series({"Doing": "Work"})])
def test_a_series_is_a_mapping_in_figures(states: Any) -> None:
    assert "Work" in flow.time_in_status(HISTORY, states=states)
    assert "Work" in flow.cumulative_flow(HISTORY, states=states)
    assert flow.Workflow(categories=pd.Series({"Doing": "To Do"})).categories == {"Doing": "To Do"}
    goals = flow.service_times(HISTORY, by="Type", goal=pd.Series({"Bug": "4d", "Story": "1d"}))
    assert goals["Breached"].tolist() == [False, True, True]


def test_one_percentile_is_a_list_of_one() -> None:
    assert list(flow.cycle_percentiles(HISTORY, percentiles=85)) == ["Issues", "Mean", "85 %"]
    assert flow.forecast_when(HISTORY, n=1, percentiles=85)["Percentile"].tolist() == [85]


def test_a_calendar_is_given_as_a_workflow_is() -> None:
    options = {"days": ["Monday", "tue-thu"], "holidays": "2026-03-03", "tz": "UTC"}
    hours = flow.WorkingHours("mon-thu", holidays=["2026-03-03"])
    assert (flow.WorkingHours(**options).mask, list(hours.holidays)) == (
        hours.mask,
        list(flow.WorkingHours(**options).holidays),
    )
    given, made = (flow.cycle_times(HISTORY, calendar=calendar) for calendar in (options, hours))
    assert given["Cycle"].tolist() == made["Cycle"].tolist()
    assert given["Cycle"][0] == pd.Timedelta("8h")
    with pytest.raises(UsageError, match="calendar='mon-fri' is not a calendar"):
        flow.cycle_times(HISTORY, calendar="mon-fri")
    with pytest.raises(UsageError, match="'0' is not a day of the week"):
        flow.WorkingHours(days=[0])


def test_the_field_of_a_flag_is_called_flag() -> None:
    flagged = flow.History(ISSUES.assign(Flagged=None), CHANGES, {"waiting": "Review"}, now="2026-03-20")
    assert flow.flow_efficiency(flagged, flag="Flagged")["Efficiency"].tolist() == [1.0]
    assert flow.blocked_time(flagged, flag="Flagged").empty


@pytest.mark.parametrize("freq", ["m", "M", "ME", pd.offsets.MonthEnd()])
def test_a_month(freq: Any) -> None:
    assert flow.throughput(HISTORY, freq).to_dict() == {pd.Period("2026-03", "M"): 2}
    assert len(flow.cumulative_flow(HISTORY, freq=freq, until="2026-04-02")) == 1


@pytest.mark.parametrize(("share", "expected"), [("50%", 0.5), (0.5, 0.5), (None, None)])
def test_max_drop_on_a_page(share: Any, expected: float | None) -> None:
    assert rules(max_drop=share).max_drop == expected


@pytest.mark.parametrize(
    ("share", "fits"), [("90%", True), (0.9, True), (None, True), ("50%", False), (0.5, False)]
)
def test_max_drop_of_a_workbook(share: Any, fits: bool, tmp_path: Path) -> None:
    whole = pd.DataFrame({"Key": [f"A-{n}" for n in range(20)]})
    excel.write(whole, path := tmp_path / "bugs.xlsx")
    options = {"mode": "upsert", "key": "Key", "missing": "delete", "max_drop": share}
    if fits:
        assert excel.write(whole[:5], path, **options).removed == 15
    else:
        with pytest.raises(UsageError, match="15 of 20 rows"):
            excel.write(whole[:5], path, **options)


def test_a_number_is_a_columns_label_in_workbooks_and_on_pages(tmp_path: Path) -> None:
    frame = pd.DataFrame({0: ["a", "b"], 1: [1, 2]})
    assert render(frame, key=0).keys == ["a", "b"]
    excel.write(frame, path := tmp_path / "bugs.xlsx")
    assert excel.write(frame.assign(**{"1": 3})[[0, 1]], path, mode="upsert", key=0).updated == 2
    assert excel.write(frame, path, mode="upsert", key=[0, 1]).added == 0
    with pytest.raises(UsageError, match=r"key=1\.5 is not a column's name"):
        excel.write(frame, path, mode="upsert", key=1.5)


def test_one_column_is_a_list_of_one_on_a_page() -> None:
    one, several = (rules(keep=keep, drop=drop) for keep, drop in (("Note", "Old"), (["Note"], ["Old"])))
    assert one == several
    assert render(FRAME, columns="Points").names == ["Points"]
    assert render(FRAME, columns="all").names == ["Key", "Points"]
    assert Look(dates="Due").dates == ("Due",)


def test_a_series_is_a_mapping_of_columns_in_workbooks_and_on_pages(tmp_path: Path) -> None:
    assert Look(links=pd.Series({"Key": "https://x/{}"})).links == {"Key": "https://x/{}"}
    path = tmp_path / "bugs.xlsx"
    excel.write(
        FRAME,
        path,
        totals=pd.Series({"Points": "sum"}),
        formats=pd.Series({"Points": "0.00"}),
        links=pd.Series({"Key": "https://x/{}"}),
        properties=pd.Series({"author": "Team Web"}),
    )
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert sheet is not None
    assert (sheet["B2"].number_format, sheet["A2"].hyperlink.target) == ("0.00", "https://x/A-1")
    assert (book.properties.creator, sheet.max_row) == ("Team Web", 4)


def test_a_summary_takes_a_changelog_as_figures_do(tmp_path: Path) -> None:
    frame = ISSUES.assign(Resolved=pd.to_datetime(["2026-03-04T09:00Z", "2026-03-09T23:30Z", None]))
    policy = Policy(parse_timezone("UTC"), "UTC")
    told = CHANGES.rename(columns={"When": "At"}).assign(**{"Status Category": ["In Progress", "Done"] * 2})
    made, given = (overview(frame, policy, history).flow for history in (CHANGES, told))
    assert made is not None
    assert given is not None
    assert made.stock == given.stock
    assert made.stock["In Progress"][:3] == [0, 1, 2]
    assert excel.write(frame, tmp_path / "bugs.xlsx", summary=True, history=CHANGES).rows == 3


def test_a_run_is_given_by_its_id_its_handle_or_its_record(tmp_path: Path) -> None:
    with Scheduler(tmp_path / "ledger.db") as sched:

        @sched.task()
        def bugs() -> int:
            return 1

        run = sched.submit(bugs)
        assert run.result(timeout="30s") == 1
        (record,) = bugs.runs(states="done")
        assert (bugs.runs(states=["FAILED"]), record.id) == ([], run.id)
        for given in (run, record, run.id):
            assert sched.run(given).id == run.id
            assert sched.cancel(given) is False
            assert sched.retry(given).result(timeout="30s") == 1
        with pytest.raises(UsageError, match="expected the id of a run or a RunHandle, got 5"):
            sched.cancel(5)
        with pytest.raises(UsageError, match=r"no process of .* is called 1"):
            sched.end_node(1)
