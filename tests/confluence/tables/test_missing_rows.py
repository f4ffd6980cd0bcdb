"""Rows that have left the frame: kept, marked, archived, deleted; and frames that are not complete."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from support.confluence_pages import table

from schedkit.confluence.plans.edit import Draft, TableEdit
from schedkit.confluence.source.regions import region
from schedkit.confluence.tables.read import read_table
from schedkit.confluence.tables.render import render
from schedkit.confluence.tables.rules import Merged, Rules
from schedkit.errors import CheckError

NAMES = ["Key", "Summary", "Comment"]
MARKED = '<time datetime="2026-03-01" />'
HERE = region("nth:1")


def rows(*keys: str, **more: list[Any]) -> pd.DataFrame:
    return pd.DataFrame({"Key": list(keys), "Summary": [f"about {key}" for key in keys], **more})


def a_table(*keys: str, comments: dict[str, str] | None = None) -> str:
    said = comments or {}
    return table(NAMES, [[key, f"about {key}", said.get(key, "")] for key in keys])


def lay(source: str, df: pd.DataFrame, today: str = "2026-03-01", **rules: Any) -> Draft:
    edit = TableEdit(HERE, render(df, key="Key"), Rules(**{"key": "Key", "today": today, **rules}))
    draft = edit(source, "page 7")
    assert not edit(draft.new, "page 7").changed, "a second run writes nothing"
    return draft


def report(draft: Draft) -> Merged:
    merged: Merged = draft.report
    return merged


def shown(draft: Draft) -> list[list[str]]:
    df = read_table(draft.new, HERE, "page 7")
    return [list(df.columns), *df.to_numpy().tolist()]


def test_a_row_that_left_is_marked_once_and_unmarked_when_it_is_back() -> None:
    gone = lay(a_table("K-1", "K-2", comments={"K-1": "mine"}), rows("K-2"), missing="mark")
    assert shown(gone) == [
        [*NAMES, "Missing since"], ["K-2", "about K-2", "", ""], ["K-1", "about K-1", "mine", "2026-03-01"],
    ]  # fmt: skip
    assert (report(gone).marked, report(gone).removed, report(gone).archived) == (["K-1"], [], [])
    assert report(gone).columns_added == ["Missing since"]
    assert MARKED in gone.new
    later = lay(gone.new, rows("K-2"), today="2026-04-01", missing="mark")
    assert not later.changed
    assert report(later).marked == []
    back = lay(gone.new, rows("K-1", "K-2"), today="2026-04-01", missing="mark")
    assert [row[-1] for row in shown(back)] == ["Missing since", "", ""]
    assert (report(back).marked, len(report(back).changes)) == ([], 1)


def test_no_column_is_added_while_no_row_has_left() -> None:
    draft = lay(a_table("K-1"), rows("K-1", "K-2"), missing="mark")
    assert shown(draft)[0] == NAMES


def test_a_column_that_people_spell_otherwise_marks_too() -> None:
    source = table([*NAMES[:2], "MISSING SINCE"], [["K-1", "about K-1", ""], ["K-2", "about K-2", ""]])
    draft = lay(source, rows("K-2"), missing="mark")
    assert shown(draft) == [
        ["Key", "Summary", "MISSING SINCE"], ["K-2", "about K-2", ""], ["K-1", "about K-1", "2026-03-01"],
    ]  # fmt: skip


def test_a_table_that_was_read_keeps_its_marks() -> None:
    gone = lay(a_table("K-1", "K-2"), rows("K-2"), missing="mark")
    df = read_table(gone.new, HERE, "page 7")
    assert not lay(gone.new, df, today="2026-04-01", missing="mark").changed


def test_rows_without_a_key_and_archived_ones_are_not_marked() -> None:
    keyless, archived = ["", "a note", "by hand"], [["Archived", "", ""], ["K-9", "old", "x"]]
    source = table(NAMES, [keyless, ["K-1", "about K-1", ""], *archived])
    draft = lay(source, rows("K-1"), missing="mark")
    assert shown(draft) == [NAMES, ["K-1", "about K-1", ""], ["", "a note", "by hand"], ["K-9", "old", "x"]]
    assert (report(draft).marked, report(draft).archived) == ([], [])


def test_marked_rows_are_no_drop_and_kept_ones_neither() -> None:
    many = [f"K-{n}" for n in range(12)]
    marked = lay(a_table(*many), rows(*many[:6]), missing="mark", max_drop=0.5)
    assert len(report(marked).marked) == 6
    half = lay(marked.new, rows(*many[:3]), missing="mark", max_drop=0.5)
    assert len(report(half).marked) == 3
    again = lay(a_table(*many), rows(*many[:6]), missing="mark", max_drop=0.5)
    assert lay(again.new, rows(*many[:5]), missing="mark", max_drop=0.1).changed
    with pytest.raises(CheckError, match="the frame has 5 rows and the table 12"):
        lay(a_table(*many), rows(*many[:5]), missing="mark", max_drop=0.5)
    kept = lay(a_table(*many), rows("K-1"), missing="keep", max_drop=0.5)
    assert len(shown(kept)) == 13


def incomplete(*keys: str) -> pd.DataFrame:
    df = rows(*keys)
    df.attrs["extraction"] = {"complete": False, "missing_sites": {"ops": "got no answer"}}
    return df


@pytest.mark.parametrize("missing", [None, "mark", "archive", "delete", "keep"])
def test_an_incomplete_frame_takes_no_row_away(missing: Any) -> None:
    many = [f"K-{n}" for n in range(12)]
    source = a_table(*many, comments={"K-3": "mine"})
    draft = lay(source, incomplete("K-1", "K-2", "K-new"), missing=missing, max_drop=0.5)
    assert sorted(row[0] for row in shown(draft)[1:]) == sorted([*many, "K-new"])
    told = report(draft)
    assert (told.removed, told.archived, told.marked, told.added) == ([], [], [], ["K-new"])
    assert told.notes[0] == (
        "site ops is missing from the extraction (got no answer): 10 rows that the frame lacks stay"
    )
    complete = rows("K-1", "K-2")
    assert len(shown(lay(draft.new, complete, missing="delete", max_drop=1))) == 3


def test_an_incomplete_frame_says_so_where_nothing_is_left_over() -> None:
    assert report(lay(a_table("K-1"), incomplete("K-1"))).notes[0] == (
        "site ops is missing from the extraction (got no answer)"
    )
    note = report(lay(a_table("K-1", "K-2"), incomplete("K-1"))).notes[0]
    assert "1 row that the frame lacks stays" in note


def test_without_a_key_an_incomplete_frame_is_all_there_is() -> None:
    source = table(NAMES[:2], [["K-1", "about K-1"], ["K-2", "about K-2"]])
    edit = TableEdit(HERE, render(incomplete("K-1")), Rules())
    draft = edit(source, "page 7")
    assert report(draft).notes == [
        "site ops is missing from the extraction (got no answer): the table shows only what the frame has"
    ]
    assert report(draft).removed == ["2"]
