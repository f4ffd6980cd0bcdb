"""What a workbook remembers of its frames, so that reading back gives the same types.

Kept as a custom XML part, which Excel carries along when the file is saved again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from xml.sax.saxutils import escape, unescape

import pandas as pd

from schedkit.excel.model import Column

PART = "customXml/item1.xml"
RELATION = (
    b'<Relationship Id="schedkitMemory" Target="../customXml/item1.xml"'
    b' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/customXml"/>'
)
_NAMESPACE = "urn:schedkit:workbook"
_CONTENT = re.compile(rf'<workbook xmlns="{_NAMESPACE}">(.*)</workbook>', re.DOTALL)
# A category list longer than this is rebuilt from the values instead.
_MOST_CATEGORIES = 1000
_KEPT_ATTRS = ("site", "jql", "fields", "extraction")


@dataclass(frozen=True)
class ColumnMemory:
    """One column: its header in the sheet, its label and dtype in the frame."""

    header: str
    label: Any
    dtype: str
    kind: str
    zone: str | None = None
    categories: list[str] | None = None
    ordered: bool = False


@dataclass(frozen=True)
class FrameMemory:
    """One frame: the sheets its rows are on, its columns, how many of them are the index."""

    name: str
    sheets: list[str]
    columns: list[ColumnMemory]
    header_row: int
    rows: int
    index: int = 0
    attrs: dict[str, Any] = field(default_factory=dict)


def remember(frame: pd.DataFrame, columns: Sequence[Column]) -> list[ColumnMemory]:
    """Return what to keep of the columns of `frame`."""
    return [
        _remember_column(frame.columns[place], frame.iloc[:, place], column)
        for place, column in enumerate(columns)
    ]


def _remember_column(label: Hashable, series: pd.Series[Any], column: Column) -> ColumnMemory:
    categories, ordered = None, False
    if isinstance(series.dtype, pd.CategoricalDtype):
        values = series.dtype.categories
        ordered = bool(series.dtype.ordered)
        if len(values) <= _MOST_CATEGORIES and all(isinstance(value, str) for value in values):
            categories = list(values)
    kept = [_plain(part) for part in label] if isinstance(label, tuple) else _plain(label)
    return ColumnMemory(column.header, kept, column.dtype, str(column.kind), column.zone, categories, ordered)


def _plain(label: Hashable) -> str | int | float | None:
    return label if isinstance(label, str | int | float | None) else str(label)


def kept_attrs(attrs: Mapping[Hashable, Any]) -> dict[str, Any]:
    """Return the attributes of a frame that tell where it came from."""
    return {name: attrs[name] for name in _KEPT_ATTRS if name in attrs}


def to_xml(frames: Sequence[FrameMemory]) -> bytes:
    """Return the part that holds `frames`."""
    # ASCII JSON: no control character and no lone surrogate can reach the XML.
    text = json.dumps([asdict(frame) for frame in frames], default=str)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<workbook xmlns="{_NAMESPACE}">{escape(text)}</workbook>'
    ).encode()


def from_xml(part: bytes) -> list[FrameMemory]:
    """Return what `to_xml` wrote, or nothing if the part is someone else's."""
    found = _CONTENT.search(part.decode("utf-8", "replace"))
    if found is None:
        return []
    return [
        FrameMemory(**{**frame, "columns": [ColumnMemory(**column) for column in frame["columns"]]})
        for frame in json.loads(unescape(found[1]))
    ]
