"""What a plan looks like: text and HTML, both inert."""

from __future__ import annotations

from typing import Any

import pandas as pd
from support.confluence_pages import table

from schedkit.confluence.plans.draft import TableEdit
from schedkit.confluence.plans.face import as_html, as_text, summary
from schedkit.confluence.source.regions import Nth
from schedkit.confluence.tables.rules import Rules
from schedkit.confluence.tables.table import render

NAMES = ["Key", "Summary", "Comment"]
OLD = table(NAMES, [["K-1", "one <b>bold</b>", "mine"], ["K-2", "two", ""], ["K-3", "three", "why?"]])


def faces(frame: dict[str, list[Any]], source: str = OLD, **rules: Any) -> tuple[str, str, str]:
    edit = TableEdit(Nth(1), render(pd.DataFrame(frame), key="Key"), Rules("Key", **rules))
    draft = edit(source, "page")
    given = (draft.new, Nth(1), draft.report)
    return as_text("page 7", *given), as_html("page <7>", *given), summary(draft.report)


def test_nothing_to_change() -> None:
    shown, page, _ = faces(
        {"Key": ["K-2"], "Summary": ["two"]}, table(NAMES, [["K-2", "two", ""]]), keep=["Comment"]
    )
    assert shown == "page 7: nothing to change"
    assert page == "<div><p><b>page &lt;7&gt;</b>: nothing to change</p></div>"


def test_text_marks_changed_cells_and_new_rows() -> None:
    shown, _, _ = faces(
        {"Key": ["K-1", "K-2", "K-4"], "Summary": ["one bold", "TWO", "a" * 30]}, keep=["Comment"]
    )
    assert shown.splitlines() == [
        "page 7: 2 cells change, 1 row added, 1 row archived",
        "   Key       Summary                   Comment",
        "   K-1       *one bold                 mine",
        "   K-2       *TWO",
        "+  K-4       " + "a" * 23 + "…",
        "+  Archived",
        "   K-3       three                     why?",
        "archived: K-3",
    ]


def test_html_shows_what_was_and_runs_nothing() -> None:
    _, page, _ = faces({"Key": ["K-1", "K-2"], "Summary": ["<script>alert(1)</script>", 'x" onmouseover="y']})
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert 'title="was: one bold"' in page
    assert 'onmouseover="' not in page
    assert "<b>bold</b>" not in page
    assert "rgba(255,196,0" in page
    assert "rgba(0,160,80" in page


def test_empty_cells_that_were_are_named_so() -> None:
    _, page, _ = faces({"Key": ["K-2"], "Summary": ["two"], "Comment": ["said"]})
    assert 'title="was: empty"' in page


def test_a_big_table_shows_its_changed_rows() -> None:
    keys = [f"K-{n}" for n in range(100)]
    source = table(["Key", "S"], [[k, "x"] for k in keys])
    shown, page, told = faces({"Key": keys, "S": ["x"] * 90 + ["y"] * 10}, source)
    assert [line.split()[0] for line in shown.splitlines()[2:12]] == keys[90:]
    assert shown.endswith("… 90 further rows")
    assert "<p>… 90 further rows</p>" in page
    assert told == "10 cells change"


def test_rows_that_only_move_say_so() -> None:
    source = table(["Key"], [[f"K-{n}"] for n in range(40)])
    shown, _, told = faces({"Key": [f"K-{n}" for n in reversed(range(40))]}, source)
    assert told == "order or columns change"
    assert len(shown.splitlines()) == 33


def test_many_keys_that_leave_are_cut() -> None:
    source = table(["Key"], [[f"K-{n}"] for n in range(30)])
    shown, page, _ = faces({"Key": []}, source, gone="drop")
    assert "removed: K-0, K-1" in shown
    assert "K-19 and 10 more" in shown
    assert "K-19 and 10 more" in page


def test_notes_are_told() -> None:
    shown, page, _ = faces({"Key": ["K-1"], "Summary": ["x"]})
    assert "note: column 'Comment' is not in the frame" in shown
    assert "note: column &#x27;Comment&#x27;" in page


def test_many_columns_that_are_carried_are_one_note() -> None:
    shown, _, _ = faces({"Key": ["K-1", "K-2", "K-3"]})
    assert shown.endswith(
        "note: columns 'Summary', 'Comment' are not in the frame: carried as people left them"
    )


def test_a_word_without_end_does_not_push_the_table_off_the_screen() -> None:
    _, page, _ = faces({"Key": ["K-1", "K-2"], "Summary": ["x" * 190, "some words " * 9]})
    assert page.count("overflow-wrap:anywhere") == 1
