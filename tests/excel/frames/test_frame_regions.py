"""Which cells of a sheet hold a frame."""

from __future__ import annotations

import pytest

from schedkit.excel.frame_metadata import ColumnMetadata, FrameMetadata
from schedkit.excel.frames.frame_regions import FrameRegion, Place, region_of
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.cell_values import CellColumn
from schedkit.excel.parts.tables import TableXml


def cells(*rows: str, top: int = 1) -> dict[int, CellColumn]:
    """Return cells by column: a row is a string, one character a cell, a blank is no cell."""
    found: dict[int, CellColumn] = {}
    for column in range(max(map(len, rows), default=0)):
        texts = [
            (top + place, "s", row[column])
            for place, row in enumerate(rows)
            if row[column : column + 1].strip()
        ]
        if texts:
            found[column + 1] = CellColumn.of(texts)
    return found


def table(ref: str, columns: str, *, header: int = 1, totals: int = 0) -> TableXml:
    area = Area.parse(ref)
    assert area is not None
    return TableXml("table1.xml", "Issues", area, header, totals, tuple(columns))


def place(of: TableXml | None, *others: str) -> Place:
    return Place("Data", "sheet1.xml", of, [area for ref in others if (area := Area.parse(ref))])


def remembered(headers: str, rows: int) -> FrameMetadata:
    return FrameMetadata(
        "f", ["Data"], [ColumnMetadata(each, each, "str", "text") for each in headers], rows=rows
    )


@pytest.mark.parametrize(
    ("rows", "ref", "columns", "expected"),
    [
        (["ab", "12", "34"], "A1:B3", "ab", FrameRegion(["a", "b"], 1, 2, 2)),
        # People typed a column beside the table and rows below it.
        (["abc", "123", "456", "7 8"], "A1:B3", "ab", FrameRegion(["a", "b", "c"], 1, 2, 3)),
        (["ab c", "12 3"], "A1:B2", "ab", FrameRegion(["a", "b"], 1, 2, 1)),
        (["ab", "12", "", "34"], "A1:B2", "ab", FrameRegion(["a", "b"], 1, 2, 1)),
        # Somebody changed a header, or all of them.
        (["ax", "12"], "A1:B2", "ab", FrameRegion(["a", "x"], 1, 2, 1)),
        (["xy", "12"], "A1:B2", "ab", FrameRegion(["x", "y"], 1, 2, 1)),
        # A program inserted rows above and left the table's range as it was.
        (["??", "", "ab", "12", "34"], "A1:B3", "ab", FrameRegion(["a", "b"], 1, 4, 2)),
        # A blank row is no row of the frame.
        (["ab"], "A1:B2", "ab", FrameRegion(["a", "b"], 1, 2, 0)),
    ],
)
def test_a_table_is_read_with_what_people_typed_around_it(
    rows: list[str], ref: str, columns: str, expected: FrameRegion
) -> None:
    assert region_of(place(table(ref, columns)), cells(*rows), None) == expected


def test_a_table_ends_where_another_begins() -> None:
    found = cells("abcd", "1234", "56", "ef", "78")
    others = place(table("A1:B2", "ab"), "C1:D2", "A4:B5")
    assert region_of(others, found, None) == FrameRegion(["a", "b"], 1, 2, 2)


def test_totals_are_no_rows() -> None:
    found = cells("ab", "12", "T3", "45")
    assert region_of(place(table("A1:B3", "ab", totals=1)), found, None) == FrameRegion(["a", "b"], 1, 2, 1)


def test_a_table_without_header_row_has_the_names_of_its_columns() -> None:
    found = cells("12", "34")
    assert region_of(place(table("A1:B2", "ab", header=0)), found, None) == FrameRegion(["a", "b"], 1, 1, 2)


@pytest.mark.parametrize(
    ("rows", "top", "known", "expected"),
    [
        (["ab", "12"], 3, None, FrameRegion(["a", "b"], 1, 4, 1)),
        ([" ab", " 12"], 1, None, FrameRegion(["a", "b"], 2, 2, 1)),
        (["T", "", "ab", "12"], 1, "ab", FrameRegion(["a", "b"], 1, 4, 1)),
        (["T", "", "ab", "12"], 1, None, FrameRegion(["T", "Column 2"], 1, 2, 3)),
    ],
)
def test_the_used_range_begins_with_its_header(
    rows: list[str], top: int, known: str | None, expected: FrameRegion
) -> None:
    metadata = None if known is None else remembered(known, 1)
    assert region_of(place(None), cells(*rows, top=top), metadata) == expected


def test_a_sheet_without_cells_has_no_region() -> None:
    assert region_of(place(None), {}, None) is None


@pytest.mark.parametrize(("known", "height"), [(None, 0), (0, 0), (1, 1), (2, 0)])
def test_a_blank_row_counts_if_the_frame_had_one(known: int | None, height: int) -> None:
    metadata = None if known is None else remembered("ab", known)
    assert region_of(place(table("A1:B2", "ab")), cells("ab"), metadata) == FrameRegion(
        ["a", "b"], 1, 2, height
    )
