"""From an extraction to the frame and its report: what every way of extracting ends in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from schedkit import context
from schedkit.atlassian import RequestStats
from schedkit.gcpause import gc_paused
from schedkit.jira.pages.completeness import positions
from schedkit.jira.search.extraction import Extraction
from schedkit.jira.table.batch import Batch, mend, take
from schedkit.jira.table.frame import assemble, described, newest, ranked

__all__ = ["joined", "with_report"]


def with_report(frame: pd.DataFrame, extraction: Extraction, stats: RequestStats) -> pd.DataFrame:
    """Return the frame with what is known of its columns and its completeness in its attrs."""
    facts = extraction.completeness.as_attrs(stats)
    columns = described(extraction.reader.columns)
    frame.attrs = {
        "site": extraction.session.base,
        "jql": extraction.completeness.jql,
        "fields": {name: columns.get(str(name), {"id": None, "type": "derived"}) for name in frame},
        "statuses": extraction.session.statuses,
        "extraction": facts,
    }
    context.fact("extraction", facts)
    return frame


def joined(extraction: Extraction) -> pd.DataFrame:
    """Return the issues that have arrived: each once, its newest copy, in the extraction's order."""
    batches = extraction.batches
    for batch in batches:
        mend(batch, extraction.lists)
    ids = np.concatenate([batch.ids for batch in batches]) if batches else np.empty(0, np.int64)
    updated = np.concatenate([batch.updated for batch in batches]) if batches else np.empty(0, np.int64)
    kept = newest(ids, updated)
    rows = kept[positions(ids[kept], extraction.order)]
    columns = extraction.reader.columns
    ranks = ranked(columns, extraction.session.ranks)
    with gc_paused():
        arranged = _arranged(batches, rows)
        if arranged is not None:
            batches.clear()
            return assemble(arranged, columns, ranks=ranks)
        return assemble(batches, columns, rows, ranks)


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
