"""Metadata of the frames in a workbook, from which `read` restores their types.

It is stored as a custom XML part, which Excel keeps when it saves the file. It holds types and no values, so
changes that people made in the cells are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypeVar
from xml.sax.saxutils import escape, unescape

import numpy as np
import pandas as pd

from schedkit.excel.column_types import Column
from schedkit.excel.list_metadata import ListMetadata, json_form, metadata_of_lists, row_keys
from schedkit.excel.names import header_key
from schedkit.excel.repeated_hours import shown_again
from schedkit.values.timezones import parse_timezone

_NAMESPACE = "urn:schedkit:workbook"
_CONTENT = re.compile(rf'<workbook xmlns="{_NAMESPACE}">(.*)</workbook>', re.DOTALL)
# A category list longer than this is rebuilt from the values instead.
_MOST_CATEGORIES = 1000
_KEPT_ATTRS = ("site", "jql", "fields", "extraction", "statuses")
# How many runs are recorded for one table; older ones are not repeated any more.
_KEPT_RUNS = 5
_Record = TypeVar("_Record")


@dataclass(frozen=True)
class ColumnMetadata:
    """One column: its header in the sheet, its label and dtype in the frame.

    `lists` tells what the texts of a column of lists do not say; `form` is "dict" or "dicts" for a column of
    structures that its cells show as JSON. `again` are the times of a repeated hour that are the second ones.
    """

    header: str
    label: Any
    dtype: str
    kind: str
    zone: str | None = None
    categories: list[str] | None = None
    ordered: bool = False
    lists: ListMetadata | None = None
    form: str | None = None
    again: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class LevelMetadata:
    """One level of a frame's column labels: its name, its dtype, and its categories if it has some."""

    name: Any = None
    dtype: str = "str"
    categories: list[Any] | None = None
    ordered: bool = False


@dataclass(frozen=True)
class FrameMetadata:
    """One frame: the sheets and tables its rows are in, its columns, how many of them are the index.

    `levels` are those of the column labels; none if they are texts without a name. `key` is the header of the
    column that identifies rows, None if only their order does.
    """

    name: str
    sheets: list[str]
    columns: list[ColumnMetadata]
    tables: list[str] = field(default_factory=list)
    rows: int = 0
    index: int = 0
    index_names: list[Any] = field(default_factory=list)
    key: str | None = None
    attrs: dict[str, Any] = field(default_factory=dict)
    levels: list[LevelMetadata] = field(default_factory=list)


@dataclass(frozen=True)
class AppendRecord:
    """How many times a run has appended rows to one place of a workbook."""

    run: str
    place: str
    count: int


@dataclass(frozen=True)
class WorkbookMetadata:
    """The frames of a workbook, the names of sheets that hold no rows of a frame, and the last appends."""

    frames: list[FrameMetadata] = field(default_factory=list)
    fronts: list[str] = field(default_factory=list)
    appends: list[AppendRecord] = field(default_factory=list)

    def appended(self, run: str, place: str) -> int:
        """Return how many times a run has appended rows to a place."""
        return max((each.count for each in self.appends if (each.run, each.place) == (run, place)), default=0)

    def with_append(self, run: str, place: str, count: int) -> WorkbookMetadata:
        """Return this metadata after a run has appended rows to a place, `count` times in all."""
        others = [each for each in self.appends if (each.run, each.place) != (run, place)]
        here = [each for each in others if each.place == place]
        forgotten = here[: max(len(here) - _KEPT_RUNS + 1, 0)]
        kept = [each for each in others if each not in forgotten]
        return replace(self, appends=[*kept, AppendRecord(run, place, count)])

    def joined(self, other: WorkbookMetadata) -> WorkbookMetadata:
        """Return this metadata with another one's."""
        fronts = list(dict.fromkeys([*self.fronts, *other.fronts]))
        return WorkbookMetadata([*self.frames, *other.frames], fronts, [*self.appends, *other.appends])


def metadata_of(
    name: str,
    frame: pd.DataFrame,
    columns: Sequence[Column],
    index: Sequence[Hashable],
    labels: pd.Index | None = None,
) -> FrameMetadata:
    """Return the metadata of `frame`, whose first columns are the levels `index` of its index.

    `labels` are the column labels that it had before that.
    """
    # Only columns of lists need keys, and only object columns can hold lists.
    some = any(map(pd.api.types.is_object_dtype, frame.dtypes))
    place, keys = row_keys(frame) if some else (None, [])
    return FrameMetadata(
        name=name,
        sheets=[],
        columns=[
            _column_metadata(frame.columns[number], frame.iloc[:, number], column, keys)
            for number, column in enumerate(columns)
        ],
        rows=len(frame),
        index=len(index),
        index_names=[plain_label(level) for level in index],
        key=None if place is None else columns[place].header,
        attrs=kept_attrs(frame.attrs),
        levels=_levels(frame.columns if labels is None else labels),
    )


def _levels(labels: pd.Index) -> list[LevelMetadata]:
    """Return the levels of column labels, none if they are texts without a name."""
    found = []
    for level in labels.levels if isinstance(labels, pd.MultiIndex) else [labels]:
        categories, ordered = None, False
        if isinstance(level.dtype, pd.CategoricalDtype) and len(level.dtype.categories) <= _MOST_CATEGORIES:
            categories = [plain_label(value) for value in level.dtype.categories]
            ordered = bool(level.dtype.ordered)
        found.append(LevelMetadata(plain_label(level.name), str(level.dtype), categories, ordered))
    return found if any(level != LevelMetadata() for level in found) else []


def updated(metadata: FrameMetadata, frame: pd.DataFrame, headers: Sequence[str]) -> FrameMetadata:
    """Return the metadata of a frame after rows of another one, with these headers, were put to its own."""
    places = {header_key(header): place for place, header in enumerate(headers)}
    keyed = None if metadata.key is None else places.get(header_key(metadata.key))
    keys = None if keyed is None else frame.iloc[:, keyed].astype(str).tolist()
    columns = []
    for column in metadata.columns:
        place = places.get(header_key(column.header))
        columns.append(column if place is None else _updated_column(column, frame.iloc[:, place], keys))
    return replace(metadata, columns=columns, attrs={**metadata.attrs, **kept_attrs(frame.attrs)})


def _updated_column(
    column: ColumnMetadata, series: pd.Series[Any], keys: Sequence[str] | None
) -> ColumnMetadata:
    if isinstance(series.dtype, pd.CategoricalDtype) and column.categories is not None:
        given = list(series.dtype.categories)
        if series.dtype.ordered and set(column.categories) <= set(given):
            # The site's current list replaces the stored one.
            return replace(column, categories=given, ordered=True)
        added = [value for value in given if value not in column.categories]
        return replace(column, categories=[*column.categories, *added])
    if series.dtype == object and keys is not None:
        return replace(column, lists=metadata_of_lists(series.tolist(), keys, column.lists))
    return replace(column, again=_shown_again(series, column.zone, column.again))


def _column_metadata(
    label: Hashable, series: pd.Series[Any], column: Column, keys: Sequence[str]
) -> ColumnMetadata:
    categories, ordered, lists, form = None, False, None, None
    if isinstance(series.dtype, pd.CategoricalDtype):
        known = list(series.dtype.categories)
        ordered = bool(series.dtype.ordered)
        if len(known) <= _MOST_CATEGORIES and all(isinstance(value, str) for value in known):
            categories = known
    elif series.dtype == object:
        values = series.tolist()
        lists = metadata_of_lists(values, keys)
        form = None if lists else json_form(values)
    return ColumnMetadata(
        header=column.header,
        label=plain_label(label),
        dtype=column.dtype,
        kind=str(column.kind),
        zone=column.zone,
        categories=categories,
        ordered=ordered,
        lists=lists,
        form=form,
        again=_shown_again(series, column.zone),
    )


def _shown_again(series: pd.Series[Any], zone: str | None, known: Sequence[int] = ()) -> list[int]:
    if zone is None or not pd.api.types.is_datetime64_any_dtype(series.dtype) or series.dt.tz is None:
        return list(known)
    return shown_again(series, parse_timezone(zone), known)


def plain_label(label: Hashable) -> Any:
    """Return a label as JSON has it; `label_of` returns it again."""
    if isinstance(label, tuple):
        return [plain_label(part) for part in label]
    if isinstance(label, np.generic):
        return plain_label(label.item())
    if label is pd.NaT or isinstance(label, pd.Timestamp | pd.Timedelta):
        return {type(label).__name__: str(label)}
    if isinstance(label, pd.Period):
        return {"Period": [str(label), label.freqstr]}
    return label if isinstance(label, str | int | float | None) else str(label)


def label_of(stored: Any) -> Any:
    """Return the label that `plain_label` was given."""
    if isinstance(stored, list):
        return tuple(map(label_of, stored))
    if isinstance(stored, dict):
        ((kind, value),) = stored.items()
        return pd.Period(*value) if kind == "Period" else _LABELS[kind](value)
    return stored


_LABELS: dict[str, Callable[[Any], Any]] = {
    "NaTType": pd.to_datetime,
    "Timedelta": pd.Timedelta,
    "Timestamp": pd.Timestamp,
}


def kept_attrs(attrs: Mapping[Hashable, Any]) -> dict[str, Any]:
    """Return the attributes of a frame that tell where it came from."""
    return {name: attrs[name] for name in _KEPT_ATTRS if name in attrs}


def to_xml(metadata: WorkbookMetadata) -> bytes:
    """Return the XML part that stores the metadata."""
    # ASCII JSON: no control character and no lone surrogate can reach the XML.
    text = json.dumps(asdict(metadata), default=str)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<workbook xmlns="{_NAMESPACE}">{escape(text)}</workbook>'
    ).encode()


def from_xml(part: bytes) -> WorkbookMetadata:
    """Return what `to_xml` wrote, or nothing if the part is someone else's or damaged."""
    found = _CONTENT.search(part.decode("utf-8", "replace"))
    if found is None:
        return WorkbookMetadata()
    try:
        stored = json.loads(unescape(found[1]))
        return WorkbookMetadata(
            [_frame(frame) for frame in stored["frames"]],
            list(map(str, stored["fronts"])),
            [_append(**each) for each in stored.get("appends", ())],
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return WorkbookMetadata()


def _frame(stored: dict[str, Any]) -> FrameMetadata:
    columns = []
    for column in stored["columns"]:
        lists = column.get("lists")
        columns.append(_known(ColumnMetadata, {**column, "lists": lists and _known(ListMetadata, lists)}))
    levels = [_known(LevelMetadata, level) for level in stored.get("levels", ())]
    return _known(FrameMetadata, {**stored, "columns": columns, "levels": levels})


def _append(run: str, place: str, count: int) -> AppendRecord:
    return AppendRecord(str(run), str(place), int(count))


def _known(kind: type[_Record], stored: dict[str, Any]) -> _Record:
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type]  # it is a dataclass
    return kind(**{name: value for name, value in stored.items() if name in names})
