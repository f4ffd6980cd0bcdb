"""Random formulas over a sheet Data with texts, numbers, booleans and blanks in B2:E7."""

from __future__ import annotations

from random import Random
from typing import Any

VALUES: list[Any] = [None, 0, 1, -2.5, 3, "x", "Done", 1e6, 0.1, "do*ne", "~x"]
# Programs differ in what they make of these, so that most formulas over them are not calculated here.
ODD: list[Any] = ["5", True, ""]
_CRITERIA = (
    *('"x"', '"done"', '">1"', '"<>1"', '"<=0"', '"d*"', '"?"', "1", "0", "TRUE", '"5"', '"~~x"'),
    *('"do~*ne"', '"=Done"', '"<>x"', '""', '"*"', '">=a"'),
)
_DEEPEST = 3


class RandomFormulas:
    """Makes formulas of the functions that are calculated here."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def value(self) -> Any:
        """Return the value of a cell."""
        return self._one_of(ODD if self._random.random() < 0.02 else VALUES)

    def formula(self) -> str:
        """Return a formula without "="."""
        kind = self._one_of(("number", "number", "number", "comparison", "text"))
        if kind == "number":
            return self._number(0)
        if kind == "comparison":
            return self._comparison(0)
        return f"{self._operand(0)}&{self._operand(0)}"

    def _one_of(self, options: Any) -> Any:
        return self._random.choice(options)

    def _cell(self) -> str:
        sign = self._one_of(("", "$"))
        return f"Data!{sign}{self._one_of('BCDE')}{sign}{self._random.randint(2, 7)}"

    def _column(self) -> str:
        column = self._one_of("BCDE")
        return f"Data!{column}2:{column}7"

    def _area(self) -> str:
        column = self._one_of("BCDE")
        return self._one_of((self._column(), f"Data!{column}:{column}", f"Data!${column}$2:$E$7", "Data!2:7"))

    def _operand(self, depth: int) -> str:
        return self._one_of(('"x"', '"Done"', self._cell(), self._number(depth + 1)))

    def _comparison(self, depth: int) -> str:
        sign = self._one_of(("=", "<>", "<", ">", "<=", ">="))
        return f"{self._operand(depth)}{sign}{self._operand(depth)}"

    def _number(self, depth: int) -> str:
        if depth > _DEEPEST:
            return self._one_of(("7", "0.5", "1E2", self._cell()))
        inner, other = self._number(depth + 1), self._number(depth + 2)
        criterion = self._one_of(_CRITERIA)
        return self._one_of(
            (
                self._cell(),
                f"({inner}{self._one_of('+-*/^')}{other})",
                f"{self._one_of(('SUM', 'AVERAGE', 'MIN', 'MAX', 'COUNT', 'COUNTA'))}({self._area()})",
                f"SUM({self._area()},{inner})",
                f"SUBTOTAL({self._one_of((1, 2, 3, 4, 5, 9, 103, 109))},{self._column()})",
                f"COUNTIF({self._column()},{criterion})",
                f"SUMIF({self._column()},{criterion},{self._column()})",
                f"ROUND({inner},{self._one_of((0, 1, 2, -1))})",
                f"ABS({inner})",
                f"-{inner}",
                f"{inner}%",
                f"IF({self._comparison(depth + 1)},{inner},{other})",
            )
        )
