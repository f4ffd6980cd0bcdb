"""Issues over time: stores kept up to date, streams to Parquet, changelogs, worklogs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio.to_thread
import pandas as pd

from schedkit.jira.client.opening import Fields, Opened, checked
from schedkit.jira.history.changelog import changelog
from schedkit.jira.history.telling import reported
from schedkit.jira.history.worklogs import worklogs
from schedkit.jira.jql import parse
from schedkit.jira.kept.store import target
from schedkit.jira.kept.sync import Limits, synchronise
from schedkit.jira.table.columns import layout
from schedkit.loop import bridged

__all__ = ["Following"]


class Following(Opened):
    """What becomes of issues in time."""

    @bridged
    async def sync(
        self,
        jql: str,
        into: str | Path,
        fields: Fields = None,
        *,
        markup: str = "text",
        full: bool = False,
        min_rows: int = 1,
        max_drop: float = 0.5,
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
        max_drop : float
            Stop rather than lose a larger share of the file's issues at once; judged from 10 issues up.

        Returns
        -------
        DataFrame
            All issues, as `search` gives them; ``attrs["sync"]`` holds the keys added, changed and removed,
            and by key the ``reasons`` of removal: deleted, no longer in the query, or no longer visible.
            Those that are no longer visible count as missing in ``attrs["extraction"]``.

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
        source = await self.source()
        chosen = layout(source.catalog, source.dialect, fields, markup)
        names = fields if fields is None or isinstance(fields, str) else list(fields)
        requested = {"fields": names, "markup": markup}
        path = await anyio.to_thread.run_sync(target, into)
        limits = Limits(min_rows, max_drop)
        return await synchronise(source, query, chosen, path, requested, full=full, limits=limits)

    @bridged
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
        from schedkit.jira.kept.stream import (
            extract_to,  # pyarrow.parquet is 4 MB, which a search does without
        )

        query = parse(jql)
        source = await self.source()
        chosen = layout(source.catalog, source.dialect, fields, markup)
        file = await anyio.to_thread.run_sync(target, path)
        return await extract_to(source, query, chosen, checked(limit), file)

    @bridged
    async def changelog(
        self, issues: pd.DataFrame | Sequence[str] | str, fields: Fields = None
    ) -> pd.DataFrame:
        """Return every change of issues, one row per changed field, oldest first.

        Parameters
        ----------
        issues : DataFrame, sequence of str or str
            A frame of issues, their keys, or a JQL query.
        fields : sequence of str, optional
            Only changes of these fields, by name or id.

        Returns
        -------
        DataFrame
            Key, When, Author, Field, From, To, From Id, To Id and Entry (what was changed together).
            ``attrs["extraction"]["missing"]`` tells of which keys nothing could be read, and why.
        """
        source = await self.source()
        names = [fields] if isinstance(fields, str) else fields
        for name in names or ():
            source.catalog.find(name)
        keys, unread = await self._asked(issues)
        frame, missing = await changelog(source, keys, names)
        return reported(frame, source, len(keys), unread | missing)

    @bridged
    async def worklogs(self, issues: pd.DataFrame | Sequence[str] | str) -> pd.DataFrame:
        """Return every entry of work on issues.

        Parameters
        ----------
        issues : DataFrame, sequence of str or str
            A frame of issues, their keys, or a JQL query.

        Returns
        -------
        DataFrame
            Key, Author, Started, Hours and Comment, in order of time; ``attrs`` as for `changelog`.
        """
        source = await self.source()
        keys, unread = await self._asked(issues)
        frame, missing = await worklogs(source, keys)
        return reported(frame, source, len(keys), unread | missing)
