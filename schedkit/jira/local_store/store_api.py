"""The client's methods that write issues to Parquet: stores that are kept up to date, and streams."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio.to_thread
import pandas as pd

from schedkit.jira.jql import parse
from schedkit.jira.local_store.store import target
from schedkit.jira.local_store.sync import Limits, synchronise
from schedkit.jira.pages.site_info import Connection
from schedkit.jira.search.search_api import Fields, checked_limit
from schedkit.jira.table.columns import layout
from schedkit.values.parsers import share

__all__ = ["StoreApi"]


class StoreApi:
    """Parquet files of issues.

    Parameters
    ----------
    connection : Connection
        The site.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def sync(
        self,
        jql: str,
        into: str | Path,
        fields: Fields = None,
        *,
        markup: str = "text",
        full: bool = False,
        min_rows: int = 1,
        max_drop: str | float | None = 0.5,
        history: bool | str | Sequence[str] = False,
    ) -> pd.DataFrame:
        """Keep a Parquet file of a query's issues up to date, asking only for what changed, and return it.

        The first call extracts everything. A later one asks what was updated since, and compares the ids,
        so that deleted issues and those that left the query go. The file is replaced whole, and only if
        something changed.

        Some changes do not count as an update of the issue: a renamed status, user, version or option, a
        rank, a parent that was deleted. They are seen with ``full=True``, which compares every issue; let a
        task do that once in a while, e.g. every night.

        Parameters
        ----------
        jql : str
            The query; a file serves one query and one choice of fields.
        into : str or Path
            The file.
        fields, markup
            As for `search`.
        full : bool
            Extract everything again and compare: what is stored becomes what the site has, even where the
            site's times of update went back (a restored backup).
        min_rows : int
            Stop rather than leave fewer issues than this in a file that holds some.
        max_drop : str, float or None
            Stop rather than lose a larger share of the file's issues at once, 0.5 or "50%"; judged from 10
            issues up; None: any.
        history : bool, or sequence of str
            Keep also the issues' changelog, or that of some fields, in a file beside this one:
            `schedkit.jira.read_changelog` reads it. Only issues that were updated are asked for it again.

        Returns
        -------
        DataFrame
            All issues, as `search` gives them; ``attrs["sync"]`` holds the keys added, changed and removed,
            and by key the ``reasons`` of removal: deleted, no longer in the query, or no longer visible.
            Those that are no longer visible count as missing in ``attrs["extraction"]``. With `history`,
            ``attrs["sync"]["history"]`` says how many issues were asked, and which could not be read.

        Raises
        ------
        IncompleteError
            If the file would shrink by more than that; it is left as it is.
        UsageError
            If the file holds something else.
        FileError
            If it cannot be written.
        """
        query = parse(jql)
        session = await self._connection.session()
        chosen = layout(session.catalog, session.dialect, fields, markup)
        names = fields if fields is None or isinstance(fields, str) else list(fields)
        requested = {"fields": names, "markup": markup}
        path = await anyio.to_thread.run_sync(target, into)
        limits = Limits(min_rows, 1.0 if max_drop is None else share(max_drop, "max_drop"))
        frame = await synchronise(session, query, chosen, path, requested, full=full, limits=limits)
        if history is not False:
            from schedkit.jira.local_store.changes import synchronise_changes

            which = None if history is True else [history] if isinstance(history, str) else history
            changes = await synchronise_changes(session, path, which, full=full)
            facts = {**changes.attrs["sync"], "missing": changes.attrs["extraction"]["missing"]}
            frame.attrs["sync"]["history"] = facts
        return frame

    async def to_parquet(
        self,
        jql: str,
        path: str | Path,
        fields: Fields = None,
        limit: int | None = None,
        *,
        markup: str = "text",
    ) -> dict[str, Any]:
        """Extract a query's issues into a Parquet file, in constant memory and in no particular order.

        `schedkit.jira.read_parquet` reads it back as the frame that `search` would have given.

        Parameters
        ----------
        jql : str
            The query.
        path : str or Path
            The file; an existing one is replaced whole or not at all.
        fields, limit, markup
            As for `search`.

        Returns
        -------
        dict
            What is known of the extraction's completeness.
        """
        from schedkit.jira.local_store.stream import (
            extract_to,  # pyarrow.parquet is 4 MB, which a search does without
        )

        query = parse(jql)
        session = await self._connection.session()
        chosen = layout(session.catalog, session.dialect, fields, markup)
        file = await anyio.to_thread.run_sync(target, path)
        return await extract_to(session, query, chosen, checked_limit(limit), file)
