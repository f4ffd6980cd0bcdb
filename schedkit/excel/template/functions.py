"""The functions that are calculated here."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from schedkit.excel.parts.area import Area
from schedkit.excel.template.operands import BLANK, Value, Values, number_of

# Sums of more cells than these are taken from the sums of the column down to each row.
_LONG = 64
_MANY = 255
_CRITERION = re.compile(r"(<>|<=|>=|=|<|>)?(.*)", re.DOTALL)
_WILD = re.compile(r"~[*?~]|.", re.DOTALL)
_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?\s*")


@dataclass(frozen=True)
class Argument:
    """An argument of a function: an area of a sheet, or what `evaluate` gives."""

    values: Values
    evaluate: Callable[[], Value] | None
    reference: tuple[str, Area] | None = None

    @property
    def value(self) -> Value:
        """The value of a single cell or an expression."""
        if self.evaluate is not None:
            return self.evaluate()
        assert self.reference is not None
        sheet, area = self.reference
        single = area.left == area.right and area.height == 1
        return self.values.cell(sheet, area.top, area.left) if single else None

    @property
    def cells(self) -> list[Value]:
        """The values of all cells that are not blank."""
        if self.reference is not None:
            return self.values.area(*self.reference)
        value = self.value
        # Text in an argument may be a number for the function; that in a cell is not.
        return [None if isinstance(value, str | bool) else value]


Function = Callable[[Sequence[Argument]], Value]


def _numbers(arguments: Sequence[Argument]) -> list[float] | None:
    found: list[float] = []
    for argument in arguments:
        cells = argument.cells
        # Some programs count TRUE among numbers, others do not.
        if _uncertain(cells):
            return None
        found += [value for value in cells if isinstance(value, float)]
    return found


def _uncertain(cells: Sequence[Value]) -> bool:
    return any(value is None or isinstance(value, bool) for value in cells)


def _of_numbers(calculate: Callable[[list[float]], float | None]) -> Function:
    def made(arguments: Sequence[Argument]) -> Value:
        numbers = _numbers(arguments)
        return None if numbers is None else calculate(numbers)

    return made


def _sum(arguments: Sequence[Argument]) -> Value:
    total = 0.0
    for argument in arguments:
        part = _sum_of(argument)
        if part is None:
            return None
        total += part
    return total


def _sum_of(argument: Argument) -> float | None:
    if argument.reference is not None:
        sheet, area = argument.reference
        if area.left == area.right and area.height > _LONG:
            above = argument.values.sum_above(sheet, area.left, area.top - 1)
            # A difference of two sums would not have the digits of the sum.
            if above == 0.0:
                return argument.values.sum_above(sheet, area.left, area.bottom)
    numbers = _numbers([argument])
    return None if numbers is None else math.fsum(numbers)


def _average(numbers: list[float]) -> float | None:
    return math.fsum(numbers) / len(numbers) if numbers else None


def _counta(arguments: Sequence[Argument]) -> Value:
    cells = [value for argument in arguments for value in argument.cells]
    # A value that is not known is one all the same, but empty text is none for some programs.
    return None if "" in cells else float(sum(value is not BLANK for value in cells))


def _count(arguments: Sequence[Argument]) -> Value:
    numbers = _numbers(arguments)
    return None if numbers is None else float(len(numbers))


_min = _of_numbers(lambda numbers: min(numbers, default=0.0))
_max = _of_numbers(lambda numbers: max(numbers, default=0.0))
_SUBTOTALS: Mapping[int, Function] = {
    1: _of_numbers(_average),
    2: _count,
    3: _counta,
    4: _max,
    5: _min,
    9: _sum,
}


def _subtotal(arguments: Sequence[Argument]) -> Value:
    code = number_of(arguments[0].value)
    function = _SUBTOTALS.get(int(code) % 100) if code is not None else None
    if function is None:
        return None
    for argument in arguments[1:]:
        if argument.reference is None or not argument.values.all_shown(*argument.reference):
            return None
    return function(arguments[1:])


def _if(arguments: Sequence[Argument]) -> Value:
    condition = arguments[0].value
    if condition is None or isinstance(condition, str):
        return None
    if condition is not BLANK and condition:
        found = arguments[1].value
    else:
        found = arguments[2].value if len(arguments) > 2 else False
    # A formula shows a blank cell as 0.
    return 0.0 if found is BLANK else found


def _round(arguments: Sequence[Argument]) -> Value:
    number, digits = (number_of(argument.value) for argument in arguments)
    if number is None or digits is None or abs(digits) > 20 or not math.isfinite(number):
        return None
    exact = Decimal(repr(number))
    unit = Decimal(1).scaleb(-int(digits))
    # More digits than the number has change nothing.
    if exact.as_tuple().exponent >= unit.as_tuple().exponent:  # type: ignore[operator]  # finite
        return number
    return float(exact.quantize(unit, ROUND_HALF_UP))


def _abs(arguments: Sequence[Argument]) -> Value:
    number = number_of(arguments[0].value)
    return None if number is None else abs(number)


def _fits(criterion: Value) -> Callable[[Value], bool | None] | None:
    """Return the test of a criterion of `COUNTIF`, None if it is not known here."""
    if isinstance(criterion, float):
        return lambda value: isinstance(value, float) and value == criterion
    if not isinstance(criterion, str):
        return None
    found = _CRITERION.fullmatch(criterion)
    assert found is not None
    sign, text = found[1] or "=", found[2]
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        equal = {"=": True, "<>": False}.get(sign)
        return None if equal is None else _of_text(text, equal)
    number = float(text)
    compare: Mapping[str, Callable[[float], bool]] = {
        "=": lambda value: value == number,
        "<>": lambda value: value != number,
        "<": lambda value: value < number,
        ">": lambda value: value > number,
        "<=": lambda value: value <= number,
        ">=": lambda value: value >= number,
    }
    # Text that reads as a number counts as one for equality, which is not told apart here.
    return lambda value: (
        None
        if isinstance(value, str) and _NUMBER.fullmatch(value)
        else compare[sign](value)
        if isinstance(value, float)
        else sign == "<>"
    )


def _pattern(text: str) -> re.Pattern[str]:
    """Return the pattern of a text with wildcards, which a tilde before them makes plain characters."""
    wild = {"*": ".*", "?": "."}
    pieces = (
        wild.get(each[0]) or re.escape(each[0].removeprefix("~") or "~") for each in _WILD.finditer(text)
    )
    return re.compile("".join(pieces), re.IGNORECASE | re.DOTALL)


def _of_text(text: str, equal: bool) -> Callable[[Value], bool | None]:
    """Return the test whether a value is `equal` to a text, which may have wildcards, or not."""
    if not any(sign in text for sign in "*?~"):
        folded = text.casefold()
        return lambda value: (isinstance(value, str) and value.casefold() == folded) is equal
    pattern = _pattern(text)
    # Some programs compare what a number is shown as.
    return lambda value: (
        None
        if isinstance(value, float)
        else (isinstance(value, str) and pattern.fullmatch(value) is not None) is equal
    )


def _chosen(argument: Argument, criterion: Argument) -> list[bool] | None:
    """Return which cells of a column a criterion fits, None if that is not known."""
    test = _fits(criterion.value)
    cells = _column(argument)
    if test is None or cells is None or _uncertain(cells):
        return None
    fitting = [test(value) for value in cells]
    return None if None in fitting else [bool(each) for each in fitting]


def _column(argument: Argument) -> list[Value] | None:
    if argument.reference is None:
        return None
    sheet, area = argument.reference
    return (
        argument.values.column(sheet, area.left, area.top, area.bottom) if area.left == area.right else None
    )


def _countif(arguments: Sequence[Argument]) -> Value:
    chosen = _chosen(*arguments)
    # Blank cells beyond the last row fit what is not equal to a text.
    unlike = str(arguments[1].value).startswith("<>")
    return None if chosen is None or unlike else float(sum(chosen))


def _sumif(arguments: Sequence[Argument]) -> Value:
    chosen = _chosen(arguments[0], arguments[1])
    summed = _column(arguments[2] if len(arguments) > 2 else arguments[0])
    if chosen is None or summed is None or _uncertain(summed):
        return None
    pairs = zip(chosen, summed, strict=False)
    return sum((value for fits, value in pairs if fits and isinstance(value, float)), start=0.0)


# The least and the greatest number of arguments, and what is calculated from them.
FUNCTIONS: Mapping[str, tuple[int, int, Function]] = {
    "SUM": (1, _MANY, _sum),
    "AVERAGE": (1, _MANY, _of_numbers(_average)),
    "COUNT": (1, _MANY, _count),
    "COUNTA": (1, _MANY, _counta),
    "MIN": (1, _MANY, _min),
    "MAX": (1, _MANY, _max),
    "SUBTOTAL": (2, _MANY, _subtotal),
    "COUNTIF": (2, 2, _countif),
    "SUMIF": (2, 3, _sumif),
    "IF": (2, 3, _if),
    "ROUND": (2, 2, _round),
    "ABS": (1, 1, _abs),
}
