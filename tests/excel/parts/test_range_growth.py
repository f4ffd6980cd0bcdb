"""References grow with the rows that they cover, wherever they stand."""

from __future__ import annotations

import pytest

from schedkit.excel.parts.area import Area
from schedkit.excel.parts.range_growth import RangeGrowth

GROWTH = RangeGrowth("My 'data'", 3, Area(4, 2, 6, 4), 16, totals=1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("'My ''data'''!$B$4:$B$6", "'My ''data'''!$B$4:$B$16"),
        ("'my ''DATA'''!B3:D6", "'my ''DATA'''!B3:D16"),
        ("'My ''data'''!$A$1:$Z$7", "'My ''data'''!$A$1:$Z$17"),
        ("'My ''data'''!$B$4:$B$5", "'My ''data'''!$B$4:$B$5"),
        ("'My ''data'''!$B$6", "'My ''data'''!$B$6"),
        ("'My ''data'''!$B$7", "'My ''data'''!$B$17"),
        ("'My ''data'''!$B$6:$D$6", "'My ''data'''!$B$6:$D$6"),
        ("'My ''data'''!$B$6:$B$6", "'My ''data'''!$B$6:$B$16"),
        ("'My ''data'''!$B$4:$B$9", "'My ''data'''!$B$4:$B$17"),
        ("'My ''data'''!$B$4:$B$99", "'My ''data'''!$B$4:$B$99"),
        ("'My ''data'''!$B$8", "'My ''data'''!$B$8"),
        ("'My ''data'''!$B:$B", "'My ''data'''!$B:$B"),
        ("'My ''data'''!4:6", "'My ''data'''!4:16"),
        ("'My ''data'''!$3:$7", "'My ''data'''!$3:$17"),
        ("'My ''data'''!4:9", "'My ''data'''!4:17"),
        ("'My ''data'''!4:99", "'My ''data'''!4:99"),
        ("'My ''data'''!7:7", "'My ''data'''!17:17"),
        ("'My ''data'''!6:6", "'My ''data'''!6:6"),
        ("'My ''data'''!$1:$3", "'My ''data'''!$1:$3"),
        ("'My ''data'''!A7:Z7", "'My ''data'''!A17:Z17"),
        ("'My ''data'''!$F$4:$F$6", "'My ''data'''!$F$4:$F$6"),
        ("'My ''data'''!$D$4:$E$6", "'My ''data'''!$D$4:$E$6"),
        ("'[1]My ''data'''!$B$4:$B$6", "'[1]My ''data'''!$B$4:$B$6"),
        ("'My ''data'':Other'!$B$4:$B$6", "'My ''data'':Other'!$B$4:$B$6"),
        ("Other!$B$4:$B$6", "Other!$B$4:$B$6"),
        ("\"'My ''data'''!B4:B6\"", "\"'My ''data'''!B4:B6\""),
        ("#REF!", "#REF!"),
    ],
)
def test_references_of_other_parts_grow(before: str, after: str) -> None:
    assert GROWTH.qualified(before, single=False) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("SUM(B4:B6)", "SUM(B4:B16)"),
        ("SUM($B$4:$B6)/COUNTA(B3:B6)", "SUM($B$4:$B16)/COUNTA(B3:B16)"),
        ("Other!B4:B6+B4", "Other!B4:B6+B4"),
        ('COUNTIF(C4:C6,"B4:B6")', 'COUNTIF(C4:C16,"B4:B6")'),
        ("LOG10(B6)+Table_B4[x]", "LOG10(B6)+Table_B4[x]"),
        ("B8:B9", "B8:B9"),
        ("Table[B4:B6]+Table[[#This Row],[B4:B6]]", "Table[B4:B6]+Table[[#This Row],[B4:B6]]"),
        ("[1]Other!B4:B6+B7", "[1]Other!B4:B6+B17"),
        ("'B4:B6 x'!B4:B6+B4:B6", "'B4:B6 x'!B4:B6+B4:B16"),
        ("Jan:Mar!B4:B6", "Jan:Mar!B4:B6"),
        ("'My ''data'''!B4:B6", "'My ''data'''!B4:B16"),
        ("B6:B4", "B6:B4"),
        ("SUM(4:6)+SUM($4:6)", "SUM(4:16)+SUM($4:16)"),
    ],
)
def test_formulas_of_the_sheet_grow(before: str, after: str) -> None:
    assert GROWTH.unqualified(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("B4:B6 F1 A:A C4:C6 B7 B7:D7 B6", "B4:B16 F1 A:A C4:C16 B17 B17:D17 B6"),
        ("4:6 $B$4:$D$6 8:9", "4:16 $B$4:$D$16 8:9"),
        ("nowhere", "nowhere"),
        ("", ""),
    ],
)
def test_lists_of_areas_follow(before: str, after: str) -> None:
    assert GROWTH.areas(before) == after


@pytest.mark.parametrize(
    ("formula", "row", "after"),
    [
        ("SUM(B4:B6)", None, "SUM(B4:B16)"),
        ("SUM(B$4:B6)", 6, "SUM(B$4:B6)"),
        ("SUM(B$4:B6)", 5, "SUM(B$4:B16)"),
        ("B6/SUM(B$4:B$6)", 6, "B6/SUM(B$4:B$16)"),
    ],
)
def test_a_block_that_ends_in_the_row_of_its_formula_means_it(
    formula: str, row: int | None, after: str
) -> None:
    assert GROWTH.unqualified(formula, row=row) == after


@pytest.mark.parametrize(
    ("single", "formula", "after"),
    [
        (True, "Data!$B$2", "Data!$B$2:$B$5"),
        (False, "Data!$B$2", "Data!$B$2"),
        (False, "Data!$B$2:$B$2", "Data!$B$2:$B$5"),
        (True, "Data!$B$1", "Data!$B$1"),
        (False, "Data!$B$1:$B$2", "Data!$B$1:$B$5"),
    ],
)
def test_one_cell_may_stand_for_a_body_of_one_row(single: bool, formula: str, after: str) -> None:
    growth = RangeGrowth("Data", 1, Area(2, 1, 2, 3), 5)
    assert growth.qualified(formula, single=single) == after


def test_fewer_rows_shrink_what_covered_them_all() -> None:
    growth = RangeGrowth("Data", 1, Area(2, 1, 9, 3), 4, totals=1)
    assert growth.unqualified("SUM(B2:B9)+B10+SUM(B2:B20)+B7") == "SUM(B2:B4)+B5+SUM(B2:B20)+B7"
    assert growth.areas("A2:C9 A10:C10") == "A2:C4 A5:C5"


def test_rows_that_stay_are_found_again() -> None:
    for growth in (GROWTH, RangeGrowth("Data", 3, Area(4, 2, 6, 4), 4, totals=1)):
        for row, column in ((3, 2), (4, 3), (7, 2), (7, 4), (40, 2), (12, 1), (5, 9)):
            assert growth.row_before(growth.row_after(row, column), column) == row
    assert [GROWTH.row_before(row, 2) for row in (6, 7, 16, 17, 18)] == [6, None, None, 7, 18]
    less = RangeGrowth("Data", 3, Area(4, 2, 6, 4), 4, totals=1)
    assert [less.row_before(row, 2) for row in (4, 5, 6, 7, 8)] == [4, 7, None, None, 8]
