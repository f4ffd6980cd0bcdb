"""Cells turned back into a typed column."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from schedkit import context
from schedkit.excel.column_types import Kind
from schedkit.excel.frame_metadata import ColumnMetadata
from schedkit.excel.list_metadata import restored_json, restored_lists
from schedkit.excel.parts.cell_values import CellColumn
from schedkit.excel.repeated_hours import localized
from schedkit.excel.serial_dates import DAY, LAST_SERIAL, Calendar, micros_of, micros_of_all, round_micros
from schedkit.values.timezones import parse_timezone

Series = pd.Series

_STRING = pa.large_string()
_WHOLE = r"^[+-]?[0-9]{1,18}$"
_NUMBER = r"^-?[0-9.]+(e[+-]?[0-9]+)?$"
# Numbers that the writer writes as text among others.
_NUMBER_AS_TEXT = r"^(-?inf|-?[0-9.]{16,}(e[+-]?[0-9]+)?)$"
# By how many microseconds other programs miss what they were given.
MISSED = 5


@dataclass(frozen=True)
class Body:
    """The cells of one column: which of its `length` rows have which kind and text; see `CellColumn`."""

    length: int
    places: npt.NDArray[np.int64]
    letters: npt.NDArray[np.uint8]
    texts: pa.Array

    @classmethod
    def of(cls, cells: CellColumn | None, first_row: int, length: int) -> Body:
        """Return the cells of `length` rows from `first_row` on."""
        if cells is None:
            return cls(length, np.empty(0, np.int64), np.empty(0, np.uint8), pa.array([], _STRING))
        found = cells.within(first_row, first_row + length - 1)
        return cls(length, found.rows - first_row, found.letters, found.texts)

    def below(self, other: Body) -> Body:
        """Return this column with `other` below it."""
        return Body(
            self.length + other.length,
            np.concatenate([self.places, other.places + self.length]),
            np.concatenate([self.letters, other.letters]),
            pa.concat_arrays([self.texts, other.texts]),
        )

    def count(self, letter: str) -> int:
        """Return how many cells are of a kind."""
        return int((self.letters == ord(letter)).sum())

    def with_values(self) -> Body:
        """Return the column without errors and formulas that have not been calculated."""
        kept = ~self.of_kind("ef")
        if kept.all():
            return self
        texts = self.texts.filter(pa.array(kept))
        return Body(self.length, self.places[kept], self.letters[kept], texts)

    def of_kind(self, letters: str) -> npt.NDArray[np.bool_]:
        """Return which cells are of one of some kinds."""
        return np.isin(self.letters, np.frombuffer(letters.encode(), np.uint8))

    def only(self, letters: str) -> bool:
        """Tell whether all cells are of some kinds."""
        return bool(self.of_kind(letters).all())

    def spread(self, values: pa.Array) -> pa.Array:
        """Return an array with one value per row, null where the cell is blank."""
        if len(self.places) == self.length:
            return values
        index = np.full(self.length, -1)
        index[self.places] = np.arange(len(self.places))
        return values.take(pa.array(index, mask=index < 0))

    def missing(self) -> npt.NDArray[np.bool_]:
        """Return which rows have no cell."""
        blank = np.ones(self.length, bool)
        blank[self.places] = False
        return blank

    def objects(self, calendar: Calendar) -> list[Any]:
        """Return the values one by one, None where there is none."""
        found: list[Any] = [None] * self.length
        letters = self.letters.tobytes().decode()
        for place, letter, text in zip(self.places.tolist(), letters, self.texts.to_pylist(), strict=True):
            found[place] = _value(text, letter, calendar)
        return found


def inferred(body: Body, calendar: Calendar) -> Series[Any]:
    """Return a column whose dtype follows from its cells."""
    body = body.with_values()
    try:
        if body.only("s"):
            return Series(pd.array(body.spread(body.texts), dtype="str"))
        if body.only("n"):
            return _inferred_numbers(body)
        if body.only("b"):
            return Series(_booleans(body))
        if body.only("dhi"):
            return _whole_millis(_dates(body, calendar))
        if body.only("t"):
            return _whole_millis(_durations(body))
    except (ValueError, OverflowError, pa.ArrowException):
        pass
    return _as_objects(body, calendar)


def _whole_millis(times: Series[Any]) -> Series[Any]:
    """Return moments or durations without the microseconds by which other programs miss a millisecond.

    openpyxl writes 09:30 as a serial that is nearer to 09:30:00.000001. LibreOffice writes fifteen digits of
    a serial, which are up to 4.3 microseconds away. No such program keeps microseconds.
    """
    if times.dtype == object:
        return times
    micros = times.to_numpy().astype("int64")
    near = micros // 1000 * 1000 + np.where(micros % 1000 >= 1000 - MISSED, 1000, 0)
    meant = (np.abs(micros - near) <= MISSED) & times.notna().to_numpy()
    return Series(np.where(meant, near, micros).view(times.to_numpy().dtype))


def _inferred_numbers(body: Body) -> Series[Any]:
    if pc.all(pc.match_substring_regex(body.texts, _WHOLE), min_count=0).as_py():
        return Series(_integers(body))
    return Series(_floats(body))


def _as_objects(body: Body, calendar: Calendar) -> Series[Any]:
    return Series(body.objects(calendar), dtype=object)


def restored(
    body: Body, column: ColumnMetadata, calendar: Calendar, keys: list[str] | None = None
) -> Series[Any]:
    """Return a column with the dtype it was written with, or the inferred one if it no longer fits.

    `keys` tell the rows apart, for what a cell's text alone does not say.
    """
    values = body.with_values()
    try:
        return _restored(values, column, calendar, keys)
    except (ValueError, TypeError, OverflowError, pa.ArrowException):
        context.log(
            f"column {column.header!r} no longer holds only {column.dtype}; its type was inferred",
            logging.WARNING,
        )
        return inferred(values, calendar)


def _restored(body: Body, column: ColumnMetadata, calendar: Calendar, keys: list[str] | None) -> Series[Any]:
    if column.dtype == "category":
        return _categories(body, column)
    if column.dtype == "object":
        return _restored_objects(body, column, calendar, keys)
    dtype = pd.api.types.pandas_dtype(column.dtype)
    kinds = pd.api.types
    if kinds.is_datetime64_any_dtype(dtype):
        return in_zone(_moments(body, calendar), column.zone, column.again).astype(dtype)
    if kinds.is_timedelta64_dtype(dtype):
        return _durations(body).astype(dtype)
    if kinds.is_bool_dtype(dtype):
        return _typed(_booleans(body), body, dtype)
    if kinds.is_integer_dtype(dtype):
        return _typed(_integers(_numeric(body, column), unsigned=dtype.kind == "u"), body, dtype)
    if kinds.is_float_dtype(dtype):
        return Series(_floats(_numeric(body, column))).astype(dtype)
    return Series(pd.array(_texts(body), dtype="str")).astype(dtype)


def _restored_objects(
    body: Body, column: ColumnMetadata, calendar: Calendar, keys: list[str] | None
) -> Series[Any]:
    if column.kind == Kind.DATE:
        return Series([_day(value) for value in body.objects(calendar)], dtype=object)
    if not body.only("s") or (column.lists is None and column.form is None):
        return _as_objects(body, calendar)
    texts = body.spread(body.texts).to_pylist()
    if column.lists is not None:
        return Series(restored_lists(texts, column.lists, keys), dtype=object)
    return Series(restored_json(texts, column.form), dtype=object)


def _day(value: Any) -> Any:
    """Return a date for a moment at midnight, any other value as it is."""
    midnight = isinstance(value, dt.datetime) and value.time() == dt.time()
    return value.date() if midnight else value


def _categories(body: Body, column: ColumnMetadata) -> Series[Any]:
    texts = _texts(body)
    known = pa.array(column.categories or [], _STRING)
    added = texts.drop_null().unique()
    added = added.filter(pc.invert(pc.is_in(added, value_set=known))).to_pylist()
    # Values that people typed since become new categories, after the stored ones.
    categories = [*known.to_pylist(), *(added if column.categories else sorted(added))]
    codes = pc.index_in(texts, value_set=pa.array(categories, _STRING), skip_nulls=True)
    return Series(
        pd.Categorical.from_codes(
            codes.fill_null(-1).to_numpy(),
            categories=pd.Index(categories, dtype="str"),
            ordered=column.ordered,
        )
    )


def _typed(values: Any, body: Body, dtype: Any) -> Series[Any]:
    """Return a column of `dtype`, or of the pandas dtype with room for cells cleared since."""
    full = len(body.places) == body.length
    fits = full or pd.api.types.is_extension_array_dtype(dtype)
    return Series(values).astype(dtype) if fits else Series(values)


def _texts(body: Body) -> pa.Array:
    if not body.only("s"):
        raise ValueError("not only text")
    return body.spread(body.texts)


def _booleans(body: Body) -> Any:
    if not body.only("b"):
        raise ValueError("not only booleans")
    values = np.zeros(body.length, bool)
    values[body.places] = pc.is_in(body.texts, value_set=pa.array(["1", "true"], _STRING)).to_numpy(
        zero_copy_only=False
    )
    return pd.arrays.BooleanArray(values, body.missing())


def _numeric(body: Body, column: ColumnMetadata) -> Body:
    """Return a column of numbers; it holds texts only as the writer writes what Excel could not show."""
    told = body.texts.filter(pa.array(body.of_kind("s")))
    pattern = _NUMBER if column.kind == Kind.TEXT else _NUMBER_AS_TEXT
    numbers = pc.all(pc.match_substring_regex(told, pattern, ignore_case=True), min_count=0).as_py()
    if not body.only("ns") or not numbers:
        raise ValueError("not only numbers")
    return body


def _integers(body: Body, *, unsigned: bool = False) -> Any:
    kind = pa.uint64() if unsigned else pa.int64()
    texts = pc.utf8_trim_whitespace(body.texts)
    try:
        found = texts.cast(kind)
    except pa.ArrowInvalid:
        # Other programs may write 5 as 5.0 or 5E0; what is no whole number makes this fail.
        found = texts.cast(pa.float64()).cast(kind)
    values = np.zeros(body.length, np.uint64 if unsigned else np.int64)
    values[body.places] = found.to_numpy()
    return pd.arrays.IntegerArray(values, body.missing())


def _floats(body: Body) -> npt.NDArray[np.float64]:
    values = np.full(body.length, np.nan)
    values[body.places] = pc.utf8_trim_whitespace(body.texts).cast(pa.float64()).to_numpy()
    return values


def _moments(body: Body, calendar: Calendar) -> Series[Any]:
    """Return a column of moments, of which some may be ISO text."""
    if not body.only("dhis"):
        raise ValueError("not only dates")
    serial = body.of_kind("dh")
    micros = np.zeros(len(body.places), np.int64)
    micros[serial] = micros_of_all(_serials(body, serial), calendar)
    for place in np.flatnonzero(~serial).tolist():
        micros[place] = int(np.datetime64(body.texts[place].as_py(), "us").astype(np.int64))
    return Series(_filled(body, micros).view("datetime64[us]"))


def _dates(body: Body, calendar: Calendar) -> Series[Any]:
    """Return moments, or objects where some are times of day."""
    serial = body.of_kind("dh")
    days = _serials(body, serial)
    if (_is_time(days, body.letters[serial], calendar) | (days < 0) | (days >= LAST_SERIAL)).any():
        return _as_objects(body, calendar)
    return _moments(body, calendar)


def _serials(body: Body, which: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = (
        pc.utf8_trim_whitespace(body.texts.filter(pa.array(which))).cast(pa.float64()).to_numpy()
    )
    return found


def _is_time(days: Any, letters: Any, calendar: Calendar) -> Any:
    """Tell which serials are times of day: in the calendar of 1904 the first day is a date as well."""
    return (days >= 0) & (days < 1) & ((letters == ord("h")) | calendar.from_1900)


def _durations(body: Body) -> Series[Any]:
    if not body.only("ts"):
        raise ValueError("not only durations")
    serial = body.of_kind("t")
    micros = np.zeros(len(body.places), np.int64)
    days = _serials(body, serial)
    whole = np.floor(days)
    micros[serial] = (whole.astype(np.int64) * DAY) + np.rint((days - whole) * DAY).astype(np.int64)
    for place in np.flatnonzero(~serial).tolist():
        value = pd.Timedelta(body.texts[place].as_py()).to_timedelta64()
        micros[place] = int(np.timedelta64(value, "us").astype(np.int64))
    return Series(_filled(body, micros).view("timedelta64[us]"))


def _filled(body: Body, micros: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    # The smallest integer is NaT.
    filled = np.full(body.length, np.iinfo(np.int64).min)
    filled[body.places] = micros
    return filled


def in_zone(wall: Series[Any], zone: str | None, again: Iterable[int] = ()) -> Series[Any]:
    """Return times of a clock on the wall, which all cells hold, as moments of the zone that it shows."""
    if zone is None or wall.dtype.kind != "M" or wall.dt.tz is not None:
        return wall
    return localized(wall, parse_timezone(zone), again)


def _value(text: str, kind: str, calendar: Calendar) -> Any:
    if kind == "n":
        return _number(text)
    if kind == "b":
        return text in ("1", "true")
    if kind in "dh":
        days = float(text)
        if _is_time(days, ord(kind), calendar):
            micros = min(round_micros(days), DAY - 1)
            return (dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=micros)).time()
        if not 0 <= days < LAST_SERIAL:
            return _number(text)
        return pd.Timestamp(np.datetime64(micros_of(days, calendar), "us"))
    if kind == "i":
        return pd.Timestamp(text)
    if kind == "t":
        return pd.Timedelta(np.timedelta64(round_micros(float(text)), "us"))
    return text


def _number(text: str) -> int | float:
    text = text.strip()
    return int(text) if text.lstrip("+-").isdigit() else float(text)
