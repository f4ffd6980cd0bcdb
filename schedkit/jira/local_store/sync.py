"""Keeping a Parquet store of a query's issues up to date, asking only for what changed.

What changed is asked by epoch milliseconds, which no time zone, summer time or minute boundary can shift,
with an overlap for clocks and search indexes that lag. What was deleted, or left or entered the query
without being edited, shows in the difference of the ids.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio.to_thread
import numpy as np
import numpy.typing as npt
import pandas as pd

from schedkit import context
from schedkit.atlassian import count_requests
from schedkit.errors import IncompleteError, UsageError
from schedkit.jira.jql import Query
from schedkit.jira.local_store.departures import HIDDEN, departures
from schedkit.jira.local_store.store import Stored, frame_of, read_store, write_store
from schedkit.jira.pages.completeness import positions
from schedkit.jira.pages.session import Session
from schedkit.jira.search.extraction import Extraction
from schedkit.jira.search.query import catch_up, run_query
from schedkit.jira.table.batch import Batch, join, mend, take
from schedkit.jira.table.columns import Layout
from schedkit.jira.table.frame import described, newest, ranked, tell_apart

__all__ = ["OVERLAP", "Changes", "Limits", "merged", "stored_for", "synchronise"]

# Search indexes lag, clocks jump; what is read twice costs little.
OVERLAP = timedelta(minutes=10)
# A share of fewer issues than these means nothing.
JUDGED_FROM = 10


@dataclass(frozen=True, slots=True)
class Changes:
    """What a synchronisation found, as issue keys; of what is gone, by id."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: Mapping[int, str]

    @property
    def nothing(self) -> bool:
        """Whether the store was up to date."""
        return not (self.added or self.changed or self.removed)

    def as_attrs(self) -> dict[str, Any]:
        """Return the facts as JSON-able values."""
        return {
            "added": list(self.added),
            "changed": list(self.changed),
            "removed": list(self.removed.values()),
        }


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
    facts = stored.attrs.get("sync", {})
    for what in ("site", "jql", "requested"):
        if facts.get(what) != about[what]:
            raise UsageError(
                f"{path} holds {what} {facts.get(what)!r}, not {about[what]!r}",
                hint="name another file, or delete this one to start over",
            )
    return stored


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a store may shrink at once: to `min_rows` rows, and by the share `max_drop`."""

    min_rows: int = 1
    max_drop: float = 0.5

    def check(self, path: Path, before: int, now: int, reasons: Mapping[str, str]) -> None:
        """Raise IncompleteError if a store of `before` issues would shrink too far."""
        fallen = before >= JUDGED_FROM and before - now > self.max_drop * before
        if not fallen and not (before and now < self.min_rows):
            return
        counts = Counter(reasons.values())
        why = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
        raise IncompleteError(
            f"{path} holds {before} issues, of which the query now finds {now}"
            + (f": {why}" if why else "")
            + "; the file was left as it is",
            hint="check the query and what the account may see; if it is right: max_drop=1, min_rows=0",
        )


async def synchronise(
    session: Session,
    query: Query,
    chosen: Layout,
    path: Path,
    requested: Any,
    *,
    full: bool = False,
    limits: Limits = Limits(),
) -> pd.DataFrame:
    """Bring the store at `path` up to date and return all of it; see `Jira.sync`."""
    extraction = Extraction(session, query, chosen)
    about = {"site": session.base, "jql": str(extraction.query), "requested": requested}
    with count_requests() as stats:
        stored = await anyio.to_thread.run_sync(stored_for, path, about)
        if stored is not None:
            # People of the same name as one in the store are told apart.
            extraction.reader.people.labels.update(stored.people)
        if stored is None or full:
            await run_query(extraction)
        else:
            since = int(stored.attrs["sync"]["watermark"]) - int(OVERLAP.total_seconds() * 1000)
            await catch_up(extraction, stored.batch, max(0, since))
        batch, stores, changes = await anyio.to_thread.run_sync(merged, extraction, stored)
        reasons = await departures(session, changes.removed)
    before = len(stored.batch) if stored else 0
    limits.check(path, before, len(batch), reasons)
    _note_hidden(extraction, reasons)
    facts = extraction.completeness.as_attrs(stats)
    attrs = _attrs(extraction, stores, facts)
    ranks = ranked(extraction.reader.columns, session.ranks)
    if stored is None or not changes.nothing:
        for_file = {**attrs, "sync": {**about, "watermark": _watermark(extraction, batch, stored)}}
        kept = Stored(batch, stores, for_file, ranks, extraction.reader.people.labels)
        await anyio.to_thread.run_sync(write_store, path, kept)
    shown = Stored(batch, stores, {**attrs, "sync": {**changes.as_attrs(), "reasons": reasons}}, ranks)
    frame = await anyio.to_thread.run_sync(frame_of, shown)
    context.artifact(path, path.name)
    context.fact("extraction", facts)
    context.fact("sync", {name: len(keys) for name, keys in changes.as_attrs().items()})
    return frame


def _note_hidden(extraction: Extraction, reasons: Mapping[str, str]) -> None:
    """Count what may not be seen any more as missing: the query may still mean it."""
    hidden = {key: why for key, why in reasons.items() if why == HIDDEN}
    if hidden:
        extraction.completeness.missing |= hidden
        few = ", ".join(list(hidden)[:5])
        context.log(f"{len(hidden)} issues are no longer visible, e.g. {few}", logging.WARNING)


def _attrs(extraction: Extraction, stores: Mapping[str, str], facts: dict[str, Any]) -> dict[str, Any]:
    columns = described(extraction.reader.columns)
    return {
        "site": extraction.session.base,
        "jql": str(extraction.query),
        "fields": {label: columns[label] for label in stores},
        "statuses": extraction.session.statuses,
        "extraction": facts,
    }


def _watermark(extraction: Extraction, batch: Batch, stored: Stored | None) -> int:
    """Return from when on the next synchronisation asks for changes, in milliseconds of the site's clock."""
    completeness = extraction.completeness
    if completeness.missing:
        # What could not be fetched must be asked for again.
        return int(stored.attrs["sync"]["watermark"]) if stored else 0
    # The newest update that was seen, which no clock can get wrong; but one that lies in the future, or
    # came while others were missed, must not hide those.
    newest_seen = int(batch.updated.max()) // 1000 if len(batch) else 0
    return min(
        newest_seen, extraction.since(completeness.ended if completeness.exact else completeness.started)
    )


def merged(extraction: Extraction, stored: Stored | None) -> tuple[Batch, dict[str, str], Changes]:
    """Join the store and the new batches: what arrived replaces what was stored, whatever its age."""
    columns = {column.label: column.kind.store for column in extraction.reader.columns}
    new = [batch for batch in extraction.batches if len(batch)]
    for batch in new:
        mend(batch, extraction.partial_lists.whole)
    arrived = np.unique(np.concatenate([batch.ids for batch in new])) if new else np.empty(0, np.int64)
    before = stored.batch if stored else Batch(np.empty(0, np.int64), np.empty(0, np.int64), {})
    rest = take(before, np.flatnonzero(~np.isin(before.ids, arrived)))
    everything = [*([rest] if stored else []), *new]
    labels = [label for label in columns if any(label in batch.columns for batch in everything)]
    joined, stores = join(everything, {label: columns[label] for label in labels or columns})
    latest = newest(joined.ids, joined.updated)
    # What is listed but could not be fetched again stays as it is stored.
    stale = [int(id) for id in extraction.completeness.missing if id.isdecimal()]
    order = list(dict.fromkeys([*extraction.order, *stale]))
    result = take(joined, latest[positions(joined.ids[latest], order)])
    tell_apart([result], extraction.reader.columns, extraction.reader.people.shared())
    return result, stores, _changes(before, result, arrived)


def _changes(before: Batch, now: Batch, arrived: npt.NDArray[np.int64]) -> Changes:
    was = dict(zip(before.ids.tolist(), before.updated.tolist(), strict=True))
    keys = dict(zip(now.ids.tolist(), now.columns["Key"].to_pylist(), strict=True))
    is_now = dict(zip(now.ids.tolist(), now.updated.tolist(), strict=True))
    old_keys = before.columns["Key"].to_pylist() if was else []
    other = _unlike(before, now, arrived) if was else set()
    return Changes(
        tuple(keys[id] for id in keys if id not in was),
        tuple(keys[id] for id in keys if id in was and (is_now[id] != was[id] or id in other)),
        {id: key for id, key in zip(was, old_keys, strict=True) if id not in keys},
    )


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
