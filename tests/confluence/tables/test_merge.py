"""A frame laid over a table: what changes, what stays, what is refused."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.confluence_pages import anchor, pages_with_table, real_pages, table
from support.confluence_tables import NAMES, OLD, cells, edit, page, report

from schedkit.confluence.markup import Markup, escape
from schedkit.confluence.plans.edit import TableEdit
from schedkit.confluence.source.regions import region
from schedkit.confluence.tables.read import read_table
from schedkit.confluence.tables.render import render
from schedkit.confluence.tables.rules import Rules
from schedkit.errors import CheckError, MalformedPageError, RegionError


def test_only_the_cell_that_differs_changes() -> None:
    draft = edit(OLD, {"Key": ["K-1", "K-2", "K-3"], "Summary": ["one", "TWO", "three"]})
    assert draft.new == OLD.replace("<td>two</td>", "<td>TWO</td>")
    (change,) = report(draft).changes
    assert change == (1, 1, "Summary", "K-2", "two", "TWO")
    assert (change.before, change.after) == ("two", "TWO")


def test_nothing_differs_nothing_changes() -> None:
    draft = edit(OLD, {"Key": ["K-1", "K-2", "K-3"], "Summary": ["one", "two", "three"]})
    assert draft.new is draft.old or draft.new == draft.old
    assert report(draft).edits == []
    assert report(draft).changes == []


def test_case_alone_is_a_change() -> None:
    assert edit(OLD, {"Key": ["K-1", "K-2", "K-3"], "Summary": ["ONE", "two", "three"]}).changed


def test_rows_are_added_reordered_and_removed() -> None:
    draft = edit(OLD, {"Key": ["K-4", "K-3", "K-1"], "Summary": ["four", "three", "one"]})
    assert cells(draft) == [NAMES, ["K-4", "four", ""], ["K-3", "three", "why?"], ["K-1", "one", "mine"]]
    assert report(draft).added == ["K-4"]
    assert report(draft).removed == ["K-2"]
    assert report(draft).archived == []
    assert "\n  <tr><td>K-4</td><td>four</td><td></td></tr>\n  <tr><td>K-3</td>" in draft.new


def test_commented_rows_that_left_are_archived_and_come_back() -> None:
    gone = edit(OLD, {"Key": ["K-2"], "Summary": ["two"]})
    assert cells(gone) == [
        NAMES, ["K-2", "two", ""], ["Archived", "", ""], ["K-1", "one", "mine"], ["K-3", "three", "why?"],
    ]  # fmt: skip
    assert report(gone).archived == ["K-1", "K-3"]
    back = edit(gone.new, {"Key": ["K-1", "K-2"], "Summary": ["uno", "two"]})
    assert cells(back) == [
        NAMES, ["K-1", "uno", "mine"], ["K-2", "two", ""], ["Archived", "", ""], ["K-3", "three", "why?"],
    ]  # fmt: skip
    assert report(back).archived == []
    all_back = edit(back.new, {"Key": ["K-1", "K-2", "K-3"], "Summary": ["one", "two", "three"]})
    assert all_back.new == OLD


@pytest.mark.parametrize(
    ("missing", "left"), [("delete", []), ("archive", ["K-1", "K-2", "K-3"]), (None, ["K-1", "K-3"])]
)
def test_rows_that_left_go_as_asked(missing: Any, left: list[str]) -> None:
    draft = edit(OLD, {"Key": ["K-9"], "Summary": ["nine"]}, missing=missing)
    assert report(draft).archived == left
    assert sorted(report(draft).removed + left) == ["K-1", "K-2", "K-3"]
    assert [row[0] for row in cells(draft)[2:]] == (["Archived", *left] if left else [])


def test_an_empty_frame_leaves_the_header() -> None:
    draft = edit(OLD, {"Key": [], "Summary": []}, missing="delete")
    assert cells(draft) == [NAMES]


@pytest.mark.parametrize(
    ("inner", "rows"),
    [
        ("<thead><tr><th>Key</th><th>S</th></tr></thead><tbody><tr><td>K-1</td><td>o</td></tr></tbody>", 1),
        ("<thead><tr><th>Key</th><th>S</th></tr></thead>", 0),
        ("<tr><th>Key</th><th>S</th></tr><tr><td>K-1</td><td>o</td></tr>", 1),
        ("<tr><th>Key</th><th>S</th></tr>", 0),
        (
            "<tbody><tr><td><p><strong>Key</strong></p></td><td><b>S</b></td></tr><tr><td>K-1</td><td>o</td></tr></tbody>",
            1,
        ),
        (
            "<thead><tr><th>Key</th><th>S</th></tr></thead><tfoot><tr><td>sum</td><td>9</td></tr></tfoot>"
            "<tbody><tr><td>K-1</td><td>o</td></tr></tbody>",
            1,
        ),
    ],
)
def test_shapes_of_tables(inner: str, rows: int) -> None:
    draft = edit(page(f"<table>{inner}</table>"), {"Key": ["K-1", "K-2"], "S": ["x", "y"]})
    assert cells(draft)[1:] == [["K-1", "x"], ["K-2", "y"]]
    assert len(report(draft).added) == 2 - rows
    assert ("<tfoot>" in draft.new) == ("<tfoot>" in inner)


def test_without_a_key_rows_are_matched_by_place() -> None:
    source = page(table(["A", "B"], [["a", "b"], ["c", "d"], ["e", "f"]]))
    draft = edit(source, {"A": ["a", "x"], "B": ["b", "d"]}, key=None)
    assert cells(draft)[1:] == [["a", "b"], ["x", "d"]]
    assert report(draft).removed == ["3"]
    capped = edit(draft.new, {"A": ["a", "x", "y"], "B": ["b", "d", "z"]}, key=None, cap=1)
    assert cells(capped)[1:] == [["a", "b"], ["… and 2 more", ""]]


RAGGED = page("<table><tbody><tr><th>Key</th><th>B</th></tr><tr><td>alone</td></tr></tbody></table>")


@pytest.mark.parametrize(
    ("source", "frame", "rules", "problem"),
    [
        (RAGGED, {"Key": ["K-1"]}, {}, "row 2 has 1 cells, the first has 2"),
        (page("<table><tr><th>Key</th></tr><tr /></table>"), {"Key": ["K-1"]}, {}, "row 2 has 0 cells"),
        (page("<table><tbody></tbody><tbody></tbody></table>"), {"Key": ["K-1"]}, {}, "2 <tbody> sections"),
        (page("<table><tbody><tr><td>K-1</td></tr></tbody></table>"), {"Key": ["K-1"]}, {}, "no header row"),
        (page(table(["Id"], [["1"]])), {"Key": ["K-1"]}, {}, "no column 'Key' to match rows by"),
        (page(table(["Key", "S", "S"], [])), {"Key": ["K-1"], "S": [""]}, {}, "two columns named 'S'"),
        (page(table(["Key", "C", "C"], [])), {"Key": ["K-1"]}, {"keep": ["C"]}, "two columns named 'C'"),
        (page(table(["Key"], [["K-1"], ["K-1"]])), {"Key": ["K-1"]}, {}, "Key 'K-1' in two rows"),
        (OLD, {"Key": ["K-1", "K-1"]}, {}, "the frame has Key 'K-1' twice"),
        (OLD, {"Key": ["K-1", None]}, {}, "row 2 of the frame has no Key"),
        (OLD, {"Key": ["K-1"], "Summary": ["x"]}, {"key": None}, r"columns that the frame lacks \(Comment\)"),
        (OLD, {"Key": ["K-1"]}, {"key": None, "keep": ["Comment"], "drop": ["Summary"]}, "lacks .Comment"),
    ],
)  # fmt: skip
def test_what_cannot_be_matched_is_refused(
    source: str, frame: dict[str, list[Any]], rules: dict[str, Any], problem: str
) -> None:
    with pytest.raises(RegionError, match=problem) as caught:
        edit(source, frame, **rules)
    assert "page 7, anchor:t" in caught.value.message


def test_colspan_of_one_is_no_merge() -> None:
    row = "<tr><td colspan=\"1\" rowspan='1'>K-1</td><td>a</td></tr>"
    source = page(f"<table><tbody><tr><th>Key</th><th>S</th></tr>{row}</tbody></table>")
    assert cells(edit(source, {"Key": ["K-1"], "S": ["b"]}))[1] == ["K-1", "b"]


def test_nested_tables_are_part_of_their_cell() -> None:
    nested = "<table><tbody><tr><td>in</td><td>side</td></tr></tbody></table><table />"
    source = page(table(NAMES, [["K-1", "one", nested]]))
    draft = edit(source, {"Key": ["K-1"], "Summary": ["uno"]})
    assert nested in draft.new


def test_hostile_cells_are_text() -> None:
    nasty = "]]> & <script>alert(1)</script>\x00\x0b \ud800 <!-- \r\nnext"
    draft = edit(OLD, pd.DataFrame({"Key": ["K-1"], "Summary": [nasty]}, dtype=object))
    assert cells(draft)[1][1] == "]]> & <script>alert(1)</script> <!-- next"
    assert "<script>" not in draft.new


def test_markup_that_breaks_the_page_is_refused() -> None:
    with pytest.raises(MalformedPageError, match="what would become of page 7 is not well-formed"):
        edit(OLD, {"Key": ["K-1"], "Summary": [Markup("<p>open")]})


def test_a_malformed_page_is_refused() -> None:
    with pytest.raises(MalformedPageError, match="page 7 is not well-formed"):
        edit(OLD + "<p>", {"Key": ["K-1"]})


# Creating a region -----------------------------------------------------------


# Reading back ------------------------------------------------------------------


# Generated pages -------------------------------------------------------------


@given(pages_with_table(), st.data())
@settings(max_examples=30)
def test_on_any_page_only_the_cell_that_differs_changes(made: Any, data: st.DataObject) -> None:
    before, after, rows = made
    head = f"<h6>managed</h6>{anchor('managed')}"
    old = table(NAMES, [[key, escape(summary), escape(comment)] for key, summary, comment in rows])
    source = f"{before}{head}{old}{after}"
    summaries = [summary for _, summary, _ in rows]
    change = TableEdit(
        region("anchor:managed"),
        render(pd.DataFrame({"Key": [r[0] for r in rows], "Summary": summaries}, dtype=str), key="Key"),
        Rules("Key"),
    )
    assert not change(source, "page").changed
    if not rows:
        return
    at = data.draw(st.integers(0, len(rows) - 1))
    summaries[at] = "changed!"
    frame = pd.DataFrame({"Key": [r[0] for r in rows], "Summary": summaries})
    draft = TableEdit(region("anchor:managed"), render(frame, key="Key"), Rules("Key"))(source, "page")
    expected = [[k, "changed!" if n == at else escape(s), escape(c)] for n, (k, s, c) in enumerate(rows)]
    assert draft.new == f"{before}{head}{table(NAMES, expected)}{after}"


@pytest.mark.parametrize("path", real_pages() or [None], ids=lambda p: p.name if p else "absent")
@pytest.mark.parametrize("create", ["start", "end"])
def test_on_real_pages_only_the_table_changes(path: Any, create: str) -> None:
    if path is None:
        pytest.skip("../shared/data/confluence is not here")
    source = path.read_bytes().decode()
    made = edit(source, {"Key": ["K-1", "K-2"], "Summary": ["one", "two"]}, create=create).new
    inside = made.removesuffix(source) if create == "start" else made.removeprefix(source)
    assert len(inside) == len(made) - len(source)
    again = edit(made, {"Key": ["K-1", "K-2"], "Summary": ["one", "TWO"]}, create=create).new
    assert again == made.replace("<td>two</td>", "<td>TWO</td>", 1)


# Whose columns, which rows -----------------------------------------------------


def test_rows_may_stay_where_their_key_left() -> None:
    draft = edit(OLD, {"Key": ["K-2", "K-9"], "Summary": ["two", "nine"]}, missing="keep")
    assert [row[0] for row in cells(draft)[1:]] == ["K-2", "K-9", "K-1", "K-3"]
    assert (report(draft).removed, report(draft).archived) == ([], [])


def test_a_row_with_an_inline_comment_is_kept_as_written_in() -> None:
    marked = '<ac:inline-comment-marker ac:ref="77">one</ac:inline-comment-marker>'
    source = page(table(NAMES, [["K-1", marked, ""], ["K-2", "two", ""]]))
    draft = edit(source, {"Key": ["K-2"], "Summary": ["two"]})
    assert report(draft).archived == ["K-1"]
    assert marked in draft.new
    assert report(draft).comments == []
    lost = edit(source, {"Key": ["K-2"], "Summary": ["two"]}, missing="delete")
    assert [tuple(comment) for comment in report(lost).comments] == [("K-1", "Summary", "one")]


MANY = page(table(NAMES, [[f"K-{n}", "s", ""] for n in range(12)]))


@pytest.mark.parametrize(
    ("source", "rows", "rules", "problem"),
    [
        (OLD, 0, {"min_rows": 1}, "the frame has 0 rows, at least 1 expected .write min_rows=0"),
        ("<table />", 0, {"min_rows": 1}, "0 rows, at least 1 expected"),
        (OLD, 1, {"min_rows": 2}, "1 rows, at least 2 expected"),
        (MANY, 5, {"max_drop": 0.5}, "5 rows and the table 12: a drop of more than 50%"),
    ],
)
def test_a_frame_of_too_few_rows_stops(source: str, rows: int, rules: dict[str, Any], problem: str) -> None:
    where = "nth:1" if source.startswith("<table") else "anchor:t"
    frame = {"Key": [f"K-{n}" for n in range(rows)], "Summary": ["s"] * rows}
    with pytest.raises(CheckError, match=problem):
        edit(source, frame, where=where, **rules)


@pytest.mark.parametrize(
    ("source", "rows", "rules"),
    [
        (MANY, 6, {"max_drop": 0.5}),
        (MANY, 1, {"max_drop": None}),
        (MANY, 1, {"max_drop": 1}),
        (OLD, 1, {"max_drop": 0.5, "min_rows": 1}),
    ],
)
def test_a_frame_of_enough_rows_goes_on(source: str, rows: int, rules: dict[str, Any]) -> None:
    frame = {"Key": [f"K-{n}" for n in range(rows)], "Summary": ["s"] * rows}
    assert edit(source, frame, missing="delete", **rules).changed


def test_archived_rows_do_not_count_as_rows_that_drop() -> None:
    rows = [["K-0", "s", ""], ["Archived", "", ""], *([f"K-{n}", "s", "c"] for n in range(1, 30))]
    assert not edit(page(table(NAMES, rows)), {"Key": ["K-0"], "Summary": ["s"]}, max_drop=0.5).changed


# Merged cells ---------------------------------------------------------------------


def test_archived_rows_that_were_read_stay_archived() -> None:
    rows = [["K-1", "one", ""], ["Archived", "", ""], ["K-2", "two", "mine"], ["K-3", "three", "mine"]]
    source = page(table(NAMES, rows))
    read = read_table(source, region("anchor:t"), "page 7")
    assert not edit(source, read).changed
    read.loc[0, "Summary"] = "ONE"
    assert edit(source, read).new == source.replace("<td>one</td>", "<td>ONE</td>")
    back = edit(source, {"Key": ["K-1", "K-3"], "Summary": ["one", "three"]})
    assert [row[0] for row in cells(back)[1:]] == ["K-1", "K-3", "Archived", "K-2"]


def test_a_table_without_a_header_row_takes_back_what_was_read() -> None:
    inner = (
        "<table><tbody><tr><td>K-1</td><td><em>one</em></td></tr><tr><td>K-2</td><td /></tr></tbody></table>"
    )
    source = page(inner)
    read = read_table(source, region("anchor:t"), "page 7")
    assert list(read.columns) == ["1", "2"]
    assert not edit(source, read, key="1").changed
    assert not edit(source, read, key=None).changed
    read.loc[1, "2"] = "two"
    draft = edit(source, read, key="1")
    assert draft.new == source.replace("<td />", "<td>two</td>")
    longer = edit(source, {"1": ["K-1", "K-2", "K-3"], "2": ["one", "", "three"]}, key="1")
    assert "<tr><td>K-3</td><td>three</td></tr></tbody>" in longer.new


@pytest.mark.parametrize("rules", [{"drop": ["2"]}, {"keep": ["Comment"]}, {"missing": "mark"}])
def test_columns_without_a_header_row_cannot_change(rules: dict[str, Any]) -> None:
    source = page("<table><tbody><tr><td>K-1</td><td>one</td></tr></tbody></table>")
    with pytest.raises(RegionError, match="no header row") as caught:
        edit(source, {"1": ["K-1"]}, key="1", **rules)
    assert "'1', '2'" in caught.value.hint


def test_names_that_repeat_are_told_apart_as_reading_does() -> None:
    source = page(table(["Key", "Day", "Day"], [["K-1", "<em>a</em>", "b"], ["K-2", "c", "d"]]))
    read = read_table(source, region("anchor:t"), "page 7")
    assert list(read.columns) == ["Key", "Day", "Day (2)"]
    assert not edit(source, read).changed
    read.loc[1, "Day (2)"] = "D"
    assert edit(source, read).new == source.replace("<td>d</td>", "<td>D</td>")
    with pytest.raises(RegionError, match="two columns named 'Day'"):
        edit(source, read[["Key", "Day"]])
