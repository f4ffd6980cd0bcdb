"""Keeping a Parquet store of a query's issues up to date, asking only for what changed.

What changed is asked by epoch milliseconds, which no time zone, summer time or minute boundary can shift,
with an overlap for clocks and search indexes that lag. What was deleted, or left or entered the query
without being edited, shows in the difference of the ids.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio.to_thread
import numpy as np
import numpy.typing as npt
import pandas as pd

from schedkit import context
from schedkit.atlassian import tally
from schedkit.errors import UsageError
from schedkit.jira.jql import Query
from schedkit.jira.kept.store import Stored, frame_of, read_store, write_store
from schedkit.jira.pages.asking import Source
from schedkit.jira.pages.evidence import positions
from schedkit.jira.search.extract import Extraction
from schedkit.jira.table.batch import Batch, join, take
from schedkit.jira.table.columns import Layout
from schedkit.jira.table.frame import described, newest, ranked

__all__ = ["OVERLAP", "Changes", "merged", "stored_for", "synchronise"]

# Search indexes lag, clocks jump; what is read twice costs little.
OVERLAP = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a synchronisation found, as issue keys."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether the store was up to date."""
        return not (self.added or self.changed or self.removed)

    def told(self) -> dict[str, Any]:
        """Return the facts as JSON-able values."""
        return {"added": list(self.added), "changed": list(self.changed), "removed": list(self.removed)}


def stored_for(path: Path, about: dict[str, Any]) -> Stored | None:
    """Return the store of a query, None if there is none yet.

    Raises
    ------
    UsageError
        If the file holds something else.
    """
    if not path.exists():
        return None
    stored = read_store(path)
    held = stored.attrs.get("sync", {})
    for what in ("site", "jql", "requested"):
        if held.get(what) != about[what]:
            raise UsageError(
                f"{path} holds {what} {held.get(what)!r}, not {about[what]!r}",
                hint="name another file, or delete this one to start afresh",
            )
    return stored


async def synchronise(
    source: Source, query: Query, chosen: Layout, path: Path, requested: Any, *, full: bool = False
) -> pd.DataFrame:
    """Bring the store at `path` up to date and return all of it; see `Jira.sync`."""
    began = time.perf_counter()
    batches: list[Batch] = []
    extraction = Extraction(source, query, chosen, sink=batches.append)
    about = {"site": source.site.url, "jql": str(extraction.query), "requested": requested}
    with tally() as cost:
        stored = await anyio.to_thread.run_sync(stored_for, path, about)
        if stored is None or full:
            await extraction.run()
        else:
            since = int(stored.attrs["sync"]["watermark"]) - int(OVERLAP.total_seconds() * 1000)
            await extraction.catch_up(stored.batch, max(0, since))
    batch, stores, changes = await anyio.to_thread.run_sync(merged, extraction, stored, batches)
    facts = extraction.evidence.told(cost, time.perf_counter() - began)
    columns = described(extraction.reader.columns)
    ranks = ranked(extraction.reader.columns, source.ranks)
    attrs: dict[str, Any] = {
        "site": source.site.url,
        "jql": str(extraction.query),
        "fields": {label: columns[label] for label in stores},
        "extraction": facts,
    }
    evidence = extraction.evidence
    # The newest update that was seen, which no clock can get wrong; but one that lies in the future, or
    # came while others were missed, must not hide those.
    newest_seen = int(batch.updated.max()) // 1000 if len(batch) else 0
    watermark = min(newest_seen, extraction.since(evidence.ended if evidence.exact else evidence.started))
    if evidence.missing:
        # What could not be fetched must be asked for again.
        watermark = int(stored.attrs["sync"]["watermark"]) if stored else 0
    if stored is None or not changes.nothing:
        kept = {**attrs, "sync": {**about, "watermark": watermark}}
        await anyio.to_thread.run_sync(write_store, path, Stored(batch, stores, kept, ranks))
    shown = Stored(batch, stores, {**attrs, "sync": changes.told()}, ranks)
    frame = await anyio.to_thread.run_sync(frame_of, shown)
    context.artifact(path, path.name)
    context.fact("extraction", facts)
    context.fact("sync", {name: len(keys) for name, keys in changes.told().items()})
    return frame


def merged(
    extraction: Extraction, stored: Stored | None, batches: Sequence[Batch]
) -> tuple[Batch, dict[str, str], Changes]:
    """Join the store and the new batches: the newest copy of what is listed, and what that changed."""
    columns = {column.label: column.kind.store for column in extraction.reader.columns}
    everything = ([stored.batch] if stored else []) + [batch for batch in batches if len(batch)]
    labels = [label for label in columns if any(label in batch.columns for batch in everything)] or list(
        columns
    )
    joined, stores = join(everything, {label: columns[label] for label in labels})
    kept = newest(joined.ids, joined.updated)
    rows = kept[positions(joined.ids[kept], extraction.order)]
    result = take(joined, rows)
    before = stored.batch if stored else take(joined, np.empty(0, np.int64))
    was = dict(zip(before.ids.tolist(), before.updated.tolist(), strict=True))
    keys = dict(zip(result.ids.tolist(), result.columns["Key"].to_pylist(), strict=True))
    is_now = dict(zip(result.ids.tolist(), result.updated.tolist(), strict=True))
    old_keys = dict(zip(before.ids.tolist(), before.columns["Key"].to_pylist(), strict=True))
    arrived = np.concatenate([batch.ids for batch in batches]) if batches else np.empty(0, np.int64)
    other = _unlike(before, result, arrived)
    changes = Changes(
        tuple(keys[id] for id in keys if id not in was),
        tuple(keys[id] for id in keys if id in was and (is_now[id] != was[id] or id in other)),
        tuple(old_keys[id] for id in was if id not in keys),
    )
    return result, stores, changes


def _unlike(before: Batch, now: Batch, arrived: npt.NDArray[np.int64]) -> set[int]:
    """Return which of what arrived differs in a cell, whether or not the issue counts as updated."""
    both = np.intersect1d(np.intersect1d(before.ids, now.ids), arrived)
    old, new = (take(b, positions(b.ids, both.tolist())) for b in (before, now))
    differs = np.zeros(len(both), dtype=bool)
    for label in {*old.columns, *new.columns}:
        cells = [_cells(batch.columns.get(label), len(both)) for batch in (old, new)]
        differs |= np.fromiter((a != b for a, b in zip(*cells, strict=True)), bool, len(both))
    return set(both[differs].tolist())


def _cells(values: Any, count: int) -> list[Any]:
    if values is None:
        return [None] * count
    return values if isinstance(values, list) else list(values.to_pylist())
