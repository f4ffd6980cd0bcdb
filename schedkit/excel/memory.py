"""What a workbook remembers of its frames, so that reading back gives the same types.

Kept as a custom XML part, which Excel carries along when the file is saved again. It holds types and never
values: what people changed in the cells since is what is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypeVar
from xml.sax.saxutils import escape, unescape

import pandas as pd

from schedkit.excel.lists import ListMemory, remember_json, remember_lists, row_keys
from schedkit.excel.model import Column
from schedkit.excel.names import header_key

_NAMESPACE = "urn:schedkit:workbook"
_CONTENT = re.compile(rf'<workbook xmlns="{_NAMESPACE}">(.*)</workbook>', re.DOTALL)
# A category list longer than this is rebuilt from the values instead.
_MOST_CATEGORIES = 1000
_KEPT_ATTRS = ("site", "jql", "fields", "extraction", "statuses")
# Runs whose appends to one table are remembered: those that may still be repeated.
_KEPT_RUNS = 5
_Record = TypeVar("_Record")


@dataclass(frozen=True)
class ColumnMemory:
    """One column: its header in the sheet, its label and dtype in the frame.

    `lists` tells what the texts of a column of lists do not say; `form` is "dict" or "dicts" for a column of
    structures that its cells show as JSON.
    """

    header: str
    label: Any
    dtype: str
    kind: str
    zone: str | None = None
    categories: list[str] | None = None
    ordered: bool = False
    lists: ListMemory | None = None
    form: str | None = None


@dataclass(frozen=True)
class FrameMemory:
    """One frame: the sheets and tables its rows are in, its columns, how many of them are the index.

    `key` is the header of the column that identifies rows, None if only their order does.
    """

    name: str
    sheets: list[str]
    columns: list[ColumnMemory]
    tables: list[str] = field(default_factory=list)
    rows: int = 0
    index: int = 0
    index_names: list[Any] = field(default_factory=list)
    key: str | None = None
    attrs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AppendMemory:
    """How many times a run has appended rows to one place of a workbook."""

    run: str
    place: str
    count: int


@dataclass(frozen=True)
class WorkbookMemory:
    """The frames of a workbook, the names of sheets that hold no rows of a frame, and the last appends."""

    frames: list[FrameMemory] = field(default_factory=list)
    fronts: list[str] = field(default_factory=list)
    appends: list[AppendMemory] = field(default_factory=list)

    def appended(self, run: str, place: str) -> int:
        """Return how many times a run has appended rows to a place."""
        return max((each.count for each in self.appends if (each.run, each.place) == (run, place)), default=0)

    def with_append(self, run: str, place: str, count: int) -> WorkbookMemory:
        """Return this memory after a run has appended rows to a place, `count` times in all."""
        others = [each for each in self.appends if (each.run, each.place) != (run, place)]
        here = [each for each in others if each.place == place]
        forgotten = here[: max(len(here) - _KEPT_RUNS + 1, 0)]
        kept = [each for each in others if each not in forgotten]
        return replace(self, appends=[*kept, AppendMemory(run, place, count)])

    def joined(self, other: WorkbookMemory) -> WorkbookMemory:
        """Return this memory with another one's."""
        return WorkbookMemory(
            [*self.frames, *other.frames], [*self.fronts, *other.fronts], [*self.appends, *other.appends]
        )


def remember(
    name: str, frame: pd.DataFrame, columns: Sequence[Column], index: Sequence[Hashable]
) -> FrameMemory:
    """Return what to keep of `frame`, whose first columns are the levels `index` of its index."""
    # Keys are for columns of lists; no other column may hold any.
    some = any(map(pd.api.types.is_object_dtype, frame.dtypes))
    place, keys = row_keys(frame) if some else (None, [])
    return FrameMemory(
        name=name,
        sheets=[],
        columns=[
            _remember_column(frame.columns[number], frame.iloc[:, number], column, keys)
            for number, column in enumerate(columns)
        ],
        rows=len(frame),
        index=len(index),
        index_names=[_plain(level) for level in index],
        key=None if place is None else columns[place].header,
        attrs=kept_attrs(frame.attrs),
    )


def updated(memory: FrameMemory, frame: pd.DataFrame, headers: Sequence[str]) -> FrameMemory:
    """Return the memory of a frame after rows of another one, with these headers, were put to its own."""
    places = {header_key(header): place for place, header in enumerate(headers)}
    keyed = None if memory.key is None else places.get(header_key(memory.key))
    keys = None if keyed is None else frame.iloc[:, keyed].astype(str).tolist()
    columns = []
    for column in memory.columns:
        place = places.get(header_key(column.header))
        columns.append(column if place is None else _updated_column(column, frame.iloc[:, place], keys))
    return replace(memory, columns=columns, attrs={**memory.attrs, **kept_attrs(frame.attrs)})


def _updated_column(column: ColumnMemory, series: pd.Series[Any], keys: Sequence[str] | None) -> ColumnMemory:
    if isinstance(series.dtype, pd.CategoricalDtype) and column.categories is not None:
        given = list(series.dtype.categories)
        if series.dtype.ordered and set(column.categories) <= set(given):
            # The site's list of today, in its order.
            return replace(column, categories=given, ordered=True)
        added = [value for value in given if value not in column.categories]
        return replace(column, categories=[*column.categories, *added])
    if series.dtype == object and keys is not None:
        return replace(column, lists=remember_lists(series.tolist(), keys, column.lists))
    return column


def _remember_column(
    label: Hashable, series: pd.Series[Any], column: Column, keys: Sequence[str]
) -> ColumnMemory:
    categories, ordered, lists, form = None, False, None, None
    if isinstance(series.dtype, pd.CategoricalDtype):
        known = list(series.dtype.categories)
        ordered = bool(series.dtype.ordered)
        if len(known) <= _MOST_CATEGORIES and all(isinstance(value, str) for value in known):
            categories = known
    elif series.dtype == object:
        values = series.tolist()
        lists = remember_lists(values, keys)
        form = None if lists else remember_json(values)
    return ColumnMemory(
        header=column.header,
        label=[_plain(part) for part in label] if isinstance(label, tuple) else _plain(label),
        dtype=column.dtype,
        kind=str(column.kind),
        zone=column.zone,
        categories=categories,
        ordered=ordered,
        lists=lists,
        form=form,
    )


def _plain(label: Hashable) -> str | int | float | None:
    return label if isinstance(label, str | int | float | None) else str(label)


def kept_attrs(attrs: Mapping[Hashable, Any]) -> dict[str, Any]:
    """Return the attributes of a frame that tell where it came from."""
    return {name: attrs[name] for name in _KEPT_ATTRS if name in attrs}


def to_xml(memory: WorkbookMemory) -> bytes:
    """Return the part that holds `memory`."""
    # ASCII JSON: no control character and no lone surrogate can reach the XML.
    text = json.dumps(asdict(memory), default=str)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<workbook xmlns="{_NAMESPACE}">{escape(text)}</workbook>'
    ).encode()


def from_xml(part: bytes) -> WorkbookMemory:
    """Return what `to_xml` wrote, or nothing if the part is someone else's or damaged."""
    found = _CONTENT.search(part.decode("utf-8", "replace"))
    if found is None:
        return WorkbookMemory()
    try:
        told = json.loads(unescape(found[1]))
        return WorkbookMemory(
            [_frame(frame) for frame in told["frames"]],
            list(map(str, told["fronts"])),
            [_append(**each) for each in told.get("appends", ())],
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return WorkbookMemory()


def _frame(told: dict[str, Any]) -> FrameMemory:
    columns = []
    for column in told["columns"]:
        lists = column.get("lists")
        columns.append(_known(ColumnMemory, {**column, "lists": lists and _known(ListMemory, lists)}))
    return _known(FrameMemory, {**told, "columns": columns})


def _append(run: str, place: str, count: int) -> AppendMemory:
    return AppendMemory(str(run), str(place), int(count))


def _known(kind: type[_Record], told: dict[str, Any]) -> _Record:
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type]  # it is a dataclass
    return kind(**{name: value for name, value in told.items() if name in names})
