"""Time in statuses: renamed, deleted and equally named ones, windows that cut, odd frames."""

from __future__ import annotations

import os
from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.flow_example import UNTIL, Example
from support.flow_frames import IDS, STATUSES, days, issues, moves

from schedkit.errors import UsageError
from schedkit.flow import (
    WorkingHours,
    cumulative_flow,
    cycle_times,
    status_spans,
    throughput,
    time_in_status,
)

CATEGORIES = {about["name"]: about["category"] for about in STATUSES.values()}


def test_the_worked_example(example: Example) -> None:
    spent = time_in_status(example.issues, example.changes, until=UNTIL)
    for key, expected in example.values["time in status, days"].items():
        held = {status: value / timedelta(days=1) for status, value in spent.loc[key].items() if value}
        assert held == pytest.approx(expected)
    assert list(spent) == ["To Do", "In Progress", "Review", "Done"]
    grouped = time_in_status(example.issues, example.changes, until=UNTIL, states="category")
    assert list(grouped) == ["To Do", "In Progress", "Done"]
    assert grouped.loc["A-7", "In Progress"] == timedelta(days=11)


def test_until_in_the_past_reads_the_first_move_before_it_cuts() -> None:
    table = issues(("A-1", "2026-03-01", "Done"), ("A-2", "2026-03-01", "Done"))
    log = moves(("A-1", "2026-03-05", "Open", "Done"), ("A-2", "2026-03-02", "Open", "Done"))
    spent = time_in_status(table, log, until="2026-03-04")
    assert days(spent["Open"]) == [3, 1]
    assert days(spent["Done"]) == [0, 2]
    spans = status_spans(table, log, until="2026-03-04")
    assert spans["Left"].isna().tolist() == [True, False, True]


def test_one_issue_that_moved_on_renames_nothing() -> None:
    """A colleague moves one issue between the two extractions."""
    table = issues(*((f"A-{n}", "2026-03-01", "Doing") for n in range(1, 9)), ("A-9", "2026-03-01", "Done"))
    table["Status Category"] = table["Status"].map(CATEGORIES)
    table["Updated"] = pd.Timestamp("2026-03-04T00:00Z")
    log = moves(*((f"A-{n}", "2026-03-02", "Open", "Doing") for n in range(1, 10)))
    spans = status_spans(table, log)
    assert spans.groupby("Status")["Key"].nunique().to_dict() == {"Open": 9, "Doing": 9, "Done": 1}
    flow = cumulative_flow(table, log, until="2026-03-05").iloc[-1].to_dict()
    assert flow == {"Open": 0, "Doing": 8, "Done": 1}
    assert cycle_times(table, log)["Finished"].dropna().tolist() == [pd.Timestamp("2026-03-04T00:00Z")]
    (warning,) = spans.attrs["warnings"]
    assert "1 issues have moved since their changes were read (e.g. A-9): 1 are counted" in warning
    assert status_spans(table, log, until="2026-03-03").attrs["warnings"] == []


def test_the_present_status_of_a_row_with_its_id_and_of_a_row_that_is_older() -> None:
    table = issues(("A-1", "2026-03-01", "Done"), ("A-2", "2026-03-01", "Open"))
    table["Status Id"] = ["9", "1"]
    table["Updated"] = pd.to_datetime(["2026-03-04", "2026-03-01"], utc=True)
    log = moves(
        ("A-1", "2026-03-02", "Open", "Doing", "1", "3"), ("A-2", "2026-03-02", "Open", "Doing", "1", "3")
    )
    spans = status_spans(table, log)
    assert list(spans["Status Id"]) == ["1", "3", "9", "1", "3"]
    assert list(spans["Status"])[2:] == ["Done", "Open", "Doing"]
    assert list(spans["Entered"])[2] == pd.Timestamp("2026-03-04T00:00Z")


def test_statuses_that_were_renamed_since_have_their_present_names() -> None:
    statuses = STATUSES | {"9": {"name": "Done", "category": "Done", "key": "done"}}
    table = issues(("A-1", "2026-03-02", "Done"), ("A-2", "2026-03-02", "Doing"), statuses=statuses)
    log = moves(
        ("A-1", "2026-03-03", "Open", "In Work", "1", "3"),
        ("A-1", "2026-03-05", "In Work", "Finished", "3", "9"),
        ("A-2", "2026-03-04", "Open", "In Work", "1", "3"),
        statuses=statuses,
    )
    spans = status_spans(table, log, until="2026-03-08")
    assert list(spans["Status"]) == ["Open", "Doing", "Done", "Open", "Doing"]
    assert list(spans["Status Id"]) == ["1", "3", "9", "1", "3"]
    assert spans.attrs["warnings"] == []
    assert days(cycle_times(table, log, until="2026-03-08")["Cycle"]) == [2, None]


def test_a_rename_that_only_the_issues_tell() -> None:
    """Frames without the site's list, whose issues carry the id of their status."""
    table = issues(("A-1", "2026-03-02", "Doing"), ("A-2", "2026-03-02", "Open"), statuses={})
    table["Status Id"] = ["3", "1"]
    table["Status Category"] = ["In Progress", "To Do"]
    log = moves(
        ("A-1", "2026-03-03", "Open", "In Work", "1", "3"),
        ("A-2", "2026-03-03", "In Work", "Open", "3", "1"),
        statuses={},
    )
    spans = status_spans(table, log, until="2026-03-08")
    assert list(spans["Status"]) == ["Open", "Doing", "Doing", "Open"]
    assert list(spans["Status Category"]) == ["To Do", "In Progress", "In Progress", "To Do"]


def test_one_name_in_two_categories() -> None:
    """As two team-managed projects have it."""
    statuses = STATUSES | {"20": {"name": "Review", "category": "Done", "key": "done"}}
    table = issues(("A-1", "2026-03-01", "Review"), ("B-1", "2026-03-01", "Review"), statuses=statuses)
    log = moves(
        ("A-1", "2026-03-02", "Open", "Review", "1", "4"),
        ("B-1", "2026-03-02", "Open", "Review", "1", "20"),
        statuses=statuses,
    )
    assert list(status_spans(table, log)["Status Category"]) == ["To Do", "In Progress", "To Do", "Done"]
    finished = cycle_times(table, log, until="2026-03-05").set_index("Key")["Finished"]
    assert finished.isna().to_dict() == {"A-1": True, "B-1": False}
    flow = cumulative_flow(table, log, until="2026-03-05", states="category")
    assert flow.iloc[-1].to_dict() == {"To Do": 0, "In Progress": 1, "Done": 1}
    # The same from the issues' own categories, without the site's list.
    table.attrs, log.attrs = {}, {}
    table["Status Category"] = ["In Progress", "Done"]
    assert cycle_times(table, log)["Finished"].isna().tolist() == [True, False]


def test_an_issue_s_own_category_wins_for_its_present() -> None:
    statuses = STATUSES | {"20": {"name": "Review", "category": "Done", "key": "done"}}
    table = issues(("A-1", "2026-03-01", "Review"), ("B-1", "2026-03-01", "Review"), statuses=statuses)
    table["Status Category"] = ["In Progress", "Done"]
    spans = status_spans(table, moves(statuses=statuses))
    assert list(spans["Status Category"]) == ["In Progress", "Done"], "neither ever moved: no id tells"
    said = status_spans(table, moves(statuses=statuses), categories={"Review": "To Do"})
    assert list(said["Status Category"]) == ["To Do", "To Do"], "unless the caller says otherwise"


def test_a_status_that_is_gone_is_told() -> None:
    table = issues(("A-1", "2026-03-01", "Done"))
    log = moves(
        ("A-1", "2026-03-02", "Open", "Developing", "1", "99"),
        ("A-1", "2026-03-05", "Developing", "Done", "99", "6"),
    )
    times = cycle_times(table, log, until="2026-03-08")
    assert times["Cycle"].isna().all(), "never 0 days"
    assert times["Lead"][0] == timedelta(days=4)
    (warning,) = times.attrs["warnings"]
    assert "the status 'Developing' (99) is gone from the site: stays in it count as no category" in warning
    assert "categories={'Developing': 'In Progress'}" in warning
    for named in ("Developing", "99"):
        said = cycle_times(table, log, until="2026-03-08", categories={named: "In Progress"})
        assert days(said["Cycle"]) == [3]
    assert time_in_status(table, log, until="2026-03-08").loc["A-1", "Developing"] == timedelta(days=3)
    by_category = cumulative_flow(table, log, until="2026-03-03", states="category")
    assert by_category["Developing"].iloc[-1] == 1
    # Without the site's list it is a status like others, but for its category.
    plain = table.assign(**{"Status Category": "Done"})
    plain.attrs, without = {}, log.assign(**{"To Id": None, "From Id": None})
    without.attrs = {}
    (warning, other) = cycle_times(plain, without, until="2026-03-08").attrs["warnings"]
    assert "the category of the status 'Developing' is not known" in warning
    assert "'Open'" in other
    # Before it was ever used there is nothing to tell.
    assert cycle_times(table, log, until="2026-03-01T12:00").attrs["warnings"] == []


def test_a_status_that_is_gone_but_whose_name_lives_on() -> None:
    table = issues(("A-1", "2026-03-01", "Done"))
    log = moves(
        ("A-1", "2026-03-02", "Open", "Review", "1", "99"),
        ("A-1", "2026-03-05", "Review", "Done", "99", "6"),
    )
    times = cycle_times(table, log, until="2026-03-08")
    assert days(times["Cycle"]) == [3]
    assert "'Review' (99) is gone from the site; it is counted as 'In Progress'" in times.attrs["warnings"][0]


def test_a_status_item_without_its_id_goes_by_name() -> None:
    table = issues(("A-1", "2026-03-01", "Done"))
    log = moves(
        ("A-1", "2026-03-02", "Open", "Doing", None, None),
        ("A-1", "2026-03-05", "Doing", "Done", None, None),
    )
    times = cycle_times(table, log, until="2026-03-08")
    assert days(times["Cycle"]) == [3]
    assert times.attrs["warnings"] == []


def test_a_custom_field_called_status_is_not_the_status() -> None:
    table = issues(("A-1", "2026-03-01", "Doing"))
    log = pd.concat(
        [
            moves(("A-1", "2026-03-02", "Open", "Doing")),
            moves(("A-1", "2026-03-03", "Red", "Done")).assign(
                Field="Status", **{"Field Id": "customfield_1"}
            ),
            moves(("A-1", "2026-03-03", "Red", "Done")).assign(Field="Status", **{"Field Id": None}),
        ]
    )
    assert list(status_spans(table, log)["Status"]) == ["Open", "Doing"]


def test_changes_that_were_cut_and_do_not_tell_from_what_are_refused() -> None:
    table = issues(
        ("A-1", "2026-03-01", "Done"), ("A-2", "2026-03-01", "Done"), ("A-3", "2026-03-01", "Open")
    )
    table["Updated"] = pd.to_datetime(["2026-03-02", "2026-03-09", "2026-03-01"], utc=True)
    log = moves(("A-1", "2026-03-02", "Open", "Done"), ("A-2", "2026-03-09", "Open", "Done"))
    whole = time_in_status(table, log, until="2026-03-05")
    assert days(whole["Open"]) == [1, 4, 4]
    assert whole.attrs["warnings"] == []
    for cut in (log[log["When"] < "2026-03-05"], log.head(0)):
        with pytest.raises(UsageError, match="the changes end before 2026-03-05 00:00 UTC"):
            time_in_status(table, cut, until="2026-03-05")
    # Without the time of their update nothing tells that they changed later.
    assert days(time_in_status(table.drop(columns="Updated"), log.head(1), until="2026-03-05")["Done"]) == [
        3, 4, 0,
    ]  # fmt: skip


def test_issues_without_history_and_windows_that_cut() -> None:
    table = issues(("A-1", "2026-03-02T00:00Z", "Open"), ("A-2", "2026-03-08T00:00Z", "Open"))
    spans = status_spans(table, moves(), until="2026-03-04T12:00Z")
    assert list(spans["Key"]) == ["A-1"], "the other was not born yet"
    assert days(spans["Duration"]) == [2.5]
    assert spans["Left"].isna().all()
    at_birth = status_spans(table, moves(), until="2026-03-02T00:00Z")
    assert days(at_birth["Duration"]) == [0.0]


@pytest.mark.parametrize("columns", [[], ["Updated"]])
def test_nothing_at_all(columns: list[str]) -> None:
    none, changes = issues().assign(**dict.fromkeys(columns)), moves()
    assert len(status_spans(none, changes)) == 0
    assert time_in_status(none, changes).empty
    assert list(cycle_times(none, changes)) == ["Key", "Created", "Started", "Finished", "Cycle", "Lead"]
    none.attrs, changes.attrs = {}, {}
    assert len(cycle_times(none, changes)) == 0
    assert cumulative_flow(none, changes).empty
    assert throughput(cycle_times(none, changes)).empty


def test_histories_older_than_their_issue() -> None:
    """As an import leaves them."""
    table = issues(("A-1", "2026-03-02T00:00Z", "Done"))
    changes = moves(
        ("A-1", "2026-02-01T00:00Z", "Open", "Doing"), ("A-1", "2026-03-04T00:00Z", "Doing", "Done")
    )
    spans = status_spans(table, changes, until="2026-03-05T00:00Z")
    assert list(spans["Status"]) == ["Open", "Doing", "Done"]
    assert days(spans["Duration"]) == [0, 2, 1]


def test_frames_that_have_been_through_a_workbook_or_another_zone() -> None:
    table = issues(("A-1", "2026-03-02T00:00Z", "Done"))
    changes = moves(("A-1", "2026-03-04T00:00Z", "Open", "Done"))
    expected = cycle_times(table, changes, until="2026-03-05")
    for other in (
        table.assign(Created=table["Created"].dt.tz_localize(None)),
        table.assign(Created=table["Created"].dt.tz_convert("Asia/Kolkata")),
        table.assign(Created=table["Created"].astype("str")),
        table.assign(Created=table["Created"].astype("datetime64[ns, UTC]")),
        table.assign(Status=table["Status"].astype("category")),
        pd.concat([table, table.assign(Created=pd.NaT, Key="A-2")]),
    ):
        shifted = changes.assign(When=changes["When"].dt.tz_convert("America/New_York"))
        pd.testing.assert_frame_equal(cycle_times(other, shifted, until="2026-03-05"), expected)
    plain = changes[["Key", "When", "Field", "From", "To"]]
    pd.testing.assert_frame_equal(cycle_times(table, plain, until="2026-03-05"), expected)
    with pytest.raises(UsageError, match="the column Created holds values that are not instants"):
        cycle_times(table.assign(Created="soon"), changes)


def test_frames_without_the_columns() -> None:
    with pytest.raises(UsageError, match="frame of issues has no column 'Created'"):
        status_spans(pd.DataFrame({"Key": []}), pd.DataFrame())
    with pytest.raises(UsageError, match="frame of changes has no column 'When'"):
        status_spans(pd.DataFrame({"Key": [], "Created": [], "Status": []}), pd.DataFrame({"Key": []}))


@pytest.mark.parametrize("until", ["junk", pd.NaT])
def test_until_is_an_instant(until: object) -> None:
    with pytest.raises(UsageError, match="is not an instant"):
        status_spans(issues(), moves(), until=until)


def test_groupings_that_do_not_exist() -> None:
    table = issues(("A-1", "2026-03-02", "Open"))
    with pytest.raises(UsageError, match="states='team' is not a grouping"):
        time_in_status(table, moves(), states="team")
    mapped = cumulative_flow(table, moves(), until="2026-03-02", states={"Open": "Backlog"})
    assert mapped.iloc[-1].to_dict() == {"Backlog": 1}


HOUR = pd.Timestamp("2026-03-27T00:00Z")
HISTORY = st.lists(st.tuples(st.integers(-50, 400), st.sampled_from(list(IDS))), max_size=8)


@settings(max_examples=300 if os.environ.get("SCHEDKIT_THOROUGH") else 20)
@given(
    histories=st.lists(st.tuples(st.integers(0, 200), HISTORY), min_size=1, max_size=5),
    until=st.integers(0, 450),
)
def test_time_in_all_statuses_is_the_age(histories, until: int) -> None:
    end = HOUR + timedelta(hours=until)
    rows, steps = [], []
    for number, (born, history) in enumerate(histories):
        status = "Open"
        for at, new in sorted(history, key=lambda step: step[0]):
            steps.append((f"A-{number}", (HOUR + timedelta(hours=at)).isoformat(), status, new))
            status = new
        rows.append((f"A-{number}", (HOUR + timedelta(hours=born)).isoformat(), status))
    table, changes = issues(*rows), moves(*steps)
    born = table.set_index("Key")["Created"]
    ages = (end - born[born <= end]).sort_index()
    spent = time_in_status(table, changes, until=end)
    assert (spent.sum(axis=1).sort_index() == ages).all()
    assert len(spent) == len(ages)
    spans = status_spans(table, changes, until=end)
    assert (spans["Duration"] >= timedelta(0)).all()
    # A calendar that never rests counts every hour but those that summer time gives or takes.
    always = WorkingHours("mon-sun", "00:00", "24:00", "UTC")
    pd.testing.assert_series_equal(
        status_spans(table, changes, until=end, calendar=always)["Duration"], spans["Duration"]
    )
    flow = cumulative_flow(table, changes, tz="Europe/Berlin", until=end)
    if len(ages):
        assert flow.sum(axis=1).iloc[-1] == len(ages)
        assert flow.sum(axis=1).is_monotonic_increasing
        assert (flow >= 0).all(axis=None)
    times = cycle_times(table, changes, until=end)
    done = times.dropna(subset=["Finished"])
    assert (done["Cycle"].dropna() >= timedelta(0)).all()
    assert (done["Lead"] >= done["Cycle"].fillna(pd.Timedelta(0))).all()
    assert throughput(times).sum() == len(done)


def test_issues_from_before_a_rename() -> None:
    """The changes were read after the status was renamed, the issues before."""
    table = issues(("A-1", "2026-03-01", "In Work"), ("A-2", "2026-03-01", "In Work"), statuses={})
    table["Status Category"] = "In Progress"
    log = moves(("A-1", "2026-03-02", "Open", "In Work", "1", "3"))
    spans = status_spans(table, log)
    assert list(spans["Status"]) == ["Open", "Doing", "Doing"]
    assert spans.attrs["warnings"] == []


def test_a_new_status_with_the_former_name_of_another() -> None:
    statuses = STATUSES | {"9": {"name": "In Work", "category": "Done", "key": "done"}}
    table = issues(("A-1", "2026-03-01", "In Work"), statuses=statuses)
    log = moves(("A-1", "2026-03-02", "Open", "In Work", "1", "3"), statuses=statuses)
    spans = status_spans(table, log)
    assert list(spans["Status"]) == ["Open", "Doing"]
    assert list(spans["Status Category"]) == ["To Do", "In Progress"]
    assert "1 issues have moved since" in spans.attrs["warnings"][0]


def test_frames_made_by_hand_with_categories_by_name() -> None:
    table = issues(
        ("A-1", "2026-03-01", "Done"), ("A-2", "2026-03-01", "Review"), ("A-3", "2026-03-01", "Review")
    )
    table["Status Category"] = ["Done", "In Progress", "Done"]
    table.attrs["statuses"] = dict(CATEGORIES)
    log = moves(
        ("A-1", "2026-03-02", "Open", "Doing", "1", "3"),
        ("A-1", "2026-03-04", "Doing", "Done", "3", "6"),
        ("A-2", "2026-03-02", "Open", "Review", "1", "10"),
        ("A-3", "2026-03-02", "Open", "Review", "1", "20"),
        statuses={},
    )
    times = cycle_times(table, log, until="2026-03-09")
    assert days(times["Cycle"]) == [2, None, None]
    assert times["Finished"].notna().tolist() == [True, False, True]
    assert times.attrs["warnings"] == []
    flow = cumulative_flow(table, log, until="2026-03-09", states="category")
    assert flow.iloc[-1].to_dict() == {"To Do": 0, "In Progress": 1, "Done": 2}
    assert list(time_in_status(table, log, until="2026-03-09")) == ["Open", "Doing", "Review", "Done"]


def test_an_issue_that_never_moved_takes_no_id_from_the_histories_of_others() -> None:
    """Two projects of one name; only one of them has a history."""
    statuses = STATUSES | {"20": {"name": "Review", "category": "Done", "key": "done"}}
    log = moves(("A-1", "2026-03-02", "Open", "Review", "1", "4"), statuses=statuses)
    table = issues(("A-1", "2026-03-01", "Review"), ("B-1", "2026-03-01", "Review"), statuses=statuses)
    spans = status_spans(table, log).set_index("Key").loc["B-1"]
    assert pd.isna(spans["Status Id"])
    assert pd.isna(spans["Status Category"]), "it may be either"
    own = status_spans(table.assign(**{"Status Category": ["In Progress", "Done"]}), log).set_index("Key")
    assert (own.loc["B-1", "Status Id"], own.loc["B-1", "Status Category"]) == ("20", "Done")
    # Without the site's list, the one's category is not the other's either.
    plain = table.iloc[::-1].assign(**{"Status Category": ["Done", "In Progress"]})
    plain.attrs, log.attrs = {}, {}
    first = status_spans(plain, log).set_index("Key")
    assert first.loc["B-1", "Status Category"] == "Done"
    assert first.loc["A-1", "Status Category"].tolist()[-1] == "In Progress"
