"""Issues in Parquet: what a frame needs to come back as it was, and nothing half-written.

The file holds the columns as Arrow types, the issue ids and times of update in two more, and the facts
about the extraction in its metadata, so that any Parquet reader can read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from schedkit.errors import UsageError
from schedkit.jira.table.batch import ARROW, Batch, Values
from schedkit.jira.table.columns import Column
from schedkit.jira.table.frame import assemble
from schedkit.jira.table.kinds import Kind
from schedkit.jira.table.people import Labels
from schedkit.jira.table.statuses import Statuses
from schedkit.values.failures import translated
from schedkit.values.files import replacing
from schedkit.values.keywords import check_keywords
from schedkit.values.private import PRIVATE
from schedkit.values.text import safe_repr

__all__ = [
    "ID",
    "UPDATED",
    "Stored",
    "arrow",
    "read_parquet",
    "read_store",
    "target",
    "write_store",
]

ID, UPDATED = "__id__", "__updated__"
_META = b"schedkit.jira"


@dataclass(frozen=True, slots=True)
class Stored:
    """The contents of a store: the issues, their columns' types, and what is known about them.

    `people` is what people are called in it; see `PeopleNames`.
    """

    batch: Batch
    stores: dict[str, str]
    attrs: dict[str, Any]
    ranks: dict[str, list[str]] = field(default_factory=dict)
    people: Labels = field(default_factory=dict)


def arrow(batch: Batch) -> pa.Table:
    """Return a batch as an Arrow table."""
    columns: dict[str, Any] = {ID: pa.array(batch.ids), UPDATED: pa.array(batch.updated)}
    for label, values in batch.columns.items():
        columns[label] = pa.array(values, type=ARROW["list"]) if isinstance(values, list) else values
    return pa.table(columns)


def metadata(
    attrs: Mapping[str, Any],
    stores: Mapping[str, str],
    ranks: Mapping[str, Sequence[str]],
    people: Labels,
) -> dict[bytes, bytes]:
    """Return what goes into the file's metadata."""
    about = {"attrs": attrs, "stores": stores, "ranks": ranks, "people": people}
    return {_META: msgspec.json.encode(about)}


def target(path: str | Path) -> Path:
    """Return where a file is to be written, once it is known that it can be: before hours of extraction.

    Raises
    ------
    FileError
        If there is something else than a file, or no file can be made there.
    UsageError
        If it is not a path.
    """
    if not isinstance(path, str | Path):
        raise UsageError(f"{safe_repr(path)} is not a path", hint="give the file's path, e.g. issues.parquet")

    with suppress(_AbandonedError), replacing(path):
        raise _AbandonedError
    return Path(path)


class _AbandonedError(Exception):
    """Ends an attempt to write before anything is replaced."""


def write_store(path: Path, stored: Stored) -> None:
    """Write a store, replacing an existing one whole or not at all."""
    import pyarrow.parquet as pq  # it is 4 MB, which a search does without

    about = metadata(stored.attrs, stored.stores, stored.ranks, stored.people)
    table = arrow(stored.batch).replace_schema_metadata(about)
    with replacing(path, mode=PRIVATE) as new:
        pq.write_table(table, new.part, compression="zstd")


def read_store(path: Path) -> Stored:
    """Read a store.

    Raises
    ------
    UsageError
        If the file is none of ours.
    """
    import pyarrow.parquet as pq

    if not path.exists():
        raise UsageError(f"there is no file {path}", hint="check the path")
    with translated(path, UsageError, hint="delete it to start over, or name another file"):
        table = pq.read_table(path)
        meta = (table.schema.metadata or {}).get(_META)
        about = None if meta is None or ID not in table.column_names else msgspec.json.decode(meta)
    if about is None:
        raise UsageError(f"{path} was not written by schedkit", hint="name another file")
    columns: dict[str, Values] = {}
    for label, store in about["stores"].items():
        column = table[label]
        columns[label] = [tuple(v) for v in column.to_pylist()] if store == "list" else column
    ids, updated = (np.asarray(table[name], dtype=np.int64) for name in (ID, UPDATED))
    batch = Batch(ids, updated, columns)
    return Stored(batch, about["stores"], about["attrs"], about["ranks"], about["people"])


def frame_of(stored: Stored) -> pd.DataFrame:
    """Return a store's issues as the frame they were."""
    columns = [Column(label, Kind(store, None, store)) for label, store in stored.stores.items()]
    frame = assemble([stored.batch], columns, ranks=stored.ranks)
    frame.attrs.update(stored.attrs)
    if "statuses" in frame.attrs:
        frame.attrs["statuses"] = Statuses(frame.attrs["statuses"])
    return frame


@check_keywords
def read_parquet(path: str | Path) -> pd.DataFrame:
    """Return the frame that `Jira.sync` or `Jira.to_parquet` has stored, types and attrs included.

    Parameters
    ----------
    path : str or Path
        The file.

    Raises
    ------
    UsageError
        If there is no such file, or it was not written by schedkit.
    """
    return frame_of(read_store(Path(path)))
