"""One page of issues as typed columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from schedkit.jira.table.plain import plain

__all__ = ["ARROW", "Batch", "Values", "join", "mend", "microseconds", "numbers", "take", "typed"]

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
    # JSON, which becomes values when the frame is made: of what type shows only in all of them.
    "any": pa.large_string(),
    "raw": pa.large_string(),
}
_NEVER = np.iinfo(np.int64).min
# Pages are decoded in many threads. Arrow's own pool keeps a heap for each of them: 150 MB held for 20 MB
# of columns. malloc shares.
POOL = pa.system_memory_pool()


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
    cut : dict
        By label, the rows of which the site gave only a part of the list.
    """

    ids: npt.NDArray[np.int64]
    updated: npt.NDArray[np.int64]
    columns: dict[str, Values]
    cut: dict[str, list[int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)


def typed(values: list[Any], store: str, unreadable: Callable[[int, Any], object] | None = None) -> Values:
    """Return a column of flat values in its type.

    Parameters
    ----------
    values : list
        Flat values, None where there is none.
    store : str
        The type of the column.
    unreadable : callable, optional
        Told the place and the value of each that does not fit the type: it is left out.
    """
    if store == "list":
        return [v or () for v in values]
    if store in ("datetime", "date"):
        found = _instants(values, ARROW[store])
    else:
        try:
            found = pa.array(values, type=ARROW[store], memory_pool=POOL)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            found = None
    return _each(values, store, unreadable) if found is None else found


def _each(values: list[Any], store: str, unreadable: Callable[[int, Any], object] | None) -> pa.Array:
    """Convert value by value, leaving out what does not fit."""
    if store in ("text", "category"):
        return pa.array([plain(_untupled(v)) for v in values], type=ARROW[store], memory_pool=POOL)
    one: list[pa.Array] = []
    for place, value in enumerate(values):
        converted = _single(value, store)
        if converted is None:
            if unreadable is not None:
                unreadable(place, value)
            converted = pa.nulls(1, ARROW[store], memory_pool=POOL)
        one.append(converted)
    return pa.concat_arrays(one, memory_pool=POOL)


def _single(value: Any, store: str) -> pa.Array | None:
    if store in ("datetime", "date"):
        return _instants([value], ARROW[store])
    try:
        # Whole numbers and others may come as texts, where the metadata promise numbers.
        number = float(value) if isinstance(value, str) else value
        whole = store == "int" and isinstance(number, float) and number.is_integer()
        return pa.array([int(number) if whole else number], type=ARROW[store], memory_pool=POOL)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, ValueError, TypeError):
        return None


def _untupled(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _instants(values: list[Any], kind: pa.DataType) -> pa.Array | None:
    """Return instants, None if one of the values is none."""
    try:
        texts = pa.array(values, type=pa.large_string(), memory_pool=POOL)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None
    try:
        # Arrow reads +0100 and fractions as Jira writes them, 7 times faster than pandas.
        return texts.cast(kind, memory_pool=POOL)
    except pa.ArrowInvalid:
        pass
    try:
        parsed = pd.to_datetime(pd.Series(values, dtype="str"), utc=kind.tz is not None, format="ISO8601")
        return pa.array(parsed.dt.as_unit("us"), type=kind, memory_pool=POOL)
    except (ValueError, TypeError, AttributeError, pa.ArrowInvalid):
        return None


def microseconds(values: Values) -> npt.NDArray[np.int64]:
    """Return instants as microseconds since 1970; unreadable ones count as the oldest.

    Parameters
    ----------
    values : sequence of str or array
        Texts, or what `typed` has made of them.
    """
    instants = values if isinstance(values, pa.Array) else typed(list(values), "datetime")
    return _integers(instants.cast(pa.int64(), memory_pool=POOL), _NEVER)


def numbers(ids: Sequence[Any]) -> npt.NDArray[np.int64]:
    """Return issue ids as integers, -1 where there is none."""
    try:
        return np.fromiter(map(int, ids), np.int64, len(ids))
    except (TypeError, ValueError):
        pass
    return np.fromiter(
        (int(i) if isinstance(i, int) or (i or "").isdecimal() else -1 for i in ids), np.int64, len(ids)
    )


def _integers(array: pa.Array, absent: int) -> npt.NDArray[np.int64]:
    filled = pc.coalesce(array, pa.scalar(absent, pa.int64()), memory_pool=POOL)
    return np.asarray(filled, dtype=np.int64)


def join(batches: Sequence[Batch], stores: Mapping[str, str]) -> tuple[Batch, dict[str, str]]:
    """Join batches into one; returns it with the type of each column.

    Parameters
    ----------
    batches : sequence of Batch
        A column that one of them lacks is null there.
    stores : mapping
        Labels and types of the columns wanted. A column with some value that does not fit its type
        becomes text rather than lose it.
    """
    columns: dict[str, Values] = {}
    found = dict(stores)
    for label, store in stores.items():
        parts = [batch.columns.get(label) for batch in batches]
        if store == "list":
            columns[label] = [
                cell
                for part, batch in zip(parts, batches, strict=True)
                for cell in ([()] * len(batch) if part is None else part)
            ]
            continue
        arrays = [
            pa.nulls(len(batch), ARROW[store]) if part is None else part
            for part, batch in zip(parts, batches, strict=True)
        ]
        if any(array.type != ARROW[store] for array in arrays):
            found[label] = "text"
            arrays = [as_text(array) for array in arrays]
        chunks = [c for a in arrays for c in (a.chunks if isinstance(a, pa.ChunkedArray) else [a])]
        columns[label] = pa.chunked_array(chunks, type=ARROW[found[label]])
    ids = np.concatenate([batch.ids for batch in batches]) if batches else np.empty(0, np.int64)
    updated = np.concatenate([batch.updated for batch in batches]) if batches else np.empty(0, np.int64)
    return Batch(ids, updated, columns), found


def mend(batch: Batch, lists: Mapping[str, Mapping[int, tuple[str, ...]]]) -> None:
    """Put whole lists, by label and id, in place of those that the site had cut."""
    for label, rows in batch.cut.items():
        for row in rows:
            whole = lists.get(label, {}).get(int(batch.ids[row]))
            if whole is not None:
                batch.columns[label][row] = whole


def take(batch: Batch, rows: npt.NDArray[np.int64]) -> Batch:
    """Return the rows of a batch at these positions, in that order."""
    indices = pa.array(rows)
    columns = {
        label: [values[row] for row in rows.tolist()] if isinstance(values, list) else values.take(indices)
        for label, values in batch.columns.items()
    }
    return Batch(batch.ids[rows], batch.updated[rows], columns)


def as_text(array: Any) -> Any:
    """Return an Arrow array as texts."""
    if pa.types.is_timestamp(array.type):
        pattern = "%Y-%m-%d" if array.type.tz is None else "%Y-%m-%dT%H:%M:%SZ"
        seconds = array.cast(pa.timestamp("us")).cast(pa.timestamp("s"), safe=False)
        return pc.strftime(seconds, format=pattern).cast(pa.large_string())
    return array.cast(pa.large_string())
