"""Which columns a table has after a frame was laid over it."""

from __future__ import annotations

import pandas as pd
import pytest
from support.confluence_pages import table
from support.confluence_tables import NAMES, OLD, cells, edit, page, report

from schedkit.errors import RegionError


def test_columns_stay_where_people_moved_them_and_new_ones_follow_their_neighbour() -> None:
    source = page(table(["Comment", "Summary", "Key", "Owner"], [["mine", "one", "K-1", "Ann"]]))
    draft = edit(source, {"Key": ["K-1"], "Summary": ["one"], "Due": ["soon"]}, keep=["Comment"])
    assert cells(draft) == [
        ["Comment", "Summary", "Due", "Key", "Owner"],
        ["mine", "one", "soon", "K-1", "Ann"],
    ]
    assert report(draft).carried == ["Comment", "Owner"]
    assert report(draft).notes == ["column 'Owner' is not in the frame: carried as people left it"]


def test_a_renamed_column_is_carried_and_not_made_again() -> None:
    source = page(table(["Key", "Summary", "Our comment"], [["K-1", "one", "mine"]]))
    draft = edit(source, {"Key": ["K-1"], "Summary": ["uno"]}, keep=["Comment"])
    assert cells(draft) == [["Key", "Summary", "Our comment"], ["K-1", "uno", "mine"]]
    assert "'Comment' is not on the page; perhaps it was renamed: not added" in report(draft).notes[1]


def test_keep_columns_are_added_where_missing_and_win_over_the_frame() -> None:
    source = page(table(["Key", "Summary"], [["K-1", "one"]]))
    draft = edit(
        source,
        {"Key": ["K-1", "K-2"], "Summary": ["one", "two"], "Note": ["first", ""]},
        keep=["Note", "Comment"],
    )
    assert cells(draft) == [
        ["Key", "Summary", "Note", "Comment"], ["K-1", "one", "first", ""], ["K-2", "two", "", ""],
    ]  # fmt: skip
    typed = draft.new.replace("first", "typed")
    rerun = edit(typed, {"Key": ["K-1"], "Summary": ["one"], "Note": ["second"]}, keep=["Note", "Comment"])
    assert cells(rerun)[1] == ["K-1", "one", "typed", ""]
    frame = {"Key": ["K-1", "K-9"], "Summary": ["one", "nine"], "Note": ["third", "for new rows"]}
    grown = edit(rerun.new, frame, keep=["Note", "Comment"])
    assert cells(grown)[1:] == [["K-1", "one", "typed", ""], ["K-9", "nine", "for new rows", ""]]
    assert report(grown).carried == ["Note", "Comment"]


def test_dropped_columns_leave_with_their_col() -> None:
    opening = (
        '<table class="wrapped"><colgroup><col style="width: 9px;" /><col class="b" /><col /></colgroup>'
    )
    source = page(table(NAMES, [["K-1", "one", "mine"]], opening))
    draft = edit(source, {"Key": ["K-1"], "Prio": ["P1"]}, drop=["Summary"])
    assert cells(draft) == [["Key", "Prio", "Comment"], ["K-1", "P1", "mine"]]
    assert '<colgroup><col style="width: 9px;" /><col /><col /></colgroup>' in draft.new


def test_a_colgroup_that_never_fitted_is_left_alone() -> None:
    for cols in ("<col span='3'/>", "<col></col><col/>"):
        source = page(table(NAMES, [["K-1", "one", "mine"]], f"<table><colgroup>{cols}</colgroup>"))
        draft = edit(source, {"Key": ["K-1"], "Summary": ["one"], "Due": ["x"]})
        assert f"<colgroup>{cols}</colgroup>" in draft.new


def test_the_column_of_row_numbers_keeps_counting() -> None:
    head = '<tr><th class="numberingColumn"></th><th>Key</th></tr>'
    rows = "".join(f'<tr><td class="numberingColumn">{n}</td><td>K-{n}</td></tr>' for n in (1, 2))
    source = page(f"<table><tbody>{head}{rows}</tbody></table>")
    draft = edit(source, {"Key": ["K-2", "K-3", "K-1"]})
    assert cells(draft)[1:] == [["1", "K-2"], ["2", "K-3"], ["3", "K-1"]]
    assert (
        '<tr><td class="numberingColumn">2</td><td>K-3</td></tr>' in draft.new
        or "<tr><td>2</td>" in draft.new
    )
    assert report(draft).carried == []


def test_columns_with_odd_names_are_found_again() -> None:
    frame = pd.DataFrame([["K-1", "x", "y"]], columns=["Key", " a\n<b>  c\x00", 7])
    source = page(table(["Key"], []))
    draft = edit(source, frame)
    assert cells(draft) == [["Key", "a <b> c", "7"], ["K-1", "x", "y"]]


def test_the_table_keeps_its_own_columns() -> None:
    frame = {
        "Key": ["K-1", "K-2", "K-3"],
        "Summary": ["one", "TWO", "three"],
        "Due": [""] * 3,
        "Sprint": [""] * 3,
    }
    draft = edit(OLD, frame, columns="own")
    assert cells(draft)[0] == NAMES
    assert report(draft).columns_added == []
    assert report(draft).notes[-1] == (
        "columns 'Due', 'Sprint' of the frame not shown: the table has none; columns=\"all\" adds them"
    )
    assert report(edit(OLD, frame)).columns_added == ["Due", "Sprint"]


def test_a_misspelt_column_to_keep_names_the_near_one() -> None:
    frame = {"Key": ["K-1"], "Summary": ["one"], "Comment": ["from the frame"]}
    with pytest.raises(RegionError, match=r"no column 'Coment' to keep .did you mean 'Comment'"):
        edit(OLD, frame, keep=["Coment"])
    draft = edit(OLD, {"Key": ["K-1"], "Summary": ["one"]}, keep=["Coment"])
    assert "did you mean 'Comment'?" in report(draft).notes[1]
    assert cells(draft)[0] == NAMES


def test_headers_that_differ_in_case_or_blanks_are_matched_and_told() -> None:
    source = page(table(["KEY", "Due  date", "Comment"], [["K-1", "May", "mine"]]))
    draft = edit(source, {"Key": ["K-1"], "duedate": ["June"]})
    assert cells(draft) == [["KEY", "Due date", "Comment"], ["K-1", "June", "mine"]]
    assert report(draft).notes[:2] == [
        "column 'KEY' of the page is taken for 'Key'",
        "column 'Due date' of the page is taken for 'duedate'",
    ]
    both = page(table(["Key", "status", "STATUS"], [["K-1", "a", "b"]]))
    assert cells(edit(both, {"Key": ["K-1"], "Status": ["x"]}))[0] == ["Key", "Status", "status", "STATUS"]
