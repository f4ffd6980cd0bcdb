"""A DataFrame's columns as an Excel sheet sees them: text, numbers, booleans and serial dates.

The kind of a column is determined once from all its rows. Its values are rendered in chunks, so a million
rows need no more memory than ten thousand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from schedkit.errors import WorkbookError
from schedkit.excel.column_types import Cells, Column, Kind, Policy
from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.frames.decimal_places import digits_of, digits_of_durations
from schedkit.excel.frames.object_columns import Lists, Objects, clean_texts
from schedkit.excel.limits import MAX_INTEGER
from schedkit.excel.serial_dates import DAY, Calendar, serials
from schedkit.values.dates import holds_dates
from schedkit.values.timezones import timezone_name

Series = pd.Series


def column(series: Series[Any], header: str, policy: Policy, field: str | None = None) -> Column:
    """Return `series`, of any dtype, as a column of a sheet.

    Parameters
    ----------
    series : Series
        Of any dtype.
    header : str
        Its name in the sheet.
    policy : Policy
        How values are written.
    field : str, optional
        The type of the field that it was read from; see `values.dates`.

    Raises
    ------
    WorkbookError
        If ``policy.inf`` is "error" and a value is infinite.
    """
    dtype = str(series.dtype)
    plain = _plain(series)
    kinds = pd.api.types
    if isinstance(plain.dtype, pd.CategoricalDtype):
        ranks = tuple(map(str, plain.dtype.categories)) if plain.dtype.ordered else ()
        return Column(header, Kind.TEXT, _Categories.of(plain), dtype, ranks=ranks)
    if kinds.is_bool_dtype(plain.dtype):
        return Column(header, Kind.BOOLEAN, _Booleans(plain), dtype)
    if isinstance(plain.dtype, pd.DatetimeTZDtype):
        if holds_dates(plain, field):
            days = _Datetimes(plain.dt.tz_localize(None), policy)
            return Column(header, Kind.DATE, days, dtype, zone=timezone_name(plain.dtype.tz))
        return Column(header, Kind.DATETIME, _Datetimes(plain, policy), dtype, zone=policy.zone_name)
    if kinds.is_datetime64_dtype(plain.dtype):
        kind = Kind.DATE if holds_dates(plain, field) else Kind.DATETIME
        return Column(header, kind, _Datetimes(plain, policy), dtype)
    if kinds.is_timedelta64_dtype(plain.dtype):
        digits = digits_of_durations(_micros(plain.dropna()))
        return Column(header, Kind.DURATION, _Durations(plain), dtype, digits)
    if kinds.is_integer_dtype(plain.dtype):
        long = _has_long_integers(plain)
        kind = Kind.TEXT if long else Kind.INTEGER
        return Column(header, kind, _Integers(plain, long), dtype, digits_of(_floats(plain)))
    if kinds.is_float_dtype(plain.dtype):
        if policy.inf == "error" and bool(np.isinf(_floats(plain)).any()):
            raise WorkbookError(
                f"column {header!r} holds an infinite number",
                hint='write with inf="text" or inf="omit", or clean the frame first',
            )
        return Column(header, Kind.NUMBER, _Floats(plain, policy.inf), dtype, digits_of(_floats(plain)))
    if isinstance(plain.dtype, pd.StringDtype):
        return Column(header, Kind.TEXT, _Texts(plain), dtype)
    if Lists.fit(plain):
        return Column(header, Kind.TEXT, Lists(plain), dtype)
    objects = Objects(plain.astype(object), header, policy)
    return Column(header, objects.kind, objects, dtype, objects.digits, objects.zone)


def _plain(series: Series[Any]) -> Series[Any]:
    """Return Arrow-backed, sparse and categorical dtypes as pandas' own, where there is one."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        inner = dtype.categories.dtype
        if isinstance(inner, pd.StringDtype):
            return series
        if pd.api.types.is_object_dtype(inner):
            texts = pd.api.types.infer_dtype(dtype.categories) == "string"
            return series if texts else series.astype(object)
        # An ordinary integer or boolean column could not hold the missing values.
        return _as(series, {"i": "Int64", "u": "UInt64", "b": "boolean"}.get(inner.kind, inner))
    if isinstance(dtype, pd.SparseDtype):
        return _as(series, dtype.subtype)
    if not isinstance(dtype, pd.ArrowDtype):
        return series
    arrow = dtype.pyarrow_dtype
    if pa.types.is_timestamp(arrow):
        return series.astype(pd.DatetimeTZDtype("us", arrow.tz) if arrow.tz else "datetime64[us]")
    if pa.types.is_duration(arrow):
        return series.astype("timedelta64[us]")
    for test, name in (
        (pa.types.is_boolean, "boolean"),
        (pa.types.is_unsigned_integer, "UInt64"),
        (pa.types.is_integer, "Int64"),
        (pa.types.is_floating, "Float64"),
        (lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind), "str"),
    ):
        if test(arrow):
            return _as(series, name)
    return series.astype(object)


def _as(series: Series[Any], dtype: Any) -> Series[Any]:
    made: Series[Any] = series.astype(dtype)
    return made


def _arrow(series: Series[Any], start: int, stop: int, kind: pa.DataType) -> pa.Array:
    array = pa.array(series.iloc[start:stop], from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array if array.type == kind else array.cast(kind)


def _micros(series: Series[Any]) -> np.ndarray[Any, np.dtype[np.int64]]:
    unit = "timedelta64[us]" if series.dtype.kind == "m" else "datetime64[us]"
    return series.to_numpy().astype(unit).view(np.int64)


def _has_long_integers(series: Series[Any]) -> bool:
    present = series.dropna()
    return len(present) > 0 and bool(present.max() > MAX_INTEGER or present.min() < -MAX_INTEGER)


def _floats(series: Series[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return series.to_numpy(np.float64, na_value=np.nan)


@dataclass(frozen=True)
class _Texts:
    series: Series[Any]

    def __call__(self, start: int, stop: int, report: ConversionReport) -> Cells:
        if getattr(self.series.dtype, "storage", "") == "python":
            return Cells(texts=clean_texts(self.series.iloc[start:stop].astype(object), report))
        return Cells(texts=_arrow(self.series, start, stop, pa.large_string()))


@dataclass(frozen=True)
class _Categories:
    codes: np.ndarray[Any, Any]
    categories: pa.Array
    mended: np.ndarray[Any, np.dtype[np.bool_]]

    @classmethod
    def of(cls, series: Series[Any]) -> _Categories:
        given = series.cat.categories.to_numpy(object)
        clean = clean_texts(pd.Series(given, dtype=object), ConversionReport())
        mended = np.array([old != new for old, new in zip(given, clean.to_pylist(), strict=True)], bool)
        return cls(series.cat.codes.to_numpy(), clean, mended)

    def __call__(self, start: int, stop: int, report: ConversionReport) -> Cells:
        codes = self.codes[start:stop]
        report.add("surrogates", int(self.mended[codes[codes >= 0]].sum()))
        return Cells(texts=self.categories.take(pa.array(codes, mask=codes < 0)))


@dataclass(frozen=True)
class _Booleans:
    series: Series[Any]

    def __call__(self, start: int, stop: int, report: ConversionReport) -> Cells:
        return Cells(booleans=_arrow(self.series, start, stop, pa.bool_()))


@dataclass(frozen=True)
class _Integers:
    series: Series[Any]
    as_text: bool

    def __call__(self, start: int, stop: int, report: ConversionReport) -> Cells:
        values = _arrow(self.series, start, stop, pa.large_string())
        if not self.as_text:
            return Cells(numbers=values)
        # One number too long makes text of the column: a column of both could not be sorted or matched.
        report.add("numbers_as_text", len(values) - values.null_count)
        return Cells(texts=values)


@dataclass(frozen=True)
class _Floats:
    series: Series[Any]
    inf: str

    def __call__(self, start: int, stop: int, report: ConversionReport) -> Cells:
        values = _floats(self.series.iloc[start:stop])
        finite = np.isfinite(values)
        numbers = pa.array(values, mask=~finite).cast(pa.large_string())
        infinite = np.isinf(values)
        if not infinite.any():
            return Cells(numbers=numbers)
        report.add("infinite", int(infinite.sum()))
        if self.inf == "omit":
            return Cells(numbers=numbers)
        texts = pa.array(np.where(values > 0, "inf", "-inf"), pa.large_string(), mask=~infinite)
        return Cells(numbers=numbers, texts=texts)


@dataclass(frozen=True)
class _Datetimes:
    series: Series[Any]
    policy: Policy

    def __call__(self, start: int, stop: int, report: ConversionReport) -> Cells:
        wall = self.series.iloc[start:stop]
        if wall.dt.tz is not None:
            wall = wall.dt.tz_convert(self.policy.zone).dt.tz_localize(None)
        return datetime_cells(wall, self.policy.calendar, report)


def datetime_cells(wall: Series[Any], calendar: Calendar, report: ConversionReport) -> Cells:
    """Return wall-clock times as serials, those Excel cannot show as ISO text."""
    missing = wall.isna().to_numpy()
    days, shown = serials(_micros(wall), calendar)
    numbers = pa.array(days, mask=missing | ~shown).cast(pa.large_string())
    odd = ~shown & ~missing
    if not odd.any():
        return Cells(numbers=numbers)
    report.add("dates_as_text", int(odd.sum()))
    texts = [stamp.isoformat(sep=" ") if flag else None for stamp, flag in zip(wall, odd, strict=True)]
    return Cells(numbers=numbers, texts=pa.array(texts, pa.large_string()))


@dataclass(frozen=True)
class _Durations:
    series: Series[Any]

    def __call__(self, start: int, stop: int, report: ConversionReport) -> Cells:
        part = self.series.iloc[start:stop]
        missing = part.isna().to_numpy()
        micros = _micros(part)
        negative = (micros < 0) & ~missing
        numbers = pa.array(micros / DAY, mask=missing | negative).cast(pa.large_string())
        if not negative.any():
            return Cells(numbers=numbers)
        report.add("durations_as_text", int(negative.sum()))
        texts = [str(value) if flag else None for value, flag in zip(part, negative, strict=True)]
        return Cells(numbers=numbers, texts=pa.array(texts, pa.large_string()))
