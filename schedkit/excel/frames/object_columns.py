"""Object columns, which are converted value by value."""

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
from schedkit.excel.column_types import Cells, Digits, Kind, Policy, missing
from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.frames.decimal_places import digits_of
from schedkit.excel.limits import MAX_INTEGER
from schedkit.excel.list_metadata import SEPARATOR, fits_lists
from schedkit.excel.serial_dates import DAY, serials
from schedkit.values.scalars import plain_text, whole_number_of

_KINDS = {
    "integer": Kind.INTEGER,
    "floating": Kind.NUMBER,
    "mixed-integer-float": Kind.NUMBER,
    "decimal": Kind.NUMBER,
    "boolean": Kind.BOOLEAN,
    "datetime": Kind.DATETIME,
    "datetime64": Kind.DATETIME,
    "date": Kind.DATE,
    "time": Kind.TIME,
    "timedelta": Kind.DURATION,
    "timedelta64": Kind.DURATION,
    "string": Kind.TEXT,
    "empty": Kind.TEXT,
}
_ARRAYS = {
    "numbers": pa.large_string(),
    "moments": pa.large_string(),
    "durations": pa.large_string(),
    "texts": pa.large_string(),
    "booleans": pa.bool_(),
}


def clean_texts(values: pd.Series[Any], report: ConversionReport) -> pa.Array:
    """Return strings as a large_string array; a lone surrogate, which UTF-8 has no form for, is replaced."""
    try:
        return pa.array(values, pa.large_string(), from_pandas=True)
    except UnicodeEncodeError:
        clean = [None if missing(value) else _without_surrogates(value, report) for value in values]
        return pa.array(clean, pa.large_string())


def _without_surrogates(text: str, report: ConversionReport) -> str:
    # Two halves that belong together become the character they mean; a lone half becomes U+FFFD.
    clean = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    report.add("surrogates", int(clean != text))
    return clean


class Lists:
    """The cells of a column of labels: lists of text, joined by commas; an empty one is a blank cell."""

    def __init__(self, series: pd.Series[Any]) -> None:
        self._series = series

    @staticmethod
    def fit(series: pd.Series[Any]) -> bool:
        """Tell whether a column holds lists of text, and nothing else but missing values."""
        return fits_lists(series.tolist())

    def __call__(self, start: int, stop: int, report: ConversionReport) -> Cells:
        part = self._series.iloc[start:stop]
        texts = [SEPARATOR.join(value) or None if isinstance(value, list | tuple) else None for value in part]
        return Cells(texts=clean_texts(pd.Series(texts, dtype=object), report))


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
        self.digits = _digits(series) if self.kind in (Kind.INTEGER, Kind.NUMBER) else Digits()
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

    def __call__(self, start: int, stop: int, report: ConversionReport) -> Cells:
        part = self._series.iloc[start:stop]
        if self._all_text:
            return Cells(texts=clean_texts(part, report))
        found: dict[str, list[Any]] = {name: [None] * len(part) for name in _ARRAYS}
        for place, value in enumerate(part):
            where, content = self._cell(value, report)
            if self.kind is not Kind.MIXED and where in ("moments", "durations"):
                where = "numbers"
            if isinstance(content, str):
                content = _without_surrogates(content, report)
            found[where][place] = content
        return Cells(**{name: pa.array(values, _ARRAYS[name]) for name, values in found.items()})

    def _cell(self, value: Any, report: ConversionReport) -> tuple[str, Any]:
        """Return which array of `Cells` a value belongs to, and as what."""
        if missing(value):
            return "texts", None
        if isinstance(value, Enum):
            return self._cell(value.value, report)
        if isinstance(value, str):
            return "texts", plain_text(value)
        if isinstance(value, bool | np.bool_):
            return "booleans", bool(value)
        if isinstance(value, float | np.floating):
            return self._float(float(value), report)
        if isinstance(value, np.datetime64 | date):
            return self._moment(value, report)
        if isinstance(value, np.timedelta64 | timedelta):
            return self._duration(pd.Timedelta(value), report)
        if isinstance(value, int | np.integer | Decimal):  # a timedelta64 is a signed integer to NumPy
            return self._exact(value, report)
        if isinstance(value, time):
            return self._time(value)
        # Labels joined by commas are as anyone would write them; all else is reported as altered.
        report.add("flattened", not is_texts(value))
        # An empty list of labels is a blank cell, as an analyst would leave it.
        return "texts", flat_text(value) or None

    def _exact(self, value: int | np.integer[Any] | Decimal, report: ConversionReport) -> tuple[str, Any]:
        if self._numbers_as_text:
            report.add("numbers_as_text")
            return "texts", str(value)
        if isinstance(value, Decimal):
            return self._float(float(value), report)
        return "numbers", str(int(value))

    def _float(self, value: float, report: ConversionReport) -> tuple[str, Any]:
        if abs(value) == np.inf:
            report.add("infinite")
            return "texts", str(value) if self._policy.inf == "text" else None
        return "numbers", repr(value)

    def _moment(self, value: np.datetime64 | date, report: ConversionReport) -> tuple[str, Any]:
        stamp = pd.Timestamp(value)
        if stamp.tzinfo is not None:
            stamp = stamp.tz_convert(self._policy.zone).tz_localize(None)
        micros = int(stamp.as_unit("us").asm8.astype(np.int64))
        days, shown = serials(np.array([micros]), self._policy.calendar)
        if shown[0]:
            return "moments", repr(float(days[0]))
        report.add("dates_as_text")
        day_only = isinstance(value, date) and not isinstance(value, datetime)
        return "texts", stamp.date().isoformat() if day_only else stamp.isoformat(sep=" ")

    def _time(self, value: time) -> tuple[str, Any]:
        if self.kind is not Kind.TIME or value.tzinfo is not None:
            return "texts", value.isoformat()
        micros = ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
        return "numbers", repr(micros / DAY)

    def _duration(self, value: pd.Timedelta, report: ConversionReport) -> tuple[str, Any]:
        micros = value // timedelta(microseconds=1)
        if micros >= 0:
            return "durations", repr(micros / DAY)
        report.add("durations_as_text")
        return "texts", str(value)


def _digits(series: pd.Series[Any]) -> Digits:
    return digits_of(np.array([float(value) for value in series if not missing(value)], np.float64))


def _is_long(value: Any) -> bool:
    number = whole_number_of(value)
    if number is not None:
        return abs(number) > MAX_INTEGER
    if isinstance(value, Decimal) and value.is_finite():
        return len(value.normalize().as_tuple().digits) > 15
    return False


def is_texts(value: Any) -> bool:
    """Tell whether `value` is a list, tuple or set of nothing but text."""
    return isinstance(value, list | tuple | set | frozenset) and all(isinstance(item, str) for item in value)


def flat_text(value: Any) -> str:
    """Return a list as its items joined by commas, a dict as JSON, anything else as `str` returns it.

    Examples
    --------
    >>> flat_text(["ui", "api"]), flat_text({"a": [1]})
    ('ui, api', '{"a": [1]}')
    """
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str) if value else ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, set | frozenset):
        return ", ".join(sorted(map(flat_text, value)))
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(flat_text, value))
    return "" if missing(value) else str(value)
