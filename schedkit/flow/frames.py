"""What the functions of this room share: columns that are needed, instants, zones, and warnings."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from schedkit import context
from schedkit.errors import UsageError
from schedkit.values.keywords import check_keywords
from schedkit.values.text import clip, safe_repr

__all__ = [
    "Coded",
    "Instants",
    "as_instant",
    "as_instants",
    "cell_texts",
    "metric",
    "naive",
    "need",
    "per_code",
    "per_value",
    "warned",
    "with_zone",
    "without_zone",
]

Instants = npt.NDArray[np.datetime64]
# Codes of values, -1 for none, and the different values.
Coded = tuple[npt.NDArray[np.intp], npt.NDArray[np.object_]]
T = TypeVar("T", bound=Callable[..., Any])


def metric(function: T) -> T:
    """Decorate a figure's function: misspelt keywords are refused, and its frame tells what it shows."""
    checked = check_keywords(function)

    @functools.wraps(checked)
    def call(*args: Any, **given: Any) -> Any:
        found = checked(*args, **given)
        found.attrs["metric"] = function.__name__
        return found

    return cast(T, call)


def need(frame: pd.DataFrame, name: str, *columns: str) -> None:
    """Raise if a frame lacks one of the columns."""
    for column in columns:
        if column not in frame:
            raise UsageError(
                f"the frame of {name} has no column {column!r}", hint="extract it with that field"
            )


def as_instant(value: Any) -> pd.Timestamp:
    """Return an instant in UTC; None is now, and a wall time without a zone is one of UTC."""
    if value is None:
        return pd.Timestamp.now("UTC").as_unit("us")
    try:
        stamp: Any = pd.Timestamp(value)
    except (ValueError, TypeError):
        stamp = pd.NaT
    if pd.isna(stamp):
        raise UsageError(
            f"{safe_repr(value)} is not an instant", hint="write 2026-03-01 or 2026-03-01T12:00+01:00"
        )
    utc: pd.Timestamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    return utc.as_unit("us")


def as_instants(frame: pd.DataFrame, column: str) -> pd.Series[Any]:
    """Return a column as instants, whichever zone or workbook it has been through."""
    try:
        return pd.to_datetime(frame[column], utc=True).astype("datetime64[us, UTC]")
    except (ValueError, TypeError):
        raise UsageError(
            f"the column {column} holds values that are not instants", hint="extract it again"
        ) from None


def without_zone(instants: pd.Series[Any]) -> Instants:
    """Return instants as an array, in UTC."""
    return np.asarray(instants.dt.tz_localize(None).to_numpy(), dtype="datetime64[us]")


def naive(instant: pd.Timestamp) -> np.datetime64:
    """Return an instant as such an array holds it."""
    return instant.tz_convert("UTC").tz_localize(None).as_unit("us").to_datetime64()


def with_zone(instants: Instants) -> pd.Series[Any]:
    """Return an array of instants as a column."""
    return pd.Series(pd.DatetimeIndex(instants, tz="UTC").as_unit("us"))


def cell_texts(column: pd.Series[Any], between: str = ", ") -> npt.NDArray[np.object_]:
    """Return cells as histories write them; None where a cell is empty."""
    if isinstance(column.dtype, pd.StringDtype):
        cells = column.to_numpy(dtype=object, copy=True)
        cells[column.isna() | (column == "")] = None
        return cells
    if isinstance(column.dtype, pd.CategoricalDtype):
        names = cell_texts(column.cat.categories.to_series(), between)
        return np.append(names, [None])[column.cat.codes.to_numpy()]
    table = np.empty(len(column), dtype=object)
    for place, cell in enumerate(column.astype(object)):
        table[place] = _text(cell, between)
    return table


def _text(cell: Any, between: str) -> str | None:
    if isinstance(cell, str):
        return cell or None
    if isinstance(cell, tuple | list | np.ndarray):
        return between.join(map(str, cell)) or None
    if pd.isna(cell):
        return None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def per_value(values: npt.NDArray[np.object_], test: Callable[[Any], bool]) -> npt.NDArray[np.bool_]:
    """Return which values pass a test, made once for each of the few different ones."""
    return per_code(pd.factorize(values), test)


def per_code(coded: Coded, test: Callable[[Any], bool]) -> npt.NDArray[np.bool_]:
    """Return which values pass a test, of values that were factorized before."""
    codes, different = coded
    return np.array([*map(test, different), test(None)], dtype=bool)[codes]


def warned(frame: pd.DataFrame, warnings: Sequence[str]) -> pd.DataFrame:
    """Return a result with what its reader must know: in ``attrs["warnings"]`` and in the run's log."""
    frame.attrs = {"warnings": list(warnings)}
    for warning in warnings:
        context.log(clip(warning, 500), logging.WARNING)
    return frame
