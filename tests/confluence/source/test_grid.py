"""Merged cells are spread over the places they cover."""

from __future__ import annotations

import pytest

from schedkit.confluence.source.grid import Grid, read_grid
from schedkit.confluence.source.locate import PageIndex
from schedkit.confluence.source.regions import Nth
from schedkit.confluence.tables.read import read_table
from schedkit.errors import RegionError

HEAD = "<tr><th>Team</th><th>Week</th><th>N</th></tr>"


def grid_of(rows: str) -> tuple[str, Grid]:
    source = f"<table><tbody>{rows}</tbody></table>"
    return source, read_grid(source, PageIndex(source).tables[0], "it")


def read(rows: str, repeat: bool = False) -> list[list[str]]:
    frame = read_table(f"<table><tbody>{rows}</tbody></table>", Nth(1), "page", repeat=repeat)
    return [list(frame.columns), *frame.to_numpy().tolist()]


RED = (
    '<tr><td rowspan="2">Red</td><td>1</td><td>5</td></tr><tr><td>2</td><td>6</td></tr>'
    '<tr><td colspan="2">Total</td><td>11</td></tr>'
)


def test_a_merged_cell_stands_once_or_is_repeated() -> None:
    assert read(HEAD + RED) == [["Team", "Week", "N"], ["Red", "1", "5"], ["", "2", "6"], ["Total", "", "11"]]
    assert read(HEAD + RED, repeat=True)[2:] == [["Red", "2", "6"], ["Total", "Total", "11"]]


def test_covered_cells_know_their_origin() -> None:
    source, grid = grid_of(HEAD + RED)
    assert grid.merged == "Red"
    assert grid.rows[1].cells[0].origin == (0, 0)
    assert grid.rows[2].cells[1].origin == (2, 0)
    assert grid.content(source, 1, 0) == "Red"


def test_a_block_of_rows_and_columns() -> None:
    rows = '<tr><td colspan="2" rowspan="2">X</td><td>1</td></tr><tr><td>2</td></tr>'
    rows += "<tr><td>a</td><td>b</td><td>3</td></tr>"
    assert read(HEAD + rows, repeat=True)[1:] == [["X", "X", "1"], ["X", "X", "2"], ["a", "b", "3"]]


def test_two_header_rows_are_one_header() -> None:
    head = '<tr><th rowspan="2">Team</th><th colspan="2">2026</th></tr><tr><th>Q1</th><th>Q2</th></tr>'
    assert read(f"{head}<tr><td>Red</td><td>1</td><td>2</td></tr>") == [
        ["Team", "Q1", "Q2"],
        ["Red", "1", "2"],
    ]
    thead = f"<table><thead>{head}</thead><tbody><tr><td>Red</td><td>1</td><td>2</td></tr></tbody></table>"
    assert read_table(thead, Nth(1), "page").to_numpy().tolist() == [["Red", "1", "2"]]


def test_names_that_repeat_are_numbered() -> None:
    head = '<tr><th>A</th><th colspan="2">B</th></tr>'
    assert read(f"{head}<tr><td>1</td><td>2</td><td>3</td></tr>")[0] == ["A", "B", "B (2)"]


@pytest.mark.parametrize("span", ['rowspan="0"', 'colspan="1"', 'rowspan="1"', 'colspan="x"'])
def test_spans_that_merge_nothing(span: str) -> None:
    _, grid = grid_of(f"{HEAD}<tr><td {span}>a</td><td>b</td><td>c</td></tr>")
    assert grid.merged == ""


def test_a_span_beyond_the_table_covers_what_is_there() -> None:
    rows = '<tr><td rowspan="99999999999">a</td><td>b</td><td>c</td></tr><tr><td>d</td><td>e</td></tr>'
    assert read(HEAD + rows, repeat=True)[1:] == [["a", "b", "c"], ["a", "d", "e"]]


def test_an_absurd_span_is_bounded() -> None:
    rows = '<tr><td colspan="999999999">a</td></tr>'
    assert len(read(HEAD + rows)[1]) == 3


def test_rows_that_do_not_fit_can_be_read_and_not_written() -> None:
    rows = '<tr><td>a</td></tr><tr><td colspan="2">b</td><td>c</td><td>d</td></tr>'
    assert read(HEAD + rows)[:2] == [["Team", "Week", "N", ""], ["a", "", "", ""]]
    with pytest.raises(RegionError, match="row 2 has 1 cells, the first has 3"):
        grid_of(HEAD + rows)
    with pytest.raises(RegionError, match="row 2 has 4 cells, the first has 3; it has the merged cell 'b'"):
        grid_of(HEAD + '<tr><td colspan="2">b</td><td>c</td><td>d</td></tr>')


def test_a_header_column() -> None:
    _, grid = grid_of("<tr><th>Owner</th><td>Ann</td></tr><tr><th>Due</th><td>May</td></tr>")
    assert (grid.header, grid.header_column) == (None, True)
    _, plain = grid_of("<tr><th>Owner</th><td>Ann</td></tr><tr><td>Due</td><td>May</td></tr>")
    assert not plain.header_column
