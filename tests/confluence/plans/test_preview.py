"""What a plan looks like: one headline, then the rows that differ; text and HTML, both inert."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from support.confluence_pages import table

from schedkit.confluence import Link, Lozenge
from schedkit.confluence.plans.edit import TableEdit
from schedkit.confluence.plans.preview import as_html, as_text, summary
from schedkit.confluence.source.regions import Nth
from schedkit.confluence.tables.render import render
from schedkit.confluence.tables.rules import Rules

NAMES = ["Key", "Summary", "Comment"]
OLD = table(NAMES, [["K-1", "one <b>bold</b>", "mine"], ["K-2", "two", ""], ["K-3", "three", "why?"]])


def previews(frame: dict[str, list[Any]], source: str = OLD, **rules: Any) -> tuple[str, str, str]:
    edit = TableEdit(Nth(1), render(pd.DataFrame(frame), key="Key"), Rules("Key", **rules))
    draft = edit(source, "page")
    as_page = as_html("page <7>", draft.new, Nth(1), draft.report)
    return as_text("page 7", draft.report), as_page, summary(draft.report)


def test_nothing_to_change() -> None:
    shown, page, _ = previews(
        {"Key": ["K-2"], "Summary": ["two"]}, table(NAMES, [["K-2", "two", ""]]), keep=["Comment"]
    )
    assert shown == "page 7: nothing to change"
    assert page == "<div><p><b>page &lt;7&gt;</b>: nothing to change</p></div>"


def test_text_shows_only_rows_that_differ() -> None:
    shown, _, _ = previews(
        {"Key": ["K-1", "K-2", "K-4"], "Summary": ["one bold", "TWO", "a" * 30]}, keep=["Comment"]
    )
    assert shown.splitlines() == [
        "page 7: 1 row added, 1 row archived, 1 cell changes",
        "   Key  Summary                   Comment",
        "   K-2  two → TWO",
        "+  K-4  " + "a" * 23 + "…",
        "archived: K-3",
    ]


def test_columns_that_come_and_go_are_in_the_headline() -> None:
    frame = {"Key": ["K-1", "K-2", "K-3"], "Due": ["a", "b", "c"], "Sprint": ["s"] * 3}
    _, _, told = previews(frame, drop=["Summary"])
    assert told == "2 columns new (Due, Sprint), 1 column gone (Summary), 6 cells change"


def test_html_shows_what_was_and_runs_nothing() -> None:
    _, page, _ = previews(
        {"Key": ["K-1", "K-2"], "Summary": ["<script>alert(1)</script>", 'x" onmouseover="y']}
    )
    assert "<script" not in page
    assert "one bold → &lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert 'onmouseover="' not in page
    assert "<b>bold</b>" not in page
    assert "rgba(255,196,0" in page


def test_new_rows_are_coloured_and_the_rest_is_folded() -> None:
    _, page, _ = previews({"Key": ["K-1", "K-2", "K-3", "K-4"], "Summary": ["one bold", "two", "three", "x"]})
    assert page.count("rgba(0,160,80") == 3
    head, _, folded = page.partition("<details><summary>the table as it will be, 4 rows</summary>")
    assert "K-3" not in head
    assert "K-3" in folded


def test_empty_cells_are_named_so() -> None:
    shown, _, _ = previews({"Key": ["K-2"], "Summary": [""], "Comment": ["said"]})
    assert "two → empty  empty → said" in shown


def test_long_texts_are_shown_where_they_differ() -> None:
    source = table(["Key", "S"], [["K-1", f"{'same ' * 20}end"]])
    shown, _, _ = previews({"Key": ["K-1"], "S": [f"{'same ' * 20}other"]}, source)
    assert "…me same end → …me same other" in shown


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Link("two", "https://b.example"), "two (link none → https://b.example)"),
        (Lozenge("two", "Green"), "two (colour none → green)"),
    ],
)
def test_cells_that_differ_only_in_form_say_in_what(value: object, told: str) -> None:
    shown, _, _ = previews({"Key": ["K-2"], "Summary": [value]})
    assert told in shown


def test_a_big_table_shows_its_changed_rows() -> None:
    keys = [f"K-{n}" for n in range(100)]
    source = table(["Key", "S"], [[k, "x"] for k in keys])
    shown, page, told = previews({"Key": keys, "S": ["x"] * 60 + ["y"] * 40}, source)
    assert [line.split()[0] for line in shown.splitlines()[2:32]] == keys[60:90]
    assert shown.endswith("… 10 further rows differ")
    assert "<p>… 10 further rows differ</p>" in page
    assert "<p>… 70 further rows</p></details>" in page
    assert told == "40 cells change"


def test_rows_that_only_move_say_so() -> None:
    source = table(["Key"], [[f"K-{n}"] for n in range(40)])
    shown, _, told = previews({"Key": [f"K-{n}" for n in reversed(range(40))]}, source)
    assert told == "order or columns change"
    assert shown == "page 7: order or columns change"


def test_many_keys_that_leave_are_cut() -> None:
    source = table(["Key"], [[f"K-{n}"] for n in range(30)])
    shown, page, _ = previews({"Key": []}, source, missing="delete")
    assert "removed: K-0, K-1" in shown
    assert "K-19 and 10 more" in shown
    assert "K-19 and 10 more" in page


def test_inline_comments_that_leave_are_listed() -> None:
    marked = '<ac:inline-comment-marker ac:ref="7">two</ac:inline-comment-marker>'
    source = table(NAMES, [["K-1", "one", ""], ["K-2", f"the {marked}", ""]])
    shown, page, told = previews({"Key": ["K-1", "K-2"], "Summary": ["one", "TWO"]}, source)
    assert told == "1 cell changes, 1 inline comment concerned"
    assert "inline comments: K-2 Summary 'two'" in shown
    assert "inline comments: K-2 Summary" in page


def test_notes_are_told() -> None:
    shown, page, _ = previews({"Key": ["K-1"], "Summary": ["x"]})
    assert "note: column 'Comment' is not in the frame" in shown
    assert "note: column &#x27;Comment&#x27;" in page


def test_many_columns_that_are_carried_are_one_note() -> None:
    shown, _, _ = previews({"Key": ["K-1", "K-2", "K-3"]})
    assert shown.endswith(
        "note: columns 'Summary', 'Comment' are not in the frame: carried as people left them"
    )


def test_a_word_without_end_does_not_push_the_table_off_the_screen() -> None:
    _, page, _ = previews({"Key": ["K-1", "K-2"], "Summary": ["x" * 190, "some words " * 9]})
    shown = page.partition("<details>")[0]
    assert shown.count("overflow-wrap:anywhere") == 1
