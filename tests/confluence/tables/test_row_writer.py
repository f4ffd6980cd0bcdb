"""Rows as source text: old bytes where a cell says the same, the skin of the table, merged cells."""

from __future__ import annotations

import pytest
from support.confluence_pages import table
from support.confluence_tables import NAMES, cells, edit, page

from schedkit.confluence.plans.edit import Draft
from schedkit.errors import RegionError


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
