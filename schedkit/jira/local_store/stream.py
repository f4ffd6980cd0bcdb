"""Extractions beyond memory: batches go to Parquet as they arrive, in constant memory.

A first file takes everything, old copies included. A second pass over it, when the proof is done, keeps
what belongs to the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schedkit import context
from schedkit.atlassian import count_requests
from schedkit.jira.jql import Query
from schedkit.jira.local_store.store import ID, UPDATED, arrow, metadata
from schedkit.jira.pages.completeness import SeenIds
from schedkit.jira.pages.session import Session
from schedkit.jira.search.extraction import Extraction
from schedkit.jira.search.query import run_query
from schedkit.jira.table.batch import ARROW, Batch, as_text
from schedkit.jira.table.columns import Column, Layout
from schedkit.jira.table.frame import described, newest, ranked
from schedkit.jira.table.people import PeopleNames, relabelled
from schedkit.values.files import file_error, replacing, scratch_folder
from schedkit.values.private import PRIVATE

__all__ = ["Spool", "extract_to"]

ROWS_PER_GROUP = 5_000


class Spool:
    """Takes batches and writes them to files in `folder`; one file per set of columns and types seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pending: list[pa.Table] = []
        self._rows = 0
        self._parts: list[Path] = []
        self._writer: pq.ParquetWriter | None = None
        self._ids: list[npt.NDArray[np.int64]] = []
        self._updated: list[npt.NDArray[np.int64]] = []
        # One thread writes, in order, so that the loop that hands batches over never waits for a disk.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="schedkit-spool")
        self._failed: BaseException | None = None

    def add(self, batch: Batch) -> None:
        """Take a batch; it is written soon."""
        if len(batch):
            self._thread.submit(self._add, batch).add_done_callback(self._note)

    def _note(self, done: Future[None]) -> None:
        self._failed = self._failed or done.exception()

    def _add(self, batch: Batch) -> None:
        self._ids.append(batch.ids)
        self._updated.append(batch.updated)
        table = arrow(batch)
        if self._pending and self._pending[0].schema != table.schema:
            self._flush()
        self._pending.append(table)
        self._rows += len(batch)
        if self._rows >= ROWS_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        table = pa.concat_tables(self._pending)
        self._pending, self._rows = [], 0
        if self._writer is not None and self._writer.schema != table.schema:
            self._writer.close()
            self._writer = None
        if self._writer is None:
            self._parts.append(self.folder / f"part-{len(self._parts)}.parquet")
            self._writer = pq.ParquetWriter(self._parts[-1], table.schema, compression="lz4")
        self._writer.write_table(table)

    def close(self) -> None:
        """Write what is left.

        Raises
        ------
        OSError
            If anything could not be written.
        """
        self._thread.shutdown()
        if self._failed is None:
            self._flush()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._failed is not None:
            raise self._failed

    def finish(
        self,
        path: Path,
        columns: Iterable[Column],
        wanted: npt.NDArray[np.int64],
        attrs: Mapping[str, Any],
        ranks: Mapping[str, Sequence[str]],
        lists: Mapping[str, Mapping[int, tuple[str, ...]]] = {},
        people: PeopleNames | None = None,
    ) -> int:
        """Write the result, after `close`: of every wanted issue the newest copy; returns the rows.

        `lists` holds, by label and id, the whole of lists that the issues show only a part of; `people` what
        people are called.
        """
        columns, people = list(columns), people or PeopleNames()
        shared = people.shared()
        stores = self._stores(columns)
        schema = pa.schema([(label, ARROW[store]) for label, store in stores.items()])
        schema = schema.append(pa.field(ID, pa.int64())).append(pa.field(UPDATED, pa.int64()))
        keep = self._keep(wanted)
        rows = start = 0
        schema = schema.with_metadata(metadata(attrs, stores, ranks, people.labels))
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for part in self._parts:
                source = pq.ParquetFile(part)
                for group in range(source.num_row_groups):
                    table = source.read_row_group(group)
                    wanted_rows = table.filter(pa.array(keep[start : start + len(table)]))
                    start += len(table)
                    rows += len(wanted_rows)
                    whole = _mended(wanted_rows, lists)
                    writer.write_table(_conformed(_told_apart(whole, columns, shared), schema))
        return rows

    def _keep(self, wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        if not self._ids:
            return np.empty(0, dtype=bool)
        ids, updated = np.concatenate(self._ids), np.concatenate(self._updated)
        keep = np.zeros(len(ids), dtype=bool)
        keep[newest(ids, updated)] = True
        return keep & np.isin(ids, wanted)

    def _stores(self, columns: list[Column]) -> dict[str, str]:
        """Return the type of each column; one that did not fit its type somewhere is text."""
        schemas = [pq.read_schema(part) for part in self._parts]
        stores: dict[str, str] = {}
        for column in columns:
            held = [schema.field(column.label).type for schema in schemas if column.label in schema.names]
            if not held and schemas:
                continue
            wanted = ARROW[column.kind.store]
            stores[column.label] = column.kind.store if all(kind == wanted for kind in held) else "text"
        return stores


def _mended(table: pa.Table, lists: Mapping[str, Mapping[int, tuple[str, ...]]]) -> pa.Table:
    ids = table[ID].to_pylist() if lists else []
    for label, whole in lists.items():
        if label in table.column_names and not whole.keys().isdisjoint(ids):
            cells = [whole.get(id, cell) for id, cell in zip(ids, table[label].to_pylist(), strict=True)]
            table = table.set_column(
                table.column_names.index(label), label, pa.array(cells, type=ARROW["list"])
            )
    return table


def _told_apart(table: pa.Table, columns: Iterable[Column], shared: Mapping[str, str]) -> pa.Table:
    for column in columns if shared else ():
        if column.kind.people and column.label in table.column_names:
            place = table.column_names.index(column.label)
            cells = relabelled(table[column.label], column.kind, shared)
            table = table.set_column(place, column.label, cells)
    return table


def _conformed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the table in a wider schema: absent columns are null, misfits are text."""
    columns = []
    for field in schema:
        if field.name in table.column_names:
            column = table[field.name]
            columns.append(column if column.type == field.type else as_text(column))
        elif pa.types.is_list(field.type):
            columns.append(pa.array([[]] * len(table), type=field.type))
        else:
            columns.append(pa.nulls(len(table), field.type))
    return pa.table(columns, schema=schema)


async def extract_to(
    session: Session, query: Query, chosen: Layout, limit: int | None, path: Path
) -> dict[str, Any]:
    """Extract into a Parquet file and return the report; see `Jira.to_parquet`."""
    with scratch_folder() as place:
        spool = Spool(place)
        extraction = Extraction(session, query, chosen, limit, spool.add)
        try:
            with count_requests() as stats:
                await run_query(extraction)
        finally:
            with anyio.CancelScope(shield=True):
                try:
                    await anyio.to_thread.run_sync(spool.close)
                except OSError as problem:
                    raise file_error(problem, spool.folder) from None
        facts = extraction.completeness.as_attrs(stats)
        columns = extraction.reader.columns
        wanted = np.asarray(extraction.order, dtype=np.int64)
        # Of half a million issues these weigh 80 MB, which the second pass can use.
        extraction.order, extraction.seen_ids = [], SeenIds()
        attrs = {
            "site": session.base,
            "jql": str(extraction.query),
            "fields": described(columns),
            "statuses": session.statuses,
            "extraction": facts,
        }

        def write() -> None:
            with replacing(path, mode=PRIVATE) as new:
                spool.finish(
                    new.part,
                    columns,
                    wanted,
                    attrs,
                    ranked(columns, session.ranks),
                    extraction.partial_lists.whole,
                    extraction.reader.people,
                )

        await anyio.to_thread.run_sync(write)
    context.artifact(path, path.name)
    context.fact("extraction", facts)
    return facts
