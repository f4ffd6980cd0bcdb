"""What formulas refer to, and how they read in another cell."""

from __future__ import annotations

import pytest

from schedkit.excel.parts.area import Area
from schedkit.excel.parts.references import OWN_TABLE, Uses, cut_at_rows, moved, sheet_name

NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("text", "uses"),
    [
        ("1+2", Uses((), NONE)),
        ("SUM(A1:B2)", Uses(((None, Area(1, 1, 2, 2)),), NONE)),
        ("B2:A1", Uses(((None, Area(1, 1, 2, 2)),), NONE)),
        ("'My ''x'''!$C$3", Uses((("My 'x'", Area(3, 3, 3, 3)),), NONE)),
        ("Data!B:C", Uses((("Data", Area(1, 2, 1_048_576, 3)),), NONE)),
        ("$2:5", Uses(((None, Area(2, 1, 5, 16_384)),), NONE)),
        ("Scores*Rate", Uses((), frozenset({"scores", "rate"}))),
        ("SUM(Issues[Points])", Uses((), frozenset({"issues"}))),
        ("Issues[[#This Row],[Points]]*2", Uses((), NONE, frozenset({"issues"}))),
        ("Issues[@Points]", Uses((), NONE, frozenset({"issues"}))),
        ("[[#This Row],[Points]]*[@Done]", Uses((), NONE, frozenset({OWN_TABLE}))),
        ("SUM([Points])", Uses((), frozenset({OWN_TABLE}))),
        ("2*[2]!Rate", Uses((), NONE)),
        ('"A1"&"Data!B2"', Uses((), NONE)),
        ("INDIRECT(A1)", Uses(((None, Area(1, 1, 1, 1)),), NONE, anything=True)),
        ("Jan:Mar!A1", Uses((), NONE, anything=True)),
        ("'Q1 ''26:Q4 26'!A1", Uses((("Q1 '26:Q4 26", Area(1, 1, 1, 1)),), NONE, anything=True)),
        ("'[1]Q1 26:Q4 26'!A1", Uses((("[1]Q1 26:Q4 26", Area(1, 1, 1, 1)),), NONE)),
        ("Data!Local", Uses((), NONE, anything=True)),
        ("[1]Data!B2", Uses((), NONE)),
        ("LOG10(5)", Uses((), NONE)),
        ("TODAY()", Uses((), NONE)),
    ],
)
def test_what_a_formula_uses(text: str, uses: Uses) -> None:
    found = Uses.of(text)
    assert (found.areas, found.own_rows, found.anything) == (uses.areas, uses.own_rows, uses.anything)
    assert uses.names <= found.names


@pytest.mark.parametrize(
    ("text", "columns", "rows", "after"),
    [
        ("A1+$A1+A$1+$A$1", 2, 3, "C4+$A4+C$1+$A$1"),
        ("SUM(A1:B2)", 1, 0, "SUM(B1:C2)"),
        ("Data!A1*'My A1'!A1", 0, 1, "Data!A2*'My A1'!A2"),
        ("SUM(A:B)+SUM($A:A)", 1, 1, "SUM(B:C)+SUM($A:B)"),
        ("SUM(1:2)+SUM($1:2)", 1, 1, "SUM(2:3)+SUM($1:3)"),
        ("SUM(Data!A:B)", 1, 1, "SUM(Data!B:C)"),
        ('"A1"&Table[A1]&LOG10(A1)', 0, 1, '"A1"&Table[A1]&LOG10(A2)'),
        ("A1", -1, -1, "XFD1048576"),
        ("XFD1048576", 1, 1, "A1"),
    ],
)
def test_formulas_move_as_excel_moves_them(text: str, columns: int, rows: int, after: str) -> None:
    assert moved(text, columns, rows) == after


def test_names_of_sheets_lose_their_quotes() -> None:
    assert [sheet_name(text) for text in ("Data!", "'My data'!", "'it''s'!")] == ["Data", "My data", "it's"]


@pytest.mark.parametrize(
    ("text", "row", "below"),
    [
        ("B5*2", 5, "B7*2"),
        ("SUM(Data!5:$6)+B$5", 5, "SUM(Data!7:$6)+B$5"),
        ("[1]Other!B5+'Q1:Q4'!$C4+\"B5\"", 5, "[1]Other!B7+'Q1:Q4'!$C6+\"B5\""),
        ("T[[#This Row],[B5]]+B:B+LOG10(B5)", 5, "T[[#This Row],[B5]]+B:B+LOG10(B7)"),
    ],
)
def test_relative_rows_are_cut_out(text: str, row: int, below: str) -> None:
    pieces = cut_at_rows(text, row)
    assert "".join(str(each + row) if isinstance(each, int) else each for each in pieces) == text
    made = "".join(str(each + row + 2) if isinstance(each, int) else each for each in pieces)
    assert made == below == moved(text, 0, 2)
