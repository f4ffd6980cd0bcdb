"""Cells turned back into a typed column."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from schedkit import context
from schedkit.excel.memory import ColumnMemory
from schedkit.excel.parts.values import CellColumn
from schedkit.excel.serial import Calendar, micros_of, round_micros
from schedkit.excel.zones import zone_of

Series = pd.Series


@dataclass(frozen=True)
class Body:
    """The cells of one column: which of its `length` rows have which value."""

    length: int
    places: list[int]
    values: list[Any]
    kinds: list[str]

    @classmethod
    def of(cls, cells: CellColumn | None, first_row: int, length: int) -> Body:
        """Return the cells of `length` rows from `first_row` on."""
        if cells is None:
            return cls(length, [], [], [])
        found = [
            (row - first_row, value, kind)
            for row, value, kind in zip(cells.rows, cells.values, cells.kinds, strict=True)
            if 0 <= row - first_row < length
        ]
        places, values, kinds = map(list, zip(*found, strict=True)) if found else ([], [], [])
        return cls(length, places, values, kinds)

    def below(self, other: Body) -> Body:
        """Return this column with `other` below it."""
        return Body(
            self.length + other.length,
            self.places + [place + self.length for place in other.places],
            self.values + other.values,
            self.kinds + other.kinds,
        )

    def spread(self, values: list[Any], blank: Any = None) -> list[Any]:
        """Return one value per row, `blank` where the cell is."""
        spread = [blank] * self.length
        for place, value in zip(self.places, values, strict=True):
            spread[place] = value
        return spread


def inferred(body: Body, calendar: Calendar) -> Series[Any]:
    """Return a column whose dtype follows from its cells."""
    kinds = set(body.kinds)
    if kinds <= {"s"}:
        return Series(body.spread(body.values), dtype="str")
    if kinds == {"n"}:
        whole = all(value.lstrip("-").isdigit() for value in body.values)
        return Series(
            body.spread(_numbers(body, int if whole else float)), dtype="Int64" if whole else "float64"
        )
    if kinds == {"b"}:
        return Series(body.spread(body.values), dtype="boolean")
    if kinds <= {"d", "i"}:
        return _datetimes(body, calendar)
    if kinds == {"t"}:
        return _durations(body)
    return _as_objects(body, calendar)


def _as_objects(body: Body, calendar: Calendar) -> Series[Any]:
    values = [_value(*cell, calendar) for cell in zip(body.values, body.kinds, strict=True)]
    return Series(body.spread(values), dtype=object)


def restored(body: Body, column: ColumnMemory, calendar: Calendar) -> Series[Any]:
    """Return a column with the dtype it was written with, or the inferred one if it no longer fits."""
    try:
        return _restored(body, column, calendar)
    except (ValueError, TypeError, OverflowError):
        context.log(
            f"column {column.header!r} no longer fits {column.dtype}; its type was inferred", logging.WARNING
        )
        return inferred(body, calendar)


def _restored(body: Body, column: ColumnMemory, calendar: Calendar) -> Series[Any]:
    if column.dtype == "category":
        texts = body.spread(_texts(body))
        categories = column.categories or sorted({text for text in texts if text is not None})
        index = pd.Index(categories, dtype="str")
        return Series(pd.Categorical(texts, categories=index, ordered=column.ordered))
    if column.dtype == "object":
        return _as_objects(body, calendar)
    dtype = pd.api.types.pandas_dtype(column.dtype)
    kinds = pd.api.types
    if kinds.is_datetime64_any_dtype(dtype):
        return _in_zone(_datetimes(body, calendar), column).astype(dtype)
    if kinds.is_timedelta64_dtype(dtype):
        return _durations(body).astype(dtype)
    if kinds.is_bool_dtype(dtype):
        return _cast(body.spread(_booleans(body)), dtype, "boolean")
    if kinds.is_integer_dtype(dtype):
        return _cast(body.spread(_numbers(body, int)), dtype, "Int64")
    if kinds.is_float_dtype(dtype):
        return Series(body.spread(_numbers(body, float)), dtype=dtype)
    return Series(body.spread(_texts(body)), dtype=dtype)


def _cast(values: list[Any], dtype: Any, with_missing: str) -> Series[Any]:
    """Return a column of `dtype`, or of the pandas dtype with room for cells cleared since."""
    nullable = pd.api.types.is_extension_array_dtype(dtype) or None not in values
    return Series(values, dtype=dtype if nullable else with_missing)


def _texts(body: Body) -> list[str]:
    if set(body.kinds) - {"s"}:
        raise ValueError("not only text")
    return body.values


def _booleans(body: Body) -> list[bool]:
    if set(body.kinds) - {"b"}:
        raise ValueError("not only booleans")
    return body.values


def _numbers(body: Body, to: type) -> list[Any]:
    # A number too long for Excel was written as text, an infinite one too.
    if set(body.kinds) - {"n", "s"}:
        raise ValueError("not only numbers")
    return [to(value) for value in body.values]


def _datetimes(body: Body, calendar: Calendar) -> Series[Any]:
    micros = [
        micros_of(float(value), calendar) if kind == "d" else _iso_micros(value, kind)
        for value, kind in zip(body.values, body.kinds, strict=True)
    ]
    return Series(_filled(body, micros).view("datetime64[us]"))


def _iso_micros(value: str, kind: str) -> int:
    if kind not in "si":
        raise ValueError("not only dates")
    return int(np.datetime64(value, "us").astype(np.int64))


def _durations(body: Body) -> Series[Any]:
    micros = [
        round_micros(float(value)) if kind == "t" else _duration_micros(value, kind)
        for value, kind in zip(body.values, body.kinds, strict=True)
    ]
    return Series(_filled(body, micros).view("timedelta64[us]"))


def _duration_micros(value: str, kind: str) -> int:
    if kind != "s":
        raise ValueError("not only durations")
    return int(np.timedelta64(pd.Timedelta(value).to_timedelta64(), "us").astype(np.int64))


def _filled(body: Body, micros: list[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    # The smallest integer is NaT.
    filled = np.full(body.length, np.iinfo(np.int64).min)
    filled[body.places] = micros
    return filled


def _in_zone(wall: Series[Any], column: ColumnMemory) -> Series[Any]:
    if column.zone is None:
        return wall
    zone, _ = zone_of(column.zone)
    # Excel cannot tell the two passes through the hour that a clock repeats: the first one is taken.
    first = np.ones(len(wall), dtype=bool)
    local: Series[Any] = wall.dt.tz_localize(zone, ambiguous=first, nonexistent="shift_forward")
    return local


def _value(value: Any, kind: str, calendar: Calendar) -> Any:
    if kind == "n":
        return int(value) if value.lstrip("-").isdigit() else float(value)
    if kind == "d":
        return pd.Timestamp(np.datetime64(micros_of(float(value), calendar), "us"))
    if kind == "i":
        return pd.Timestamp(value)
    if kind == "t":
        return pd.Timedelta(np.timedelta64(round_micros(float(value)), "us"))
    return value
