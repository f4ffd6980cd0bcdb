"""Object columns: whatever Python put in them, cell by cell."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from schedkit.errors import WorkbookError
from schedkit.excel.limits import MAX_INTEGER
from schedkit.excel.model import Cells, Kind, Policy
from schedkit.excel.serial import DAY, serials
from schedkit.excel.tally import Tally

_KINDS = {
    "integer": Kind.INTEGER,
    "floating": Kind.NUMBER,
    "mixed-integer-float": Kind.NUMBER,
    "decimal": Kind.NUMBER,
    "boolean": Kind.BOOLEAN,
    "datetime": Kind.DATETIME,
    "datetime64": Kind.DATETIME,
    "date": Kind.DATE,
    "timedelta": Kind.DURATION,
    "timedelta64": Kind.DURATION,
    "string": Kind.TEXT,
    "empty": Kind.TEXT,
}
_EPOCH = datetime(1970, 1, 1)


def clean_texts(values: pd.Series[Any], tally: Tally) -> pa.Array:
    """Return strings as a large_string array; a lone surrogate, which UTF-8 has no form for, is replaced."""
    try:
        return pa.array(values, pa.large_string(), from_pandas=True)
    except UnicodeEncodeError:
        clean = [None if missing(value) else _without_surrogates(value, tally) for value in values]
        return pa.array(clean, pa.large_string())


def _without_surrogates(text: str, tally: Tally) -> str:
    # Two halves that belong together become the character they mean; a lone half becomes U+FFFD.
    clean = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    tally.add("surrogates", int(clean != text))
    return clean


def missing(value: Any) -> bool:
    """Tell whether `value` is None, NaN, NaT or pd.NA."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return isinstance(value, float | np.floating) and bool(value != value)


class Objects:
    """The cells of an object column.

    Raises
    ------
    WorkbookError
        If ``policy.inf`` is "error" and a value is infinite.
    """

    def __init__(self, series: pd.Series[Any], header: str, policy: Policy) -> None:
        self._series = series
        self._policy = policy
        inferred = pd.api.types.infer_dtype(series, skipna=True)
        self.kind = _KINDS.get(inferred, Kind.MIXED)
        self.whole = inferred == "integer"
        self._all_text = inferred in ("string", "empty")
        aware = any(isinstance(value, datetime) and value.tzinfo for value in series)
        self.zone = policy.zone_name if aware else None
        # One number too long makes text of the column: a column of both could not be sorted or matched.
        self._numbers_as_text = any(map(_is_long, series))
        if self._numbers_as_text and self.kind in (Kind.INTEGER, Kind.NUMBER):
            self.kind = Kind.TEXT
        if policy.inf == "error" and any(isinstance(v, float) and abs(v) == np.inf for v in series):
            raise WorkbookError(
                f"column {header!r} holds an infinite number",
                hint='write with inf="text" or inf="omit", or clean the frame first',
            )

    def __call__(self, start: int, stop: int, tally: Tally) -> Cells:
        part = self._series.iloc[start:stop]
        if self._all_text:
            return Cells(texts=clean_texts(part, tally))
        numbers: list[str | None] = []
        texts: list[str | None] = []
        booleans: list[bool | None] = []
        for value in part:
            number, text, boolean = self._cell(value, tally)
            numbers.append(number)
            texts.append(text if text is None else _without_surrogates(text, tally))
            booleans.append(boolean)
        return Cells(
            numbers=pa.array(numbers, pa.large_string()),
            texts=pa.array(texts, pa.large_string()),
            booleans=pa.array(booleans, pa.bool_()),
        )

    def _cell(self, value: Any, tally: Tally) -> tuple[str | None, str | None, bool | None]:
        if missing(value):
            return None, None, None
        if isinstance(value, Enum):
            return self._cell(value.value, tally)
        if isinstance(value, str):
            return None, str(value), None
        if isinstance(value, bool | np.bool_):
            return None, None, bool(value)
        if isinstance(value, int | np.integer | Decimal):
            return self._exact(value, tally)
        if isinstance(value, float | np.floating):
            return self._float(float(value), tally)
        if isinstance(value, np.datetime64 | datetime):
            return self._moment(pd.Timestamp(value), tally)
        if isinstance(value, date):
            return self._moment(pd.Timestamp(value), tally, day=True)
        if isinstance(value, np.timedelta64 | timedelta):
            return self._duration(pd.Timedelta(value), tally)
        if isinstance(value, time):
            return None, value.isoformat(), None
        tally.add("flattened")
        # An empty list of labels is a blank cell, as an analyst would leave it.
        return None, flat_text(value) or None, None

    def _exact(
        self, value: int | np.integer[Any] | Decimal, tally: Tally
    ) -> tuple[str | None, str | None, None]:
        if self._numbers_as_text:
            tally.add("numbers_as_text")
            return None, str(value), None
        if isinstance(value, Decimal):
            return self._float(float(value), tally)
        return str(int(value)), None, None

    def _float(self, value: float, tally: Tally) -> tuple[str | None, str | None, None]:
        if abs(value) == np.inf:
            tally.add("infinite")
            return None, (str(value) if self._policy.inf == "text" else None), None
        return repr(value), None, None

    def _moment(
        self, value: pd.Timestamp, tally: Tally, *, day: bool = False
    ) -> tuple[str | None, str | None, None]:
        if value.tzinfo is not None:
            value = value.tz_convert(self._policy.zone).tz_localize(None)
        micros = (value.to_pydatetime(warn=False) - _EPOCH) // timedelta(microseconds=1)
        days, shown = serials(np.array([micros]), self._policy.calendar)
        if shown[0]:
            return repr(float(days[0])), None, None
        tally.add("dates_as_text")
        return None, value.date().isoformat() if day else value.isoformat(sep=" "), None

    def _duration(self, value: pd.Timedelta, tally: Tally) -> tuple[str | None, str | None, None]:
        micros = value // timedelta(microseconds=1)
        if micros >= 0:
            return repr(micros / DAY), None, None
        tally.add("durations_as_text")
        return None, str(value), None


def _is_long(value: Any) -> bool:
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return abs(int(value)) > MAX_INTEGER
    if isinstance(value, Decimal) and value.is_finite():
        return len(value.normalize().as_tuple().digits) > 15
    return False


def flat_text(value: Any) -> str:
    """Return a list as its items joined by commas, a dict as JSON, anything else as `str` tells it.

    Examples
    --------
    >>> flat_text(["ui", "api"]), flat_text({"a": [1]})
    ('ui, api', '{"a": [1]}')
    """
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, set | frozenset):
        return ", ".join(sorted(map(flat_text, value)))
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(flat_text, value))
    return "" if missing(value) else str(value)
