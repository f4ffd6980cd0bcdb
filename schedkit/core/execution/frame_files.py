"""Frames and series as Parquet, with what Parquet alone would return as something else."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import IO, Any

import msgspec

from schedkit import context
from schedkit.core.execution.typed_json import from_json, to_json

__all__ = ["is_frame", "read_frame", "write_frame"]

Facts = dict[str, Any]
_TEXT_LISTS = {"list": list, "tuple": tuple}


def is_frame(value: Any) -> bool:
    """Tell whether a value is a DataFrame or a Series of pandas."""
    kind = type(value)
    if kind.__module__.partition(".")[0] != "pandas" or kind.__name__ not in ("DataFrame", "Series"):
        return False
    import pandas as pd

    return kind in (pd.DataFrame, pd.Series)


def write_frame(value: Any, file: IO[bytes]) -> Facts:
    """Write a frame or a series as Parquet; return what `read_frame` has to know besides.

    Raises
    ------
    TypeError, ValueError
        If it holds something that would come back as something else.
    """
    import pandas as pd

    facts: Facts = {}
    frame = value
    if isinstance(value, pd.Series):
        facts["series"] = "named" if value.name is not None else "unnamed"
        frame = value.to_frame(name="value" if value.name is None else value.name)
        frame.attrs = value.attrs
    plain = frame.copy(deep=False)
    _write_attrs(plain, facts)
    if not plain.columns.is_unique:
        facts["labels"] = (
            [to_json(label) for label in plain.columns],
            [to_json(n) for n in plain.columns.names],
        )
        plain.columns = pd.Index([f"column {place}" for place in range(len(plain.columns))])
    if not isinstance(plain.index, pd.MultiIndex) and str(plain.index.dtype) == "object":
        facts["index"] = [to_json(label) for label in plain.index], to_json(plain.index.name)
        plain = plain.reset_index(drop=True)
    for place, dtype in enumerate(plain.dtypes):
        if str(dtype) == "object":
            _write_objects(plain, place, facts)
    try:
        plain.to_parquet(file)
    except _arrow_errors() as error:
        raise ValueError(f"Parquet cannot hold it: {error}") from error
    return facts


def _write_attrs(frame: Any, facts: Facts) -> None:
    """Keep attributes beside the frame that Parquet would change; log those that cannot be kept."""
    kept = {}
    for name, value in frame.attrs.items():
        try:
            to_json({name: value}, _mapping_to_json)
            kept[name] = value
        except TypeError as error:
            context.log(f"the attribute {name!r} of the frame is not kept: {error}", logging.WARNING)
    frame.attrs, stored = kept, to_json(kept, _mapping_to_json)
    if _has_types(stored):
        frame.attrs, facts["attrs"] = {}, stored


def _mapping_to_json(value: Any) -> Any:
    """Return a mapping of another class as a plain one, as the statuses of a site are in attributes."""
    return to_json(dict(value), _mapping_to_json) if isinstance(value, dict) else to_json(value)


def _has_types(stored: Any) -> bool:
    if isinstance(stored, dict):
        return any(key.startswith("$") or _has_types(each) for key, each in stored.items())
    return isinstance(stored, list) and any(map(_has_types, stored))


def _write_objects(frame: Any, place: int, facts: Facts) -> None:
    """Have the cells of a column of objects written so that each comes back as it was."""
    import pandas as pd

    cells = list(frame.iloc[:, place])
    kind = _kind_of_text_lists(cells)
    if kind is not None:
        facts.setdefault("cells", {})[str(place)] = kind
        return
    try:
        texts = [msgspec.json.encode(to_json(cell)).decode() for cell in cells]
    except TypeError as error:
        raise TypeError(f"its column {frame.columns[place]!r}: {error}") from error
    facts.setdefault("objects", []).append(place)
    frame.isetitem(place, pd.Series(texts, index=frame.index, dtype="str"))


def _kind_of_text_lists(cells: list[Any]) -> str | None:
    """Return which kind of sequence all cells are that are not None, if they hold only text."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if len(kinds) != 1 or (kind := kinds.pop()) not in _TEXT_LISTS.values():
        return None
    if any(type(each) is not str for cell in cells if cell is not None for each in cell):
        return None
    return str(kind.__name__)


def read_frame(file: Any, facts: Mapping[str, Any]) -> Any:
    """Return the frame or series that was written."""
    import pandas as pd

    frame: Any = pd.read_parquet(file)
    for place, kind in facts.get("cells", {}).items():
        make = _TEXT_LISTS[kind]
        cells = [None if cell is None else make(cell.tolist()) for cell in frame.iloc[:, int(place)]]
        frame.isetitem(int(place), pd.Series(cells, index=frame.index, dtype=object))
    for place in facts.get("objects", ()):
        cells = [from_json(msgspec.json.decode(cell)) for cell in frame.iloc[:, place]]
        frame.isetitem(place, pd.Series(cells, index=frame.index, dtype=object))
    if "labels" in facts:
        frame.columns = _labels(*facts["labels"])
    if "index" in facts:
        labels, name = facts["index"]
        frame.index = pd.Index([from_json(label) for label in labels], dtype=object, name=from_json(name))
    if "attrs" in facts:
        frame.attrs = from_json(facts["attrs"])
    if "series" not in facts:
        return frame
    series = frame.iloc[:, 0]
    return series.rename(None) if facts["series"] == "unnamed" else series


def _labels(labels: list[Any], names: list[Any]) -> Any:
    import pandas as pd

    found, called = [from_json(label) for label in labels], [from_json(name) for name in names]
    if len(called) > 1:
        return pd.MultiIndex.from_tuples(found, names=called)
    return pd.Index(found, name=called[0])


def _arrow_errors() -> type[Exception]:
    import pyarrow

    error: type[Exception] = pyarrow.ArrowException
    return error
