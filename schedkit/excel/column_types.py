"""What the writer passes around: a column, the kinds of columns, and its chunks of cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.serial_dates import FROM_1900, LAST_SERIAL, Calendar

Infinite = Literal["text", "omit", "error"]


def missing(value: Any) -> bool:
    """Tell whether `value` is None, NaN, NaT or pd.NA."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return isinstance(value, float | np.floating) and bool(value != value)


class Kind(StrEnum):
    """What a column holds, which decides its number format and how it is read back."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    DURATION = "duration"
    MIXED = "mixed"


@dataclass(frozen=True)
class Cells:
    """The values of some rows of a column; where one array has a value the others are null.

    `numbers` are rendered as Excel writes them, `texts` are raw. None means all null. Only a mixed
    column distinguishes `moments` and `durations` from numbers: each needs a format of its own there.
    """

    numbers: pa.Array | None = None
    moments: pa.Array | None = None
    durations: pa.Array | None = None
    texts: pa.Array | None = None
    booleans: pa.Array | None = None


@dataclass(frozen=True)
class Digits:
    """How numbers are shown: `decimals` after the point (None: as many as each has), thousands `grouped`.

    `low` and `high` are the least and the greatest number.
    """

    decimals: int | None = 2
    grouped: bool = True
    low: float = 0.0
    high: float = 0.0

    @property
    def undated(self) -> float | None:
        """A number that is shown as ``####`` with a format of dates, None if there is none."""
        return self.low if self.low < 0 else self.high if self.high >= LAST_SERIAL else None


CellsOf = Callable[[int, int, ConversionReport], Cells]


# How the note on a header begins to name the zone of its times.
ZONE_NOTE = "Times in"


@dataclass(frozen=True)
class Column:
    """One column of a sheet.

    `cells(start, stop, report)` gives the values of those rows; `dtype` is what the frame had; `digits` says
    how its numbers are shown, `zone` names the zone its times are shown in; `ranks` are the categories of an
    ordered column, lowest first.
    """

    header: str
    kind: Kind
    cells: CellsOf
    dtype: str = ""
    digits: Digits = Digits()
    zone: str | None = None
    ranks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """What to write for values that Excel cannot represent."""

    zone: tzinfo
    zone_name: str
    inf: Infinite = "text"
    calendar: Calendar = FROM_1900
