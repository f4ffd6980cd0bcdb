"""From an extraction to the frame and its report: what every way of extracting ends in."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import anyio.to_thread
import numpy as np
import numpy.typing as npt
import pandas as pd

from schedkit import context
from schedkit.atlassian import count_requests
from schedkit.gcpause import gc_paused
from schedkit.jira.pages.completeness import positions
from schedkit.jira.search.extract import Extraction
from schedkit.jira.table.batch import Batch, mend, take
from schedkit.jira.table.frame import assemble, described, newest, ranked

__all__ = ["Extra", "framed"]

# Adds columns or changes the frame once the issues are there.
Extra = Callable[[pd.DataFrame], pd.DataFrame]


async def framed(
    begin: Callable[[list[Batch]], Awaitable[Extraction]],
    work: Callable[[Extraction], Awaitable[None]] = Extraction.run,
    finish: Extra | None = None,
) -> pd.DataFrame:
    """Run an extraction and return its frame with the report in its attrs.

    Parameters
    ----------
    begin : async callable
        Makes the extraction; its sink is to append to the list it gets.
    work : async callable
        Runs it.
    finish : callable, optional
        Changes the frame at the end, in a worker thread.
    """
    began = time.perf_counter()
    batches: list[Batch] = []
    with count_requests() as cost:
        extraction = await begin(batches)
        await work(extraction)
        frame = await anyio.to_thread.run_sync(_joined, extraction, batches)
    facts = extraction.completeness.as_attrs(cost, time.perf_counter() - began)
    columns = described(extraction.reader.columns)
    if finish is not None:
        frame = await anyio.to_thread.run_sync(finish, frame)
    frame.attrs = {
        "site": extraction.session.base,
        "jql": extraction.completeness.jql,
        "fields": {name: columns.get(str(name), {"id": None, "type": "derived"}) for name in frame},
        "statuses": extraction.session.statuses,
        "extraction": facts,
    }
    context.fact("extraction", facts)
    return frame


def _joined(extraction: Extraction, batches: list[Batch]) -> pd.DataFrame:
    """Join the batches: each issue once, its newest copy, in the query's order."""
    for batch in batches:
        mend(batch, extraction.lists)
    ids = np.concatenate([batch.ids for batch in batches]) if batches else np.empty(0, np.int64)
    updated = np.concatenate([batch.updated for batch in batches]) if batches else np.empty(0, np.int64)
    kept = newest(ids, updated)
    rows = kept[positions(ids[kept], extraction.order)]
    columns = extraction.reader.columns
    with gc_paused():
        arranged = _arranged(batches, rows)
        if arranged is not None:
            batches.clear()
            return assemble(arranged, columns, ranks=ranked(columns, extraction.session.ranks))
        return assemble(batches, columns, rows, ranked(columns, extraction.session.ranks))


def _arranged(batches: list[Batch], rows: npt.NDArray[np.int64]) -> list[Batch] | None:
    """Return the batches so that, one after the other, they are the rows; None if the rows interleave.

    Usually each batch is a piece of the result, so that the texts need not be copied to sort them.
    """
    starts = np.cumsum([0, *map(len, batches)])
    owner = np.searchsorted(starts, rows, side="right") - 1
    runs = np.flatnonzero(np.diff(owner, prepend=-1))
    if not len(rows) or len(set(owner[runs].tolist())) < len(runs):
        return None
    arranged = []
    for first, stop in zip(runs, [*runs[1:], len(rows)], strict=True):
        batch = batches[owner[first]]
        inside = rows[first:stop] - starts[owner[first]]
        whole = len(inside) == len(batch) and bool((inside == np.arange(len(batch))).all())
        arranged.append(batch if whole else take(batch, inside))
    return arranged
