"""From batches to a DataFrame, and from saved answers of any Jira to one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from schedkit.atlassian.decoding import decoded
from schedkit.errors import UsageError
from schedkit.gcpause import gc_paused
from schedkit.jira.dialect import CLOUD, DATA_CENTER
from schedkit.jira.table.batch import ARROW, Batch, join, take
from schedkit.jira.table.columns import Column, layout
from schedkit.jira.table.fields import Catalog
from schedkit.jira.table.people import relabelled
from schedkit.jira.table.plain import inferred
from schedkit.jira.table.reader import Reader
from schedkit.values.keywords import check_keywords

__all__ = ["assemble", "column_of", "described", "newest", "ranked", "tell_apart", "to_frame"]


def newest(ids: npt.NDArray[np.int64], updated: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the positions to keep so that every id comes once, with its newest copy, in arrival order.

    Of copies of the same age the last one counts; issues without an id are all kept.
    """
    positions = np.arange(len(ids))
    order = np.lexsort((positions, updated, ids))
    sorted_ids = ids[order]
    last = np.ones(len(ids), dtype=bool)
    last[:-1] = sorted_ids[1:] != sorted_ids[:-1]
    last |= sorted_ids < 0
    kept = order[last]
    kept.sort()
    return kept


def assemble(
    batches: Sequence[Batch],
    columns: Iterable[Column],
    rows: npt.NDArray[np.int64] | None = None,
    ranks: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """Join batches into a frame.

    Parameters
    ----------
    batches : sequence of Batch
        In order of arrival.
    columns : iterable of Column
        In the order wanted. One that no batch holds is left out.
    rows : array of int64, optional
        Which rows of the joined batches to take, in order; all by default.
    ranks : mapping, optional
        Orders of categories, by column.
    """
    with gc_paused():
        count = sum(map(len, batches))
        stores = {
            column.label: column.kind.store
            for column in columns
            if not count or any(column.label in batch.columns for batch in batches)
        }
        joined, stores = join(batches, stores)
        if rows is not None:
            joined = take(joined, rows)
        ranks = ranks or {}
        data = {
            label: _pandas(joined.columns[label], store, ranks.get(label)) for label, store in stores.items()
        }
        return pd.DataFrame(data, index=pd.RangeIndex(len(joined)), copy=False)


def tell_apart(batches: Iterable[Batch], columns: Iterable[Column], shared: Mapping[str, str]) -> None:
    """Tell apart, in batches, people who share a name; see `PeopleNames.shared`."""
    people = [column for column in columns if column.kind.people] if shared else []
    for batch in batches:
        for column in people:
            if column.label in batch.columns:
                batch.columns[column.label] = relabelled(batch.columns[column.label], column.kind, shared)


def column_of(values: Any, store: str) -> Any:
    """Return one Arrow array (or list of tuples) as a column of a frame."""
    return _pandas(values if store == "list" else pa.chunked_array([values]), store)


def _pandas(chunked: Any, store: str, rank: Sequence[str] | None = None) -> Any:
    if store == "list":
        return _objects(chunked)
    if store == "text":
        dtype: Any = pd.StringDtype(na_value=np.nan)
        return dtype.__from_arrow__(chunked)
    if store == "int":
        dtype = pd.Int64Dtype()
        return dtype.__from_arrow__(chunked)
    if store in ("datetime", "date"):
        # Dates are midnights in UTC, so that they can be compared with moments. Copied, because what shares
        # Arrow's memory cannot be written to.
        return pd.DatetimeTZDtype("us", "UTC").__from_arrow__(chunked.cast(ARROW["datetime"])).copy()
    if store == "category":
        return _categories(chunked, rank)
    if store in ("any", "raw"):
        values = [None if text is None else msgspec.json.decode(text) for text in chunked.to_pylist()]
        return inferred(values) if store == "any" else _objects(values)
    return chunked.to_pandas().to_numpy(copy=True)


def _objects(values: Sequence[Any]) -> npt.NDArray[Any]:
    cells = np.empty(len(values), dtype=object)
    for position, value in enumerate(values):
        cells[position] = value
    return cells


def _categories(chunked: pa.ChunkedArray, rank: Sequence[str] | None) -> pd.Categorical:
    """Return a column of categories: the site's whole list, lowest first; without one, what occurs by name.

    The whole list, so that two frames of one site can be joined, and that none of it is lost by a filter.
    """
    encoded = chunked.dictionary_encode().combine_chunks()
    names: list[str] = encoded.dictionary.to_pylist()
    codes = np.asarray(encoded.indices.fill_null(-1), dtype=np.int64)
    # What the site does not list any more is below all that it does.
    known = list(dict.fromkeys([*sorted(set(names) - set(rank or ())), *(rank or ())]))
    place = {name: number for number, name in enumerate(known)}
    new = np.array([*(place[name] for name in names), -1], dtype=np.int64)
    return pd.Categorical.from_codes(new[codes], categories=pd.Index(known, dtype="str"), ordered=bool(rank))


def ranked(columns: Iterable[Column], ranks: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the orders of categories by column, from those by kind."""
    return {
        column.label: list(ranks[column.kind.name])
        for column in columns
        if column.kind.store == "category" and ranks.get(column.kind.name)
    }


def described(columns: Iterable[Column]) -> dict[str, dict[str, Any]]:
    """Return what `df.attrs["fields"]` holds for each column."""
    told: dict[str, dict[str, Any]] = {}
    for column in columns:
        ids: list[str | None] = [*column.field_ids] or [{"Key": "issuekey", "Id": "id"}.get(column.label)]
        told[column.label] = {"id": ids[0], "type": column.kind.name}
        if len(ids) > 1:
            told[column.label]["also"] = ids[1:]
    return told


@check_keywords
def to_frame(answer: bytes | str | dict[str, Any] | list[Any], *, markup: str = "text") -> pd.DataFrame:
    """Turn a saved answer of any Jira into a frame with every field it holds.

    Parameters
    ----------
    answer : bytes, str, dict or list
        A search answer, one issue, or a list of issues, as JSON or decoded. ``names`` and ``schema`` in it
        (``expand=names,schema``) name and type the fields.
    markup : str
        ``text``, ``markdown`` or ``raw``.

    Returns
    -------
    DataFrame
        ``attrs["unreadable"]`` holds the values that do not fit the type of their column, by column and key.

    Raises
    ------
    UsageError
        If it holds no issues.

    Examples
    --------
    >>> to_frame('{"issues": [{"key": "A-1", "fields": {"summary": "Hello", "votes": {"votes": 2}}}]}')
       Key Summary  Votes
    0  A-1   Hello      2
    """
    try:
        raw = answer.encode("utf-8", "surrogatepass") if isinstance(answer, str) else answer
        value = decoded(raw) if isinstance(raw, bytes) else raw
    except msgspec.DecodeError as problem:
        raise UsageError(f"the answer is not valid JSON: {problem}") from None
    head = value if isinstance(value, dict) else {}
    issues = value if isinstance(value, list) else head.get("issues", [value])
    if not isinstance(issues, list) or not all(
        isinstance(issue, dict) and {"fields", "key"} & set(issue) for issue in issues
    ):
        raise UsageError(
            "the answer holds no issues", hint="give a search answer, an issue or a list of issues"
        )
    about = issues[0] if len(issues) == 1 and "names" not in head and "schema" not in head else head
    ids = dict.fromkeys(id for issue in issues for id in (issue.get("fields") or {}))
    catalog = Catalog.from_issues(ids, about.get("names"), about.get("schema"))
    self_url = str(next((issue.get("self") for issue in issues if issue.get("self")), ""))
    dialect = CLOUD if "/rest/api/3/" in self_url else DATA_CENTER
    reader = Reader(layout(catalog, dialect, "*all", markup), catalog)
    batch = reader.issues(msgspec.json.encode(issues))
    tell_apart([batch], reader.columns, reader.people.shared())
    if not any(i is not None for i in (issue.get("id") for issue in issues)):
        batch.columns.pop("Id")
    frame = assemble([batch], reader.columns)
    frame.attrs["fields"] = {k: v for k, v in described(reader.columns).items() if k in frame}
    frame.attrs["unreadable"] = reader.unreadable
    return frame
