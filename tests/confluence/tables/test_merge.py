"""A frame laid over a table: what changes, what stays, what is refused."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.confluence_pages import anchor, pages_with_table, real_pages, table

from schedkit.confluence.markup import Markup, escape
from schedkit.confluence.plans.edit import Draft, TableEdit, outside
from schedkit.confluence.source.grid import read_grid
from schedkit.confluence.source.locate import PageIndex, locate
from schedkit.confluence.source.reading import text
from schedkit.confluence.source.regions import region
from schedkit.confluence.tables.read import read_table
from schedkit.confluence.tables.render import render
from schedkit.confluence.tables.rules import Merged, Rules
from schedkit.errors import CheckError, MalformedPageError, RegionError, UsageError

BEFORE = "<h1>Bugs</h1>\r\n<p>&eacute;\U0001f600 a &gt; b</p>" + anchor("t")
AFTER = "\r\n<p title='x > y'>tail &nbsp;</p><table><tbody><tr><td>hand-made</td></tr></tbody></table>"


def page(inner: str) -> str:
    return BEFORE + inner + AFTER


def edit(
    source: str,
    frame: dict[str, list[Any]] | pd.DataFrame,
    *,
    create: str | None = None,
    where: str = "anchor:t",
    **rules: Any,
) -> Draft:
    rules.setdefault("key", "Key")
    df = frame if isinstance(frame, pd.DataFrame) else pd.DataFrame(frame)
    change = TableEdit(region(where), render(df, key=rules["key"]), Rules(**rules), create)
    draft = change(source, "page 7")
    if create is None:
        begin, behind = source.index("<table"), len(AFTER)
        assert draft.new[:begin] == source[:begin]
        assert draft.new[len(draft.new) - behind :] == AFTER
    again = change(draft.new, "page 7")
    assert not again.changed, "a second run writes nothing"
    return draft


def cells(draft: Draft, where: str = "anchor:t") -> list[list[str]]:
    found = locate(PageIndex(draft.new), region(where))
    grid = read_grid(draft.new, found, "it")
    rows = [grid.header, *grid.rows] if grid.header else grid.rows
    return [[text(draft.new[c.inner : c.outer]) for c in row.cells] for row in rows]


def report(draft: Draft) -> Merged:
    merged: Merged = draft.report
    return merged


NAMES = ["Key", "Summary", "Comment"]
OLD = page(
    table(NAMES, [["K-1", "one", "mine"], ["K-2", "two", ""], ["K-3", "three", "<p>why?</p>"]], space="\n  ")
)


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
    "key",
    [
        '<a href="https://x/browse/K-1">K-1</a>',
        "<p><strong>K-1</strong></p>",
        "<a href='https://x/browse/K-1'>https://x/browse/K-1</a>",
        '<ac:structured-macro ac:name="jira"><ac:parameter ac:name="server">S</ac:parameter>'
        '<ac:parameter ac:name="key">K-1</ac:parameter></ac:structured-macro>',
    ],
)
def test_a_key_is_known_however_it_is_wrapped(key: str) -> None:
    draft = edit(page(table(NAMES, [[key, "one", "mine"]])), {"Key": ["K-1"], "Summary": ["uno"]})
    assert key in draft.new
    assert cells(draft)[1][1:] == ["uno", "mine"]


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


def test_new_rows_look_like_the_old_ones() -> None:
    head = '<tr><th class="numberingColumn" /><th>Key</th><th>S</th></tr>'
    row = '<tr><td class="numberingColumn" /><th data-x="1">K-1</th><td>one</td></tr>'
    draft = edit(
        page(f"<table><tbody>{head}{row}</tbody></table>"), {"Key": ["K-1", "K-2"], "S": ["one", "two"]}
    )
    assert '<tr><td class="numberingColumn">2</td><th>K-2</th><td>two</td></tr>' in draft.new
    empty = edit(page(f"<table><tbody>{head}</tbody></table>"), {"Key": ["K-1"], "S": ["one"]})
    assert '<tr><td class="numberingColumn">1</td><td>K-1</td><td>one</td></tr>' in empty.new


def test_a_numbered_table_with_a_bold_header() -> None:
    head = '<tr><td class="numberingColumn">1</td><td><p align="center"><strong>Key</strong></p></td></tr>'
    for rows in (f"<thead>{head}</thead><tbody></tbody>", f"<tbody>{head}</tbody>"):
        draft = edit(page(f"<table>{rows}</table>"), {"Key": ["K-1"]})
        assert cells(draft)[1:] == [["1", "K-1"]]


def test_columns_with_odd_names_are_found_again() -> None:
    frame = pd.DataFrame([["K-1", "x", "y"]], columns=["Key", " a\n<b>  c\x00", 7])
    source = page(table(["Key"], []))
    draft = edit(source, frame)
    assert cells(draft) == [["Key", "a <b> c", "7"], ["K-1", "x", "y"]]


def test_the_skin_of_rows_and_cells_stays() -> None:
    rows = '<tr class="r"><td data-highlight-colour="#fff" >K-1</td> <th style="x">one</th><td/></tr>'
    source = page(
        f"<table><tbody><tr><th>Key</th><th>Summary</th><th>Comment</th></tr>{rows}</tbody></table>"
    )
    draft = edit(source, {"Key": ["K-1"], "Summary": ["uno"], "Comment": ["new"]})
    assert (
        '<tr class="r"><td data-highlight-colour="#fff" >K-1</td> <th style="x">uno</th><td>new</td></tr>'
        in draft.new
    )


def test_inline_comments_in_unchanged_cells_survive() -> None:
    marked = '<ac:inline-comment-marker ac:ref="77">one</ac:inline-comment-marker>'
    source = page(table(NAMES, [["K-1", marked, ""], ["K-2", "two", ""]]))
    draft = edit(source, {"Key": ["K-1", "K-2"], "Summary": ["one", "TWO"]})
    assert marked in draft.new


def test_capped_rows_are_counted_and_linked() -> None:
    source = page(table(NAMES, [["K-3", "three", "mine"]]))
    frame = {"Key": [f"K-{n}" for n in range(1, 6)], "Summary": [f"s{n}" for n in range(1, 6)]}
    draft = edit(source, frame, cap=2, workbook="bugs.xlsx")
    assert [row[0] for row in cells(draft)] == ["Key", "K-1", "K-2", "K-3", "… and 2 more in bugs.xlsx"]
    assert report(draft).hidden == 2
    assert '<ri:attachment ri:filename="bugs.xlsx" />' in draft.new
    fewer = edit(draft.new, {k: v[:4] for k, v in frame.items()}, cap=2, workbook="bugs.xlsx")
    assert cells(fewer)[-1] == ["… and 1 more in bugs.xlsx", "", ""]
    whole = edit(fewer.new, frame, cap=None)
    assert [row[0] for row in cells(whole)] == ["Key", "K-1", "K-2", "K-3", "K-4", "K-5"]


def test_words_in_our_own_rows_are_not_lost() -> None:
    source = page(
        table(NAMES, [["K-1", "one", ""], ["… and 1 more", "", "where?"], ["Archived", "", "why?"]])
    )
    draft = edit(source, {"Key": ["K-1"], "Summary": ["one"]})
    assert cells(draft)[1:] == [
        ["K-1", "one", ""], ["Archived", "", ""], ["… and 1 more", "", "where?"], ["Archived", "", "why?"],
    ]  # fmt: skip


def test_rows_without_a_key_are_kept_with_what_people_wrote() -> None:
    source = page(table(NAMES, [["", "", "remember this"], ["K-1", "one", ""], ["", "", ""]]))
    draft = edit(source, {"Key": ["K-1"], "Summary": ["one"]})
    assert cells(draft)[1:] == [["K-1", "one", ""], ["Archived", "", ""], ["", "", "remember this"]]
    assert report(draft).archived == ["(no key)"]
    assert report(draft).removed == ["(no key)"]


def test_a_person_may_use_our_words() -> None:
    source = page(table(NAMES, [["Archived", "the project", "mine"]]))
    draft = edit(source, {"Key": ["Archived", "K-1"], "Summary": ["the project", "one"]})
    assert cells(draft)[1:] == [["Archived", "the project", "mine"], ["K-1", "one", ""]]


@pytest.mark.parametrize(
    "empty",
    [
        "<table />",
        "<table class='x'/>",
        "<table></table>",
        "<table><tbody /></table>",
        "<table><tbody></tbody></table>",
    ],
)
def test_an_empty_table_is_filled(empty: str) -> None:
    draft = edit(page(empty), {"Key": ["K-1"], "Summary": ["one"]}, keep=["Comment"], cap=1)
    assert cells(draft) == [NAMES, ["K-1", "one", ""]]
    assert draft.new.count("class='x'") == empty.count("class='x'")


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


@pytest.mark.parametrize(
    ("create", "source", "new"),
    [
        ("end", "<p>x</p>", "<p>x</p>{}"),
        ("start", "<p>x</p>", "{}<p>x</p>"),
        ("heading:Here", "<h2>Here</h2><p>x</p>", "<h2>Here</h2>{}<p>x</p>"),
        ("end", "<ac:layout><ac:layout-cell>a</ac:layout-cell><ac:layout-cell>b</ac:layout-cell></ac:layout>",
         "<ac:layout><ac:layout-cell>a</ac:layout-cell><ac:layout-cell>b{}</ac:layout-cell></ac:layout>"),
        ("start", "<ac:layout><ac:layout-cell>a</ac:layout-cell></ac:layout>",
         "<ac:layout><ac:layout-cell>{}a</ac:layout-cell></ac:layout>"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["anchor:bugs", "heading:Bugs & more"])
def test_a_region_is_created_where_asked(create: str, source: str, new: str, where: str) -> None:
    draft = edit(
        source,
        {"Key": ["K-1", "K-2"], "Summary": ["one", "two"]},
        create=create,
        where=where,
        keep=["Comment"],
        cap=1,
    )
    assert cells(draft, where) == [NAMES, ["K-1", "one", ""], ["… and 1 more", "", ""]]
    head, _, tail = new.partition("{}")
    assert draft.new.startswith(head)
    assert draft.new.endswith(tail)
    assert report(draft).added == ["K-1"]
    assert report(draft).hidden == 1


def test_an_existing_region_is_not_created_again() -> None:
    draft = edit(OLD, {"Key": ["K-1"], "Summary": ["uno"]}, create="end")
    assert draft.new.count("<table") == OLD.count("<table")


def test_a_region_that_lost_its_table_is_refused_rather_than_made_twice() -> None:
    with pytest.raises(RegionError, match="there is no table"):
        edit(anchor("t") + "<p>gone</p>", {"Key": ["K-1"]}, create="end")


@pytest.mark.parametrize(
    ("create", "where", "problem"),
    [
        ("heading:None", "anchor:x", "has 0 headings 'None'"),
        ("end", "nth:1", "none can be created by that name"),
        ("end", "macro:expand", "there is no such macro"),
        ("end", "heading:X/2", "none can be created by that name"),
    ],
)
def test_places_that_cannot_be(create: str, where: str, problem: str) -> None:
    source = "<p>x</p>" if where != "macro:expand" else "<table />"
    with pytest.raises(RegionError, match=problem):
        edit(source, {"Key": ["K-1"]}, create=create, where=where)


@pytest.mark.parametrize(
    ("create", "hint"), [("middle", 'write create="end"'), ("strat", "'start'"), ("heading: ", "TEXT")]
)
@pytest.mark.parametrize("source", [OLD, "<p>x</p>"])
def test_a_place_that_is_none_is_refused_whether_it_is_needed_or_not(
    create: str, hint: str, source: str
) -> None:
    with pytest.raises(UsageError, match="names no place") as caught:
        edit(source, {"Key": ["K-1"]}, create=create)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("source", "create", "new"),
    [
        ("<h2>Bugs</h2><p>intro</p>", "end", "<h2>Bugs</h2><p>intro</p>{}"),
        ("<h2>Bugs</h2><p>intro</p>", "start", "<h2>Bugs</h2>{}<p>intro</p>"),
        ("<h2>Bugs</h2><p>a</p><h2>X</h2><table />", "end", "<h2>Bugs</h2><p>a</p>{}<h2>X</h2><table />"),
        ("<h2>Bugs</h2><p>a</p><h2>More</h2>", "heading:More", "<h2>Bugs</h2><p>a</p>{}<h2>More</h2>"),
        ("<ac:layout><ac:layout-cell><h2>Bugs</h2></ac:layout-cell></ac:layout><p>z</p>", "end",
         "<ac:layout><ac:layout-cell><h2>Bugs</h2>{}</ac:layout-cell></ac:layout><p>z</p>"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["heading:Bugs", "heading: Bugs /1"])
def test_a_heading_without_a_table_gets_one_in_its_section(
    source: str, create: str, new: str, where: str
) -> None:
    made = edit(source, {"Key": ["K-1"]}, create=create, where=where)
    head, _, tail = new.partition("{}")
    assert made.new.startswith(head + "<table>")
    assert made.new.endswith("</table>" + tail)
    assert not edit(made.new, {"Key": ["K-1"]}, create=create, where=where).changed


def test_headings_of_one_text_get_no_table() -> None:
    with pytest.raises(RegionError, match="2 such headings"):
        edit("<h2>Bugs</h2><h2>Bugs</h2>", {"Key": ["K-1"]}, create="end", where="heading:Bugs")


def test_a_created_region_checks_the_frames_keys_too() -> None:
    with pytest.raises(RegionError, match="twice"):
        edit("<p />", {"Key": ["K-1", "K-1"]}, create="end")


# Reading back ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "verdict"),
    [
        ("<p>a</p><b>new</b><p>z</p>", "identical"),
        ("<p>a</p><b local-id='1'>new</b><p>z</p>", "identical"),
        ("<p local-id='1'>a</p><b>new</b><p>z</p>", "rewritten"),
        ("<p>a</p><b>new</b><p>Z</p>", "changed"),
        ("<p>a</p>", "changed"),
    ],
)
def test_what_was_stored_is_compared_outside_the_edits(stored: str, verdict: str) -> None:
    draft = Draft("<p>a</p>old<p>z</p>", "<p>a</p><b>new</b><p>z</p>", [(8, 11, "<b>new</b>")])
    assert outside(draft, stored) == verdict


def test_without_places_the_whole_page_is_compared() -> None:
    draft = Draft("<p>a</p>", "<p>b</p>", [])
    assert [outside(draft, f"<p{id}>b</p>") for id in ("", " id='1'")] == ["identical", "rewritten"]
    assert outside(draft, "<p>c</p>") == "changed"


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


def test_keys_that_differ_in_case_blanks_or_dashes_are_matched_and_told() -> None:
    rows = [["k-1", "x", "c1"], ["K-2\u00a0", "x", "c2"], ["K\u20113", "x", "c3"], ["K-4", "x", ""]]
    draft = edit(page(table(NAMES, rows)), {"Key": [f"K-{n}" for n in range(1, 5)], "Summary": ["y"] * 4})
    assert [row[2] for row in cells(draft)[1:]] == ["c1", "c2", "c3", ""]
    assert report(draft).added == []
    assert report(draft).notes[:2] == [
        "row 'k-1' of the page is taken for 'K-1'", "row 'K\u20113' of the page is taken for 'K-3'",
    ]  # fmt: skip
    twice = page(table(NAMES, [["k-1", "x", "c1"], ["K -1", "x", "c2"]]))
    assert report(edit(twice, {"Key": ["K-1"], "Summary": ["y"]})).archived == ["k-1", "K -1"]


def test_several_columns_are_one_key() -> None:
    source = page(table(["Team", "Week", "N", "Comment"], [["A", "1", "5", "a1"], ["A", "2", "6", "a2"]]))
    frame = {"Team": ["A", "B"], "Week": ["2", "1"], "N": [7, 8]}
    draft = edit(source, frame, key=("Team", "Week"))
    assert cells(draft)[1:] == [
        ["A", "2", "7", "a2"], ["B", "1", "8", ""], ["Archived", "", "", ""], ["A", "1", "5", "a1"],
    ]  # fmt: skip
    assert (report(draft).added, report(draft).archived) == (["B / 1"], ["A / 1"])
    with pytest.raises(RegionError, match=r"the frame has Team / Week 'A / 1' twice .*\['Team', 'Week'\]"):
        edit(source, {"Team": ["A", "A"], "Week": ["1", "1"], "N": [1, 2]}, key=("Team", "Week"))


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


TEAM = page(
    "<table><tbody><tr><th>Team</th><th>Week</th><th>N</th></tr>"
    '<tr><td rowspan="2">Red</td><td>1</td><td>5</td></tr><tr><td>2</td><td>6</td></tr>'
    "<tr><td>Blue</td><td>1</td><td>7</td></tr></tbody></table>"
)
WEEKS = {"Team": ["Red", "Red", "Blue"], "Week": ["1", "2", "1"]}


def team(numbers: list[str], **others: list[str]) -> Draft:
    return edit(TEAM, {**WEEKS, "N": numbers, **others}, key=("Team", "Week"))


def test_cells_beside_a_merged_one_are_written() -> None:
    assert team(["5", "8", "7"]).new == TEAM.replace("<td>6</td>", "<td>8</td>")
    assert not team(["5", "6", "7"]).changed


def test_a_merged_cell_is_written_where_all_its_places_say_the_same() -> None:
    frame = {"Week": ["1", "2", "3"], "Team": ["Green", "Green", "Blue"], "N": ["5", "6", "7"]}
    source = TEAM.replace("<td>Blue</td><td>1</td>", "<td>Blue</td><td>3</td>")
    assert edit(source, frame, key="Week").new == source.replace(">Red<", ">Green<")
    once = {**frame, "Team": ["Red", "", "Blue"]}
    assert not edit(source, once, key="Week").changed
    with pytest.raises(RegionError, match=r"Team of 2 cannot become 'Pink': .* merged cell 'Red'"):
        edit(source, {**frame, "Team": ["Red", "Pink", "Blue"]}, key="Week")


@pytest.mark.parametrize(
    ("teams", "weeks"),
    [
        (["Red", "Blue"], ["2", "1"]),
        (["Red", "Blue"], ["1", "1"]),
        (["Red", "Blue", "Red"], ["1", "1", "2"]),
        (["Red", "New", "Red", "Blue"], ["1", "1", "2", "1"]),
        (["Red", "Red", "Blue"], ["2", "1", "1"]),
    ],
)
def test_rows_that_a_merged_cell_joins_stay_together(teams: list[str], weeks: list[str]) -> None:
    with pytest.raises(RegionError, match="row 2 belongs to the merged cell 'Red'"):
        edit(
            TEAM,
            {"Team": teams, "Week": weeks, "N": ["9"] * len(teams)},
            key=("Team", "Week"),
            missing="delete",
        )


def test_joined_rows_may_leave_and_others_come() -> None:
    frame = {"Team": ["Blue", "Pink"], "Week": ["1", "1"], "N": ["7", "1"]}
    draft = edit(TEAM, frame, key=("Team", "Week"), missing="delete")
    assert cells(draft)[1:] == [["Blue", "1", "7"], ["Pink", "1", "1"]]


def test_columns_beside_merged_cells_stay() -> None:
    with pytest.raises(RegionError, match="has merged cells, so its columns cannot change"):
        team(["5", "6", "7"], New=["a", "b", "c"])


def test_archived_rows_that_were_read_stay_archived() -> None:
    rows = [["K-1", "one", ""], ["Archived", "", ""], ["K-2", "two", "mine"], ["K-3", "three", "mine"]]
    source = page(table(NAMES, rows))
    read = read_table(source, region("anchor:t"), "page 7")
    assert not edit(source, read).changed
    read.loc[0, "Summary"] = "ONE"
    assert edit(source, read).new == source.replace("<td>one</td>", "<td>ONE</td>")
    back = edit(source, {"Key": ["K-1", "K-3"], "Summary": ["one", "three"]})
    assert [row[0] for row in cells(back)[1:]] == ["K-1", "K-3", "Archived", "K-2"]
