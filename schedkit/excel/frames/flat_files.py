"""CSV and Parquet: one frame without a workbook around it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from enum import Enum
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schedkit import context
from schedkit.excel.column_types import Policy, missing
from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.frame_metadata import kept_attrs
from schedkit.excel.frames.labels import with_index
from schedkit.excel.frames.object_columns import clean_texts, flat_text, is_texts
from schedkit.excel.names import headers
from schedkit.values.dates import field_type, holds_dates

_STAGE = "write file"
_CHUNK_ROWS = 16_384
# A spreadsheet that opens a CSV runs cells that begin so (OWASP, "CSV injection"), also in full-width
# spelling; a plain number may keep its sign.
_DANGEROUS = r"^\s*[=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}]|^[\t\r\n]"
_NUMBER = r"^[+-]?[0-9]+([.,][0-9]+)*(e[+-]?[0-9]+)?$"

Write = Callable[[pd.DataFrame, Policy, IO[bytes], ConversionReport], None]


def write_csv(frame: pd.DataFrame, policy: Policy, file: IO[bytes], report: ConversionReport) -> None:
    """Write `frame` as UTF-8 CSV that Excel decodes correctly and in which no cell is run as a formula."""
    frame = with_index(frame, report)
    labels = pa.array(headers(frame.columns), pa.large_string())
    dates = {place for place in range(frame.shape[1]) if _holds_dates(frame, place)}
    # Excel needs the mark to read the file as UTF-8.
    file.write(b"\xef\xbb\xbf")
    for start in range(0, max(len(frame), 1), _CHUNK_ROWS):
        part = frame.iloc[start : start + _CHUNK_ROWS]
        texts = {
            place: _guarded(_texts(part.iloc[:, place], policy, report, place in dates), report)
            for place in range(part.shape[1])
        }
        chunk = io.StringIO(newline="")
        made = pd.DataFrame(
            {place: text.to_pandas() for place, text in texts.items()}, index=pd.RangeIndex(len(part))
        )
        made.columns = pd.Index(
            _guarded(labels, report if start == 0 else ConversionReport()).to_pylist(), dtype=object
        )
        made.to_csv(chunk, index=False, header=start == 0, lineterminator="\r\n")
        file.write(chunk.getvalue().encode())
        context.progress(_STAGE, start + len(part), len(frame))
        context.checkpoint()


def _holds_dates(frame: pd.DataFrame, place: int) -> bool:
    series = frame.iloc[:, place]
    moments = pd.api.types.is_datetime64_any_dtype(series.dtype)
    return moments and holds_dates(series, field_type(frame.attrs, frame.columns[place]))


def _texts(series: pd.Series[Any], policy: Policy, report: ConversionReport, dates: bool) -> pa.Array:
    """Return every value as text: moments in ISO 8601 with their offset, lists joined, numbers in full."""
    dtype = series.dtype
    if dates:
        series = series.dt.date
    elif isinstance(dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_convert(policy.zone).astype(object)
    if isinstance(dtype, pd.StringDtype):
        return clean_texts(series.astype(object), report)
    return clean_texts(
        pd.Series([_text(value, report) for value in series.astype(object)], dtype=object), report
    )


def _text(value: Any, report: ConversionReport) -> str | None:
    if missing(value):
        return None
    if isinstance(value, Enum):
        return _text(value.value, report)
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(float(value))
    if hasattr(value, "isoformat") and not isinstance(value, pd.Timedelta):
        return str(value.isoformat())
    if isinstance(value, dict | list | tuple | set | frozenset):
        report.add("flattened", not is_texts(value))
    return flat_text(value) or None


def _guarded(texts: pa.Array, report: ConversionReport) -> pa.Array:
    dangerous = pc.and_not(
        pc.match_substring_regex(texts, _DANGEROUS),
        pc.match_substring_regex(texts, _NUMBER, ignore_case=True),
    )
    report.add("guarded", pc.sum(dangerous, min_count=0).as_py())
    marked = pc.binary_join_element_wise(pa.scalar("'", texts.type), texts, pa.scalar("", texts.type))
    return pc.if_else(dangerous, marked, texts)


def write_parquet(frame: pd.DataFrame, policy: Policy, file: IO[bytes], report: ConversionReport) -> None:
    """Write `frame` as Parquet with its own types; object columns become text where Arrow has no type."""
    del policy  # Parquet stores zones and infinities.
    frame = with_index(frame, report)
    labels = headers(frame.columns)
    columns = {label: _storable(frame.iloc[:, place], report) for place, label in enumerate(labels)}
    made = pd.DataFrame(columns, index=frame.index)
    # Attributes that are not JSON would make writing fail.
    made.attrs.update(json.loads(json.dumps(kept_attrs(frame.attrs), default=str)))
    table = pa.Table.from_pandas(made, preserve_index=False)
    with pq.ParquetWriter(file, table.schema, compression="zstd") as writer:
        for start in range(0, max(len(frame), 1), _CHUNK_ROWS * 8):
            writer.write_table(table.slice(start, _CHUNK_ROWS * 8))
            context.progress(_STAGE, min(start + _CHUNK_ROWS * 8, len(frame)), len(frame))
            context.checkpoint()


def _storable(series: pd.Series[Any], report: ConversionReport) -> pd.Series[Any]:
    if series.dtype != object:
        return series
    try:
        pa.array(series, from_pandas=True)
    except (pa.ArrowException, UnicodeEncodeError, OverflowError):
        texts = clean_texts(pd.Series([_text(value, report) for value in series], dtype=object), report)
        made: pd.Series[Any] = texts.to_pandas()
        return made.set_axis(series.index)
    return series


WRITERS: dict[str, Write] = {".csv": write_csv, ".parquet": write_parquet}
