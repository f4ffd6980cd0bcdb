"""Values of fields in time and issues as of an instant: by hand, and against a plain scan."""

from __future__ import annotations

import os
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.flow_example import Example
from support.flow_frames import issues, moves

from schedkit.errors import UsageError
from schedkit.flow import as_of, spans

START = "2026-03-02T09:00Z"


def changes(*rows: tuple[str | None, ...], **attrs: object) -> pd.DataFrame:
    """Changes of (key, when, field, field id, from id, from, to id, to)."""
    columns = ["Key", "When", "Field", "Field Id", "From Id", "From", "To Id", "To"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["When"] = pd.to_datetime(frame["When"], utc=True).astype("datetime64[us, UTC]")
    frame.attrs.update(attrs)
    return frame


def held(frame: pd.DataFrame, key: str) -> list[object]:
    """The values of an issue, one after the other."""
    values = frame.loc[frame["Key"] == key, "Value"]
    return [None if not isinstance(value, tuple) and pd.isna(value) else value for value in values]


def test_the_worked_example_as_of_the_start_of_its_sprint(example: Example) -> None:
    then = as_of(example.issues, example.changes, START, ["Status", "Story Points", "Sprint"])
    assert dict(zip(then["Key"], then["Status"], strict=True)) == {
        "A-1": "To Do", "A-2": "To Do", "A-3": "To Do", "A-4": "To Do", "A-6": "To Do", "A-7": "To Do",
        "A-8": "Done",
    }  # fmt: skip
    assert then["Story Points"].tolist() == [3, 5, 2, 3, 5, 8, 1]
    assert then["Sprint"].tolist() == ["Sprint 1"] * 7
    assert then["Sprint Id"].tolist() == [("1",)] * 7
    assert then["Status Category"].tolist() == ["To Do"] * 6 + ["Done"]


def test_the_worked_example_at_its_end(example: Example) -> None:
    now = as_of(example.issues, example.changes, "2026-03-15T12:00Z").set_index("Key")
    assert set(now) >= {"Status", "Story Points", "Status Id"}
    held_now = example.issues.set_index("Key")
    pd.testing.assert_series_equal(now["Status"], held_now["Status"])
    pd.testing.assert_series_equal(now["Story Points"], held_now["Story Points"])


def test_membership_is_told_by_ids(example: Example) -> None:
    at_close = as_of(example.issues, example.changes, "2026-03-13T17:00Z", "Sprint").set_index("Key")
    members = [key for key, ids in at_close["Sprint Id"].items() if "1" in ids]
    assert members == ["A-1", "A-2", "A-3", "A-4", "A-5", "A-7", "A-8", "A-10"]
    assert [key for key, ids in at_close["Sprint Id"].items() if "2" in ids] == ["A-7"]


def test_flags_are_spans(example: Example) -> None:
    flagged = spans(example.changes, "Flagged")
    assert set(flagged["Key"]) == {"A-7"}, "only issues that changed it"
    assert held(flagged, "A-7") == [None, "Impediment", None]
    blocked = flagged[flagged["Value"] == "Impediment"].iloc[0]
    assert blocked["To"] - blocked["From"] == timedelta(days=4)
    assert pd.isna(flagged["From"].iloc[0])
    everyone = spans(example.changes, "Flagged", example.issues, until=START)
    assert set(everyone["Key"]) == set(example.issues["Key"]) - {"A-5", "A-9", "A-10"}
    assert everyone["To"].isna().all()


def test_a_value_at_birth_is_what_the_first_change_left() -> None:
    table = issues(("A-1", "2026-03-01", "Done"), ("A-2", "2026-03-01", "Done"))
    log = moves(("A-1", "2026-03-05", "Open", "Done"))
    assert as_of(table, log, "2026-03-02")["Status"].tolist() == ["Open", "Done"]
    assert as_of(table, log, "2026-02-28").empty
    assert held(spans(log, "status", table), "A-1") == ["Open", "Done"]


def test_fields_that_are_merged_into_one_column_are_merged_in_time() -> None:
    table = issues(
        ("A-1", "2026-03-01", "Open"), ("A-2", "2026-03-01", "Open"), ("A-3", "2026-03-01", "Open")
    )
    table["Story Points"] = [3.0, 5.0, 8.0]
    table.attrs["fields"] = {"Story Points": {"id": "cf_1", "type": "number", "also": ["cf_2"]}}
    log = changes(
        ("A-1", "2026-03-02", "Story Points", "cf_1", None, None, None, "2"),
        ("A-1", "2026-03-03", "Story Points", "cf_1", None, "2", None, "3"),
        ("A-2", "2026-03-04", "Story point estimate", "cf_2", None, "1", None, "5"),
        ("A-1", "2026-03-04", "Story points", "cf_9", None, "1", None, "99"),
    )
    merged = spans(log, "Story Points", table)
    assert held(merged, "A-1") == [None, "2", "3"]
    assert held(merged, "A-2") == ["1", "5"]
    assert held(merged, "A-3") == ["8"]
    assert as_of(table, log, "2026-03-03T12:00")["Story Points"].tolist() == [3.0, 1.0, 8.0]


def test_the_first_of_two_merged_fields_that_has_a_value_gives_it() -> None:
    table = issues(("A-1", "2026-03-01", "Open")).assign(Points=[7.0])
    table.attrs["fields"] = {"Points": {"id": "cf_1", "type": "number", "also": ["cf_2"]}}
    log = changes(
        ("A-1", "2026-03-02", "Points", "cf_2", None, None, None, "5"),
        ("A-1", "2026-03-03", "Points", "cf_1", None, None, None, "7"),
        ("A-1", "2026-03-04", "Points", "cf_2", None, "5", None, "6"),
        ("A-1", "2026-03-05", "Points", "cf_1", None, "7", None, ""),
        ("A-1", "2026-03-06", "Points", "cf_1", None, "", None, "7"),
    )
    assert held(spans(log, "Points", table), "A-1") == [None, "5", "7", "7", "6", "7"]


VERSION = "Fix Version"


def test_versions_are_told_one_by_one() -> None:
    table = issues(("A-1", "2026-03-01", "Open"), ("A-2", "2026-03-01", "Open"))
    table["Fix Versions"] = [("1.0", "2.0", "old"), ("1.0",)]
    log = changes(
        ("A-1", "2026-03-02", VERSION, "fixVersions", None, None, "1", "1.0"),
        ("A-1", "2026-03-03", VERSION, "fixVersions", "9", "0.9", None, None),
        ("A-1", "2026-03-03", VERSION, "fixVersions", None, None, "2", "2.0"),
    )
    versions = spans(log, "Fix Versions", table)
    assert held(versions, "A-1") == [
        ("old", "0.9"), ("old", "0.9", "1.0"), ("old", "1.0", "2.0")
    ]  # fmt: skip
    assert held(versions, "A-2") == [("1.0",)]
    assert versions["Value Id"].tolist()[2] == ("old", "1", "2")
    then = as_of(table, log, "2026-03-02T12:00", ["Fix Version/s"])
    assert then["Fix Versions"].tolist() == [("old", "0.9", "1.0"), ("1.0",)]
    without = spans(log, VERSION)
    assert held(without, "A-1") == [("0.9",), ("0.9", "1.0"), ("1.0", "2.0")]


def test_a_version_that_was_renamed_since_is_not_counted_twice() -> None:
    table = issues(("A-1", "2026-03-01", "Open"))
    table["Fix Versions"] = [("1.0 GA",)]
    log = changes(("A-1", "2026-03-02", VERSION, "fixVersions", None, None, "1", "1.0"))
    assert held(spans(log, "fixVersions", table), "A-1") == [(), ("1.0",)]


def test_links_and_components_are_elements_too() -> None:
    table = issues(("A-1", "2026-03-01", "Open"))
    table["Components"] = [("UI",)]
    log = changes(
        ("A-1", "2026-03-02", "Component", "components", "7", "API", "8", "UI"),
        ("A-1", "2026-03-02", "Link", "issuelinks", None, None, "B-1", "This issue blocks B-1"),
    )
    assert held(spans(log, "Components", table), "A-1") == [("API",), ("UI",)]
    assert held(spans(log, "Link", table), "A-1") == [(), ("This issue blocks B-1",)]


def test_labels_are_words() -> None:
    table = issues(("A-1", "2026-03-01", "Open"), ("A-2", "2026-03-01", "Open"))
    table["Labels"] = [("a", "b"), ("c", "d")]
    log = changes(("A-1", "2026-03-02", "labels", "labels", None, "a", None, "a b"))
    assert held(spans(log, "Labels", table), "A-1") == [("a",), ("a", "b")]
    assert as_of(table, log, "2026-03-01T12:00", "Labels")["Labels"].tolist() == [("a",), ("c", "d")]


def test_names_of_sprints_with_commas() -> None:
    table = issues(*((f"A-{n}", "2026-03-01", "Open") for n in range(1, 6)))
    table["Sprint"] = [("One, two", "Three"), ("One, two",), (), ("Three",), ("Five", "Six, six")]
    log = changes(
        ("A-1", "2026-03-02", "Sprint", "cf_1", "", "", "1", "One, two"),
        ("A-1", "2026-03-03", "Sprint", "cf_1", "1", "One, two", "1, 3", "One, two, Three"),
        ("A-2", "2026-03-03", "Sprint", "cf_1", "3, 1", "Three, One, two", "1", "One, two"),
        ("A-3", "2026-03-03", "Sprint", "cf_1", "7, 8", "Seven, Eight", "", ""),
        ("A-5", "2026-03-03", "Sprint", "cf_1", "5, 6, 9", "Five, Six, six, Nine", "5, 6", "Five, Six, six"),
    )
    table.attrs["fields"] = {"Sprint": {"id": "cf_1", "type": "sprint"}}
    then = as_of(table, log, "2026-03-02T12:00", "Sprint")
    assert then["Sprint"].tolist() == [
        ("One, two",), ("Three", "One, two"), ("Seven", "Eight"), ("Three",), ("Five", "Six, six", "Nine")
    ]  # fmt: skip
    assert as_of(table, log, "2026-03-04", "Sprint")["Sprint"][0] == ("One, two", "Three")
    assert then["Sprint Id"][1] == ("3", "1")


def test_ids_of_present_values_come_from_structures_too() -> None:
    table = issues(*((f"A-{n}", "2026-03-01", "Open") for n in (1, 2, 3)))
    table["Sprint"] = [("One",), (), ("Three",)]
    java = "com.atlassian.greenhopper.service.sprint.Sprint@1f[id=3,rapidViewId=1,state=ACTIVE,name=Three]"
    table["Sprint (raw)"] = pd.Series([[{"id": 1, "name": "One"}], None, [java]], dtype=object)
    log = changes(("A-2", "2026-03-02", "Sprint", "cf_1", "2", "Two", "", ""))
    assert as_of(table, log, "2026-03-03", "Sprint")["Sprint Id"].tolist() == [
        ("1",), (), ("3",)
    ]  # fmt: skip


def test_columns_keep_their_type() -> None:
    table = issues(("A-1", "2026-03-01", "Open"), ("A-2", "2026-03-01", "Open"))
    table["Due"] = pd.to_datetime(["2026-04-01", None])
    table["Priority"] = pd.Categorical(["High", "Low"], categories=["Low", "High"], ordered=True)
    table["Reviewed"] = pd.to_datetime(["2026-03-08T10:00Z", None], utc=True)
    table["Assignee"] = pd.Series(["Ann", None], dtype="str")
    log = changes(
        (
            "A-1",
            "2026-03-03",
            "duedate",
            "duedate",
            "2026-03-20",
            "2026-03-20 00:00:00.0",
            None,
            "2026-04-01",
        ),
        ("A-1", "2026-03-03", "priority", "priority", "9", "Gone", "2", "High"),
        ("A-1", "2026-03-03", "Reviewed", "cf_7", None, "2026-03-02T10:00:00.000+0200", None, "soon"),
        ("A-2", "2026-03-03", "assignee", "assignee", "u1", "Bob", None, None),
    )
    then = as_of(table, log, "2026-03-02")
    assert then["Due"].tolist() == [pd.Timestamp("2026-03-20"), pd.NaT]
    assert str(then["Due"].dtype) == str(table["Due"].dtype)
    assert then["Priority"].tolist() == ["Gone", "Low"]
    assert list(then["Priority"].cat.categories) == ["Low", "High", "Gone"]
    assert then["Reviewed"][0] == pd.Timestamp("2026-03-02T08:00Z")
    assert then["Assignee"].tolist() == ["Ann", "Bob"]
    assert then["Assignee Id"].tolist()[1] == "u1"
    assert as_of(table, log, "2026-03-04")["Reviewed"].isna().all(), "what is no date is left out"


def test_an_issue_that_moved_between_the_two_extractions() -> None:
    log = moves(("NEW-5", "2026-03-02", "Open", "Done"), ("OLD-2", "2026-03-02", "Open", "Doing"))
    key = changes(
        ("NEW-5", "2026-03-04", "Key", "issuekey", None, "OLD-1", None, "NEW-5"),
        ("X-1", "2026-03-04", "Key", "issuekey", None, "Y-1", None, "X-1"),
    )
    log = pd.concat([log, key])
    table = issues(("OLD-1", "2026-03-01", "Done"), ("OLD-2", "2026-03-01", "Doing"))
    then = as_of(table, log, "2026-03-01T12:00", "Status")
    assert then["Key"].tolist() == ["OLD-1", "OLD-2"]
    assert then["Status"].tolist() == ["Open", "Open"], "found under its former key"
    # The other way round only the issue's id tells.
    later = table.assign(Key=["NEW-5", "OLD-2"], Id=["1", "2"])
    before = moves(("OLD-1", "2026-03-02", "Open", "Done"), ("OLD-2", "2026-03-02", "Open", "Doing"))
    then = as_of(later, before.assign(Id=["1", "2"]), "2026-03-01T12:00", "Status")
    assert then["Status"].tolist() == ["Open", "Open"]


def test_issues_of_two_sites_with_one_key_stay_two() -> None:
    table = issues(("A-1", "2026-03-01", "Done"), ("A-1", "2026-03-01", "Done")).assign(site=["x", "y"])
    log = moves(("A-1", "2026-03-02", "Open", "Done"), ("A-1", "2026-03-03", "Doing", "Done"))
    log = log.assign(site=["x", "y"])
    assert as_of(table, log, "2026-03-01T12:00", "Status")["Status"].tolist() == ["Open", "Doing"]


def test_changes_of_one_second_go_by_their_entries() -> None:
    """As Cloud gives them: in whole seconds, the newest first."""
    table = issues(("A-1", "2026-03-01", "Done"))
    log = moves(("A-1", "2026-03-02", "Doing", "Done"), ("A-1", "2026-03-02", "Open", "Doing"))
    assert held(spans(log.assign(Entry=["12", "9"]), "Status", table), "A-1") == ["Open", "Doing", "Done"]


def test_fields_nobody_has() -> None:
    table, log = issues(("A-1", "2026-03-01", "Open")), moves(("A-1", "2026-03-02", "Open", "Done"))
    with pytest.raises(UsageError, match="neither issues nor changes have a field 'Statuss'") as caught:
        spans(log, "Statuss", table)
    assert "did you mean 'Status'" in str(caught.value)
    with pytest.raises(UsageError, match="expected the name of a field, got 3"):
        as_of(table, log, "2026-03-02", [3])
    with pytest.raises(UsageError, match="is not an instant"):
        as_of(table, log, "soon")
    with pytest.raises(UsageError, match="frame of changes has no column 'When'"):
        spans(log.drop(columns="When"), "Status")


NOON = pd.Timestamp("2026-03-01T12:00Z")
VALUES = st.sampled_from([None, "x", "y", "z"])
HISTORIES = st.lists(
    st.tuples(st.integers(0, 50), VALUES, st.lists(st.tuples(st.integers(-5, 90), VALUES), max_size=6)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=300 if os.environ.get("SCHEDKIT_THOROUGH") else 40)
@given(histories=HISTORIES, at=st.integers(-10, 100), shuffled=st.randoms(use_true_random=False))
def test_as_of_is_what_a_plain_scan_finds(histories, at: int, shuffled) -> None:
    rows, table, expected = [], [], {}
    for number, (born, first, steps) in enumerate(histories):
        value, then = first, first
        for entry, (hour, new) in enumerate(sorted(steps, key=lambda step: step[0])):
            rows.append((f"A-{number}", NOON + timedelta(hours=hour), "Team", value, new, entry))
            value = new
            if hour <= at:
                then = new
        table.append((f"A-{number}", NOON + timedelta(hours=born), value))
        if born <= at:
            expected[f"A-{number}"] = then
    shuffled.shuffle(rows)
    log = pd.DataFrame(rows, columns=["Key", "When", "Field", "From", "To", "Entry"])
    log["When"] = pd.to_datetime(log["When"], utc=True)
    frame = pd.DataFrame(table, columns=["Key", "Created", "Team"])
    then = as_of(frame, log, NOON + timedelta(hours=at), "Team")
    cells = [None if pd.isna(value) else value for value in then["Team"]]
    assert dict(zip(then["Key"], cells, strict=True)) == expected
    whole = spans(log, "Team", frame)
    inside = (whole["From"] <= NOON + timedelta(hours=at)) & ~(whole["To"] <= NOON + timedelta(hours=at))
    found = whole[inside].set_index("Key")["Value"]
    assert {key: None if pd.isna(value) else value for key, value in found.items()} == expected
    assert np.array_equal(whole["Key"].unique(), frame["Key"])


def test_two_fields_of_one_name_are_asked_for_by_id() -> None:
    log = changes(
        ("A-1", "2026-03-02", "Customer", "customfield_5", None, None, None, "Ann"),
        ("A-1", "2026-03-03", "Customer", "customfield_6", None, None, None, "Gold"),
        ("A-1", "2026-03-03", "Workflow", "Workflow", None, "old", None, "new"),
        ("A-1", "2026-03-04", "Workflow", "customfield_7", None, None, None, "a custom field's"),
    )
    with pytest.raises(UsageError, match="2 fields are called 'Customer'") as caught:
        spans(log, "Customer")
    assert "give one of customfield_5, customfield_6" in str(caught.value)
    assert held(spans(log, "customfield_6"), "A-1") == [None, "Gold"]
    assert held(spans(log, "workflow"), "A-1") == ["old", "new"], "the system's own"
    by_name = spans(log.drop(columns="Field Id"), "customer")
    assert held(by_name, "A-1") == [None, "Ann", "Gold"], "without ids only the name tells"
