"""The functions that are calculated here give what a spreadsheet program gives."""

from __future__ import annotations

import pytest

from schedkit.excel.parts.area import Area
from schedkit.excel.template.calculation import Calculation, Position, Sources
from schedkit.excel.template.operands import BLANK, Value

COLUMNS: dict[int, list[Value]] = {
    1: [1.0, 2.5, BLANK, "text", -4.0],
    2: ["Done", "open", "done", BLANK, "Do*ne", "5"],
    3: [1.0, None, 3.0],
    4: [float(number) for number in range(200)],
    6: [True, "", 1.0],
}


class Cells:
    """The cells of one sheet, of which column 5 is hidden."""

    def cell(self, sheet: str, row: int, column: int) -> Value:
        found = COLUMNS.get(column, [])
        return found[row - 1] if row <= len(found) else BLANK

    def area(self, sheet: str, area: Area) -> list[Value]:
        columns = (
            self.column(sheet, each, area.top, area.bottom) for each in range(area.left, area.right + 1)
        )
        return [value for found in columns for value in found if value is not BLANK]

    def column(self, sheet: str, column: int, top: int, bottom: int) -> list[Value]:
        return COLUMNS.get(column, [])[top - 1 : bottom]

    def sum_above(self, sheet: str, column: int, row: int) -> float | None:
        return sum(value for value in self.column(sheet, column, 1, row) if isinstance(value, float))

    def all_shown(self, sheet: str, area: Area) -> bool:
        return area.left != 3


def value_of(formula: str) -> Value:
    calculation = Calculation.of(formula, Position("Data", 9, 9), Sources({"data": "Data"}, {}, {}))
    return None if calculation is None else calculation.value(Cells())


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("SUM(A1:A6)", -0.5),
        ("SUM(A1:A6,10,A2)", 12.0),
        ("SUM(D1:D200)", 19900.0),
        ("SUM(D2:D200)", 19900.0),
        ("SUM(D11:D200)", 19855.0),
        ("SUM(A:B)", -0.5),
        ("SUM(C1:C3)", None),
        ('SUM("3",A1)', None),
        ("AVERAGE(A1:A6)", -0.5 / 3),
        ("AVERAGE(B1:B4)", None),
        ("COUNT(A1:A6)", 3.0),
        ("COUNT(C1:C3)", None),
        ("COUNTA(A1:A6)", 4.0),
        ("COUNTA(F1:F2)", None),
        ("COUNTA(F1,F3)", 2.0),
        ("COUNTIF(F1:F3,1)", None),
        ('SUMIF(A1:A3,">0",F1:F3)', None),
        ("SUM(F1:F3)", None),
        ("SUM(F2:F3)", 1.0),
        ("COUNT(F1:F3)", None),
        ('COUNTIF(F1:F3,"x*")', None),
        ("COUNTA(C1:C3)", 3.0),
        ("MIN(A1:A6)", -4.0),
        ("MAX(A1:A6,7)", 7.0),
        ("MAX(B1:B3)", 0.0),
        ("SUBTOTAL(109,A1:A6)", -0.5),
        ("SUBTOTAL(3,A1:A6)", 4.0),
        ("SUBTOTAL(101,A1:A2)", 1.75),
        ("SUBTOTAL(9,C1:C3)", None),
        ("SUBTOTAL(7,A1:A6)", None),
        ('SUBTOTAL("x",A1:A6)', None),
        ("SUBTOTAL(9,5)", None),
        ('COUNTIF(B1:B6,"done")', 2.0),
        ('COUNTIF(B1:B6,"=DONE")', 2.0),
        ('COUNTIF(B1:B6,"do*")', 3.0),
        ('COUNTIF(B1:B6,"do~*ne")', 1.0),
        ('COUNTIF(B1:B6,"d?ne")', 2.0),
        ('COUNTIF(B1:B6,"<>done")', None),
        ('COUNTIF(B1:B6,">b")', None),
        ('COUNTIF(B1:B6,"")', None),
        ("COUNTIF(B1:B6,5)", 0.0),
        ('COUNTIF(B1:B6,">=5")', None),
        ('COUNTIF(A1:A6,">=2")', 1.0),
        ('COUNTIF(A1:A6,"<0")', 1.0),
        ('COUNTIF(A1:A6,"2.5")', 1.0),
        ("COUNTIF(A1:A6,A1)", 1.0),
        ("COUNTIF(A1:B6,1)", None),
        ("COUNTIF(A1:A6,A1:A2)", None),
        ('SUMIF(B1:B3,"done",A1:A3)', 1.0),
        ('SUMIF(A1:A6,">0")', 3.5),
        ('SUMIF(B1:B3,"done",C1:C3)', None),
        ('SUMIF(A1:A6,"<>1")', -1.5),
        ('IF(A1>0,"yes","no")', "yes"),
        ("IF(A1<0,1)", False),
        ("IF(A3,1,A3)", 0.0),
        ("IF(B1,1,2)", None),
        ("IF(C2,1,2)", None),
        ("IF(A1=1,IF(A2=2.5,7,8),9)", 7.0),
        ("ROUND(2.5,0)", 3.0),
        ("ROUND(-2.5,0)", -3.0),
        ("ROUND(1.005,2)", 1.01),
        ("ROUND(1234,-2)", 1200.0),
        ("ROUND(7,2)", 7.0),
        ("ROUND(B1,2)", None),
        ("ROUND(1,99)", None),
        ("ABS(A5)", 4.0),
        ("ABS(B1)", None),
        ("ABS(1,2)", None),
        ("SUM()", None),
        ("TODAY()", None),
    ],
)
def test_functions(formula: str, value: Value) -> None:
    assert value_of(formula) == (value if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("A1=1", True),
        ("A1<>1", False),
        ("A3=0", True),
        ('A3=""', True),
        ("A3=D9", False),
        ("A3=Z9", True),
        ('A1="1"', False),
        ("C2=1", None),
        ("C2<>1", None),
        ("A1<=A2", True),
        ("A1<A2", True),
        ("B1>1", None),
        ("F1=TRUE", None),
        ("2^3^2", 64.0),
        ("-2^2", 4.0),
        ("(-8)^0.5", None),
        ("1/0", None),
        ("5%", 0.05),
        (".5+1.", 1.5),
        ('A1&""', "1"),
        ("A2&A1", None),
        ("B1 & A3", "Done"),
        ("A1:A2", None),
        ("1+", None),
        ("#REF!", None),
        ("Data!A1+'data'!A2", 3.5),
    ],
)
def test_operators(formula: str, value: Value) -> None:
    assert value_of(formula) == (pytest.approx(value) if isinstance(value, float) else value)
