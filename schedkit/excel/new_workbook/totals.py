"""The totals row of a table: formulas that follow the table's filter, with their values beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from schedkit.errors import WorkbookError
from schedkit.excel.column_types import Column, Kind
from schedkit.excel.new_workbook.styles import is_identifier
from schedkit.excel.serial_dates import Floats

# What a table calls a total, and the SUBTOTAL function that leaves out filtered rows.
_FUNCTIONS = {"sum": 109, "average": 101, "count": 103, "max": 104, "min": 105}
_NUMPY: dict[str, Callable[[Floats], Any]] = {"sum": np.sum, "average": np.mean, "max": np.max, "min": np.min}
_DAY_SECONDS = 86_400
_SPECIAL = re.compile(r"(['\[\]#@])")
_NUMERIC = (Kind.INTEGER, Kind.NUMBER, Kind.DURATION)


@dataclass(frozen=True)
class Total:
    """One cell of the totals row."""

    function: str
    formula: str
    value: float


def totals_of(
    frame: pd.DataFrame, columns: Sequence[Column], table: str, wanted: bool | Mapping[str, str]
) -> dict[int, Total]:
    """Return the totals by 1-based position; True means the sum of every column of amounts.

    Raises
    ------
    WorkbookError
        If a column or function is not known, or numbers were asked of a column that has none.
    """
    if wanted is False:
        return {}
    places = {column.header: place for place, column in enumerate(columns)}
    if wanted is True:
        wanted = {
            column.header: "sum"
            for column in columns
            # Of a label with several levels, the last one says what the numbers are.
            if column.kind in _NUMERIC and not is_identifier(column.header.rpartition(" / ")[2])
        }
    made = {}
    for header, function in wanted.items():
        if header not in places:
            raise WorkbookError(f"no column {header!r} to total", hint=f"columns are {', '.join(places)}")
        if function not in _FUNCTIONS:
            raise WorkbookError(f"unknown total {function!r}", hint=f"use one of {', '.join(_FUNCTIONS)}")
        place = places[header]
        if function != "count" and columns[place].kind not in _NUMERIC:
            raise WorkbookError(
                f"column {header!r} holds no numbers to take the {function} of", hint='use "count"'
            )
        escaped = _SPECIAL.sub(r"'\1", header)
        formula = f"SUBTOTAL({_FUNCTIONS[function]},{table}[{escaped}])"
        made[place + 1] = Total(function, formula, _value(frame.iloc[:, place], function))
    return made


def _value(series: pd.Series[Any], function: str) -> float:
    if function == "count":
        return float(series.notna().sum())
    if pd.api.types.is_timedelta64_dtype(series.dtype):
        series = series.dt.total_seconds() / _DAY_SECONDS
    values = series.dropna().to_numpy(float)
    if not len(values):
        return 0.0
    return float(_NUMPY[function](values))
