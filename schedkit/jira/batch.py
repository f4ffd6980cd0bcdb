"""One page of issues as typed columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from schedkit.jira.plain import plain

__all__ = ["ARROW", "Batch", "Values", "typed"]

# An Arrow array, or tuples for columns of lists. pyarrow is untyped.
Values = Any

ARROW: dict[str, pa.DataType] = {
    "text": pa.large_string(),
    "category": pa.large_string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "datetime": pa.timestamp("us", tz="UTC"),
    "date": pa.timestamp("us"),
    "list": pa.list_(pa.large_string()),
}
_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Batch:
    """Issues in columns.

    Parameters
    ----------
    ids : array of int64
        Issue ids; -1 where an answer gave none.
    updated : array of int64
        Microseconds since 1970; the least integer where unknown.
    columns : dict
        By label: an Arrow array, or a list of tuples for columns of lists.
    """

    ids: npt.NDArray[np.int64]
    updated: npt.NDArray[np.int64]
    columns: dict[str, Values]

    def __len__(self) -> int:
        return len(self.ids)


def typed(values: list[Any], store: str) -> Values:
    """Return a column of flat values in its type; as text if some of them do not fit it."""
    if store == "list":
        return [() if v is None else v if isinstance(v, tuple) else (plain(v),) for v in values]
    if store in ("datetime", "date"):
        return _instants(values, ARROW[store])
    try:
        return pa.array(values, type=ARROW[store])
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([plain(_untupled(v)) for v in values], type=pa.large_string())


def _untupled(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _instants(values: list[Any], kind: pa.DataType) -> pa.Array:
    try:
        texts = pa.array(values, type=pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([plain(_untupled(v)) for v in values], type=pa.large_string())
    try:
        # Arrow reads +0100 and fractions as Jira writes them, 7 times faster than pandas.
        return texts.cast(kind)
    except pa.ArrowInvalid:
        pass
    try:
        parsed = pd.to_datetime(pd.Series(values, dtype="str"), utc=kind.tz is not None, format="ISO8601")
        return pa.array(parsed.dt.as_unit("us"), type=kind)
    except (ValueError, TypeError, AttributeError, pa.ArrowInvalid):
        return texts


def microseconds(values: Sequence[Any]) -> npt.NDArray[np.int64]:
    """Return instants as microseconds since 1970; unreadable ones count as the oldest."""
    parsed = _instants(list(values), ARROW["datetime"])
    if not pa.types.is_timestamp(parsed.type):
        return np.full(len(values), _NEVER, dtype=np.int64)
    return np.asarray(parsed.cast(pa.int64()).fill_null(_NEVER), dtype=np.int64)


def numbers(ids: Sequence[Any]) -> npt.NDArray[np.int64]:
    """Return issue ids as integers, -1 where there is none."""
    return np.fromiter(
        (int(i) if isinstance(i, int) or (i or "").isdecimal() else -1 for i in ids), np.int64, len(ids)
    )
